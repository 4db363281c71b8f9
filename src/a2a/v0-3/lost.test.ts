// What has no place on the other side is named with its path, and unknown members that would begin to mean something
// there never arrive.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import type { Operation } from '../operations.ts'
import { answerFrom03, answerTo03 } from './answers.ts'
import type { Form03 } from './names.ts'
import { requestFrom03, requestTo03, type Translated } from './requests.ts'

function lostOf(result: Translated): readonly string[] {
  assert.ok(result.ok, JSON.stringify(result))
  return result.lost
}
const send = (part: JsonObject, inMessage: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  message: { messageId: 'm1', role: 'ROLE_USER', parts: [part], ...inMessage },
  ...more,
})

const toLegacy: readonly (readonly [string, Form03, Operation, JsonObject, readonly string[]])[] = [
  [
    'a media type of text',
    'json',
    'SendMessage',
    send({ text: 'a', mediaType: 'text/markdown' }),
    ['message.parts[0].mediaType'],
  ],
  ['a file name of data', 'json', 'SendMessage', send({ data: {}, filename: 'a.json' }), ['message.parts[0].filename']],
  ['an empty media type is nothing', 'json', 'SendMessage', send({ text: 'a', mediaType: '' }), []],
  ['a tenant', 'json', 'SendMessage', send({ text: 'a' }, {}, { tenant: 'x' }), ['tenant']],
  ['a tenant of a question', 'json', 'GetTask', { id: 't1', tenant: 'x' }, ['tenant']],
  ['history of 0 in a2a.v1', 'proto', 'GetTask', { id: 't1', historyLength: 0 }, ['historyLength']],
  ['metadata of a cancellation in a2a.v1', 'proto', 'CancelTask', { id: 't1', metadata: { a: 1 } }, ['metadata']],
  [
    'pages of webhooks',
    'json',
    'ListTaskPushNotificationConfigs',
    { taskId: 't1', pageSize: 5, pageToken: 'p' },
    ['pageSize', 'pageToken'],
  ],
  [
    'a webhook of another task',
    'json',
    'SendMessage',
    send(
      { text: 'a' },
      { taskId: 't1' },
      { configuration: { taskPushNotificationConfig: { url: 'https://a.example', taskId: 't2' } } },
    ),
    ['configuration.taskPushNotificationConfig.taskId'],
  ],
  [
    'a webhook of the same task',
    'json',
    'SendMessage',
    send(
      { text: 'a' },
      { taskId: 't1' },
      { configuration: { taskPushNotificationConfig: { url: 'https://a.example', taskId: 't1' } } },
    ),
    [],
  ],
  ['an unknown kind of a part', 'json', 'SendMessage', send({ text: 'a', kind: 'data' }), ['message.parts[0].kind']],
  [
    'an unknown file of a part',
    'json',
    'SendMessage',
    send({ text: 'a', file: { uri: 'https://a.example' } }),
    ['message.parts[0].file'],
  ],
  ['an unknown KIND of a part', 'json', 'SendMessage', send({ text: 'a', KIND: 'data' }), ['message.parts[0].KIND']],
  ['an unknown kind of the message', 'json', 'SendMessage', send({ text: 'a' }, { kind: 'task' }), ['message.kind']],
  [
    'an unknown content of the message',
    'proto',
    'SendMessage',
    send({ text: 'a' }, { content: [{ text: 'b' }] }),
    ['message.content'],
  ],
  [
    'an unknown request beside the message',
    'proto',
    'SendMessage',
    send({ text: 'a' }, {}, { request: {} }),
    ['request'],
  ],
  [
    'an unknown blocking',
    'json',
    'SendMessage',
    send({ text: 'a' }, {}, { configuration: { blocking: false } }),
    ['configuration.blocking'],
  ],
  ['an unknown id of a webhook of a2a.v1', 'proto', 'GetTask', { id: 't1', name: 'tasks/t2' }, ['name']],
  [
    'another spelling of a member that only 0.3 has',
    'json',
    'GetTaskPushNotificationConfig',
    { taskId: 't1', id: 'c1', push_notification_config_id: 'c2' },
    ['push_notification_config_id'],
  ],
  [
    'schemes beside the scheme',
    'json',
    'CreateTaskPushNotificationConfig',
    { taskId: 't1', url: 'https://a.example', authentication: { scheme: 'Bearer', schemes: ['Basic'] } },
    ['authentication.schemes'],
  ],
  [
    'the mark of wrapped data',
    'json',
    'SendMessage',
    send({ data: { value: 1 }, metadata: { data_part_compat: true } }),
    ['message.parts[0].metadata.data_part_compat'],
  ],
]
for (const [what, form, operation, params, lost] of toLegacy)
  test(`${form}, towards 0.3: ${what}`, () => assert.deepEqual(lostOf(requestTo03(operation, params, form)), lost))

