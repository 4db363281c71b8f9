// Values that two decoders, or the two versions, could read differently: each is refused, in both forms.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import type { Operation } from '../operations.ts'
import { answerFrom03 } from './answers.ts'
import type { Form03 } from './names.ts'
import { requestFrom03 } from './requests.ts'

const json = (parts: readonly unknown[], more: object = {}, inMessage: object = {}): JsonValue =>
  ({
    message: { kind: 'message', messageId: 'm1', role: 'user', parts, ...inMessage },
    ...more,
  }) as unknown as JsonValue
const proto = (content: readonly unknown[], more: object = {}, inMessage: object = {}): JsonValue =>
  ({ message: { messageId: 'm1', role: 'ROLE_USER', content, ...inMessage }, ...more }) as unknown as JsonValue
const hello = { kind: 'text', text: 'hello' }
const helloProto = { text: 'hello' }

const refusedSends: readonly (readonly [string, Form03, JsonValue])[] = [
  ['no kind', 'json', json([{ text: 'hello' }])],
  ['a kind that is not one', 'json', json([{ kind: 'image', text: 'hello' }])],
  ['a kind in capitals', 'json', json([{ kind: 'Text', text: 'hello' }])],
  ['a kind that is no text', 'json', json([{ kind: ['text'], text: 'hello' }])],
  ['kind null', 'json', json([{ kind: null, text: 'hello' }])],
  ['an inherited name as kind', 'json', json([{ kind: 'constructor', text: 'hello' }])],
  ['kind text without text', 'json', json([{ kind: 'text' }])],
  ['kind text with text null', 'json', json([{ kind: 'text', text: null }])],
  ['kind text with data', 'json', json([{ kind: 'data', text: 'hello' }])],
  ['text and data', 'json', json([{ ...hello, data: {} }])],
  ['text and file', 'json', json([{ ...hello, file: { uri: 'https://example.com/a' } }])],
  ['text and raw of 1.0', 'json', json([{ ...hello, raw: 'aGk=' }])],
  ['text and url of 1.0', 'json', json([{ ...hello, url: 'https://example.com/a' }])],
  ['text with the media type of 1.0', 'json', json([{ ...hello, mediaType: 'text/html' }])],
  ['KIND beside kind', 'json', json([{ ...hello, KIND: 'data' }])],
  ['kInd with the Kelvin sign', 'json', json([{ ...hello, '\u212Aind': 'data' }])],
  ['TEXT beside text', 'json', json([{ ...hello, TEXT: 'other' }])],
  ['data that is no object', 'json', json([{ kind: 'data', data: [1] }])],
  ['a file of uri and bytes', 'json', json([{ kind: 'file', file: { uri: 'https://example.com/a', bytes: 'aGk=' } }])],
  [
    'a file of uri and no bytes at all',
    'json',
    json([{ kind: 'file', file: { uri: 'https://example.com/a', bytes: null } }]),
  ],
  ['a file of nothing', 'json', json([{ kind: 'file', file: { name: 'a' } }])],
  ['a file that is a text', 'json', json([{ kind: 'file', file: 'aGk=' }])],
  ['a file in the form of a2a.v1', 'json', json([{ kind: 'file', file: { fileWithUri: 'https://example.com/a' } }])],
  [
    'a file beside the form of a2a.v1',
    'json',
    json([{ kind: 'file', file: { uri: 'https://example.com/a', file_with_uri: 'https://example.com/b' } }]),
  ],
  ['bytes in the URL alphabet', 'json', json([{ kind: 'file', file: { bytes: '-_-_' } }])],
  ['bytes with loose bits', 'json', json([{ kind: 'file', file: { bytes: 'aGl=' } }])],
  ['no parts', 'json', json([])],
  ['parts of null', 'json', json([null])],
  ['message_id', 'json', json([hello], {}, { message_id: 'm2' })],
  ['taskid', 'json', json([hello], {}, { taskid: 't2' })],
  ['context_id', 'json', json([hello], {}, { context_id: 'c2' })],
  ['reference_task_ids', 'json', json([hello], {}, { reference_task_ids: ['t2'] })],
  ['a kind of message that is a task', 'json', json([hello], {}, { kind: 'task' })],
  ['the role of 1.0', 'json', json([hello], {}, { role: 'ROLE_USER' })],
  ['the role in capitals', 'json', json([hello], {}, { role: 'User' })],
  ['an empty messageId', 'json', json([hello], {}, { messageId: '' })],
  ['a messageId with NUL', 'json', json([hello], {}, { messageId: 'm\0' })],
  ['a tenant', 'json', json([hello], { tenant: 'other' })],
  [
    'the webhook of 1.0',
    'json',
    json([hello], { configuration: { taskPushNotificationConfig: { url: 'https://example.com' } } }),
  ],
  [
    'the webhook of a2a.v1',
    'json',
    json([hello], { configuration: { pushNotification: { url: 'https://example.com' } } }),
  ],
  [
    'the webhook in snake case',
    'json',
    json([hello], { configuration: { push_notification_config: { url: 'https://example.com' } } }),
  ],
  ['a webhook without url', 'json', json([hello], { configuration: { pushNotificationConfig: { token: 't' } } })],
  [
    'a webhook of another task',
    'json',
    json([hello], { configuration: { pushNotificationConfig: { url: 'https://example.com', taskId: 't2' } } }),
  ],
  [
    'a webhook with the scheme of 1.0',
    'json',
    json([hello], {
      configuration: {
        pushNotificationConfig: {
          url: 'https://example.com',
          authentication: { schemes: ['Basic'], scheme: 'Bearer' },
        },
      },
    }),
  ],
  [
    'blocking and returnImmediately',
    'json',
    json([hello], { configuration: { blocking: true, returnImmediately: true } }),
  ],
  ['blocking as a text', 'json', json([hello], { configuration: { blocking: 'true' } })],
  ['historyLength below none', 'json', json([hello], { configuration: { historyLength: -1 } })],
  ['historyLength as a text', 'json', json([hello], { configuration: { historyLength: '5' } })],
  [
    'wrapped data of two members',
    'json',
    json([{ kind: 'data', data: { value: 1, other: 2 }, metadata: { data_part_compat: true } }]),
  ],
  [
    'wrapped data that is an object',
    'json',
    json([{ kind: 'data', data: { value: { amount: 1 } }, metadata: { data_part_compat: true } }]),
  ],
  [
    'data wrapped by what is only true enough',
    'json',
    json([{ kind: 'data', data: { value: 1 }, metadata: { data_part_compat: 1 } }]),
  ],
  ['no message', 'json', {}],
  ['a message that is a list', 'json', { message: [] }],
  ['parameters that are a list', 'json', []],

  ['parts and content', 'proto', proto([helloProto], {}, { parts: [helloProto] })],
  ['parts of the form of JSON-RPC', 'proto', json([hello])],
  ['a part with a kind', 'proto', proto([{ ...hello }])],
  ['a part of two members', 'proto', proto([{ ...helloProto, data: { data: {} } }])],
  ['a part of none', 'proto', proto([{ metadata: {} }])],
  ['a part with a member that is null', 'proto', proto([{ ...helloProto, file: null }])],
  ['a part of 1.0', 'proto', proto([{ url: 'https://example.com/a' }])],
  ['a file of both', 'proto', proto([{ file: { fileWithUri: 'https://example.com/a', fileWithBytes: 'aGk=' } }])],
  ['a file of the form of JSON-RPC', 'proto', proto([{ file: { uri: 'https://example.com/a' } }])],
  ['file_with_uri', 'proto', proto([{ file: { file_with_uri: 'https://example.com/a' } }])],
  ['the role by number', 'proto', proto([helloProto], {}, { role: 1 })],
  ['the role of JSON-RPC', 'proto', proto([helloProto], {}, { role: 'user' })],
  ['no role', 'proto', proto([helloProto], {}, { role: 'ROLE_UNSPECIFIED' })],
  ['request, the name in the proto', 'proto', proto([helloProto], { request: { messageId: 'm2' } })],
  [
    'the webhook of JSON-RPC',
    'proto',
    proto([helloProto], { configuration: { pushNotificationConfig: { url: 'https://example.com' } } }),
  ],
  ['referenceTaskIds, which a2a.v1 lacks', 'proto', proto([helloProto], {}, { referenceTaskIds: ['t2'] })],
]

