// Proves an API key against the HMAC that was kept of its secret. A key with an unknown id costs the same work
// as one with a wrong secret, and comparison takes constant time. What is cached saves only the HMAC: whether
// the key is revoked, expired or rotated away is asked of the live record on every call.

import { createSecretKey, hash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { createBoundedCache } from '../base/bounded-cache.ts'
import { invariant } from '../base/invariant.ts'
import type { Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { parseApiKey } from './api-key.ts'
import { hmacOfSecret } from './key-hmac.ts'
import type { KeyReader, KeyRecord, KeySecret } from './key-record.ts'
import { refuseInvalid } from './unauthenticated.ts'

export interface ApiKeyVerifier {
  verify(text: string, snapshot: Snapshot): Caller | Refusal
}

/** A key that was proven before, with the very record it was proven against. */
interface Proven {
  readonly record: KeyRecord
  readonly caller: Caller
}

const cachedKeys = 16_384 // bound: proven keys in memory
const noSecret: KeySecret = { hmac: Buffer.alloc(32), notAfterMs: -Infinity }

export function createApiKeyVerifier(options: { clock: Clock; keys: KeyReader; pepper: Buffer }): ApiKeyVerifier {
  const { clock, keys } = options
  invariant(options.pepper.length >= 32, 'the pepper of API keys has fewer than 32 bytes')
  const pepper = createSecretKey(options.pepper)
  const cache = createBoundedCache<Proven>(cachedKeys)

  const proveAnew = (text: string, textHash: string, environment: string): Caller | Refusal => {
    const claimed = parseApiKey(text, environment)
    if (typeof claimed === 'string') return refuseInvalid(`API key: ${claimed}`)
    const record = keys.find(claimed.id)
    const secret = findSecret(record?.secrets ?? [], hmacOfSecret(pepper, claimed.secret))
    if (record === undefined) return refuseInvalid(`API key ${claimed.id}: unknown id`)
    if (secret === undefined) return refuseInvalid(`API key ${claimed.id}: wrong secret`)
    if (record.environment !== environment) return refuseInvalid(`API key ${claimed.id}: of another environment`)
    if (record.revokedAtMs !== undefined) return refuseInvalid(`API key ${claimed.id}: revoked`)
    const caller = describeCaller(record, secret, keys)
    if (clock.nowMs() >= caller.expiresAtMs) return refuseInvalid(`API key ${claimed.id}: expired`)
    // Only what was proven is kept, so a flood of fakes drives nobody out of the cache.
    cache.set(textHash, { record, caller })
    return caller
  }

  return {
    verify: (text, snapshot) => {
      const { environment } = snapshot.config.identity.apiKeys
      const textHash = hash('sha256', text, 'latin1')
      const proven = cache.get(textHash)
      if (proven === undefined) return proveAnew(text, textHash, environment)
      const { record, caller } = proven
      // A store replaces the whole record on any change: the same object means nothing changed, revocation included.
      const isUnchanged = keys.find(record.id) === record && record.environment === environment
      return isUnchanged && clock.nowMs() < caller.expiresAtMs ? caller : proveAnew(text, textHash, environment)
    },
  }
}

/** Compares with two secrets always, and with both whatever the first said. */
function findSecret(secrets: readonly KeySecret[], hmac: Buffer): KeySecret | undefined {
  const [first = noSecret, second = noSecret] = secrets
  const isFirst = timingSafeEqual(first.hmac, hmac)
  const isSecond = timingSafeEqual(second.hmac, hmac)
  if (isFirst) return first
  return isSecond ? second : undefined
}

function describeCaller(record: KeyRecord, secret: KeySecret, keys: KeyReader): Caller {
  return {
    id: `key:${record.name}`,
    groups: [],
    display: record.name,
    method: 'api-key',
    credential: record.id,
    expiresAtMs: Math.min(record.expiresAtMs, secret.notAfterMs),
    isRevoked: () => {
      const live = keys.find(record.id)
      if (live === record) return false
      if (live === undefined || live.revokedAtMs !== undefined) return true
      return !live.secrets.some((kept) => kept.hmac.equals(secret.hmac))
    },
  }
}
