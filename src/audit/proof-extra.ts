// What stands beside a proof of ours as its extra data (C2SP tlog-proof): the record's envelope, the verifier keys of
// the log, and fields that were disclosed on purpose. A convenience and no evidence: the envelope counts when it
// hashes to the proven leaf, a field when it fits its commitment, and the keys never.

import { decodeBase64Url } from '../base/bytes.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { commitTo, saltBytes, toFieldName } from './commitment.ts'
import type { Envelope } from './envelope.ts'

/** A value that a record commits to, and the salt that keeps it from being guessed. */
export interface OpenedField {
  /** base64url */
  readonly salt: string
  readonly value: string
}

export interface ProofExtra {
  /** the envelope, as it was hashed */
  readonly entry: string
  readonly vkeys: readonly string[]
  readonly disclosed: Readonly<Record<string, OpenedField>>
}

const bounds = { maxDepth: 4, maxNodes: 1_000 }

export function formatExtra({ entry, vkeys, disclosed }: ProofExtra): Buffer {
  const isPlain = Object.keys(disclosed).length === 0
  return Buffer.from(JSON.stringify({ entry, vkeys, ...(isPlain ? {} : { disclosed }) }))
}

/** Undefined when it is not extra data of ours. */
export function parseExtra(bytes: Buffer): ProofExtra | undefined {
  const text = decodeUtf8(bytes)
  const parsed = text === undefined ? undefined : parseStrictJson(text, bounds)
  if (parsed?.ok !== true || !isJsonObject(parsed.value)) return undefined
  const { entry, vkeys, disclosed: given = {}, ...others } = parsed.value
  if (typeof entry !== 'string' || !Array.isArray(vkeys) || Object.keys(others).length > 0) return undefined
  if (!vkeys.every((vkey) => typeof vkey === 'string') || !isJsonObject(given)) return undefined
  const disclosed: [string, OpenedField][] = []
  for (const [name, field] of Object.entries(given)) {
    const opened = readOpenedField(field)
    if (opened === undefined) return undefined
    disclosed.push([name, opened])
  }
  return { entry, vkeys, disclosed: Object.fromEntries(disclosed) }
}

function readOpenedField(field: JsonValue): OpenedField | undefined {
  if (!isJsonObject(field)) return undefined
  const { salt, value, ...others }: JsonObject = field
  const isWhole = typeof salt === 'string' && typeof value === 'string' && Object.keys(others).length === 0
  return isWhole ? { salt, value } : undefined
}

/** True when the envelope commits to exactly this value under this name. */
export function isCommittedTo(envelope: Envelope, name: string, { salt, value }: OpenedField): boolean {
  const bytes = decodeBase64Url(salt)
  const commitment = Object.hasOwn(envelope.fields, name) ? envelope.fields[name] : undefined
  // what the ledger says about itself has no body: its fields stand in clear, and are no commitments
  if (bytes?.length !== saltBytes || commitment === undefined || envelope.body === '') return false
  return commitTo(bytes, 0, toFieldName(name), value) === commitment
}
