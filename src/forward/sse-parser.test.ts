import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createSseParser, type RawEvent, type SseProblem } from './sse-parser.ts'

const bound = 1_000

/** All events of the text in these chunks, or the problem that ended it. */
function parse(chunks: readonly (string | Buffer)[], maxEventBytes = bound): RawEvent[] | SseProblem {
  const parser = createSseParser(maxEventBytes)
  const events: RawEvent[] = []
  for (const chunk of chunks) {
    events.push(...parser.push(Buffer.from(chunk)))
    if (parser.problem !== undefined) return parser.problem
  }
  return events
}

const event = (data: string, name = ''): RawEvent => ({ name, data })

test('reads events, joins data lines, forgets what belongs to no event', () => {
  assert.deepEqual(parse(['data: a\n\ndata:b\ndata: c\n\n: ping\n\nevent: error\ndata: d\n\nid: 1\nretry: 5\n\n']), [
    event('a'),
    event('b\nc'),
    event('d', 'error'),
  ])
})

test('one space after the colon is no part of the value, a second one is', () => {
  assert.deepEqual(parse(['data:  a\n\nevent:  error\ndata: b\n\n']), [event(' a'), event('b', ' error')])
})

test('an event that the end cuts off is none', () => {
  assert.deepEqual(parse(['data: a\n\ndata: b\n']), [event('a')])
})

test('the name of an event without data does not stick to the next', () => {
  assert.deepEqual(parse(['event: error\n\ndata: a\n\n']), [event('a')])
})

test('lines may end in CR LF, also where a chunk parts the two', () => {
  assert.deepEqual(parse(['data: a\r\n\r\n', 'data: b\r', '\n\r', '\n']), [event('a'), event('b')])
})

test('refuses a CR by itself, which other parsers take for the end of a line', () => {
  for (const text of [
    'data: a\rdata: b\n\n',
    'data: a\r\r\n\n',
    '\rdata: a\n\n',
    'data: a\r\n\r\r\n',
    'data\r: a\n\n',
  ]) {
    assert.equal(parse([text]), 'malformed', JSON.stringify(text))
  }
})

test('refuses a byte order mark, bad UTF-8 and fields that only others know', () => {
  const bad = [
    '\ufeffdata: a\n\n',
    'Data: a\n\n',
    ' data: a\n\n',
    'data : a\n\n',
    'event\n\n',
    'datax: a\n\n',
    '{"a":1}\n\n',
    '<html>\n\n',
    'HTTP/1.1 200 OK\n\n',
    '\u0000\n\n',
  ]
  for (const text of bad) assert.equal(parse([text]), 'malformed', JSON.stringify(text))
  for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
    assert.equal(parse([Buffer.concat([Buffer.from('data: '), Buffer.from(bytes), Buffer.from('\n\n')])]), 'malformed')
  }
})

test('a later event may not begin with a byte order mark either', () => {
  assert.equal(parse(['data: a\n\n', '\ufeffdata: b\n\n']), 'malformed')
})

test('line separators of Unicode separate nothing', () => {
  assert.deepEqual(parse(['data: a\u2028data: b\u0085c\n\n']), [event('a\u2028data: b\u0085c')])
})

test('an event of just the bound passes, one byte more does not, and it need not be complete', () => {
  const text = `data: ${'x'.repeat(bound - 8)}\n\n`
  assert.equal(Buffer.byteLength(text), bound)
  assert.deepEqual(parse([text, text]), [event('x'.repeat(bound - 8)), event('x'.repeat(bound - 8))])
  assert.equal(parse([`data: ${'x'.repeat(bound - 5)}`]), 'event-too-large')
  assert.equal(parse([`data: x${text.slice(6)}`]), 'event-too-large')
})

test('the bound is on the event, not on the line: many lines and comments count too', () => {
  assert.equal(parse(Array.from({ length: 200 }, () => 'data: xx\n')), 'event-too-large')
  assert.equal(parse(Array.from({ length: 400 }, () => ':x\n')), 'event-too-large')
  assert.deepEqual(parse(Array.from({ length: 400 }, () => ':x\n\n')), [])
})

