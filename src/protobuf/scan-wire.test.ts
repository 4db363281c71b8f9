import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, double, inner, int, tag, text, varint } from './fake-wire.ts'
import { scanWire, type WireReason } from './scan-wire.ts'
import { messageNamed, services } from './schema.ts'

const send = messageNamed('lf.a2a.v1.SendMessageRequest')
const task = messageNamed('lf.a2a.v1.Task')
const card = messageNamed('lf.a2a.v1.AgentCard')

const part = (...fields: Buffer[]): Buffer => inner(5, ...fields)
const message = (...fields: Buffer[]): Buffer => inner(2, text(1, 'm'), int(4, 1), ...fields)
const metadata = (...entries: Buffer[]): Buffer => inner(4, ...entries)
const nothing = int(1, 0)
const member = (key: string, value: Buffer): Buffer => inner(1, text(1, key), inner(2, value))
/** lists in lists, `levels` deep */
const nested = (levels: number): Buffer => (levels === 0 ? nothing : inner(6, inner(1, nested(levels - 1))))
const data = (value: Buffer): Buffer => message(part(inner(4, value)))

const refused: readonly [name: string, reason: WireReason, Buffer][] = [
  // one field, one value
  ['a text twice', 'repeated', bytes(text(1, 'a'), text(1, 'b'))],
  ['a text twice, the same', 'repeated', bytes(text(1, 'a'), text(1, 'a'))],
  ['a text twice, with another field between', 'repeated', bytes(text(1, 'a'), message(), text(1, 'b'))],
  ['an empty text twice', 'repeated', bytes(text(1, ''), text(1, ''))],
  ['a message twice, which decoders merge', 'repeated', bytes(message(), message())],
  ['a message twice, the second one empty', 'repeated', bytes(message(), inner(2))],
  ['the id of a task twice', 'repeated', message(text(3, 'mine'), text(3, 'yours'))],
  ['the context twice', 'repeated', message(text(2, 'mine'), text(2, 'yours'))],
  ['a role twice', 'repeated', inner(2, int(4, 1), int(4, 2))],
  ['an optional number twice', 'repeated', inner(3, int(3, 1), int(3, 2))],
  ['a webhook twice', 'repeated', inner(3, inner(2, text(4, 'https://a')), inner(2, text(4, 'https://b')))],
  ['metadata twice', 'repeated', bytes(metadata(), metadata())],
  // unions
  ['a part of two kinds', 'union', message(part(text(1, 'a'), text(3, 'https://b')))],
  ['a part of two kinds, the second one empty', 'union', message(part(text(1, 'a'), text(2, '')))],
  ['data and text', 'union', message(part(inner(4, nothing), text(1, 'a')))],
  ['a part of one kind twice', 'repeated', message(part(text(1, 'a'), text(1, 'b')))],
  ['a value of two kinds', 'union', data(bytes(nothing, text(3, 'a')))],
  ['a value that is nothing', 'union', data(bytes())],
  ['a value that is nothing in a struct', 'union', metadata(inner(1, text(1, 'a'), inner(2)))],
  ['a struct member without a value', 'union', metadata(inner(1, text(1, 'a')))],
  // maps
  ['a key twice', 'duplicate-key', metadata(member('a', nothing), member('a', text(3, 'b')))],
  [
    'a key twice, far apart',
    'duplicate-key',
    metadata(member('a', nothing), member('b', nothing), member('a', nothing)),
  ],
  ['the empty key twice, once left out', 'duplicate-key', metadata(member('', nothing), inner(1, inner(2, nothing)))],
  [
    'a key twice, one before its value',
    'duplicate-key',
    metadata(member('a', nothing), inner(1, inner(2, nothing), text(1, 'a'))),
  ],
  ['a key twice in a value', 'duplicate-key', data(inner(5, member('a', nothing), member('a', nothing)))],
  ['two keys in one entry', 'map-entry', metadata(inner(1, text(1, 'a'), text(1, 'b'), inner(2, nothing)))],
  ['two values in one entry', 'map-entry', metadata(inner(1, text(1, 'a'), inner(2, nothing), inner(2, nothing)))],
  ['a third field in an entry', 'map-entry', metadata(inner(1, text(1, 'a'), inner(2, nothing), text(3, 'x')))],
  ['a key that makes a prototype', 'key', metadata(member('__proto__', inner(5, member('approved', int(4, 1)))))],
  ['the same deep in data', 'key', data(inner(6, inner(1, inner(5, member('__proto__', nothing)))))],
  // wire types
  ['a text as a number', 'wire-type', int(1, 1)],
  ['a message as eight bytes', 'wire-type', double(2, 1)],
  ['an enum as a text', 'wire-type', inner(2, text(4, 'ROLE_USER'))],
  ['a number as four bytes', 'wire-type', inner(3, bytes(tag(3, 5), 1, 0, 0, 0))],
  ['a boolean packed', 'wire-type', inner(3, text(4, Buffer.of(1)))],
  ['a double as a varint', 'wire-type', data(int(2, 1))],
  ['wire type 6', 'wire-type', tag(99, 6)],
  ['wire type 7', 'wire-type', tag(99, 7)],
  ['a group', 'group', bytes(tag(99, 3), tag(99, 4))],
  ['a group in place of a message', 'group', bytes(tag(2, 3), tag(2, 4))],
  ['the end of a group that never began', 'group', tag(99, 4)],
  // tags
  ['field 0', 'tag', bytes(0)],
  ['field 0 with a text', 'tag', bytes(2, 1, 0x61)],
  ['a field number beyond 29 bits', 'tag', bytes(varint(2n ** 32n + 10n), 0)],
  ['field 1 with a bit beyond 32', 'tag', bytes(varint(2n ** 35n + 10n), 1, 0x61)],
  // varints
  ['a tag longer than it needs to be', 'varint', bytes(0x8a, 0x00, 1, 0x61)],
  ['a length longer than it needs to be', 'varint', bytes(0x0a, 0x81, 0x00, 0x61)],
  ['a role longer than it needs to be', 'varint', inner(2, bytes(tag(4, 0), 0x81, 0x00))],
  ['zero in two bytes', 'varint', inner(2, bytes(tag(4, 0), 0x80, 0x00))],
  ['a varint of eleven bytes', 'varint', bytes(tag(99, 0), Buffer.alloc(10, 0x80), 1)],
  ['a varint of 65 bits', 'varint', bytes(tag(99, 0), Buffer.alloc(9, 0xff), 2)],
  ['an unknown number longer than it needs to be', 'varint', bytes(tag(99, 0), 0x80, 0x00)],
  ['a varint that does not end', 'truncated', bytes(tag(99, 0), 0x80)],
  ['a tag that does not end', 'truncated', bytes(0x80)],
  ['a tag without a value', 'truncated', tag(1, 2)],
  // lengths
  ['a text beyond the end', 'truncated', bytes(0x0a, 2, 0x61)],
  ['a text of four gigabytes', 'truncated', bytes(0x0a, varint(2n ** 32n - 1n), 0x61)],
  ['a text of a negative length', 'truncated', bytes(0x0a, varint(-1n), 0x61)],
  ['a length with a bit beyond 32', 'truncated', bytes(0x0a, varint(2n ** 32n + 1n), 0x61)],
  ['a message beyond its parent', 'truncated', bytes(tag(2, 2), 2, 0x0a, 5, Buffer.from('aaaaa'))],
  ['an unknown text beyond the end', 'truncated', bytes(tag(99, 2), 5, 0x61)],
  ['eight bytes that are seven', 'truncated', bytes(tag(99, 1), Buffer.alloc(7))],
  ['four bytes that are three', 'truncated', bytes(tag(99, 5), Buffer.alloc(3))],
  ['a double that is seven bytes', 'truncated', data(bytes(tag(2, 1), Buffer.alloc(7)))],
  ['a letter behind the end', 'truncated', bytes(text(1, 'a'), 0x12)],
  // values
  ['a role out of the schema', 'enum', inner(2, int(4, 3))],
  ['a negative role', 'enum', inner(2, int(4, -1))],
  ['a role of 33 bits that some cut to one', 'range', inner(2, int(4, 2n ** 32n + 1n))],
  ['a number of 33 bits that some cut to none', 'range', inner(3, int(3, 2n ** 32n))],
  ['a number of 2^31', 'range', inner(3, int(3, 2 ** 31))],
  ['a number that is negative in 32 bits', 'range', inner(3, int(3, 0xffff_ffff))],
  ['a boolean of 2', 'range', inner(3, int(4, 2))],
  ['a boolean of 2^32', 'range', inner(3, int(4, 2n ** 32n))],
  ['NaN', 'number', data(double(2, Number.NaN))],
  ['infinity', 'number', data(double(2, Number.POSITIVE_INFINITY))],
  ['negative infinity', 'number', data(double(2, Number.NEGATIVE_INFINITY))],
  ['a null of 1', 'enum', data(int(1, 1))],
  // texts
  ['a byte that is no UTF-8', 'encoding', text(1, Buffer.of(0xff))],
  ['half a letter', 'encoding', text(1, Buffer.of(0xc3))],
  ['a letter longer than it needs to be', 'encoding', text(1, Buffer.of(0xc0, 0xaf))],
  ['a surrogate', 'encoding', text(1, Buffer.of(0xed, 0xa0, 0x80))],
  ['a character beyond Unicode', 'encoding', text(1, Buffer.of(0xf4, 0x90, 0x80, 0x80))],
  ['a key that is no UTF-8', 'encoding', metadata(inner(1, text(1, Buffer.of(0xff)), inner(2, nothing)))],
  ['a reference that is no UTF-8', 'encoding', message(text(8, Buffer.of(0xff)))],
  // bounds
  ['lists in lists', 'depth', data(nested(49))],
  ['fields beyond the bound', 'fields', Buffer.concat(Array.from({ length: 100_001 }, () => int(99, 1)))],
]

