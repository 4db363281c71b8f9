import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { operationNames, type Operation } from '../a2a/operations.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { decodeAnswer } from './decode.ts'
import { encodeAnswer } from './encode.ts'
import { messagesOf } from './fake-messages.ts'
import { bytes, double, inner, int, text } from './fake-wire.ts'
import { peekTenant, rewriteAnswer, rewriteRequest } from './rewrite-wire.ts'
import { methodOf } from './schema.ts'
import { scanWire } from './scan-wire.ts'

const unknown = bytes(int(99, 1), text(98, Buffer.of(0xff, 0)), double(97, 1), int(99, 2))
const message = (...fields: Buffer[]): Buffer => inner(2, text(1, 'm1'), int(4, 1), ...fields)

test('sets, puts in and takes away a tenant, and nothing else', () => {
  const without = bytes(unknown, message(), unknown)
  const withTenant = bytes(unknown, text(1, 'acme'), message(), unknown)
  const set = (request: Buffer, tenant: string | undefined): Buffer =>
    rewriteRequest('SendMessage', request, { tenant })
  assert.deepEqual(set(withTenant, 'b'), bytes(unknown, text(1, 'b'), message(), unknown))
  assert.deepEqual(set(withTenant, ''), without)
  assert.deepEqual(set(without, ''), without)
  assert.deepEqual(set(without, 'acme'), bytes(without, text(1, 'acme')))
  assert.deepEqual(set(withTenant, undefined), withTenant)
  const long = 'é'.repeat(40_000)
  assert.equal(peekTenant('SendMessage', set(without, long)), long)
})

test('an empty tenant that was written out is replaced, not repeated', () => {
  assert.deepEqual(
    rewriteRequest('GetTask', bytes(text(1, ''), text(2, 't')), { tenant: 'a' }),
    bytes(text(1, 'a'), text(2, 't')),
  )
})

test('every operation has its tenant where its message has it', () => {
  for (const operation of operationNames) {
    const number = operation === 'ListTaskPushNotificationConfigs' ? 4 : 1
    assert.deepEqual(rewriteRequest(operation, Buffer.alloc(0), { tenant: 'a' }), text(number, 'a'), operation)
    assert.equal(peekTenant(operation, bytes(unknown, text(number, 'a'))), 'a')
    assert.equal(peekTenant(operation, unknown), '')
  }
})

test('0.3 has no tenant', () => {
  const request = text(1, 'tasks/1')
  assert.equal(peekTenant('GetTask', request, '0.3'), '')
  assert.deepEqual(rewriteRequest('GetTask', request, { tenant: 'a' }, '0.3'), request)
})

test('a tenant is looked for in what may be no message at all', () => {
  for (const bad of [Buffer.of(0x0a), Buffer.of(0x0a, 9, 1), Buffer.of(0x0b), Buffer.alloc(20, 0xff), int(1, 5)])
    assert.equal(peekTenant('SendMessage', bad), '')
})

test('renames the context of a message that is sent, in both versions', () => {
  for (const [version, number] of [
    ['1.0', 2],
    ['0.3', 1],
  ] as const) {
    const send = (...fields: Buffer[]): Buffer =>
      bytes(unknown, inner(number, text(1, 'm'), ...fields, unknown), unknown)
    const set = (request: Buffer, contextId: string): Buffer =>
      rewriteRequest('SendStreamingMessage', request, { contextId }, version)
    assert.deepEqual(set(send(text(2, 'mine')), 'theirs'), send(text(2, 'theirs')))
    assert.deepEqual(set(send(text(2, 'mine')), ''), send())
    assert.deepEqual(
      set(send(), 'theirs'),
      bytes(unknown, inner(number, text(1, 'm'), unknown, text(2, 'theirs')), unknown),
    )
    // there is no message to put it into
    assert.deepEqual(set(unknown, 'theirs'), unknown)
  }
})

test('renames the context that a list is filtered by', () => {
  const list = (context: string): Buffer => bytes(text(2, context), int(4, 5), unknown)
  assert.deepEqual(rewriteRequest('ListTasks', list('mine'), { contextId: 'theirs' }), list('theirs'))
})

