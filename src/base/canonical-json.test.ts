// RFC 8785: the examples of §3.2.2, §3.2.3 and Appendix B that a writer of our own values can meet.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from './canonical-json.ts'
import { Bug } from './invariant.ts'

test('orders members by UTF-16 code units, as in the example of RFC 8785 §3.2.3', () => {
  const value = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Dalet',
    '1': 'One',
    '\ud83d\ude00': 'Grinning',
    '\u0080': 'Control',
    '\u00f6': 'o',
  }
  assert.deepEqual(
    Object.keys(JSON.parse(canonicalJson(value))).filter((name) => name !== '1'),
    ['\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'],
  )
  assert.ok(canonicalJson(value).startsWith('{"\\r":"Carriage Return","1":"One","\u0080":'))
})

test('writes numbers and strings as the example of RFC 8785 §3.2.2 does', () => {
  const value = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000f\nA\'B"\\\\"/',
    literals: [null, true, false],
  }
  assert.equal(
    canonicalJson(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
})

for (const [name, number, text] of [
  ['minus zero', -0, '0'],
  ['the smallest double', 5e-324, '5e-324'],
  ['the largest double', 1.7976931348623157e308, '1.7976931348623157e+308'],
  ['the largest safe integer', 9007199254740991, '9007199254740991'],
  ['2 to the 68th', 295147905179352830000, '295147905179352830000'],
  ['the first exponent', 1e21, '1e+21'],
] as const) {
  test(`writes ${name} as Appendix B does`, () => assert.equal(canonicalJson(number), text))
}

test('refuses a lone surrogate', () => assert.throws(() => canonicalJson({ a: '\ud800' }), Bug))
test('refuses a lone surrogate in a name', () => assert.throws(() => canonicalJson({ '\udc00': 1 }), Bug))
test('refuses NaN', () => assert.throws(() => canonicalJson([Number.NaN]), Bug))
test('refuses infinity', () => assert.throws(() => canonicalJson(Number.POSITIVE_INFINITY), Bug))

test('reads back as the same value, and its text is a fixed point', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const value = JSON.parse(text)
      const canonical = canonicalJson(value)
      assert.equal(
        JSON.stringify(JSON.parse(canonical)),
        JSON.stringify(JSON.parse(canonicalJson(JSON.parse(canonical)))),
      )
      assert.equal(canonicalJson(JSON.parse(canonical)), canonical)
    }),
    { interruptAfterTimeLimit: 800 },
  )
})