for (const [what, form, params] of refusedSends)
  test(`${form}: refuses a send with ${what}`, () => {
    assert.equal(requestFrom03('SendMessage', params, form).ok, false)
    assert.equal(requestFrom03('SendStreamingMessage', params, form).ok, false)
  })

const refusedQuestions: readonly (readonly [Operation, Form03, JsonObject])[] = [
  ['GetTask', 'json', {}],
  ['GetTask', 'json', { id: '' }],
  ['GetTask', 'json', { id: 't1', ID: 't2' }],
  ['GetTask', 'json', { id: 't1', taskId: 't2' }],
  ['GetTask', 'json', { id: 't1', name: 'tasks/t2' }],
  ['GetTask', 'json', { id: 't1', tenant: 'a' }],
  ['GetTask', 'json', { id: 't1', history_length: 1 }],
  ['CancelTask', 'json', { id: ['t1'] }],
  ['CancelTask', 'json', { taskId: 't1' }],
  ['SubscribeToTask', 'json', { id: 't1', task_id: 't2' }],
  ['GetTaskPushNotificationConfig', 'json', { id: 't1' }],
  ['GetTaskPushNotificationConfig', 'json', { taskId: 't1', id: 'c1' }],
  ['GetTaskPushNotificationConfig', 'json', { id: 't1', pushNotificationConfigId: '' }],
  ['DeleteTaskPushNotificationConfig', 'json', { id: 't1', push_notification_config_id: 'c1' }],
  ['CreateTaskPushNotificationConfig', 'json', { taskId: 't1', url: 'https://example.com' }],
  [
    'CreateTaskPushNotificationConfig',
    'json',
    { taskId: 't1', url: 'https://a.example', pushNotificationConfig: { url: 'https://b.example' } },
  ],
  ['CreateTaskPushNotificationConfig', 'json', { taskId: 't1', pushNotificationConfig: {} }],
  ['GetTask', 'proto', { name: 't1' }],
  ['GetTask', 'proto', { name: 'tasks/' }],
  ['GetTask', 'proto', { name: 'tasks/t1/' }],
  ['GetTask', 'proto', { name: '/tasks/t1' }],
  ['GetTask', 'proto', { name: 'Tasks/t1' }],
  ['GetTask', 'proto', { name: 'tasks/t1/pushNotificationConfigs/c1' }],
  ['GetTask', 'proto', { name: 'tasks/t\n1' }],
  ['GetTask', 'proto', { name: 'tasks/t1', id: 't2' }],
  ['CancelTask', 'proto', { name: 'tenants/a/tasks/t1' }],
  ['GetTaskPushNotificationConfig', 'proto', { name: 'tasks/t1' }],
  ['GetTaskPushNotificationConfig', 'proto', { name: 'tasks/t1/pushNotificationConfigs/' }],
  ['GetTaskPushNotificationConfig', 'proto', { name: 'tasks/t1/pushnotificationconfigs/c1' }],
  ['DeleteTaskPushNotificationConfig', 'proto', { name: 'tasks/t1/pushNotificationConfigs/c1/x' }],
  ['ListTaskPushNotificationConfigs', 'proto', { parent: 'tasks/t1', name: 'tasks/t2' }],
  [
    'CreateTaskPushNotificationConfig',
    'proto',
    {
      parent: 'tasks/t1',
      config: { name: 'tasks/t2/pushNotificationConfigs/c1', pushNotificationConfig: { url: 'https://example.com' } },
    },
  ],
  [
    'CreateTaskPushNotificationConfig',
    'proto',
    {
      parent: 'tasks/t1',
      configId: 'c1',
      config: { pushNotificationConfig: { id: 'c2', url: 'https://example.com' } },
    },
  ],
  [
    'CreateTaskPushNotificationConfig',
    'proto',
    { parent: 'tasks/t1', config: { name: 'tasks/t1', pushNotificationConfig: { url: 'https://example.com' } } },
  ],
]