test('what came whole before the nonsense is given, and nothing after it', () => {
  for (const chunks of [
    ['data: a\n\nnonsense\ndata: b\n\n'],
    ['data: a\n\n', 'nonsense\n', 'data: b\n\n'],
    ['data: a\n\nnon', 'sense\n\ndata: b\n\n'],
  ]) {
    const parser = createSseParser(bound)
    assert.deepEqual(
      chunks.flatMap((chunk) => parser.push(Buffer.from(chunk))),
      [event('a')],
    )
    assert.equal(parser.problem, 'malformed')
  }
})

const streamText = fc
  .array(
    fc.record({
      data: fc.array(
        fc.string({ unit: 'grapheme', maxLength: 12 }).map((line) => line.replaceAll(/[\r\n\ufeff]/g, ' ')),
        { minLength: 1, maxLength: 3 },
      ),
      name: fc.constantFrom('', 'error', 'message'),
      comment: fc.boolean(),
      newline: fc.constantFrom('\n', '\r\n'),
    }),
    { maxLength: 6 },
  )
  .map((events) => ({
    expected: events.map(({ data, name }) => event(data.join('\n'), name)),
    text: events
      .map(({ data, name, comment, newline }) =>
        [
          ...(comment ? [': ping'] : []),
          ...(name === '' ? [] : [`event: ${name}`]),
          ...data.map((line) => `data: ${line}`),
          '',
          '',
        ].join(newline),
      )
      .join(''),
  }))

test('however the bytes are cut, the events are the same', () => {
  fc.assert(
    fc.property(streamText, fc.array(fc.nat(40), { maxLength: 60 }), ({ expected, text }, cuts) => {
      const bytes = Buffer.from(text)
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut))
        at += cut
      }
      assert.deepEqual(parse([...chunks, bytes.subarray(at)], 100_000), expected)
      assert.deepEqual(
        parse(
          [...bytes].map((byte) => Buffer.from([byte])),
          100_000,
        ),
        expected,
      )
    }),
    { numRuns: 150 },
  )
})

test('never throws on anything, and never holds more than the bound', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (chunks) => {
      const events = parse(
        chunks.map((chunk) => Buffer.from(chunk)),
        100,
      )
      if (typeof events !== 'string') for (const { data } of events) assert.ok(Buffer.byteLength(data) <= 100)
    }),
    { numRuns: 500 },
  )
})

test('an event that comes in single bytes costs as much as its length, not its square', (t) => {
  const concat = t.mock.method(Buffer, 'concat')
  for (const bytes of [10_000, 80_000]) {
    concat.mock.resetCalls()
    const parser = createSseParser(2 ** 24)
    parser.push(Buffer.from('data: '))
    const byte = Buffer.from('x')
    for (let sent = 0; sent < bytes; sent += 1) parser.push(byte)
    assert.equal(parser.push(Buffer.from('\n\n'))[0]?.data.length, bytes)
    const copied = concat.mock.calls.reduce((sum, call) => sum + (call.result?.length ?? 0), 0)
    const joined = concat.mock.calls.reduce((sum, call) => sum + call.arguments[0].length, 0)
    // each byte is joined into a larger piece once, and once into its line
    assert.ok(copied <= 2 * bytes + 100, `${copied} bytes were copied for ${bytes}`)
    assert.ok(joined <= 2 * bytes, `${joined} pieces were joined for ${bytes}`)
  }
})

test('what came whole before the rubbish is still an event, nothing after it is', () => {
  const parser = createSseParser(bound)
  assert.deepEqual(parser.push(Buffer.from('data: good\n\n<html>\n\ndata: late\n\n')), [event('good')])
  assert.equal(parser.problem, 'malformed')
  assert.deepEqual(parser.push(Buffer.from('data: later\n\n')), [])
})
