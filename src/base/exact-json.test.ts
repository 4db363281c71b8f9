import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRawNumber, parseExact, plainNumber } from './exact-json.ts'
import { parseStrictJson } from './strict-json.ts'

const bounds = { maxDepth: 64, maxNodes: 10_000 }

test('writes every number back as it was spelled', () => {
  for (const spelled of [
    '18446744073709551616',
    '1.0',
    '-0',
    '-0.0',
    '1e2',
    '1E+2',
    '0.10',
    '5e-324',
    '9007199254740993',
    '1e21',
    '0e0',
  ])
    assert.equal(JSON.stringify(parseExact(`{"a":[${spelled}],"b":${spelled}}`)), `{"a":[${spelled}],"b":${spelled}}`)
})

test('leaves numbers that a double spells the same as plain numbers', () => {
  for (const spelled of ['0', '-1', '1.5', '2147483647', '9007199254740991', '1e+21'])
    assert.equal(typeof parseExact(spelled), 'number', spelled)
})

test('what is no number is never touched, whatever it looks like', () => {
  for (const text of ['"1.0"', '{"rawJSON":"1.0"}', '[null,true,false,"-0"]', '{"__proto__":{"x":"1.0"}}'])
    assert.equal(JSON.stringify(parseExact(text)), text)
})

test('an object that imitates a raw number is an object', () => {
  assert.equal(isRawNumber(parseExact('{"rawJSON":"1"}')), false)
  assert.equal(isRawNumber(parseExact('1.0')), true)
  assert.equal(plainNumber(parseExact('1.0')), 1)
  assert.deepEqual(plainNumber(parseExact('{"rawJSON":"1"}')), { rawJSON: '1' })
})

test('an own member called __proto__ stays one', () => {
  const value = parseExact('{"__proto__":{"admin":1.0}}')
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.deepEqual(Object.keys(value as object), ['__proto__'])
})

test('text that is no JSON throws', () => {
  for (const text of ['', '{', '01', '1.', '.5', '+1', 'NaN', '{"a":1,}', "{'a':1}", '1 2'])
    assert.throws(() => parseExact(text), SyntaxError, text)
})

test('reads every value that the strict parser reads as the same value', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const strict = parseStrictJson(text, bounds)
      if (!strict.ok) return
      assert.deepEqual(JSON.parse(JSON.stringify(parseExact(text))), JSON.parse(text))
    }),
    { numRuns: 300 },
  )
})

test('a text without spaces comes out as it went in, whatever numbers it holds', () => {
  const digits = fc.stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?$/)
  fc.assert(
    fc.property(fc.array(digits, { maxLength: 20 }), (numbers) => {
      const text = `{"n":[${numbers.join(',')}]}`
      assert.equal(JSON.stringify(parseExact(text)), text)
    }),
    { numRuns: 500 },
  )
})
