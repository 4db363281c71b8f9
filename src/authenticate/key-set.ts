// Reads an issuer's JSON Web Key Set and picks the one key that a token names. Private and symmetric keys,
// keys for other uses, and weak RSA keys are left out; an ambiguous choice is no choice. Certificates in the
// set (x5c) are not looked at. RFC 7517, RFC 7518 §6, RFC 8037.

import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import { ownValue } from './compact-form.ts'
import { isWeakKey } from './weak-key.ts'

export interface VerificationKey {
  readonly keyId: string | undefined
  /** signature algorithms that this key may be used with */
  readonly algorithms: readonly string[]
  readonly key: KeyObject
  /** same text, same key: its public part and its id */
  readonly identity: string
}

const maxKeySetBytes = 1_048_576 // bound: a key set
const maxKeys = 100 // bound: keys in a key set

/** The usable keys of a set, or what is wrong with the whole. */
export function parseKeySet(bytes: Buffer): readonly VerificationKey[] | string {
  if (bytes.length > maxKeySetBytes) return 'larger than 1 MiB'
  const text = decodeUtf8(bytes)
  if (text === undefined) return 'not UTF-8'
  const parsed = parseStrictJson(text, { maxDepth: 16, maxNodes: 10_000 })
  if (!parsed.ok) return `not strict JSON: ${parsed.reason}`
  const claimedKeys = isJsonObject(parsed.value) ? ownValue(parsed.value, 'keys') : undefined
  if (!Array.isArray(claimedKeys)) return 'no list of keys'
  if (claimedKeys.length > maxKeys) return `more than ${maxKeys} keys`
  return claimedKeys
    .map((value) => (isJsonObject(value) ? readKey(value) : undefined))
    .filter((key) => key !== undefined)
}

/** The one key for this id and algorithm; 'unknown' may mean that the set is out of date. */
export function selectKey(
  keys: readonly VerificationKey[],
  keyId: string | undefined,
  algorithm: string,
): VerificationKey | 'unknown' | 'ambiguous' {
  const fitting = keys.filter(
    (key) => (keyId === undefined || key.keyId === keyId) && key.algorithms.includes(algorithm),
  )
  if (fitting.length > 1) return 'ambiguous'
  return fitting[0] ?? 'unknown'
}

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const curveAlgorithms: ReadonlyMap<string, readonly string[]> = new Map([
  ['EC P-256', ['ES256']],
  ['EC P-384', ['ES384']],
  ['EC P-521', ['ES512']],
  ['OKP Ed25519', ['EdDSA', 'Ed25519']],
])

/** A public key that may verify signatures, or undefined. */
export function readKey(jwk: JsonObject): VerificationKey | undefined {
  // A set that publishes a private part has lost that key to everyone.
  if (Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k')) return undefined
  const use = ownValue(jwk, 'use')
  const operations = ownValue(jwk, 'key_ops')
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const keyId = ownValue(jwk, 'kid')
  if (keyId !== undefined && (typeof keyId !== 'string' || keyId.length > 256)) return undefined
  const algorithms = algorithmsOf(jwk)
  const key = algorithms.length === 0 ? undefined : importKey(jwk)
  if (key === undefined || isWeakKey(key)) return undefined
  const publicPart = key.export({ type: 'spki', format: 'der' }).toString('base64url')
  return { keyId, algorithms, key, identity: `${publicPart} ${keyId ?? ''}` }
}

/** What the type of the key allows, narrowed to `alg` where the set gives one. Never anything symmetric. */
function algorithmsOf(jwk: JsonObject): readonly string[] {
  const type = ownValue(jwk, 'kty')
  const curve = ownValue(jwk, 'crv')
  if (typeof type !== 'string' || (curve !== undefined && typeof curve !== 'string')) return []
  const possible = type === 'RSA' ? rsaAlgorithms : (curveAlgorithms.get(`${type} ${curve ?? ''}`) ?? [])
  const declared = ownValue(jwk, 'alg')
  if (declared === undefined || (type === 'OKP' && possible.some((name) => name === declared))) return possible
  return possible.filter((name) => name === declared)
}

function importKey(jwk: JsonObject): KeyObject | undefined {
  const members: webcrypto.JsonWebKey = {}
  for (const name of ['kty', 'crv', 'x', 'y', 'n', 'e'] as const) {
    const value = ownValue(jwk, name)
    if (typeof value === 'string') members[name] = value
  }
  try {
    return createPublicKey({ key: members, format: 'jwk' })
  } catch {
    // A key that cannot be imported (a point off its curve, a missing member) is left out like any other stranger.
    return undefined
  }
}
