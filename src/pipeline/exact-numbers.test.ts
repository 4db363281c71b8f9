// Numbers that JavaScript rounds are recorded as they were sent; all other JSON is as JSON.parse has it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExactly } from './exact-numbers.ts'

test('a number that would be rounded keeps its text', () => {
  for (const source of ['12345678901234567890', '-9007199254740993', '0.12345678901234567891', '1e30'])
    assert.deepEqual(parseExactly(`{"a":[${source},7]}`), { a: [{ number: source }, 7] }, source)
})

test('a number that is exact stays one', () => {
  assert.deepEqual(
    parseExactly('[9007199254740991,0.30000000000000004,1e3]'),
    [9007199254740991, 0.30000000000000004, 1000],
  )
})

test('digits within a text are a text, and __proto__ is a member', () => {
  const text = '{"__proto__":"12345678901234567890"}'
  assert.equal(JSON.stringify(parseExactly(text)), text)
})

test('without such numbers, or with too much text, it is not read again', () => {
  assert.equal(parseExactly('{"a":1,"b":"x"}'), undefined)
  assert.equal(parseExactly(`[12345678901234567890,"${'x'.repeat(262_144)}"]`), undefined)
})

test('a text full of numbers is read once, however many there are', () => {
  const read = parseExactly(`[12345678901234567890${',1'.repeat(130_000)}]`)
  assert.ok(Array.isArray(read))
  assert.deepEqual([read.length, read[0], read[1]], [130_001, { number: '12345678901234567890' }, 1])
})
