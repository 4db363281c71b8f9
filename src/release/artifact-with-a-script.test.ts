// The attack: an agent hands its callers a page with a script, a program, or more than anybody asked for, wherever an
// answer or an event has room for it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admittedOf, memoryOwnership, snapshotOf, type FakeAdmitted } from '../../test/fakes/walk.ts'
import type { ConfigInput } from '../config/config.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { releaseAnswer, releaseEvent } from './release.ts'

type Rules = NonNullable<NonNullable<ConfigInput['agents']>[number]['artifacts']>

const textOnly: Rules = { mediaTypes: ['text/plain', 'application/json', 'image/*'] }

function callWith(artifacts: Rules, call: FakeAdmitted = {}): Admitted {
  const snapshot = snapshotOf({ agents: [{ name: 'calculator', url: 'http://127.0.0.1:9/', artifacts }] })
  return admittedOf({ snapshot, binding: 'HTTP+JSON', ...call })
}

const working = { state: 'TASK_STATE_WORKING' }
const codeOf = (released: ReturnType<typeof releaseAnswer> | ReturnType<typeof releaseEvent>): string =>
  isRefusal(released) ? released.code : 'released'

function answered(artifacts: Rules, result: object, call: FakeAdmitted = {}): string {
  const admitted = callWith(artifacts, call)
  const ownership = memoryOwnership()
  const body = Buffer.from(JSON.stringify(result))
  const code = codeOf(releaseAnswer(admitted, { status: 200, contentType: 'application/json', body }, ownership))
  if (code === 'RELEASE_ARTIFACT') assert.equal(ownership.tasks.size, 0, 'what is refused makes nobody an owner')
  return code
}

const artifactOf = (...parts: object[]): object => ({ artifactId: 'a', parts })
const places: Readonly<Record<string, (part: object) => [object, FakeAdmitted?]>> = {
  'an artifact of a task': (part) => [{ task: { id: 't', status: working, artifacts: [artifactOf(part)] } }],
  'a second part': (part) => [
    { task: { id: 't', status: working, artifacts: [artifactOf({ text: 'x' }), artifactOf({ text: 'y' }, part)] } },
  ],
  'a message': (part) => [{ message: { messageId: 'm', role: 'ROLE_AGENT', parts: [part] } }],
  "a message in the caller's name": (part) => [{ message: { messageId: 'm', role: 'ROLE_USER', parts: [part] } }],
  'a status': (part) => [
    { task: { id: 't', status: { ...working, message: { messageId: 'm', role: 'ROLE_AGENT', parts: [part] } } } },
  ],
  'a history': (part) => [
    { task: { id: 't', status: working, history: [{ messageId: 'm', role: 'ROLE_AGENT', parts: [part] }] } },
  ],
  'a message without a role': (part) => [
    { task: { id: 't', status: working, history: [{ messageId: 'm', parts: [part] }] } },
  ],
  'the answer to GetTask': (part) => [
    { id: 't', status: working, artifacts: [artifactOf(part)] },
    { operation: 'GetTask', taskId: 't' },
  ],
  'the answer to CancelTask': (part) => [
    { id: 't', status: working, artifacts: [artifactOf(part)] },
    { operation: 'CancelTask', taskId: 't' },
  ],
}

const parts: Readonly<Record<string, object>> = {
  'a page': { text: '<script>', mediaType: 'text/html' },
  'a page in capitals with parameters': { text: '<script>', mediaType: 'TEXT/HTML; charset=utf-8' },
  'a script as a file': { raw: 'AAEC', mediaType: 'application/javascript' },
  'a file of no type': { raw: 'AAEC' },
  'a link of no type': { url: 'https://evil.example/x' },
  'a type that is none': { text: 'x', mediaType: 'text' },
  'two types in one': { text: 'x', mediaType: 'text/plain,text/html' },
  'a type with a wildcard': { text: 'x', mediaType: 'text/*' },
  'a page by the old name for its type': { text: '<script>', mimeType: 'text/html' },
  'a page by the old name beside a harmless new one': {
    text: '<script>',
    mediaType: 'text/plain',
    mimeType: 'text/html',
  },
}

for (const [place, resultOf] of Object.entries(places)) {
  test(`refuses ${Object.keys(parts).join(', ')} as ${place}`, () => {
    for (const [name, part] of Object.entries(parts))
      assert.equal(answered(textOnly, ...resultOf(part)), 'RELEASE_ARTIFACT', name)
    assert.equal(answered(textOnly, ...resultOf({ text: 'x' })), 'released')
    assert.equal(answered(textOnly, ...resultOf({ data: { a: 1 } })), 'released')
    assert.equal(answered(textOnly, ...resultOf({ raw: 'AAEC', mediaType: 'image/png' })), 'released')
  })
}

test('an empty list of types allows none, and every type but what is none matches */*', () => {
  const [result] = places['a message']?.({ text: 'x' }) ?? [{}]
  assert.equal(answered({ mediaTypes: [] }, result), 'RELEASE_ARTIFACT')
  assert.equal(answered({ mediaTypes: ['*/*'] }, result), 'released')
  const [nonsense] = places['a message']?.({ text: 'x', mediaType: 'x y/z' }) ?? [{}]
  assert.equal(answered({ mediaTypes: ['*/*'] }, nonsense), 'RELEASE_ARTIFACT')
})

test('what a caller wrote itself comes back in the history, whatever it was', () => {
  const history = [{ messageId: 'm', role: 'ROLE_USER', parts: [{ raw: 'AAEC' }] }]
  assert.equal(answered(textOnly, { task: { id: 't', status: working, history } }), 'released')
})

test('artifacts are counted together, as the bytes that they hold', () => {
  const taskOf = (...artifacts: object[]): object => ({ task: { id: 't', status: working, artifacts } })
  const rules: Rules = { size: 10 }
  assert.equal(answered(rules, taskOf(artifactOf({ text: '12345' }), artifactOf({ text: '67890' }))), 'released')
  assert.equal(
    answered(rules, taskOf(artifactOf({ text: '12345' }), artifactOf({ text: '678901' }))),
    'RELEASE_ARTIFACT',
  )
  assert.equal(answered(rules, taskOf(artifactOf({ text: 'ééééé' }))), 'released')
  assert.equal(answered(rules, taskOf(artifactOf({ text: 'éééééé' }))), 'RELEASE_ARTIFACT')
  assert.equal(answered(rules, taskOf(artifactOf({ raw: Buffer.alloc(10).toString('base64') }))), 'released')
  assert.equal(answered(rules, taskOf(artifactOf({ raw: Buffer.alloc(11).toString('base64') }))), 'RELEASE_ARTIFACT')
  assert.equal(answered(rules, taskOf(artifactOf({ data: { long: 'a' } }))), 'RELEASE_ARTIFACT')
})

test('what comes in small pieces over a stream is counted over the stream, and of another stream is not', () => {
  const first = callWith({ size: 10 }, { operation: 'SendStreamingMessage' })
  const second = callWith({ size: 10 }, { operation: 'SendStreamingMessage' })
  const ownership = memoryOwnership()
  const piece = { artifactUpdate: { taskId: 't', append: true, artifact: artifactOf({ text: '1234' }) } }
  const send = (call: Admitted): string =>
    codeOf(releaseEvent(call, { name: '', data: JSON.stringify(piece) }, ownership))
  assert.deepEqual(
    [send(first), send(first), send(second), send(first)],
    ['released', 'released', 'released', 'RELEASE_ARTIFACT'],
  )
})
