import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operationNames } from '../operations.ts'
import { taskStates } from '../shape.ts'
import { methodOfPath } from '../../protobuf/schema.ts'
import { methodOf03, operationOf03, roleWords, rpcOf03, stateWords } from './names.ts'

const operationOfRpc = (rpc: string): string | undefined => methodOfPath(`/a2a.v1.A2AService/${rpc}`)?.operation

test('every operation but ListTasks has one name in JSON-RPC and one in gRPC, and is found by them', () => {
  for (const operation of operationNames) {
    const method = methodOf03(operation)
    const rpc = rpcOf03(operation)
    assert.equal(method === undefined, operation === 'ListTasks')
    assert.equal(rpc === undefined, operation === 'ListTasks')
    if (method !== undefined) assert.equal(operationOf03(method), operation)
    if (rpc !== undefined) assert.equal(operationOfRpc(rpc), operation)
  }
})

test('what is no method of 0.3 is none, however near it comes', () => {
  for (const method of [
    'tasks/list',
    'Message/send',
    'message/Send',
    'message/send ',
    ' message/send',
    'message//send',
    'message\\send',
    'message.send',
    'message/send/',
    'SendMessage',
    'tasks/pushNotification/set',
    'tasks/pushNotificationConfig',
    'tasks/sendSubscribe',
    'agent/authenticatedExtendedCard',
    'agent/getCard',
    '__proto__',
    'constructor',
    '',
  ])
    assert.equal(operationOf03(method), undefined, method)
  for (const rpc of [
    'ListTasks',
    'ListTask',
    'SubscribeToTask',
    'GetExtendedAgentCard',
    'taskSubscription',
    'toString',
  ])
    assert.equal(operationOfRpc(rpc), undefined, rpc)
})

test('every state of 1.0 has its word in both forms, and no two share one', () => {
  for (const words of Object.values(stateWords)) {
    assert.deepEqual(new Set(words.to03.keys()), taskStates)
    assert.equal(words.from03.size, taskStates.size)
    for (const [ten, three] of words.to03) assert.equal(words.from03.get(three), ten)
  }
  assert.equal(stateWords.json.to03.get('TASK_STATE_UNSPECIFIED'), 'unknown')
  assert.equal(stateWords.proto.to03.get('TASK_STATE_CANCELED'), 'TASK_STATE_CANCELLED')
  assert.equal(stateWords.proto.from03.get('TASK_STATE_CANCELED'), undefined)
  assert.equal(roleWords.json.from03.get('ROLE_USER'), undefined)
})
