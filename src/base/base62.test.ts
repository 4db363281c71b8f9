import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase62, isBase62, randomBase62 } from './base62.ts'

test('renders a number as exactly as many digits as asked for', () => {
  assert.equal(encodeBase62(0, 6), '000000')
  assert.equal(encodeBase62(61, 6), '00000z')
  assert.equal(encodeBase62(62, 6), '000010')
  assert.equal(encodeBase62(0xffff_ffff, 6), '4gfFC3')
})

test('draws random text without folding the bytes that would bias it', () => {
  const drawn = [255, 248, 247, 0, 61, 62]
  const text = randomBase62(4, (count) => Uint8Array.from(drawn.splice(0, count)))
  assert.equal(text, 'z0z0')
})

test('knows what is not base62', () => {
  assert.ok(isBase62('azAZ09'))
  for (const text of ['a-b', 'a_b', 'a b', 'é', 'a\n', '@', '[', '`', '{', '/', ':'])
    assert.equal(isBase62(text), false)
})