for (const [name, reason, request] of refused) {
  test(`refuses ${name}`, () => {
    const result = scanWire(send, request)
    assert.equal(result.ok ? 'passed' : result.reason, reason)
  })
}

const passed: readonly [name: string, Buffer][] = [
  ['nothing', bytes()],
  ['fields in any order', bytes(metadata(), message(part(text(1, 'a'))), text(1, 't'))],
  ['many parts', message(part(text(1, 'a')), part(text(1, 'a')), part(text(3, 'https://b')))],
  ['a text that is one word twice in two messages', bytes(text(1, 'a'), message(text(2, 'a')))],
  [
    'unknown fields of every wire type, twice',
    bytes(int(99, 1), double(98, 1), bytes(tag(97, 5), Buffer.alloc(4)), text(96, Buffer.of(0xff)), int(99, 2)),
  ],
  ['the highest field number', int(2 ** 29 - 1, 1)],
  ['a number of 64 bits in an unknown field', int(99, 2n ** 64n - 1n)],
  ['negative numbers', inner(3, int(3, -1))],
  ['the largest number', inner(3, int(3, 2 ** 31 - 1))],
  ['zero that is written out', inner(3, int(3, 0), int(4, 0))],
  ['an empty key left out', metadata(inner(1, inner(2, nothing)))],
  ['an entry the other way round', metadata(inner(1, inner(2, nothing), text(1, 'a')))],
  [
    'one key in two structs',
    data(inner(5, member('a', inner(5, member('a', nothing))), member('b', inner(5, member('a', nothing))))),
  ],
  [
    'keys that only look like a prototype',
    metadata(member('__proto', nothing), member('constructor', nothing), member('prototype', nothing)),
  ],
  ['keys that differ by case', metadata(member('a', nothing), member('A', nothing))],
  ['an empty list', data(inner(6))],
  ['every letter of UTF-8', text(1, 'aé€😀\u0000\u{10ffff}\ufeff')],
  [
    'the smallest and the largest number',
    data(inner(6, inner(1, double(2, 5e-324)), inner(1, double(2, -Number.MAX_VALUE)))),
  ],
  ['lists in lists up to the bound', data(nested(47))],
]

