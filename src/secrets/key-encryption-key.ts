// The key that wraps data keys. It lies outside the data directory, or in a key management service that never gives
// it away: both are this interface. What is wrapped is bound to a context, so that one wrapping cannot stand in for
// another.

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { invariant } from '../base/invariant.ts'
import { Secret } from '../base/secret.ts'

export interface KeyEncryptionKey {
  /** Says which key it is and nothing about it; stands beside what it wrapped. At most 64 of [0-9A-Za-z._:-]. */
  readonly id: string
  wrap(dataKey: Buffer, context: Buffer): Promise<Buffer>
  /** Rejects with a Fault, KEY_UNREADABLE, when it was not wrapped by this key for this context. */
  unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer | undefined>
}

const nonceBytes = 12
const tagBytes = 16

/** A key-encryption key of 32 bytes that this process has read from a file or its environment. */
export function createLocalKey(keyEncryptionKey: Buffer): KeyEncryptionKey {
  invariant(keyEncryptionKey.length === 32, 'a key-encryption key has 32 bytes')
  // keys of their own: the same bytes may also protect the ledger's subject keys
  const derive = (label: string): Buffer => createHmac('sha256', keyEncryptionKey).update(label).digest()
  const wrapping = new Secret(derive('sallyport data key wrapping v1'))
  return {
    id: derive('sallyport key-encryption key id v1').toString('hex', 0, 8),
    wrap(dataKey, context) {
      // few wrappings per key, one for each data key: random nonces do not meet
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', wrapping.bytes(), nonce)
      cipher.setAAD(context)
      const ciphertext = Buffer.concat([cipher.update(dataKey), cipher.final()])
      return Promise.resolve(Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]))
    },
    unwrap(wrapped, context) {
      if (wrapped.length < nonceBytes + tagBytes) return Promise.resolve(undefined)
      const tagAt = wrapped.length - tagBytes
      const decipher = createDecipheriv('aes-256-gcm', wrapping.bytes(), wrapped.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
      decipher.setAAD(context)
      decipher.setAuthTag(wrapped.subarray(tagAt))
      const plaintext = decipher.update(wrapped.subarray(nonceBytes, tagAt))
      try {
        return Promise.resolve(Buffer.concat([plaintext, decipher.final()]))
      } catch {
        // changed, or wrapped for something else
        return Promise.resolve(undefined)
      }
    },
  }
}
