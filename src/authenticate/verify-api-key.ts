// Proves an API key against the HMAC that was kept of its secret. A key with an unknown id costs the same work
// as one with a wrong secret, and comparison takes constant time. What is cached saves only the HMAC: whether
// the key is revoked, expired or rotated away is asked of the live record on every call.

import { createSecretKey, hash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { createBoundedCache } from '../base/bounded-cache.ts'
import { invariant } from '../base/invariant.ts'
import { createNetworkSet, type NetworkSet } from '../base/networks.ts'
import type { Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { parseApiKey } from './api-key.ts'
import { hmacOfSecret } from './key-hmac.ts'
import type { KeyReader, KeyRecord, KeySecret } from './key-record.ts'
import type { KeyFailure, KeyUseBook } from './key-use.ts'
import { refuseInvalid } from './unauthenticated.ts'

export interface ApiKeyVerifier {
  /** `source` is the client's address; 'unknown' is in no network. */
  verify(text: string, snapshot: Snapshot, source: string): Caller | Refusal
}

/** A key that was proven before, with the very record it was proven against. */
interface Proven {
  readonly record: KeyRecord
  readonly caller: Caller
  readonly networks: NetworkSet | undefined
  /** the last source that was found to be in one of them */
  goodSource: string | undefined
}

const cachedKeys = 16_384 // bound: proven keys in memory
const noSecret: KeySecret = { hmac: Buffer.alloc(32), notAfterMs: -Infinity }

export interface ApiKeyVerifierOptions {
  readonly clock: Clock
  readonly keys: KeyReader
  readonly pepper: Buffer
  /** hears of every use and of every key that is turned away */
  readonly keyUse?: Pick<KeyUseBook, 'used' | 'failed'> | undefined
}

export function createApiKeyVerifier(options: ApiKeyVerifierOptions): ApiKeyVerifier {
  const { clock, keys, keyUse } = options
  invariant(options.pepper.length >= 32, 'the pepper of API keys has fewer than 32 bytes')
  const pepper = createSecretKey(options.pepper)
  const cache = createBoundedCache<Proven>(cachedKeys)

  const turnAway = (claimedId: string, why: KeyFailure, isKnown: boolean): Refusal => {
    keyUse?.failed(why, isKnown ? claimedId : undefined)
    return refuseInvalid(`API key ${claimedId}: ${words[why]}`, claimedId)
  }

  /** Proves the secret; whether it may be used from here is asked afterwards, of every call. */
  const proveAnew = (text: string, textHash: string, environment: string): Proven | Refusal => {
    const claimed = parseApiKey(text, environment)
    if (typeof claimed === 'string') {
      keyUse?.failed(claimed === 'environment' ? 'environment' : 'malformed', undefined)
      return refuseInvalid(`API key: ${claimed}`)
    }
    const record = keys.find(claimed.id)
    const secret = findSecret(record?.secrets ?? [], hmacOfSecret(pepper, claimed.secret))
    if (record === undefined) return turnAway(claimed.id, 'unknown', false)
    if (secret === undefined) return turnAway(claimed.id, 'wrong-secret', true)
    if (record.environment !== environment) return turnAway(claimed.id, 'environment', true)
    if (record.revokedAtMs !== undefined) return turnAway(claimed.id, 'revoked', true)
    const caller = describeCaller(record, secret, keys)
    if (clock.nowMs() >= caller.expiresAtMs) return turnAway(claimed.id, 'expired', true)
    const networks = record.networks === undefined ? undefined : createNetworkSet(record.networks)
    const proven: Proven = { record, caller, networks, goodSource: undefined }
    // Only what was proven is kept, so a flood of fakes drives nobody out of the cache.
    cache.set(textHash, proven)
    return proven
  }

  const findProven = (text: string, environment: string): Proven | Refusal => {
    const textHash = hash('sha256', text, 'latin1')
    const proven = cache.get(textHash)
    if (proven === undefined) return proveAnew(text, textHash, environment)
    const { record, caller } = proven
    // A store replaces the whole record on any change: the same object means nothing changed, revocation included.
    const isUnchanged = keys.find(record.id) === record && record.environment === environment
    return isUnchanged && clock.nowMs() < caller.expiresAtMs ? proven : proveAnew(text, textHash, environment)
  }

  return {
    verify: (text, snapshot, source) => {
      const proven = findProven(text, snapshot.config.identity.apiKeys.environment)
      if (isRefusal(proven)) return proven
      const { record, caller, networks } = proven
      if (networks !== undefined && source !== proven.goodSource) {
        if (!networks.has(source)) return turnAway(record.id, 'network', true)
        proven.goodSource = source
      }
      keyUse?.used(record.id, source)
      return caller
    },
  }
}

/** For the record. */
const words: Readonly<Record<KeyFailure, string>> = {
  malformed: 'malformed',
  unknown: 'unknown id',
  'wrong-secret': 'wrong secret',
  environment: 'of another environment',
  revoked: 'revoked',
  expired: 'expired',
  network: 'from a network that it is not for',
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
    scope: record.scope,
    expiresAtMs: Math.min(record.expiresAtMs, secret.notAfterMs),
    isRevoked: () => {
      const live = keys.find(record.id)
      if (live === record) return false
      if (live === undefined || live.revokedAtMs !== undefined) return true
      return !live.secrets.some((kept) => kept.hmac.equals(secret.hmac))
    },
  }
}