test('what is lost of a part is not there, and the rest is', () => {
  const result = requestTo03('SendMessage', send({ text: 'a', kind: 'data', file: {}, 'x-a': 1 }), 'json')
  assert.ok(result.ok)
  const { message } = result.value as { message: { parts: JsonValue[] } }
  assert.deepEqual(message.parts, [{ kind: 'text', text: 'a', 'x-a': 1 }])
})

const text = { kind: 'text', text: 'a' }
const sendLegacy = (part: JsonObject, more: JsonObject = {}): JsonObject => ({
  message: { messageId: 'm1', role: 'user', parts: [part] },
  ...more,
})
const fromLegacy: readonly (readonly [string, Operation, JsonObject, readonly string[]])[] = [
  [
    'unknown members of a file',
    'SendMessage',
    sendLegacy({ kind: 'file', file: { uri: 'https://a.example', sha256: 'x' } }),
    ['message.parts[0].file.sha256'],
  ],
  [
    'a second scheme',
    'SendMessage',
    sendLegacy(text, {
      configuration: {
        pushNotificationConfig: { url: 'https://a.example', authentication: { schemes: ['Basic', 'Bearer'] } },
      },
    }),
    ['configuration.pushNotificationConfig.authentication.schemes'],
  ],
  ['metadata of a question', 'GetTask', { id: 't1', metadata: { a: 1 } }, ['metadata']],
  ['empty metadata of a question is nothing', 'GetTask', { id: 't1', metadata: {} }, []],
  [
    'members beside a webhook',
    'CreateTaskPushNotificationConfig',
    { taskId: 't1', pushNotificationConfig: { url: 'https://a.example' }, note: 'x' },
    ['note'],
  ],
]
for (const [what, operation, params, lost] of fromLegacy)
  test(`towards 1.0: ${what}`, () => assert.deepEqual(lostOf(requestFrom03(operation, params, 'json')), lost))

test('unknown members stay where the position exists in both, a prototype among them', () => {
  const params = JSON.parse(
    '{"message":{"messageId":"m1","role":"user","parts":[{"kind":"text","text":"a","y":[1]}],"x":{"__proto__":1}},"__proto__":{"z":1}}',
  ) as JsonObject
  const result = requestFrom03('SendMessage', params, 'json')
  assert.deepEqual(lostOf(result), [])
  assert.equal(
    result.ok && JSON.stringify(result.value),
    '{"message":{"messageId":"m1","role":"ROLE_USER","parts":[{"text":"a","y":[1]}],"x":{"__proto__":1}},"__proto__":{"z":1}}',
  )
})

test('an answer whose role nobody knows is the agent’s, and says so', () => {
  assert.deepEqual(lostOf(answerTo03('SendMessage', { message: { messageId: 'm1' } }, 'json')), ['message.role'])
})

test('further pages of webhooks are named', () => {
  const answer = { configs: [], nextPageToken: 'p' }
  assert.deepEqual(lostOf(answerTo03('ListTaskPushNotificationConfigs', answer, 'json')), ['nextPageToken'])
  assert.deepEqual(lostOf(answerTo03('ListTaskPushNotificationConfigs', answer, 'proto')), [])
})

test('members beside an event of 1.0 have no place beside a bare one of 0.3', () => {
  const event = { task: { id: 't1', status: { state: 'TASK_STATE_WORKING' } }, 'x-a': 1 }
  assert.deepEqual(lostOf(answerTo03('SubscribeToTask', event, 'json')), ['x-a'])
  const kept = answerTo03('SubscribeToTask', event, 'proto')
  assert.deepEqual(lostOf(kept), [])
  assert.equal(kept.ok && (kept.value as JsonObject)['x-a'], 1)
  assert.deepEqual(lostOf(answerFrom03('SubscribeToTask', kept.ok ? kept.value : null, 'proto')), [])
})

test('a thousand lost members are sixty-four and an ellipsis, and long names are cut', () => {
  const metadataless = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`m${at}`, 1]))
  const file = { kind: 'file', file: { uri: 'https://a.example', ...metadataless } }
  const lost = lostOf(requestFrom03('SendMessage', sendLegacy(file), 'json'))
  assert.equal(lost.length, 65)
  assert.equal(lost.at(-1), '…')
  const [path = ''] = lostOf(
    requestFrom03(
      'SendMessage',
      sendLegacy({ kind: 'file', file: { uri: 'https://a.example', ['x'.repeat(5000)]: 1 } }),
      'json',
    ),
  )
  assert.ok(path.length < 150)
})

test('ids that a path in text cannot hold are refused towards a2a.v1', () => {
  assert.deepEqual(requestTo03('GetTask', { id: 'a/b' }, 'proto'), { ok: false, path: 'id', reason: 'inexpressible' })
  assert.deepEqual(requestTo03('GetTaskPushNotificationConfig', { taskId: 't1', id: 'a/b' }, 'proto'), {
    ok: false,
    path: 'id',
    reason: 'inexpressible',
  })
  assert.equal(answerTo03('GetTaskPushNotificationConfig', { taskId: 'a/b', id: 'c1' }, 'proto').ok, false)
  assert.equal(requestTo03('GetTask', { id: 'a/b' }, 'json').ok, true)
})
