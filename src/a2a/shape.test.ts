// Shapes: what is refused at the positions of the schema, what passes, and what nobody looks into.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseStrictJson, type JsonValue } from '../base/strict-json.ts'
import { operationNames } from './operations.ts'
import {
  answerShape,
  checkShape,
  decodedBase64Bytes,
  jsonRpcAnswerShape,
  requestShape,
  restBodyShape,
  restErrorShape,
  streamEventShape,
  type Shape,
  type ShapeProblem,
} from './shape.ts'

function json(value: unknown): JsonValue {
  const parsed = parseStrictJson(JSON.stringify(value), { maxDepth: 64, maxNodes: 10_000 })
  assert.ok(parsed.ok)
  return parsed.value
}

const found = (value: unknown, shape: Shape): ShapeProblem | undefined => checkShape(json(value), shape)

const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'x' }] }
const task = { id: 't', contextId: 'c', status: { state: 'TASK_STATE_WORKING', timestamp: '2026-11-22T00:00:00Z' } }
const send = (members: object): object => ({ message: { ...message, ...members } })
const part = (members: object): object => send({ parts: [members] })

// prettier-ignore
const badSends: readonly [why: string, params: unknown, path: string, reason: ShapeProblem['reason']][] = [
  ['no message', {}, 'message', 'missing'],
  ['a null message', { message: null }, 'message', 'type'],
  ['a message that is a list', { message: [message] }, 'message', 'type'],
  ['no message id', send({ messageId: undefined }), 'message.messageId', 'missing'],
  ['an empty message id', send({ messageId: '' }), 'message.messageId', 'identifier'],
  ['a numeric message id', send({ messageId: 7 }), 'message.messageId', 'type'],
  ['a message id too long', send({ messageId: 'm'.repeat(257) }), 'message.messageId', 'identifier'],
  ['a control character in an id', send({ taskId: 'a\u0000b' }), 'message.taskId', 'identifier'],
  ['a newline in a context id', send({ contextId: 'a\nb' }), 'message.contextId', 'identifier'],
  ['a C1 control in an id', send({ taskId: 'a\u0085b' }), 'message.taskId', 'identifier'],
  ['an empty reference', send({ referenceTaskIds: ['t', ''] }), 'message.referenceTaskIds[1]', 'identifier'],
  ['references that are no list', send({ referenceTaskIds: 't' }), 'message.referenceTaskIds', 'type'],
  ['no role', send({ role: undefined }), 'message.role', 'missing'],
  ['a numeric role', send({ role: 1 }), 'message.role', 'type'],
  ['a role of 0.3', send({ role: 'user' }), 'message.role', 'enum'],
  ['an unspecified role', send({ role: 'ROLE_UNSPECIFIED' }), 'message.role', 'enum'],
  ['a role in small letters', send({ role: 'role_user' }), 'message.role', 'enum'],
  ['no parts', send({ parts: undefined }), 'message.parts', 'missing'],
  ['an empty list of parts', send({ parts: [] }), 'message.parts', 'empty'],
  ['parts that are an object', send({ parts: { 0: { text: 'x' } } }), 'message.parts', 'type'],
  ['a null part', send({ parts: [null] }), 'message.parts[0]', 'type'],
  ['a part of 0.3', part({ kind: 'file', file: { uri: 'x' } }), 'message.parts[0]', 'union'],
  ['an empty part', part({}), 'message.parts[0]', 'union'],
  ['text and url', part({ text: 'x', url: 'https://a.example' }), 'message.parts[0]', 'union'],
  ['text and null data', part({ text: 'x', data: null }), 'message.parts[0]', 'union'],
  ['null text', part({ text: null }), 'message.parts[0].text', 'type'],
  ['null text beside a url', part({ text: null, url: 'https://a.example' }), 'message.parts[0].text', 'type'],
  ['a number as text', part({ text: 1 }), 'message.parts[0].text', 'type'],
  ['base64 of the URL alphabet', part({ raw: '-_-_' }), 'message.parts[0].raw', 'base64'],
  ['base64 without padding', part({ raw: 'YQ' }), 'message.parts[0].raw', 'base64'],
  ['base64 with loose bits', part({ raw: 'YR==' }), 'message.parts[0].raw', 'base64'],
  ['a list as part metadata', part({ text: 'x', metadata: [] }), 'message.parts[0].metadata', 'type'],
  ['a boolean as media type', part({ text: 'x', mediaType: true }), 'message.parts[0].mediaType', 'type'],
  ['a snake_case field', send({ task_id: 't' }), 'message.task_id', 'alias'],
  ['a field in capitals', send({ TASKID: 't' }), 'message.TASKID', 'alias'],
  ['a field with one capital', { Message: message, message }, 'Message', 'alias'],
  ['a mixed spelling', send({ Task_Id: 't' }), 'message.Task_Id', 'alias'],
  ['a long s for an s', send({ ta\u017FkId: 't' }), 'message.ta\u017FkId', 'alias'],
  ['a Kelvin sign for a k', send({ 'tas\u212AId': 't' }), 'message.tas\u212AId', 'alias'],
  ['an alias in a part', part({ text: 'x', media_type: 'text/html' }), 'message.parts[0].media_type', 'alias'],
  ['a union member as alias', part({ text: 'x', URL: 'https://a.example' }), 'message.parts[0].URL', 'alias'],
  ['a configuration that is text', { message, configuration: 'x' }, 'configuration', 'type'],
  ['an alias in the configuration', { message, configuration: { return_immediately: true } }, 'configuration.return_immediately', 'alias'],
  ['the webhook by its 0.3 name', { message, configuration: { pushNotificationConfig: { url: 'https://a.example' } } }, 'configuration.pushNotificationConfig', 'alias'],
  ['a webhook by its snake_case name', { message, configuration: { task_push_notification_config: {} } }, 'configuration.task_push_notification_config', 'alias'],
  ['a webhook without url', { message, configuration: { taskPushNotificationConfig: {} } }, 'configuration.taskPushNotificationConfig.url', 'missing'],
  ['an alias in a webhook', { message, configuration: { taskPushNotificationConfig: { url: 'https://a.example', task_id: 't' } } }, 'configuration.taskPushNotificationConfig.task_id', 'alias'],
  ['an alias in authentication', { message, configuration: { taskPushNotificationConfig: { url: 'https://a.example', authentication: { Scheme: 'x' } } } }, 'configuration.taskPushNotificationConfig.authentication.Scheme', 'alias'],
  ['a negative length', { message, configuration: { historyLength: -1 } }, 'configuration.historyLength', 'range'],
  ['a fractional length', { message, configuration: { historyLength: 1.5 } }, 'configuration.historyLength', 'range'],
  ['a huge length', { message, configuration: { historyLength: 2 ** 31 } }, 'configuration.historyLength', 'range'],
  ['a length as text', { message, configuration: { historyLength: '5' } }, 'configuration.historyLength', 'type'],
  ['a wait mode as number', { message, configuration: { returnImmediately: 1 } }, 'configuration.returnImmediately', 'type'],
  ['a tenant as number', { message, tenant: 1 }, 'tenant', 'type'],
  ['a flood of unknown fields', send(Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`x${at}`, 1]))), 'message', 'range'],
  ['metadata as text', { message, metadata: 'x' }, 'metadata', 'type'],
]

