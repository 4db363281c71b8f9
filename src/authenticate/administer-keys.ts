// Making, rotating and revoking API keys. A key is shown once, in the answer to create or rotate; only the
// HMAC of its secret is kept. Every change is durable before it is reported.

import { createSecretKey, randomBytes as systemRandomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { invariant } from '../base/invariant.ts'
import { drawKeyId, drawKeySecret, formatApiKey, isApiKey } from './api-key.ts'
import { hmacOfSecret } from './key-hmac.ts'
import type { KeyRecord, KeyStore } from './key-record.ts'

export interface CreatedKey {
  /** the whole key, to be shown once and never kept */
  readonly key: string
  readonly record: KeyRecord
}

export interface KeyAdministration {
  create(request: { name: string; expiresAtMs?: number }): CreatedKey
  /** A new secret for a key, named by id or by a name that has one live key; the old one lives on for the overlap. */
  rotate(idOrName: string, overlapMs?: number): CreatedKey
  /** By id, by name (all of its keys), or by the leaked key itself. Returns what it revoked. */
  revoke(idOrNameOrKey: string): readonly KeyRecord[]
  list(): readonly KeyRecord[]
}

export interface KeyAdministrationOptions {
  readonly store: KeyStore
  readonly clock: Clock
  readonly environment: string
  readonly pepper: Buffer
  readonly randomBytes?: (count: number) => Uint8Array
}

const dayMs = 86_400_000
const defaultOverlapMs = dayMs
const maxOverlapMs = 7 * dayMs
const keyName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

export function administerKeys(options: KeyAdministrationOptions): KeyAdministration {
  const { store, clock, environment, randomBytes = systemRandomBytes } = options
  const pepper = createSecretKey(options.pepper)
  const now = (): number => clock.nowMs()

  /** Saves the record with a fresh secret in front of those it keeps. */
  const issue = (record: KeyRecord): CreatedKey => {
    const secret = drawKeySecret(randomBytes)
    const secrets = [{ hmac: hmacOfSecret(pepper, secret), notAfterMs: Infinity }, ...record.secrets]
    const issued = { ...record, secrets }
    store.save(issued)
    return { key: formatApiKey(record.environment, { id: record.id, secret }), record: issued }
  }

  return {
    create: ({ name, expiresAtMs = Infinity }) => {
      if (!keyName.test(name))
        throw fault(`the name ${JSON.stringify(name)} is not a DNS label`, 'use lower-case letters, digits and hyphens')
      if (!(expiresAtMs > now())) throw fault('the key would have expired already', 'choose a later time')
      const id = drawKeyId(randomBytes)
      invariant(store.find(id) === undefined, 'a random key id was drawn twice')
      return issue({ id, name, environment, secrets: [], createdAtMs: now(), expiresAtMs, revokedAtMs: undefined })
    },

    rotate: (idOrName, overlapMs = defaultOverlapMs) => {
      if (!(overlapMs >= 0 && overlapMs <= maxOverlapMs))
        throw fault('the overlap is longer than 7 days', 'use --overlap 168h or less')
      const [record, another] = liveKeys(store, idOrName, now())
      if (record === undefined) throw unknown(idOrName)
      if (another !== undefined)
        throw fault(`several keys are named ${JSON.stringify(idOrName)}`, 'give the id of one: sallyport key list')
      const [latest] = record.secrets
      const notAfterMs = now() + overlapMs
      return issue({
        ...record,
        secrets: latest === undefined || overlapMs === 0 ? [] : [{ hmac: latest.hmac, notAfterMs }],
      })
    },

    revoke: (idOrNameOrKey) => {
      const wanted = isApiKey(idOrNameOrKey) ? (idOrNameOrKey.split('_')[2] ?? '') : idOrNameOrKey
      const found = named(store, wanted)
      // What was asked for may be a whole key: it is not repeated in an error.
      if (found.length === 0) throw unknown(isApiKey(idOrNameOrKey) ? wanted : idOrNameOrKey)
      const revoked = found
        .filter((record) => record.revokedAtMs === undefined)
        .map((record) => ({ ...record, revokedAtMs: now() }))
      for (const record of revoked) store.save(record)
      return revoked
    },

    list: () => store.list(),
  }
}

function named(store: KeyStore, idOrName: string): readonly KeyRecord[] {
  return store.list().filter((record) => record.id === idOrName || record.name === idOrName)
}

function liveKeys(store: KeyStore, idOrName: string, nowMs: number): readonly KeyRecord[] {
  return named(store, idOrName).filter((record) => record.revokedAtMs === undefined && record.expiresAtMs > nowMs)
}

function unknown(idOrName: string): Fault {
  return fault(`there is no live key ${JSON.stringify(idOrName)}`, 'see: sallyport key list')
}

function fault(message: string, hint: string): Fault {
  return new Fault('CONTROL_FAILED', message, { hint })
}
