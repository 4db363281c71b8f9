// Calls as the two specifications show them, in words of our own: what each side of the gateway reads and writes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExact } from '../../base/exact-json.ts'
import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import { answerFrom03, answerTo03 } from './answers.ts'
import { requestFrom03, requestTo03, type Translated } from './requests.ts'
import { requestFromRest03, requestToRest03 } from './rest.ts'

function valueOf(result: Translated): JsonValue {
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}
function lostOf(result: Translated): readonly string[] {
  assert.ok(result.ok, JSON.stringify(result))
  return result.lost
}

const joke10 = { message: { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'tell me a joke' }] } }

test('message/send without a kind on the message, as the oldest examples have it', () => {
  const params = {
    message: { role: 'user', parts: [{ kind: 'text', text: 'tell me a joke' }], messageId: 'm1' },
    metadata: {},
  }
  assert.deepEqual(valueOf(requestFrom03('SendMessage', params, 'json')), { ...joke10, metadata: {} })
})

test('a send in every position, to 0.3 and in a2a.v1', () => {
  const params: JsonObject = {
    message: {
      messageId: 'm2',
      contextId: 'c1',
      taskId: 't1',
      role: 'ROLE_USER',
      parts: [
        { text: 'here' },
        { raw: 'aGk=', mediaType: 'text/plain', filename: 'a.txt' },
        { url: 'https://example.com/b', mediaType: 'image/png' },
        { data: { amount: 1 }, metadata: { unit: 'EUR' } },
        { data: [1, 2] },
      ],
      extensions: ['https://example.com/ext'],
      referenceTaskIds: ['t0'],
    },
    configuration: {
      acceptedOutputModes: ['text/plain'],
      historyLength: 3,
      returnImmediately: true,
      taskPushNotificationConfig: {
        url: 'https://example.com/hook',
        token: 'secret',
        authentication: { scheme: 'Bearer', credentials: 'c' },
      },
    },
  }
  assert.deepEqual(valueOf(requestTo03('SendMessage', params, 'json')), {
    message: {
      kind: 'message',
      messageId: 'm2',
      contextId: 'c1',
      taskId: 't1',
      role: 'user',
      parts: [
        { kind: 'text', text: 'here' },
        { kind: 'file', file: { bytes: 'aGk=', mimeType: 'text/plain', name: 'a.txt' } },
        { kind: 'file', file: { uri: 'https://example.com/b', mimeType: 'image/png' } },
        { kind: 'data', data: { amount: 1 }, metadata: { unit: 'EUR' } },
        { kind: 'data', data: { value: [1, 2] }, metadata: { data_part_compat: true } },
      ],
      extensions: ['https://example.com/ext'],
      referenceTaskIds: ['t0'],
    },
    configuration: {
      acceptedOutputModes: ['text/plain'],
      historyLength: 3,
      blocking: false,
      pushNotificationConfig: {
        url: 'https://example.com/hook',
        token: 'secret',
        authentication: { schemes: ['Bearer'], credentials: 'c' },
      },
    },
  })
  const proto = requestTo03('SendMessage', params, 'proto')
  assert.deepEqual(lostOf(proto), ['message.referenceTaskIds'])
  assert.deepEqual(valueOf(proto), {
    message: {
      messageId: 'm2',
      contextId: 'c1',
      taskId: 't1',
      role: 'ROLE_USER',
      content: [
        { text: 'here' },
        { file: { fileWithBytes: 'aGk=', mimeType: 'text/plain', name: 'a.txt' } },
        { file: { fileWithUri: 'https://example.com/b', mimeType: 'image/png' } },
        { data: { data: { amount: 1 } }, metadata: { unit: 'EUR' } },
        { data: { data: { value: [1, 2] } }, metadata: { data_part_compat: true } },
      ],
      extensions: ['https://example.com/ext'],
    },
    configuration: {
      acceptedOutputModes: ['text/plain'],
      historyLength: 3,
      blocking: false,
      pushNotification: {
        url: 'https://example.com/hook',
        token: 'secret',
        authentication: { schemes: ['Bearer'], credentials: 'c' },
      },
    },
  })
})

