// The text of an API key: sp_<env>_<id12>_<secret43><crc6>, base62. The checksum lets anyone, a scanner of
// repositories included, throw out fakes without asking us; it proves nothing. The secret has 256 random bits,
// so a keyed hash is enough to store (a slow one would only be a lever for floods).

import { crc32 } from 'node:zlib'
import { encodeBase62, isBase62, randomBase62 } from '../base/base62.ts'

const idLength = 12
const secretLength = 43
const checksumLength = 6
const prefix = 'sp_'

export interface ApiKey {
  readonly id: string
  readonly secret: string
}

/** Whether the text means to be an API key at all. */
export function isApiKey(text: string): boolean {
  return text.startsWith(prefix)
}

export type ApiKeyProblem = 'malformed' | 'checksum' | 'environment'

/** Takes a claimed key apart, offline. Nothing is proven but that it was not mistyped. */
export function parseApiKey(text: string, environment: string): ApiKey | ApiKeyProblem {
  const parts = text.split('_')
  const [head, claimedEnvironment, id, tail] = parts
  if (parts.length !== 4 || head !== 'sp' || claimedEnvironment === undefined || id === undefined || tail === undefined)
    return 'malformed'
  if (id.length !== idLength || tail.length !== secretLength + checksumLength) return 'malformed'
  if (!/^[a-z0-9]{1,12}$/.test(claimedEnvironment) || !isBase62(id) || !isBase62(tail)) return 'malformed'
  if (checksum(text.slice(0, -checksumLength)) !== text.slice(-checksumLength)) return 'checksum'
  if (claimedEnvironment !== environment) return 'environment'
  return { id, secret: tail.slice(0, secretLength) }
}

export function drawKeyId(randomBytes: (count: number) => Uint8Array): string {
  return randomBase62(idLength, randomBytes)
}

export function drawKeySecret(randomBytes: (count: number) => Uint8Array): string {
  return randomBase62(secretLength, randomBytes)
}

export function formatApiKey(environment: string, key: ApiKey): string {
  const text = `${prefix}${environment}_${key.id}_${key.secret}`
  return text + checksum(text)
}

function checksum(text: string): string {
  return encodeBase62(crc32(text), checksumLength)
}
