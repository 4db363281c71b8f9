// The attack: a caller of JSON-RPC or gRPC names a webhook `..` or `x/y`, which no path of HTTP+JSON can hold. Put into the
// path of an agent of that binding it would be another resource there: a server cleans `/tasks/t/pushNotificationConfigs/..`
// into the task. Tasks named as collections are: `/tasks/extendedAgentCard` is a tenant's card for some routers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '../a2a/operations.ts'
import { matchRestPath } from '../a2a/paths.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { encodeRest } from './encode-request.ts'

const encoded = (operation: Operation, params: JsonObject): ReturnType<typeof encodeRest> =>
  encodeRest({ operation, params, text: JSON.stringify(params), tenant: '' })

const bad = ['.', '..', '../x', 'a/b', 'a\\b', 'a%2Fb', 'a?b', 'a#b', 'x:cancel', 'x:Subscribe', 'a..b', 'a\u0000b']

for (const id of bad) {
  test(`an agent of HTTP+JSON is never asked for ${JSON.stringify(id)}`, () => {
    for (const operation of ['GetTask', 'CancelTask', 'SubscribeToTask'] as const)
      assert.equal(typeof encoded(operation, { id }), 'string')
    for (const operation of ['GetTaskPushNotificationConfig', 'DeleteTaskPushNotificationConfig'] as const) {
      assert.equal(typeof encoded(operation, { taskId: 't', id }), 'string')
      assert.equal(typeof encoded(operation, { taskId: id, id: 'c' }), 'string')
    }
    assert.equal(typeof encoded('ListTaskPushNotificationConfigs', { taskId: id }), 'string')
    // in a body it is a name as any other
    assert.equal(typeof encoded('CreateTaskPushNotificationConfig', { taskId: 't', id, url: 'https://a' }), 'object')
  })
}

for (const id of [
  'tasks',
  'Tasks',
  'extendedAgentCard',
  'EXTENDEDAGENTCARD',
  'pushNotificationConfigs',
  '.well-known',
]) {
  test(`a task is never called ${id} in a path`, () => {
    assert.equal(typeof encoded('GetTask', { id }), 'string')
    assert.equal(matchRestPath('GET', `/tasks/${id}`), 'not-found')
    assert.equal(matchRestPath('POST', `/tasks/${id}:cancel`), 'not-found')
    assert.equal(matchRestPath('GET', `/tasks/${id}/pushNotificationConfigs`), 'not-found')
    assert.equal(matchRestPath('DELETE', `/acme/tasks/${id}/pushNotificationConfigs/c`), 'not-found')
    assert.equal(typeof matchRestPath('GET', `/tasks/t/pushNotificationConfigs/${id}`), 'object')
  })
}