test('whether a send waits: absent, true and false, in each form and direction', () => {
  const from = (configuration: JsonObject, form: 'json' | 'proto'): JsonValue | undefined => {
    const message =
      form === 'json'
        ? { messageId: 'm', role: 'user', parts: [{ kind: 'text', text: '' }] }
        : { messageId: 'm', role: 'ROLE_USER', content: [{ text: '' }] }
    const value = valueOf(requestFrom03('SendMessage', { message, configuration }, form)) as {
      configuration: JsonObject
    }
    return value.configuration['returnImmediately']
  }
  assert.equal(from({}, 'json'), undefined)
  assert.equal(from({ blocking: true }, 'json'), false)
  assert.equal(from({ blocking: false }, 'json'), true)
  assert.equal(from({ blocking: null }, 'json'), undefined)
  assert.equal(from({}, 'proto'), true)
  assert.equal(from({ blocking: true }, 'proto'), false)
  const to = (configuration: JsonObject | undefined, form: 'json' | 'proto'): JsonValue | undefined => {
    const value = valueOf(requestTo03('SendMessage', configuration ? { ...joke10, configuration } : joke10, form)) as {
      configuration?: JsonObject
    }
    return value.configuration?.['blocking']
  }
  assert.equal(to(undefined, 'json'), undefined)
  assert.equal(to({}, 'json'), true)
  assert.equal(to({ returnImmediately: false }, 'json'), true)
  assert.equal(to({ returnImmediately: true }, 'json'), false)
  assert.equal(to(undefined, 'proto'), true)
  assert.equal(to({ returnImmediately: true }, 'proto'), false)
})

test('a task as an answer', () => {
  const legacy = {
    kind: 'task',
    id: 't1',
    contextId: 'c1',
    status: { state: 'completed', timestamp: '2025-07-30T10:00:00Z' },
    artifacts: [{ artifactId: 'a1', name: 'joke', parts: [{ kind: 'text', text: 'ha' }] }],
    history: [
      {
        kind: 'message',
        role: 'user',
        parts: [{ kind: 'text', text: 'a joke' }],
        messageId: 'm1',
        taskId: 't1',
        contextId: 'c1',
      },
    ],
    metadata: {},
  }
  const ten = {
    task: {
      id: 't1',
      contextId: 'c1',
      status: { state: 'TASK_STATE_COMPLETED', timestamp: '2025-07-30T10:00:00Z' },
      artifacts: [{ artifactId: 'a1', name: 'joke', parts: [{ text: 'ha' }] }],
      history: [{ messageId: 'm1', contextId: 'c1', taskId: 't1', role: 'ROLE_USER', parts: [{ text: 'a joke' }] }],
      metadata: {},
    },
  }
  assert.deepEqual(valueOf(answerFrom03('SendMessage', legacy, 'json')), ten)
  assert.deepEqual(valueOf(answerTo03('SendMessage', ten, 'json')), legacy)
  // GetTask answers the task itself, and its kind may be left out there
  const { kind: _kind, ...bare } = legacy
  assert.deepEqual(valueOf(answerFrom03('GetTask', bare, 'json')), ten.task)
})

test('status updates say final exactly where the interaction ends', () => {
  const finals: Record<string, boolean> = {}
  for (const state of [
    'SUBMITTED',
    'WORKING',
    'INPUT_REQUIRED',
    'AUTH_REQUIRED',
    'COMPLETED',
    'FAILED',
    'CANCELED',
    'REJECTED',
    'UNSPECIFIED',
  ]) {
    const event = { statusUpdate: { taskId: 't1', contextId: 'c1', status: { state: `TASK_STATE_${state}` } } }
    const legacy = valueOf(answerTo03('SubscribeToTask', event, 'json')) as { final: boolean; kind: string }
    assert.equal(legacy.kind, 'status-update')
    finals[state] = legacy.final
    assert.deepEqual(valueOf(answerFrom03('SubscribeToTask', legacy as unknown as JsonValue, 'json')), event)
  }
  const ending = Object.keys(finals).filter((state) => finals[state])
  assert.deepEqual(ending, ['INPUT_REQUIRED', 'COMPLETED', 'FAILED', 'CANCELED', 'REJECTED'])
})