test('leaves a request without a context as it is', () => {
  const request = bytes(text(2, 't1'), unknown)
  assert.deepEqual(rewriteRequest('CancelTask', request, { contextId: 'x' }), request)
})

const rename = (contextId: string): string => `<${contextId}>`

test('renames every context of an answer, and no other text', () => {
  const said = (context: string): Buffer =>
    bytes(text(1, 'c1'), text(2, context), text(3, 'c1'), inner(5, text(1, 'c1')), text(8, 'c1'), unknown)
  const data = inner(4, inner(5, inner(1, text(1, 'contextId'), inner(2, text(3, 'c1')))))
  const task = (one: string, two: string, three: string): Buffer =>
    bytes(
      text(1, 'c1'),
      text(2, one),
      inner(3, int(1, 2), inner(2, said(two)), unknown),
      inner(4, text(1, 'c1'), inner(4, data), unknown),
      inner(5, said(three)),
      inner(5, text(1, 'm')),
      unknown,
    )
  const before = task('c1', 'c2', 'c3')
  const after = task('<c1>', '<c2>', '<c3>')
  assert.deepEqual(rewriteAnswer('GetTask', before, rename), after)
  assert.deepEqual(rewriteAnswer('SendMessage', inner(1, before), rename), inner(1, after))
  assert.deepEqual(rewriteAnswer('SendMessage', inner(2, said('c')), rename), inner(2, said('<c>')))
  assert.deepEqual(
    rewriteAnswer('ListTasks', bytes(inner(1, before), inner(1, before), text(2, 'c1')), rename),
    bytes(inner(1, after), inner(1, after), text(2, 'c1')),
  )
  const status = (one: string, two: string): Buffer =>
    inner(3, text(1, 'c1'), text(2, one), inner(3, inner(2, said(two))))
  assert.deepEqual(rewriteAnswer('SubscribeToTask', status('a', 'b'), rename), status('<a>', '<b>'))
  const artifact = (one: string): Buffer =>
    inner(4, text(1, 'c1'), text(2, one), inner(3, text(1, 'c1'), text(2, 'c1')))
  assert.deepEqual(rewriteAnswer('SendStreamingMessage', artifact('a'), rename), artifact('<a>'))
})

test('a context that is empty has no name, and one that is renamed to nothing goes', () => {
  assert.deepEqual(rewriteAnswer('GetTask', bytes(text(1, 't'), text(2, '')), rename), bytes(text(1, 't'), text(2, '')))
  assert.deepEqual(
    rewriteAnswer('GetTask', bytes(text(1, 't'), text(2, 'c')), () => ''),
    text(1, 't'),
  )
})

test('answers that name no context are not touched', () => {
  for (const operation of ['GetExtendedAgentCard', 'CreateTaskPushNotificationConfig'] as const) {
    const answer = bytes(text(2, 'c1'), unknown)
    assert.deepEqual(rewriteAnswer(operation, answer, rename), answer)
  }
})

/** The same on the JSON side, by name: what the wire form must agree with. */
function renamed(value: JsonValue, operation: Operation): JsonValue {
  const text = JSON.stringify(value, (key, member: JsonValue) =>
    key === 'contextId' && typeof member === 'string' && member !== '' ? rename(member) : member,
  )
  return operation === 'GetExtendedAgentCard' ? value : (JSON.parse(text) as JsonValue)
}

test('whatever the answer, its contexts and nothing else are renamed, and it is as strict as before', () => {
  for (const operation of operationNames) {
    const { answer } = methodOf(operation) ?? assert.fail()
    fc.assert(
      fc.property(messagesOf(answer), (value) => {
        const encoded = encodeAnswer(operation, value)
        assert.ok(encoded.ok)
        const changed = rewriteAnswer(operation, encoded.bytes, rename)
        assert.deepEqual(scanWire(answer, changed), { ok: true })
        const decoded = decodeAnswer(operation, changed)
        assert.ok(decoded.ok)
        assert.deepEqual(JSON.parse(decoded.text), renamed(value, operation))
        const back = rewriteAnswer(operation, changed, (contextId) => contextId.slice(1, -1))
        assert.deepEqual(back, encoded.bytes)
      }),
      { numRuns: 10 },
    )
  }
})
