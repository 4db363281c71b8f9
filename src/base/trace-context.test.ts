import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSpanId, formatTraceparent, parseTraceContext } from './trace-context.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const span = 'b7ad6b7169203331'
const good = `00-${trace}-${span}-01`

test('reads a traceparent and writes the same again', () => {
  for (const flags of ['00', '01', '02', '03']) {
    const context = parseTraceContext(`00-${trace}-${span}-${flags}`, undefined)
    assert.deepEqual(context, { traceId: trace, spanId: span, flags: Number(flags), state: '' })
    assert.equal(formatTraceparent(context), `00-${trace}-${span}-${flags}`)
  }
})

test('of a later version only what this one knows is read', () => {
  for (const text of [
    `01-${trace}-${span}-01`,
    `cc-${trace}-${span}-01-what-the-future-will-be`,
    `fe-${trace}-${span}-ff-`,
  ])
    assert.equal(parseTraceContext(text, undefined)?.traceId, trace, text)
  assert.equal(parseTraceContext(`01-${trace}-${span}-fd`, undefined)?.flags, 1)
})

test('what is no traceparent is as if it were not there', () => {
  const wrong = [
    '',
    '00',
    `00-${trace}-${span}`,
    `00-${trace}-${span}-1`,
    `00-${trace}-${span}-01-`,
    `00-${trace}-${span}-01-more`,
    `00-${trace}-${span}-01 `,
    ` 00-${trace}-${span}-01`,
    `00-${trace}-${span}-01.`,
    `cc-${trace}-${span}-01.more`,
    `ff-${trace}-${span}-01`,
    `0-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span.toUpperCase()}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.slice(1)}-${span}-01`,
    `00-${trace}0-${span}-01`,
    `00-${trace}-${span}0-01`,
    `00-${trace}-${span}-0g`,
    `00_${trace}_${span}_01`,
    `${good}, ${good}`,
    `${good}\n`,
    `01-${trace}-${span}-01-${'x'.repeat(10_000)}`,
  ]
  for (const text of wrong) assert.equal(parseTraceContext(text, 'a=1'), undefined, text)
  assert.equal(parseTraceContext(undefined, 'a=1'), undefined)
})

test('a tracestate is kept as it is, without space between its members', () => {
  for (const [text, kept] of [
    ['rojo=00f067aa0ba902b7', 'rojo=00f067aa0ba902b7'],
    ['rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['fw529a3039@dt=FfffffeB0,,\t, 9a/b_c-d*e=x y', 'fw529a3039@dt=FfffffeB0,9a/b_c-d*e=x y'],
    ['a=', 'a='],
    [`a=${'v'.repeat(256)}`, `a=${'v'.repeat(256)}`],
  ] as const)
    assert.equal(parseTraceContext(good, text)?.state, kept, text)
})

test('a tracestate that is malformed, repeated or too much is dropped, and the trace goes on', () => {
  const wrong = [
    'a',
    '=1',
    'A=1',
    '_a=1',
    '@a=1',
    'a b=1',
    'a=1=2',
    'a=1,a=2',
    'a=1,B=2',
    'a=\u0001',
    'a=é',
    'a=1;b=2,c',
    `${'k'.repeat(257)}=1`,
    `a=${'v'.repeat(257)}`,
    `a=${'v'.repeat(255)},b=${'v'.repeat(255)}`,
    Array.from({ length: 33 }, (_, at) => `k${at}=1`).join(','),
  ]
  for (const text of wrong) {
    const context = parseTraceContext(good, text)
    assert.equal(context?.traceId, trace, text)
    assert.equal(context.state, '', text)
  }
})

const anything = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(fc.constant(good), fc.constant('a=1,b@c=2'), fc.string({ unit: 'binary', maxLength }))

test('never throws, and gives out nothing that a field of a header could not be', () => {
  fc.assert(
    fc.property(anything(80), anything(600), (traceparent, tracestate) => {
      const context = parseTraceContext(traceparent, tracestate)
      if (context === undefined) return
      assert.match(context.state, /^[ -~]{0,512}$/)
      assert.match(formatTraceparent(context), /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/)
    }),
    { interruptAfterTimeLimit: 2_000 },
  )
})

test('ids of spans are sixteen digits, and never the same', () => {
  const ids = Array.from({ length: 2_000 }, createSpanId)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/)
})