test('a final that the state does not say is named as lost', () => {
  const event = { kind: 'status-update', taskId: 't1', contextId: 'c1', status: { state: 'working' }, final: true }
  assert.deepEqual(lostOf(answerFrom03('SubscribeToTask', event, 'json')), ['final'])
  assert.deepEqual(lostOf(answerFrom03('SubscribeToTask', { ...event, final: false }, 'json')), [])
})

test('an artifact update keeps how it is to be put together', () => {
  const event = {
    artifactUpdate: {
      taskId: 't1',
      contextId: 'c1',
      artifact: { artifactId: 'a1', parts: [{ text: 'h' }] },
      append: true,
      lastChunk: false,
    },
  }
  const legacy = valueOf(answerTo03('SendStreamingMessage', event, 'json'))
  assert.deepEqual(legacy, {
    kind: 'artifact-update',
    taskId: 't1',
    contextId: 'c1',
    artifact: { artifactId: 'a1', parts: [{ kind: 'text', text: 'h' }] },
    append: true,
    lastChunk: false,
  })
  assert.deepEqual(valueOf(answerFrom03('SendStreamingMessage', legacy, 'json')), event)
})

test('webhooks: set, get, list and delete', () => {
  const config = { taskId: 't1', id: 'c1', url: 'https://example.com/hook', token: 's' }
  const legacy = { taskId: 't1', pushNotificationConfig: { id: 'c1', url: 'https://example.com/hook', token: 's' } }
  assert.deepEqual(valueOf(requestFrom03('CreateTaskPushNotificationConfig', legacy, 'json')), config)
  assert.deepEqual(valueOf(requestTo03('CreateTaskPushNotificationConfig', config, 'json')), legacy)
  assert.deepEqual(
    valueOf(requestFrom03('GetTaskPushNotificationConfig', { id: 't1', pushNotificationConfigId: 'c1' }, 'json')),
    { taskId: 't1', id: 'c1' },
  )
  assert.deepEqual(valueOf(requestTo03('DeleteTaskPushNotificationConfig', { taskId: 't1', id: 'c1' }, 'json')), {
    id: 't1',
    pushNotificationConfigId: 'c1',
  })
  assert.deepEqual(valueOf(requestTo03('DeleteTaskPushNotificationConfig', { taskId: 't1', id: 'c1' }, 'proto')), {
    name: 'tasks/t1/pushNotificationConfigs/c1',
  })
  assert.deepEqual(valueOf(answerFrom03('ListTaskPushNotificationConfigs', [legacy], 'json')), { configs: [config] })
  assert.deepEqual(valueOf(answerTo03('ListTaskPushNotificationConfigs', { configs: [config] }, 'json')), [legacy])
  assert.deepEqual(valueOf(answerTo03('ListTaskPushNotificationConfigs', {}, 'json')), [])
  assert.deepEqual(valueOf(answerFrom03('DeleteTaskPushNotificationConfig', null, 'json')), {})
  assert.equal(valueOf(answerTo03('DeleteTaskPushNotificationConfig', {}, 'json')), null)
})

test('an answer in a2a.v1 that leaves out what is empty', () => {
  assert.deepEqual(valueOf(answerFrom03('SendMessage', { task: { id: 't1', status: {} } }, 'proto')), {
    task: { id: 't1', status: {} },
  })
  assert.deepEqual(valueOf(answerFrom03('ListTaskPushNotificationConfigs', {}, 'proto')), { configs: [] })
  assert.deepEqual(valueOf(answerTo03('SendMessage', { task: { id: 't1', status: {} } }, 'json')), {
    kind: 'task',
    id: 't1',
    contextId: '',
    status: { state: 'unknown' },
  })
})