for (const [name, request] of passed) {
  test(`lets ${name} pass`, () => assert.deepEqual(scanWire(send, request), { ok: true }))
}

test('refuses in an answer what it refuses in a request', () => {
  const artifact = (...fields: Buffer[]): Buffer => inner(4, text(1, 'a'), ...fields)
  for (const [bad, reason] of [
    [bytes(text(1, 'mine'), text(1, 'yours')), 'repeated'],
    [bytes(inner(3, int(1, 3)), inner(3, int(1, 4))), 'repeated'],
    [inner(3, int(1, 99)), 'enum'],
    [artifact(inner(4, text(1, 'a'), text(3, 'b'))), 'union'],
    [inner(3, inner(3, int(1, 0x80), int(1, 1))), 'repeated'],
  ] as const) {
    const result = scanWire(task, bad)
    assert.equal(result.ok ? 'passed' : result.reason, reason)
  }
  assert.equal(scanWire(task, bytes(artifact(), artifact())).ok, true)
})

test('refuses two schemes of one name in a card, and passes one without a value', () => {
  const scheme = (name: string): Buffer => inner(8, text(1, name), inner(2, inner(5)))
  assert.deepEqual(scanWire(card, bytes(scheme('a'), scheme('b'))), { ok: true })
  assert.deepEqual(scanWire(card, inner(9, inner(1, text(1, 'a')))), { ok: true })
  const result = scanWire(card, bytes(scheme('a'), scheme('a')))
  assert.equal(result.ok ? 'passed' : result.reason, 'duplicate-key')
})

test('says where, and quotes nothing', () => {
  const result = scanWire(send, bytes(text(1, 'secret'), text(1, 'secret')))
  assert.ok(!result.ok)
  assert.equal(result.offset, 9)
  assert.doesNotMatch(result.detail, /secret/)
})

test('takes bounds', () => {
  assert.equal(scanWire(send, message(), { maxDepth: 1, maxFields: 10 }).ok, false)
  assert.equal(scanWire(send, message(), { maxDepth: 2, maxFields: 3 }).ok, true)
  assert.equal(scanWire(send, message(), { maxDepth: 2, maxFields: 2 }).ok, false)
})

test('knows every field of both schemas: nothing in them is a packed list, a group or a type that it cannot scan', () => {
  for (const service of Object.values(services)) {
    const prefix = service.replace('A2AService', '')
    for (const name of ['SendMessageRequest', 'StreamResponse', 'Task', 'AgentCard', 'TaskPushNotificationConfig'])
      assert.equal(scanWire(messageNamed(prefix + name), Buffer.alloc(0)).ok, true)
  }
})
