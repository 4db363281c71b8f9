// One sealed value: AES-256-GCM under a data key. The authenticated data names the table, row and column it belongs to
// and the id of the key, each with its length, so that no two places read alike. Nonces are random and 96 bits wide;
// how often a data key may be used is bounded by whoever keeps it. Bytes of an envelope come from a disk that
// others may have written: nothing of them is believed before the tag was.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Place } from '../base/sealing.ts'

export const keyIdBytes = 8
const formatByte = 1
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + keyIdBytes + nonceBytes

export interface DataKey {
  /** 16 hex digits */
  readonly id: string
  /** 32 bytes */
  readonly key: Buffer
}

/** `1 ‖ key id ‖ nonce ‖ ciphertext ‖ tag` */
export function sealWith({ id, key }: DataKey, place: Place, plaintext: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const head = Buffer.concat([Buffer.from([formatByte]), Buffer.from(id, 'hex')])
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(boundTo(place, id))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([head, nonce, ciphertext, cipher.getAuthTag()])
}

/** The id of the key that it says it is sealed under; undefined when it is no envelope. */
export function keyIdOf(sealed: Buffer): string | undefined {
  if (sealed.length < headBytes + tagBytes || sealed[0] !== formatByte) return undefined
  return sealed.toString('hex', 1, 1 + keyIdBytes)
}

/** undefined when anything is not as it was sealed: place, key, or a single bit. */
export function openWith({ id, key }: DataKey, place: Place, sealed: Buffer): Buffer | undefined {
  if (keyIdOf(sealed) !== id) return undefined
  const tagAt = sealed.length - tagBytes
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1 + keyIdBytes, headBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(boundTo(place, id))
  decipher.setAuthTag(sealed.subarray(tagAt))
  const plaintext = decipher.update(sealed.subarray(headBytes, tagAt))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    // another key, another place, or bytes that were changed: GCM does not say which
    plaintext.fill(0)
    return undefined
  }
}

const boundTo = (place: Place, id: string): Buffer =>
  joinWithLengths(['sallyport envelope v1', place.table, place.row, place.column, id])

/** Texts one after the other, each behind its length: two different lists never give the same bytes. */
export function joinWithLengths(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text, 'utf8')
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}
