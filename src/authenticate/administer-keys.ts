// Making, importing, rotating and revoking API keys. A key is shown once, in the answer to create or rotate; only the
// HMAC of its secret is kept. Every change is durable before it is reported.

import { createSecretKey, randomBytes as systemRandomBytes } from 'node:crypto'
import { isOperation, operationNames } from '../a2a/operations.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { invariant } from '../base/invariant.ts'
import { findNetworkProblem } from '../base/networks.ts'
import { type ApiKey, drawKeyId, drawKeySecret, formatApiKey, isApiKey, parseApiKey } from './api-key.ts'
import { hmacOfSecret } from './key-hmac.ts'
import type { KeyRecord, KeySecret, KeyStore } from './key-record.ts'
import { makeScope, maxScopeAgents } from './narrow-scope.ts'

export interface CreatedKey {
  /** the whole key, to be shown once and never kept */
  readonly key: string
  readonly record: KeyRecord
}

/** What a key is to be good for. */
export interface KeyGrant {
  readonly name: string
  readonly expiresAtMs?: number
  /** only these agents and operations; absent: whatever policy gives, an empty list: none */
  readonly agents?: readonly string[] | undefined
  readonly operations?: readonly string[] | undefined
  /** only from these networks; absent: from anywhere, an empty list: from nowhere */
  readonly networks?: readonly string[] | undefined
  /** the administrator who asks for it; '' or absent where nobody has a name */
  readonly madeBy?: string
}

export interface KeyAdministration {
  create(grant: KeyGrant): CreatedKey
  /** Takes up a whole key that was made elsewhere for this environment. Its id must be new here. */
  importKey(key: string, grant: KeyGrant): KeyRecord
  /** Throws what `importKey` would throw, and changes nothing. */
  checkImport(key: string, grant: KeyGrant): void
  /** A new secret for a key, named by id or by a name that has one live key; the old one lives on for the overlap. */
  rotate(idOrName: string, overlapMs?: number, madeBy?: string): CreatedKey
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
/** Of 43 random digits some 31 are distinct; fewer than this many have never been drawn. */
const minDistinctDigits = 16
const maxNetworks = 32 // bound: source networks of an API key
const keyName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

export function administerKeys(options: KeyAdministrationOptions): KeyAdministration {
  const { store, clock, environment, randomBytes = systemRandomBytes } = options
  const pepper = createSecretKey(options.pepper)
  const now = (): number => clock.nowMs()

  /** Saves the record with a fresh secret in front of those it keeps. */
  const issue = (record: KeyRecord, madeBy: string | undefined): CreatedKey => {
    const secret = drawKeySecret(randomBytes)
    const fresh = { hmac: hmacOfSecret(pepper, secret), notAfterMs: Infinity, ...makerMember(madeBy) }
    const secrets = [fresh, ...record.secrets]
    const issued = { ...record, secrets }
    store.save(issued)
    return { key: formatApiKey(record.environment, { id: record.id, secret }), record: issued }
  }

  /** What is wrong with a key is said without repeating it. */
  const readImport = (key: string, grant: KeyGrant): { parsed: ApiKey; fields: GrantFields } => {
    const parsed = parseApiKey(key, environment)
    if (parsed === 'environment')
      throw fault('the key is of another environment', `this is ${environment}: make a new one with key create`)
    if (parsed === 'checksum') throw fault('the checksum of the key is wrong', 'was it copied whole?')
    if (parsed === 'malformed')
      throw fault('this is no API key', 'it looks like sp_<environment>_…; was it copied whole?')
    if (new Set(parsed.secret).size < minDistinctDigits)
      throw fault('the secret of this key was not drawn at random', 'make a new one with key create')
    // also when it was revoked: what somebody took away does not come back by a copy
    if (store.find(parsed.id) !== undefined)
      throw fault(`there is a key with the id ${parsed.id} already`, 'see: sallyport key list')
    return { parsed, fields: readGrant(grant, now()) }
  }

  return {
    create: (grant) => {
      const fields = readGrant(grant, now())
      const id = drawKeyId(randomBytes)
      invariant(store.find(id) === undefined, 'a random key id was drawn twice')
      const record = { id, environment, secrets: [], createdAtMs: now(), revokedAtMs: undefined, ...fields }
      return issue(record, grant.madeBy)
    },

    checkImport: (key, grant) => void readImport(key, grant),
    importKey: (key, grant) => {
      const { parsed, fields } = readImport(key, grant)
      const hmac = hmacOfSecret(pepper, parsed.secret)
      const secrets = [{ hmac, notAfterMs: Infinity, ...makerMember(grant.madeBy) }]
      const record = { id: parsed.id, environment, secrets, createdAtMs: now(), revokedAtMs: undefined, ...fields }
      store.save(record)
      return record
    },

    rotate: (idOrName, overlapMs = defaultOverlapMs, madeBy) => {
      if (!(overlapMs >= 0 && overlapMs <= maxOverlapMs))
        throw fault('the overlap is longer than 7 days', 'use --overlap 168h or less')
      const [record, another] = liveKeys(store, idOrName, now())
      if (record === undefined) throw unknown(idOrName)
      if (another !== undefined)
        throw fault(`several keys are named ${JSON.stringify(idOrName)}`, 'give the id of one: sallyport key list')
      const [latest] = record.secrets
      const notAfterMs = now() + overlapMs
      const secrets = latest === undefined || overlapMs === 0 ? [] : [{ ...latest, notAfterMs }]
      return issue({ ...record, secrets }, madeBy)
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

type GrantFields = Pick<KeyRecord, 'name' | 'expiresAtMs' | 'scope' | 'networks'>

function readGrant(
  { name, expiresAtMs = Infinity, agents, operations, networks }: KeyGrant,
  nowMs: number,
): GrantFields {
  if (!keyName.test(name))
    throw fault(`the name ${JSON.stringify(name)} is not a DNS label`, 'use lower-case letters, digits and hyphens')
  if (!(expiresAtMs > nowMs)) throw fault('the key would have expired already', 'choose a later time')
  if ((agents?.length ?? 0) > maxScopeAgents)
    throw fault(`a scope names at most ${maxScopeAgents} agents`, 'make several keys, or leave the agents to policy')
  const badAgent = agents?.find((agent) => !keyName.test(agent))
  if (badAgent !== undefined)
    throw fault(`${JSON.stringify(badAgent)} is not the name of an agent`, 'see: sallyport agent list')
  const badOperation = operations?.find((operation) => !isOperation(operation))
  if (badOperation !== undefined)
    throw fault(`there is no operation ${JSON.stringify(badOperation)}`, `operations: ${operationNames.join(', ')}`)
  if ((networks?.length ?? 0) > maxNetworks)
    throw fault(`a key is for at most ${maxNetworks} networks`, 'name larger ones')
  for (const network of networks ?? []) {
    const problem = findNetworkProblem(network)
    if (problem !== undefined)
      throw fault(`${JSON.stringify(network)}: ${problem}`, 'write it as 10.0.0.0/8 or fd00::/8')
  }
  return { name, expiresAtMs, scope: makeScope(agents, operations?.filter(isOperation)), networks }
}

const makerMember = (madeBy = ''): Pick<KeySecret, 'madeBy'> => (madeBy === '' ? {} : { madeBy })

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