for (const [why, params, path, reason] of badSends) {
  test(`refuses a send with ${why}`, () => {
    for (const shape of [
      requestShape('SendMessage'),
      requestShape('SendStreamingMessage'),
      restBodyShape('SendMessage'),
    ]) {
      assert.ok(shape)
      assert.deepEqual(found(params, shape), { path, reason })
    }
  })
}

// prettier-ignore
const goodSends: readonly [why: string, params: unknown][] = [
  ['the least there is', { message }],
  ['unknown fields everywhere', { message: { ...message, future: { task_id: 1 }, parts: [{ text: 'x', kind: 'text', future: [] }] }, configuration: { blocking: true }, future: 1 }],
  ['null for fields that may be left out', { message: { ...message, taskId: null, metadata: null, referenceTaskIds: null }, configuration: null, tenant: null }],
  ['empty optional ids', send({ taskId: '', contextId: '' })],
  ['anything inside data', part({ data: { task_id: 1, taskId: 2, TASKID: 3, text: 'x', url: 'y', ['__proto__']: null } })],
  ['null as data', part({ data: null })],
  ['anything inside metadata', { message: { ...message, metadata: { message_id: 1, messageId: 2, parts: [{ text: 1, url: 2 }] } }, metadata: { Message: 1 } }],
  ['every kind of part', send({ parts: [{ text: '' }, { raw: '' }, { raw: 'YWI=' }, { url: 'x' }, { data: [1] }] })],
]

for (const [why, params] of goodSends) {
  test(`accepts a send with ${why}`, () => assert.equal(found(params, requestShape('SendMessage')), undefined))
}

