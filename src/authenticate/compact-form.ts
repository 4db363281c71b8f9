// The one form in which a signed token is read: three segments of canonical base64url, a header without
// duplicate keys that names nothing we would have to fetch, import or understand. Tolerant decoders give one
// signature many spellings, which defeats caches and revocation lists. RFC 7515 §3, §4.1, §5.2; RFC 8725.
// Nothing in here is proven: every field is the sender's word until a signature has been verified over it.

import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../base/strict-json.ts'

export interface UnverifiedToken {
  readonly algorithm: string
  readonly keyId: string | undefined
  /** lower case, without `application/`; undefined when absent */
  readonly type: string | undefined
  readonly payload: Buffer
  readonly signature: Buffer
  /** what the signature is over */
  readonly signedText: string
}

/**
 * Header parameters that change what is verified, or with which key. Keys come from configuration alone, so a
 * token that brings or points to one is refused, not just ignored.
 */
const refusedParameters = ['crit', 'b64', 'zip', 'enc', 'jku', 'jwk', 'x5u', 'x5c'] as const
const refusedInProofs = refusedParameters.filter((name) => name !== 'jwk')
const segment = /^[A-Za-z0-9_-]+$/
const maxNameLength = 256

/** The token taken apart, or what is wrong with it. */
export function parseCompactForm(token: string): UnverifiedToken | string {
  return parseForm(token, refusedParameters)
}

/** A proof that brings its own public key, which somebody else must have vouched for (RFC 9449 §4.2). */
export function parseProofForm(proof: string): (UnverifiedToken & { readonly key: JsonValue | undefined }) | string {
  return parseForm(proof, refusedInProofs)
}

function parseForm(
  token: string,
  refused: readonly string[],
): (UnverifiedToken & { readonly key: JsonValue | undefined }) | string {
  const parts = token.split('.')
  const [headerPart, payloadPart, signaturePart] = parts
  if (parts.length !== 3 || headerPart === undefined || payloadPart === undefined || signaturePart === undefined)
    return 'not three segments'
  const headerBytes = decodeSegment(headerPart)
  const payload = payloadPart === '' ? Buffer.alloc(0) : decodeSegment(payloadPart)
  const signature = decodeSegment(signaturePart)
  if (headerBytes === undefined || payload === undefined || signature === undefined)
    return 'a segment is not canonical base64url'
  const header = parseObject(headerBytes, 8)
  if (typeof header === 'string') return `header: ${header}`
  for (const name of refused) if (Object.hasOwn(header, name)) return `header has ${name}`
  const algorithm = ownString(header, 'alg')
  const keyId = ownString(header, 'kid')
  const type = ownString(header, 'typ')
  if (typeof algorithm !== 'string') return 'header without alg'
  if (keyId === null || type === null) return 'header with a kid or typ that is not a short string'
  return {
    algorithm,
    keyId,
    type: type?.toLowerCase().replace(/^application\//, ''),
    payload,
    signature,
    signedText: `${headerPart}.${payloadPart}`,
    key: ownValue(header, 'jwk'),
  }
}

/** Strictly parsed claims, or what is wrong with them. */
export function parseClaims(payload: Buffer): JsonObject | string {
  const claims = parseObject(payload, 16)
  return typeof claims === 'string' ? `payload: ${claims}` : claims
}

export function ownValue(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** undefined when absent; null when it is not a non-empty string of bounded length. */
function ownString(object: JsonObject, name: string): string | undefined | null {
  const value = ownValue(object, name)
  if (value === undefined) return undefined
  return typeof value === 'string' && value !== '' && value.length <= maxNameLength ? value : null
}

function parseObject(bytes: Buffer, maxDepth: number): JsonObject | string {
  const text = decodeUtf8(bytes)
  if (text === undefined) return 'not UTF-8'
  const parsed = parseStrictJson(text, { maxDepth, maxNodes: 2000 })
  if (!parsed.ok) return parsed.reason
  return isJsonObject(parsed.value) ? parsed.value : 'not an object'
}

function decodeSegment(text: string): Buffer | undefined {
  if (!segment.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
