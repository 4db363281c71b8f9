// Where an issuer's keys lie, by the issuer's own word: its metadata at the well-known place must name exactly the
// issuer that is configured, and keys come by https. Only an issuer on this machine may send us to this machine
// without. OpenID Connect Discovery 1.0 §4, RFC 8414 §3.

import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import { isLoopback } from '../config/config.ts'
import { ownValue } from './compact-form.ts'

export type FetchDocument = (url: string) => Promise<Buffer>

/** Fetches the key set that the metadata names; throws an Error that says what is wrong. */
export async function fetchDiscoveredKeys(issuer: string, fetchDocument: FetchDocument): Promise<Buffer> {
  return await fetchDocument(readKeySetUrl(await fetchMetadata(issuer, fetchDocument), issuer))
}

/** OpenID puts the well-known path behind the issuer's own, RFC 8414 before it; the first that is there counts. */
async function fetchMetadata(issuer: string, fetchDocument: FetchDocument): Promise<Buffer> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  try {
    return await fetchDocument(`${origin}${path}/.well-known/openid-configuration`)
  } catch (error) {
    return await fetchDocument(`${origin}/.well-known/oauth-authorization-server${path}`).catch(() => {
      throw error
    })
  }
}

function readKeySetUrl(bytes: Buffer, issuer: string): string {
  const metadata = parseMetadata(bytes)
  if (ownValue(metadata, 'issuer') !== issuer) throw new Error('the metadata is of another issuer')
  const claimedUrl = ownValue(metadata, 'jwks_uri')
  const url = typeof claimedUrl === 'string' ? URL.parse(claimedUrl) : null
  if (url === null || url.username !== '' || url.password !== '') throw new Error('the metadata names no key set')
  const isLocal = url.protocol === 'http:' && isLoopback(url.hostname) && isLoopback(new URL(issuer).hostname)
  if (url.protocol !== 'https:' && !isLocal) throw new Error('the metadata names a key set that is not at an https URL')
  return url.href
}

function parseMetadata(bytes: Buffer): JsonObject {
  const text = decodeUtf8(bytes)
  const parsed = text === undefined ? undefined : parseStrictJson(text, { maxDepth: 16, maxNodes: 10_000 })
  if (parsed?.ok !== true || !isJsonObject(parsed.value)) throw new Error('the metadata is not a strict JSON object')
  return parsed.value
}