test('wants the id of what an operation names, on JSON-RPC', () => {
  for (const operation of ['GetTask', 'CancelTask', 'SubscribeToTask'] as const) {
    assert.deepEqual(found({}, requestShape(operation)), { path: 'id', reason: 'missing' })
    assert.deepEqual(found({ id: '' }, requestShape(operation)), { path: 'id', reason: 'identifier' })
    assert.deepEqual(found({ id: 't', ID: 'u' }, requestShape(operation)), { path: 'ID', reason: 'alias' })
  }
  for (const operation of ['GetTaskPushNotificationConfig', 'DeleteTaskPushNotificationConfig'] as const) {
    assert.deepEqual(found({ id: 'c' }, requestShape(operation)), { path: 'taskId', reason: 'missing' })
    assert.deepEqual(found({ taskId: 't' }, requestShape(operation)), { path: 'id', reason: 'missing' })
  }
  assert.deepEqual(found({ url: 'https://a.example' }, requestShape('CreateTaskPushNotificationConfig')), {
    path: 'taskId',
    reason: 'missing',
  })
  assert.deepEqual(found({ task_id: 't' }, requestShape('ListTaskPushNotificationConfigs')), {
    path: 'task_id',
    reason: 'alias',
  })
  assert.deepEqual(found({ page_size: 1 }, requestShape('ListTasks')), { path: 'page_size', reason: 'alias' })
  assert.deepEqual(found({ status: 3 }, requestShape('ListTasks')), { path: 'status', reason: 'type' })
})

test('no request is a list, a text, a number or null', () => {
  for (const operation of operationNames) {
    for (const value of [[], [{}], 'x', 1, null, true])
      assert.equal(found(value, requestShape(operation))?.reason, 'type', operation)
  }
})

// prettier-ignore
const badEvents: readonly [why: string, event: unknown, path: string, reason: ShapeProblem['reason']][] = [
  ['nothing in it', {}, '', 'union'],
  ['a task and a message', { task, message }, '', 'union'],
  ['a task and a null message', { task, message: null }, 'message', 'type'],
  ['a bare task of 0.3', { kind: 'task', ...task }, '', 'union'],
  ['a snake_case member', { status_update: { taskId: 't', status: {} } }, 'status_update', 'alias'],
  ['a snake_case member beside the real one', { statusUpdate: { taskId: 't', status: {} }, artifact_update: {} }, 'artifact_update', 'alias'],
  ['an update without task', { statusUpdate: { status: {} } }, 'statusUpdate.taskId', 'missing'],
  ['an update with two spellings of its task', { statusUpdate: { taskId: 't', task_id: 'u', status: {} } }, 'statusUpdate.task_id', 'alias'],
  ['a numeric state', { statusUpdate: { taskId: 't', status: { state: 3 } } }, 'statusUpdate.status.state', 'type'],
  ['an unknown state', { statusUpdate: { taskId: 't', status: { state: 'TASK_STATE_DREAMING' } } }, 'statusUpdate.status.state', 'enum'],
  ['a state of 0.3', { task: { ...task, status: { state: 'completed' } } }, 'task.status.state', 'enum'],
  ['a task without id', { task: { ...task, id: undefined } }, 'task.id', 'missing'],
  ['a task without status', { task: { id: 't' } }, 'task.status', 'missing'],
  ['a history entry with an alias', { task: { ...task, history: [message, { ...message, context_id: 'c' }] } }, 'task.history[1].context_id', 'alias'],
  ['an artifact part with two members', { artifactUpdate: { taskId: 't', artifact: { artifactId: 'a', parts: [{ text: 'x', raw: '' }] } } }, 'artifactUpdate.artifact.parts[0]', 'union'],
  ['an artifact without id', { artifactUpdate: { taskId: 't', artifact: { parts: [] } } }, 'artifactUpdate.artifact.artifactId', 'missing'],
  ['an alias in a status message', { task: { ...task, status: { message: { ...message, Parts: [] } } } }, 'task.status.message.Parts', 'alias'],
]

for (const [why, event, path, reason] of badEvents) {
  test(`refuses an event with ${why}`, () => assert.deepEqual(found(event, streamEventShape), { path, reason }))
}

