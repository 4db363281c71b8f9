import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { operationNames, type ProtocolVersion } from '../a2a/operations.ts'
import { parseStrictJson, type JsonValue } from '../base/strict-json.ts'
import { decodeAnswer, decodeRequest, type Decoded } from './decode.ts'
import { encodeAnswer, encodeRequest, type Encoded } from './encode.ts'
import { messagesOf } from './fake-messages.ts'
import { bytes, double, inner, int, tag, text, varint } from './fake-wire.ts'
import { methodOf } from './schema.ts'

const bounds = { maxDepth: 64, maxNodes: 100_000 }
const versions: readonly ProtocolVersion[] = ['1.0', '0.3']

function read(decoded: Decoded): JsonValue {
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.reason)
  const parsed = parseStrictJson(decoded.text, bounds)
  assert.ok(parsed.ok)
  return parsed.value
}

function written(encoded: Encoded): Buffer {
  assert.ok(encoded.ok, encoded.ok ? '' : `${encoded.path}: ${encoded.reason}`)
  return encoded.bytes
}

const reasonOf = (decoded: Decoded): string => (decoded.ok ? 'decoded' : decoded.reason)
const failureOf = (encoded: Encoded): string => (encoded.ok ? 'encoded' : `${encoded.reason} ${encoded.path}`)
/** Keys in any order; -0 is 0. */
const same = (left: JsonValue, right: JsonValue): void => assert.deepEqual(left, right)

test('a request is the parameters that JSON-RPC would carry', () => {
  const request = bytes(
    text(1, 'acme'),
    inner(
      2,
      text(1, 'm1'),
      text(2, 'c1'),
      text(3, 't1'),
      int(4, 1),
      inner(5, text(1, 'hello'), text(6, 'a.txt'), text(7, 'text/plain')),
      inner(5, text(2, Buffer.of(0, 1, 255))),
      inner(5, text(3, 'https://a.example/')),
      inner(5, inner(4, inner(5, inner(1, text(1, 'constructor'), inner(2, double(2, 1.5)))))),
      inner(6, inner(1, text(1, 'task_id'), inner(2, text(3, 'x')))),
      text(7, 'urn:x'),
      text(8, 't0'),
    ),
    inner(
      3,
      text(1, 'text/plain'),
      inner(2, text(3, 't1'), text(4, 'https://hook'), inner(6, text(1, 'Bearer'), text(2, 's'))),
      int(3, 0),
      int(4, 1),
    ),
  )
  same(read(decodeRequest('SendMessage', request)), {
    tenant: 'acme',
    message: {
      messageId: 'm1',
      contextId: 'c1',
      taskId: 't1',
      role: 'ROLE_USER',
      parts: [
        { text: 'hello', filename: 'a.txt', mediaType: 'text/plain' },
        { raw: 'AAH/' },
        { url: 'https://a.example/' },
        { data: { constructor: 1.5 } },
      ],
      metadata: { task_id: 'x' },
      extensions: ['urn:x'],
      referenceTaskIds: ['t0'],
    },
    configuration: {
      acceptedOutputModes: ['text/plain'],
      taskPushNotificationConfig: {
        taskId: 't1',
        url: 'https://hook',
        authentication: { scheme: 'Bearer', credentials: 's' },
      },
      historyLength: 0,
      returnImmediately: true,
    },
  })
})

test('unknown fields are not in the text', () => {
  assert.deepEqual(read(decodeRequest('GetTask', bytes(text(2, 't1'), text(99, 'x'), int(98, 1)))), { id: 't1' })
})

test('required fields are there, which proto3 leaves out when they are empty', () => {
  const empty = Buffer.alloc(0)
  assert.deepEqual(read(decodeAnswer('ListTasks', empty)), { tasks: [], nextPageToken: '', pageSize: 0, totalSize: 0 })
  assert.deepEqual(read(decodeAnswer('ListTaskPushNotificationConfigs', empty)), {})
  assert.deepEqual(read(decodeAnswer('SendMessage', inner(2, int(4, 2)))), {
    message: { role: 'ROLE_AGENT', messageId: '', parts: [] },
  })
  // what nobody says stays unsaid
  assert.deepEqual(read(decodeRequest('SendMessage', empty)), {})
  assert.deepEqual(read(decodeRequest('GetTask', empty)), { id: '' })
})

test('an answer of nothing is an empty object', () => {
  for (const version of versions)
    assert.deepEqual(decodeAnswer('DeleteTaskPushNotificationConfig', Buffer.alloc(0), version), {
      ok: true,
      text: '{}',
    })
  for (const value of [null, {}])
    assert.equal(written(encodeAnswer('DeleteTaskPushNotificationConfig', value)).length, 0)
})

test('refuses what the scan refuses', () => {
  assert.equal(reasonOf(decodeRequest('GetTask', bytes(text(2, 'a'), text(2, 'b')))), 'repeated')
  assert.equal(reasonOf(decodeAnswer('GetTask', inner(3, int(1, 99)))), 'enum')
  assert.equal(reasonOf(decodeRequest('GetTask', bytes(tag(2, 2), varint(9)))), 'truncated')
})

test('refuses times that ProtoJSON cannot say', () => {
  const at = (...fields: Buffer[]): Buffer => inner(3, int(1, 2), inner(3, ...fields))
  for (const bad of [
    at(int(1, 253_402_300_800)),
    at(int(1, -62_135_596_801n)),
    at(int(1, 2n ** 63n - 1n)),
    at(int(2, 1_000_000_000)),
    at(int(2, -1)),
  ])
    assert.equal(reasonOf(decodeAnswer('GetTask', bad)), 'value')
  assert.deepEqual(read(decodeAnswer('GetTask', at(int(1, 1_796_000_000), int(2, 5)))), {
    id: '',
    status: { state: 'TASK_STATE_WORKING', timestamp: '2026-11-30T00:53:20.000000005Z' },
  })
})