test('both bodies of a new webhook on REST mean the same', () => {
  const path = { operation: 'CreateTaskPushNotificationConfig', tenant: '', taskId: 't1', configId: '' } as const
  const config = { taskId: 't1', id: 'c1', url: 'https://example.com/hook' }
  const inner = { id: 'c1', url: 'https://example.com/hook' }
  for (const body of [
    {
      parent: 'tasks/t1',
      configId: 'c1',
      config: { name: 'tasks/t1/pushNotificationConfigs/c1', pushNotificationConfig: inner },
    },
    { config: { pushNotificationConfig: inner } },
    { name: 'tasks/t1/pushNotificationConfigs/c1', pushNotificationConfig: inner },
    { name: 'tasks/t1/pushNotificationConfigs/', pushNotificationConfig: inner },
    { pushNotificationConfig: inner },
  ])
    assert.deepEqual(valueOf(requestFromRest03(path, {}, body)), config)
  const written = requestToRest03('CreateTaskPushNotificationConfig', config)
  assert.ok(written.ok)
  assert.equal(written.path, '/v1/tasks/t1/pushNotificationConfigs')
  assert.deepEqual(written.body, {
    parent: 'tasks/t1',
    configId: 'c1',
    config: { name: 'tasks/t1/pushNotificationConfigs/c1', pushNotificationConfig: inner },
    // agents of another mind read it here
    name: 'tasks/t1/pushNotificationConfigs/c1',
    pushNotificationConfig: inner,
  })
})

test('a body on REST that names another task than the path is refused, and so is one where none belongs', () => {
  const at = (operation: 'CancelTask' | 'CreateTaskPushNotificationConfig' | 'GetTask' | 'SubscribeToTask') =>
    ({ operation, tenant: '', taskId: 't1', configId: '' }) as const
  const inner = { url: 'https://example.com/hook' }
  const refused: readonly [ReturnType<typeof at>, JsonValue][] = [
    [at('CancelTask'), { name: 'tasks/t2' }],
    [at('CancelTask'), { name: 't1' }],
    [at('CancelTask'), { id: 't1' }],
    [at('CancelTask'), []],
    [at('CancelTask'), 'tasks/t1'],
    [at('SubscribeToTask'), { name: 'tasks/t2' }],
    [at('GetTask'), {}],
    [at('GetTask'), null],
    [at('CreateTaskPushNotificationConfig'), {}],
    [at('CreateTaskPushNotificationConfig'), inner],
    [at('CreateTaskPushNotificationConfig'), { parent: 'tasks/t2', config: { pushNotificationConfig: inner } }],
    [
      at('CreateTaskPushNotificationConfig'),
      { name: 'tasks/t2/pushNotificationConfigs/c', pushNotificationConfig: inner },
    ],
    [
      at('CreateTaskPushNotificationConfig'),
      { config: { pushNotificationConfig: inner }, pushNotificationConfig: inner },
    ],
    [
      at('CreateTaskPushNotificationConfig'),
      { configId: 'c2', config: { pushNotificationConfig: { id: 'c1', ...inner } } },
    ],
  ]
  for (const [path, body] of refused) assert.equal(requestFromRest03(path, {}, body).ok, false, JSON.stringify(body))
  for (const body of [undefined, null, {}, { name: 'tasks/t1' }])
    assert.deepEqual(valueOf(requestFromRest03(at('CancelTask'), {}, body)), { id: 't1' })
})

test('numbers under data and metadata and in unknown members keep their spelling', () => {
  const text =
    '{"message":{"kind":"message","messageId":"m1","role":"user","parts":[{"kind":"data","data":{"n":18446744073709551616},"metadata":{"m":1.0}}],"x-n":-0},"configuration":{"historyLength":5.0}}'
  const ten = valueOf(requestFrom03('SendMessage', parseExact(text), 'json'))
  assert.equal(
    JSON.stringify(ten),
    '{"message":{"messageId":"m1","role":"ROLE_USER","parts":[{"data":{"n":18446744073709551616},"metadata":{"m":1.0}}],"x-n":-0},"configuration":{"historyLength":5.0}}',
  )
  const again = valueOf(requestTo03('SendMessage', ten as JsonObject, 'json'))
  assert.match(JSON.stringify(again), /"data":\{"n":18446744073709551616\},"metadata":\{"m":1\.0\}/)
})

test('a number that is the data itself is wrapped with its spelling, and is not taken for an object', () => {
  const params = parseExact('{"message":{"messageId":"m1","role":"ROLE_USER","parts":[{"data":1.0}]}}') as JsonObject
  const there = valueOf(requestTo03('SendMessage', params, 'json'))
  assert.match(JSON.stringify(there), /"data":\{"value":1\.0\}/)
  assert.equal(JSON.stringify(valueOf(requestFrom03('SendMessage', there, 'json'))), JSON.stringify(params))
})