test('accepts the events and answers that agents give', () => {
  const answer = { messageId: 'm', parts: [] }
  assert.equal(
    found(
      {
        task: { ...task, artifacts: [{ artifactId: 'a' }], history: [answer], metadata: { task_id: 1 }, kind: 'task' },
      },
      streamEventShape,
    ),
    undefined,
  )
  assert.equal(found({ message: answer }, streamEventShape), undefined)
  assert.equal(
    found(
      { statusUpdate: { taskId: 't', contextId: '', status: { state: 'TASK_STATE_UNSPECIFIED' }, final: true } },
      streamEventShape,
    ),
    undefined,
  )
  assert.equal(
    found(
      {
        artifactUpdate: {
          taskId: 't',
          artifact: { artifactId: 'a', parts: [{ data: null }] },
          append: true,
          lastChunk: false,
        },
      },
      streamEventShape,
    ),
    undefined,
  )
  assert.equal(
    found({ tasks: [task, task], nextPageToken: '', pageSize: 50, totalSize: 2 }, answerShape('ListTasks', 'JSONRPC')),
    undefined,
  )
  assert.equal(
    found(
      { configs: [{ id: 'c', taskId: 't', url: 'x', authentication: { scheme: 'Bearer' } }] },
      answerShape('ListTaskPushNotificationConfigs', 'JSONRPC'),
    ),
    undefined,
  )
  assert.equal(
    found({ anything: 1, supported_interfaces: [] }, answerShape('GetExtendedAgentCard', 'JSONRPC')),
    undefined,
  )
  assert.equal(found(null, answerShape('DeleteTaskPushNotificationConfig', 'JSONRPC')), undefined)
})

test('refuses answers of the wrong kind', () => {
  assert.equal(found(null, answerShape('DeleteTaskPushNotificationConfig', 'HTTP+JSON'))?.reason, 'type')
  assert.equal(found(null, answerShape('GetTask', 'JSONRPC'))?.reason, 'type')
  assert.equal(found({ task }, answerShape('GetTask', 'JSONRPC'))?.reason, 'missing')
  assert.equal(found(task, answerShape('SendMessage', 'JSONRPC'))?.reason, 'union')
  assert.equal(
    found({ statusUpdate: { taskId: 't', status: {} } }, answerShape('SendMessage', 'JSONRPC'))?.reason,
    'union',
  )
  assert.equal(found({ tasks: [{ id: 't' }] }, answerShape('ListTasks', 'HTTP+JSON'))?.reason, 'missing')
  assert.equal(found({ total_size: 5 }, answerShape('ListTasks', 'HTTP+JSON'))?.reason, 'alias')
  assert.equal(found([], answerShape('GetExtendedAgentCard', 'JSONRPC'))?.reason, 'type')
})

test('an envelope holds a result or an error, never both and never neither', () => {
  const envelope = { jsonrpc: '2.0', id: 1 }
  const error = { code: -32001, message: 'x', data: [{ '@type': 'y' }] }
  assert.equal(found({ ...envelope, result: null }, jsonRpcAnswerShape), undefined)
  assert.equal(found({ ...envelope, id: null, error }, jsonRpcAnswerShape), undefined)
  assert.equal(found({ ...envelope, result: {}, error }, jsonRpcAnswerShape)?.reason, 'union')
  assert.equal(found(envelope, jsonRpcAnswerShape)?.reason, 'union')
  assert.equal(found({ ...envelope, Result: {}, result: {} }, jsonRpcAnswerShape)?.reason, 'alias')
  assert.equal(found({ jsonrpc: '2.0', result: {} }, jsonRpcAnswerShape)?.reason, 'missing')
  assert.equal(found({ ...envelope, jsonrpc: '1.0', result: {} }, jsonRpcAnswerShape)?.reason, 'enum')
  assert.equal(found({ ...envelope, error: { code: 'x', message: 'y' } }, jsonRpcAnswerShape)?.reason, 'type')
  assert.equal(
    found({ error: { code: 404, status: 'NOT_FOUND', message: 'x', details: [{}] } }, restErrorShape),
    undefined,
  )
  assert.equal(found({ error: 'x' }, restErrorShape)?.reason, 'type')
})

test('measures base64 as it decodes, and only in its one spelling', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      assert.equal(decodedBase64Bytes(text), bytes.length)
    }),
    { interruptAfterTimeLimit: 300 },
  )
  for (const text of ['=', '====', 'A===', 'YQ=', 'YQ==YQ==', 'YW=h', 'YWI', 'YW I', 'YWJ\n', 'YW-_', 'YWJé', 'YWJ=']) {
    assert.equal(decodedBase64Bytes(text), undefined, text)
  }
})

test('never throws, whatever the value', () => {
  const names = [
    'message',
    'task',
    'parts',
    'text',
    'url',
    'taskId',
    'task_id',
    'status',
    'id',
    'history',
    '__proto__',
    'constructor',
  ]
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, 1, 'x', ''),
      fc.array(tie('node')),
      fc.dictionary(fc.constantFrom(...names), tie('node')),
    ),
  })).node
  fc.assert(
    fc.property(value, (candidate) => {
      const parsed = json(candidate)
      for (const operation of operationNames) {
        checkShape(parsed, requestShape(operation))
        checkShape(parsed, answerShape(operation, 'JSONRPC'))
      }
    }),
    { interruptAfterTimeLimit: 400, numRuns: 500 },
  )
})
