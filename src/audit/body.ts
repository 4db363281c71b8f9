// The body of a record: everything that a leaf must not say, encrypted with AES-256-GCM under a key of one
// subject, one month and one run of the process. A nonce is never used twice, whatever is truncated or tried
// again: the key is derived from a random epoch made at start, and the nonce counts up and never back.
// Payload: 0x01 ‖ key id 8 ‖ epoch 16 ‖ counter 8 (u64, little-endian) ‖ ciphertext ‖ tag 16.

import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { invariant } from '../base/invariant.ts'

export const epochBytes = 16
export const keyIdBytes = 8
const headBytes = 1 + keyIdBytes + epochBytes + 8
const tagBytes = 16
const version = 0x01

export interface BodyKey {
  readonly id: Buffer
  readonly secret: KeyObject
}

/** The key under which this run of the process encrypts for a subject and month: HMAC-SHA256(data key, epoch). */
export function deriveBodySecret(dataKey: Buffer, epoch: Buffer): KeyObject {
  return createSecretKey(createHmac('sha256', dataKey).update(epoch).digest())
}

export interface BodySealer {
  seal(key: BodyKey, plaintext: string, call: string): Buffer
}

export function createBodySealer(epoch: Buffer): BodySealer {
  invariant(epoch.length === epochBytes, 'an epoch has 16 bytes')
  const head = Buffer.alloc(headBytes)
  const nonce = Buffer.alloc(12)
  head[0] = version
  epoch.copy(head, 1 + keyIdBytes)
  let [low, high] = [0, 0]
  return {
    seal(key, plaintext, call) {
      low += 1
      if (low > 0xffff_ffff) [low, high] = [0, high + 1]
      nonce.writeUInt32LE(low, 4)
      nonce.writeUInt32LE(high, 8)
      key.id.copy(head, 1)
      nonce.copy(head, headBytes - 8, 4)
      const cipher = createCipheriv('aes-256-gcm', key.secret, nonce)
      cipher.setAAD(associatedData(head, call))
      const ciphertext = cipher.update(encodeText(plaintext))
      cipher.final()
      const payload = Buffer.allocUnsafe(headBytes + ciphertext.length + tagBytes)
      head.copy(payload)
      ciphertext.copy(payload, headBytes)
      cipher.getAuthTag().copy(payload, headBytes + ciphertext.length)
      return payload
    },
  }
}

export interface UnverifiedBody {
  readonly keyId: Buffer
  readonly epoch: Buffer
  readonly payload: Buffer
}

export function parseBody(payload: Buffer): UnverifiedBody | undefined {
  if (payload.length < headBytes + tagBytes || payload[0] !== version) return undefined
  return {
    keyId: payload.subarray(1, 1 + keyIdBytes),
    epoch: payload.subarray(1 + keyIdBytes, 1 + keyIdBytes + epochBytes),
    payload,
  }
}

/** Decrypts; undefined when the key is another or a byte was changed. */
export function openBody(body: UnverifiedBody, secret: KeyObject, call: string): string | undefined {
  const { payload } = body
  const nonce = Buffer.alloc(12)
  payload.copy(nonce, 4, headBytes - 8, headBytes)
  const decipher = createDecipheriv('aes-256-gcm', secret, nonce)
  decipher.setAAD(associatedData(payload.subarray(0, headBytes), call))
  decipher.setAuthTag(payload.subarray(payload.length - tagBytes))
  const plaintext = decipher.update(payload.subarray(headBytes, payload.length - tagBytes), undefined, 'utf8')
  try {
    return plaintext + decipher.final('utf8')
  } catch {
    // the tag does not fit: nothing of the text may be used
    return undefined
  }
}

const usualTextBytes = 65_536
const textBuffer = Buffer.allocUnsafe(usualTextBytes)

// a cipher that is given a string first makes a buffer of its own
function encodeText(text: string): Buffer {
  if (3 * text.length > usualTextBytes) return Buffer.from(text)
  return textBuffer.subarray(0, textBuffer.write(text))
}

const associated = Buffer.alloc(headBytes + 1_024)

function associatedData(head: Buffer, call: string): Buffer {
  head.copy(associated)
  return associated.subarray(0, headBytes + associated.write(call, headBytes))
}
