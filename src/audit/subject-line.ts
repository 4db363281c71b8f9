// One line of subjects.keys: a data key of one subject and month, wrapped under the key-encryption key, which
// lies outside the data directory. The subject's name is inside the wrapping; outside stand only a key id, the
// month, the index of the record that commits to the line, and a keyed tag by which the writer finds a subject
// again. Whoever destroys the line has erased what it encrypts. No line is ever wrapped under the same key twice.

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { decodeBase64Url } from '../base/bytes.ts'
import { crc32c } from '../base/crc32c.ts'
import { invariant } from '../base/invariant.ts'
import { keyIdBytes } from './body.ts'

export const dataKeyBytes = 32
export const pseudonymBytes = 16
export const maxSubjectBytes = 2_048
export const maxLineBytes = 4_096
const saltBytes = 16
const authTagBytes = 16
const zeroNonce = Buffer.alloc(12) // each wrapping has a key of its own
const linePattern =
  /^k1 (0|[1-9][0-9]{0,15}) ([0-9]{4}-(?:0[1-9]|1[0-2])) ([0-9a-f]{16}) ([A-Za-z0-9_-]{22}) ([A-Za-z0-9_-]+) ([0-9a-f]{8})$/

export interface SubjectSecret {
  readonly subject: string
  readonly dataKey: Buffer
  readonly pseudonym: Buffer
}

export interface SubjectLine {
  /** index of the record that holds the line's hash */
  readonly index: number
  readonly month: string
  readonly keyId: Buffer
  readonly tag: Buffer
  readonly wrapped: Buffer
  /** what the wrapping is bound to: the text before it */
  readonly head: string
}

/** What is done with the key-encryption key. */
export interface KeyWrapper {
  /** finds a subject's lines without unwrapping them */
  tagOf(subject: string): Buffer
  formatLine(
    line: { index: number; month: string; keyId: Buffer; tag: Buffer },
    secret: SubjectSecret,
    salt: Buffer,
  ): string
  /** undefined when the key-encryption key is another or the line was changed */
  unwrap(line: SubjectLine): SubjectSecret | undefined
}

export function createKeyWrapper(keyEncryptionKey: Buffer, origin: string): KeyWrapper {
  invariant(keyEncryptionKey.length === 32, 'a key-encryption key has 32 bytes')
  const derive = (label: string, input: Buffer | string): Buffer =>
    createHmac('sha256', keyEncryptionKey).update(`sallyport ${label} v1\0${origin}\0`).update(input).digest()
  const wrappingKey = (salt: Buffer): Buffer => derive('subject key', salt)
  return {
    tagOf: (subject) => derive('subject tag', subject).subarray(0, 16),
    formatLine({ index, month, keyId, tag }, secret, salt) {
      const head = `k1 ${index} ${month} ${keyId.toString('hex')} ${tag.toString('base64url')}`
      const cipher = createCipheriv('aes-256-gcm', wrappingKey(salt), zeroNonce)
      cipher.setAAD(Buffer.from(`${origin}\n${head}`))
      const ciphertext = cipher.update(Buffer.concat([secret.dataKey, secret.pseudonym, Buffer.from(secret.subject)]))
      cipher.final()
      const text = `${head} ${Buffer.concat([salt, ciphertext, cipher.getAuthTag()]).toString('base64url')}`
      return `${text} ${checksum(text)}\n`
    },
    unwrap(line) {
      const { wrapped } = line
      const end = wrapped.length - authTagBytes
      const decipher = createDecipheriv('aes-256-gcm', wrappingKey(wrapped.subarray(0, saltBytes)), zeroNonce)
      decipher.setAAD(Buffer.from(`${origin}\n${line.head}`))
      decipher.setAuthTag(wrapped.subarray(end))
      const plaintext = decipher.update(wrapped.subarray(saltBytes, end))
      try {
        decipher.final()
      } catch {
        // another key-encryption key, or a changed line
        return undefined
      }
      return {
        dataKey: plaintext.subarray(0, dataKeyBytes),
        pseudonym: plaintext.subarray(dataKeyBytes, dataKeyBytes + pseudonymBytes),
        subject: plaintext.toString('utf8', dataKeyBytes + pseudonymBytes),
      }
    },
  }
}

/** Reads a line without its newline; undefined when it is not one of ours, whole. */
export function parseSubjectLine(text: string): SubjectLine | undefined {
  const match = text.length < maxLineBytes ? linePattern.exec(text) : null
  if (match === null) return undefined
  const [, index = '', month = '', keyId = '', tagText = '', wrappedText = '', sum = ''] = match
  const [tag, wrapped] = [decodeBase64Url(tagText), decodeBase64Url(wrappedText)]
  if (tag === undefined || wrapped === undefined || sum !== checksum(text.slice(0, -9))) return undefined
  if (wrapped.length < saltBytes + dataKeyBytes + pseudonymBytes + authTagBytes) return undefined
  return {
    index: Number(index),
    month,
    keyId: Buffer.from(keyId, 'hex'),
    tag,
    wrapped,
    head: text.slice(0, text.length - sum.length - wrappedText.length - 2),
  }
}

// what ends a field that was torn anywhere, so that it can be held against the pattern
const fieldEnds = ['k1', '0', '2026-11', '0'.repeat(16), 'A'.repeat(22), 'A', '0'.repeat(8)]

/** Whether a write of a line for a record at or behind `size` may have been torn to this text; without a newline. */
export function isLineBeginning(text: string, size: number): boolean {
  const fields = text.split(' ')
  const torn = fields.length - 1
  if (torn >= fieldEnds.length || text.length >= maxLineBytes) return false
  if (torn > 1 && Number(fields[1]) < size) return false
  const sum = fields[fieldEnds.length - 1] ?? ''
  if (sum.length === 8) return parseSubjectLine(text) !== undefined
  const ended = (fields[torn] ?? '') + (fieldEnds[torn] ?? '').slice(fields[torn]?.length)
  return linePattern.test([...fields.slice(0, torn), ended, ...fieldEnds.slice(torn + 1)].join(' '))
}

/** CRC-32C in 8 hex digits: how each line ends. */
export function checksum(text: string): string {
  return crc32c(Buffer.from(text)).toString(16).padStart(8, '0')
}

export function createKeyId(random: Buffer): Buffer {
  return Buffer.from(random.subarray(0, keyIdBytes))
}
