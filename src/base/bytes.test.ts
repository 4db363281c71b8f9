import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandomPool, decodeBase64, decodeBase64Url, systemRandom } from './bytes.ts'

test('reads base64 that has one spelling', () => assert.equal(decodeBase64('aGVsbG8=')?.toString(), 'hello'))
for (const text of ['aGVsbG8', 'aGVsbG9=', 'aGVs bG8=', 'aGVsbG8=\n', 'aGVsbG8==', '_-8=', 'a']) {
  test(`refuses ${JSON.stringify(text)} as base64`, () => assert.equal(decodeBase64(text), undefined))
}

test('reads base64url without padding', () => assert.deepEqual(decodeBase64Url('_-8'), Buffer.from([0xff, 0xef])))
for (const text of ['_-8=', '_-9', '/+8', 'A', 'a b', 'é']) {
  test(`refuses ${JSON.stringify(text)} as base64url`, () => assert.equal(decodeBase64Url(text), undefined))
}

test('never hands out the same random bytes twice', () => {
  const pool = createRandomPool(systemRandom, 256)
  const seen = new Set(Array.from({ length: 1_000 }, () => pool(32).toString('hex')))
  assert.equal(seen.size, 1_000)
})