test('refuses an operation that the version does not have', () => {
  assert.equal(reasonOf(decodeRequest('ListTasks', Buffer.alloc(0), '0.3')), 'operation')
  assert.equal(reasonOf(decodeAnswer('ListTasks', Buffer.alloc(0), '0.3')), 'operation')
  assert.equal(failureOf(encodeRequest('ListTasks', {}, '0.3')), 'operation ')
  assert.equal(failureOf(encodeAnswer('ListTasks', {}, '0.3')), 'operation ')
})

test('names what a message has no place for', () => {
  const encoded = encodeRequest('SendMessage', {
    message: {
      messageId: 'm',
      role: 'ROLE_USER',
      parts: [
        { text: 'a', mimeType: 'x' },
        { data: { anything: [null] }, metadata: { goes: 1 } },
      ],
      message_id: 'n',
      metadata: { x: { y: [1] } },
    },
    configuration: { blocking: true },
    extra: { a: 1 },
  })
  assert.ok(encoded.ok)
  assert.deepEqual(encoded.lost, ['message.parts[0].mimeType', 'message.message_id', 'configuration.blocking', 'extra'])
})

test('names no more than a hundred of them, each cut', () => {
  const members = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`${'x'.repeat(1_000)}${at}`, 1]))
  const encoded = encodeRequest('GetTask', { id: 't', ...members })
  assert.ok(encoded.ok)
  assert.equal(encoded.lost.length, 100)
  assert.equal(encoded.lost[0]?.length, 256)
})

const unfit: readonly [string, JsonValue, string][] = [
  ['a list', [], 'type '],
  ['null', null, 'type '],
  ['a number for a text', { tenant: 1 }, 'type tenant'],
  ['a text for a number', { configuration: { historyLength: '1' } }, 'type configuration.historyLength'],
  ['half a number', { configuration: { historyLength: 1.5 } }, 'range configuration.historyLength'],
  ['2^31', { configuration: { historyLength: 2 ** 31 } }, 'range configuration.historyLength'],
  ['-2^31 - 1', { configuration: { historyLength: -(2 ** 31) - 1 } }, 'range configuration.historyLength'],
  ['a text for a boolean', { configuration: { returnImmediately: 'true' } }, 'type configuration.returnImmediately'],
  ['an enum as a number', { message: { role: 1 } }, 'type message.role'],
  ['an enum out of the schema', { message: { role: 'user' } }, 'enum message.role'],
  ['an object for a list', { message: { parts: {} } }, 'type message.parts'],
  ['null in a list', { message: { parts: [null] } }, 'null message.parts[0]'],
  ['null in a list of texts', { message: { extensions: ['a', null] } }, 'null message.extensions[1]'],
  ['two kinds of part', { message: { parts: [{ text: 'a' }, { text: 'a', url: 'b' }] } }, 'union message.parts[1]'],
  ['a null kind of part', { message: { parts: [{ text: null }] } }, 'type message.parts[0].text'],
  ['base64url', { message: { parts: [{ raw: '_-8=' }] } }, 'base64 message.parts[0].raw'],
  ['base64 without padding', { message: { parts: [{ raw: 'AA' }] } }, 'base64 message.parts[0].raw'],
  ['a prototype in metadata', { metadata: JSON.parse('{"__proto__":{"approved":true}}') as JsonValue }, 'key metadata'],
  [
    'a prototype deep in data',
    { message: { parts: [{ data: JSON.parse('[{"a":{"__proto__":1}}]') as JsonValue }] } },
    'key message.parts[0].data',
  ],
  ['a list for a struct', { metadata: [] }, 'type metadata'],
]
for (const [name, value, failure] of unfit)
  test(`does not encode ${name}`, () => assert.equal(failureOf(encodeRequest('SendMessage', value)), failure))

test('does not encode a time of another spelling', () => {
  const at = (timestamp: JsonValue): string =>
    failureOf(encodeAnswer('GetTask', { status: { state: 'TASK_STATE_WORKING', timestamp } }))
  for (const bad of ['', 'now', '2026-11-29', '2026-11-29 00:00:00Z', '2026-11-29T00:00:00', '20261129T000000Z', 1])
    assert.equal(at(bad), 'timestamp status.timestamp')
  assert.equal(at('2026-13-29T00:00:00Z'), 'value ')
  assert.equal(at('2026-11-29T00:00:00+01:00'), 'encoded')
})

test('null says that a member is not there, but for the value null', () => {
  const encoded = encodeRequest('SendMessage', { tenant: null, message: { parts: [{ data: null }] }, metadata: null })
  assert.deepEqual(read(decodeRequest('SendMessage', written(encoded))), {
    message: { messageId: '', parts: [{ data: null }] },
  })
})

for (const version of versions) {
  test(`whatever ${version} can say comes back as it was`, () => {
    for (const operation of operationNames) {
      const method = methodOf(operation, version)
      if (method === undefined) continue
      const both = [
        [method.request, encodeRequest, decodeRequest],
        [method.answer, encodeAnswer, decodeAnswer],
      ] as const
      for (const [message, encode, decode] of both) {
        fc.assert(
          fc.property(messagesOf(message), (value) => {
            const encoded = encode(operation, value, version)
            assert.deepEqual(encoded.ok && encoded.lost, [])
            same(read(decode(operation, written(encoded), version)), value)
          }),
          { numRuns: 10 },
        )
      }
    }
  })
}