for (const [operation, form, params] of refusedQuestions)
  test(`${form}: refuses ${operation} of ${JSON.stringify(params).slice(0, 100)}`, () => {
    assert.equal(requestFrom03(operation, params, form).ok, false)
  })

const task = { kind: 'task', id: 't1', contextId: 'c1', status: { state: 'working' } }
const { kind: _kind, ...taskProto } = { ...task, status: { state: 'TASK_STATE_WORKING' } }
const refusedAnswers: readonly (readonly [Operation, Form03, JsonValue])[] = [
  ['SendMessage', 'json', null],
  ['SendMessage', 'json', { ...task, kind: 'status-update' }],
  ['SendMessage', 'json', { task }],
  ['SendMessage', 'json', { ...task, status: { state: 'TASK_STATE_WORKING' } }],
  ['SendMessage', 'json', { ...task, status: { state: 'Working' } }],
  ['SendMessage', 'json', { ...task, status: {} }],
  ['SendMessage', 'json', { ...task, context_id: 'c2' }],
  ['SendMessage', 'json', { id: 't1', status: { state: 'working' } }],
  ['SendStreamingMessage', 'json', { ...task, kind: 'task-update' }],
  ['SendStreamingMessage', 'json', { statusUpdate: {} }],
  [
    'SubscribeToTask',
    'json',
    { kind: 'status-update', taskId: 't1', contextId: 'c1', status: { state: 'working' }, final: 'true' },
  ],
  ['SubscribeToTask', 'json', { kind: 'artifact-update', taskId: 't1', contextId: 'c1' }],
  ['GetTask', 'json', { ...task, kind: 'message' }],
  ['ListTaskPushNotificationConfigs', 'json', { configs: [] }],
  ['ListTaskPushNotificationConfigs', 'json', [null]],
  ['ListTaskPushNotificationConfigs', 'json', null],
  ['DeleteTaskPushNotificationConfig', 'json', true],
  ['GetTaskPushNotificationConfig', 'json', { taskId: 't1', id: 'c1', url: 'https://example.com' }],
  ['SendMessage', 'proto', taskProto],
  ['SendMessage', 'proto', { task: taskProto, message: null }],
  ['SendMessage', 'proto', { msg: { messageId: 'm1' } }],
  ['SendMessage', 'proto', { task: { ...taskProto, status: { state: 'TASK_STATE_CANCELED' } } }],
  ['SendMessage', 'proto', { task: { ...taskProto, status: { state: 2 } } }],
  ['SendMessage', 'proto', { task: { ...taskProto, status: { update: { messageId: 'm1' } } } }],
  ['SubscribeToTask', 'proto', {}],
  ['SubscribeToTask', 'proto', { status_update: {} }],
  [
    'GetTaskPushNotificationConfig',
    'proto',
    { name: 'tasks/t1', pushNotificationConfig: { url: 'https://example.com' } },
  ],
  [
    'GetTaskPushNotificationConfig',
    'proto',
    { name: 'tasks/t1/pushNotificationConfigs/c1', pushNotificationConfig: { id: 'c2', url: 'https://example.com' } },
  ],
]

for (const [operation, form, answer] of refusedAnswers)
  test(`${form}: refuses ${JSON.stringify(answer).slice(0, 100)} as an answer of ${operation}`, () => {
    assert.equal(answerFrom03(operation, answer, form).ok, false)
  })

test('what is refused above is refused for its oddity: the same without it passes', () => {
  assert.equal(requestFrom03('SendMessage', json([hello]), 'json').ok, true)
  assert.equal(requestFrom03('SendMessage', proto([helloProto]), 'proto').ok, true)
  assert.equal(answerFrom03('SendMessage', task, 'json').ok, true)
  assert.equal(answerFrom03('SendMessage', { task: taskProto }, 'proto').ok, true)
})
