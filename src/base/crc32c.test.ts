// Vectors of RFC 3720 §B.4, and the fast way against the slow one.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

const vectors: [string, Buffer, number][] = [
  ['nothing', Buffer.alloc(0), 0],
  ['the check word', Buffer.from('123456789'), 0xe3069283],
  ['32 zero bytes', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 rising bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['32 falling bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
]

for (const [name, bytes, sum] of vectors) {
  test(`gives the published sum of ${name}`, () => assert.equal(crc32c(bytes), sum))
}

test('agrees with the definition bit by bit, at every length and offset', () => {
  const bytes = randomBytes(100)
  for (let start = 0; start < 9; start += 1) {
    for (let end = start; end < bytes.length; end += 1)
      assert.equal(crc32c(bytes, start, end), slow(bytes.subarray(start, end)))
  }
})

function slow(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
