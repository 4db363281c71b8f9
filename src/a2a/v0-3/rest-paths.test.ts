import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildRestPath03, isRestPath03, matchRestPath03, restMethod03 } from './rest-paths.ts'

// prettier-ignore
const found: readonly (readonly [string, string, string, string, string])[] = [
  ['POST',   '/v1/message:send',                              'SendMessage',                      '',    ''],
  ['POST',   '/v1/message:stream',                            'SendStreamingMessage',             '',    ''],
  ['GET',    '/v1/card',                                      'GetExtendedAgentCard',             '',    ''],
  ['GET',    '/v1/tasks/t1',                                  'GetTask',                          't1',  ''],
  ['GET',    '/v1/tasks/a%20b',                               'GetTask',                          'a b', ''],
  ['POST',   '/v1/tasks/t1:cancel',                           'CancelTask',                       't1',  ''],
  ['GET',    '/v1/tasks/t1:subscribe',                        'SubscribeToTask',                  't1',  ''],
  ['POST',   '/v1/tasks/t1:subscribe',                        'SubscribeToTask',                  't1',  ''],
  ['GET',    '/v1/tasks/t1/pushNotificationConfigs',          'ListTaskPushNotificationConfigs',  't1',  ''],
  ['POST',   '/v1/tasks/t1/pushNotificationConfigs',          'CreateTaskPushNotificationConfig', 't1',  ''],
  ['GET',    '/v1/tasks/t1/pushNotificationConfigs/c1',       'GetTaskPushNotificationConfig',    't1',  'c1'],
  ['DELETE', '/v1/tasks/t1/pushNotificationConfigs/c1',       'DeleteTaskPushNotificationConfig', 't1',  'c1'],
]

for (const [method, path, operation, taskId, configId] of found)
  test(`${method} ${path} is ${operation}`, () => {
    const match = matchRestPath03(method, path)
    assert.deepEqual(match, { operation, tenant: '', taskId, configId })
    if (typeof match === 'string') return
    assert.equal(buildRestPath03(match), path)
    assert.ok(restMethod03(match.operation))
  })

const missing: readonly (readonly [string, string])[] = [
  ['GET', '/v1/tasks'],
  ['GET', '/v1/extendedAgentCard'],
  ['GET', '/v1/agent/authenticatedExtendedCard'],
  ['POST', '/message:send'],
  ['POST', '/V1/message:send'],
  ['POST', '/v1//message:send'],
  ['POST', '/v1/message:send/'],
  ['POST', '/v1/Message:send'],
  ['POST', '/v1/message%3Asend'],
  ['POST', '/%76%31/message:send'],
  ['POST', '/v2/message:send'],
  ['POST', '/tenant/v1/message:send'],
  ['POST', '/v1/tenant/message:send'],
  ['POST', '/v1/v1/message:send'],
  ['GET', '/v1/TASKS/t1'],
  ['GET', '/v1/tasks/'],
  ['GET', '/v1/tasks/t1/'],
  ['GET', '/v1/tasks//t1'],
  ['GET', '/v1/tasks/..'],
  ['GET', '/v1/tasks/.'],
  ['GET', '/v1/tasks/../card'],
  ['GET', '/v1/tasks/%2e%2e'],
  ['GET', '/v1/tasks/a%2Fb'],
  ['GET', '/v1/tasks/a%252Fb'],
  ['GET', '/v1/tasks/a%5Cb'],
  ['GET', '/v1/tasks/%741'],
  ['GET', '/v1/tasks/t1%3Acancel'],
  ['GET', '/v1/tasks/t1%00'],
  ['GET', '/v1/tasks/t1%ff'],
  ['GET', '/v1/tasks/t1;x=1#y'],
  ['GET', '/v1/tasks/t1?x'],
  ['POST', '/v1/tasks/t1:send'],
  ['POST', '/v1/tasks/:cancel'],
  ['POST', '/v1/tasks/t1:cancel:cancel'],
  ['GET', '/v1/tasks/t1/pushnotificationconfigs'],
  ['GET', '/v1/tasks/t1/pushNotificationConfigs/'],
  ['GET', '/v1/tasks/t1/pushNotificationConfigs/c1/x'],
  ['GET', '/v1/tasks/t1/pushNotificationConfigs/a%2Fb'],
  ['GET', `/v1/tasks/${'x'.repeat(257)}`],
  ['GET', '/v1'],
  ['GET', '/v1/'],
  ['GET', 'v1/card'],
  ['GET', ''],
]

for (const [method, path] of missing)
  test(`${method} ${path.slice(0, 60)} is not found`, () => assert.equal(matchRestPath03(method, path), 'not-found'))

test('a path that is right under another method is told apart from one that is not there', () => {
  for (const [method, path] of [
    ['GET', '/v1/message:send'],
    ['POST', '/v1/card'],
    ['DELETE', '/v1/tasks/t1'],
    ['GET', '/v1/tasks/t1:cancel'],
    ['PUT', '/v1/tasks/t1/pushNotificationConfigs/c1'],
    ['constructor', '/v1/card'],
    ['get', '/v1/card'],
  ] as const)
    assert.equal(matchRestPath03(method, path), 'method-not-allowed', `${method} ${path}`)
})

test('ListTasks has no path, and a query goes behind the path', () => {
  const ids = { tenant: '', taskId: 't1', configId: '' }
  assert.equal(buildRestPath03({ operation: 'ListTasks', ...ids }), undefined)
  assert.equal(restMethod03('ListTasks'), undefined)
  assert.equal(buildRestPath03({ operation: 'GetTask', ...ids }, 'historyLength=1'), '/v1/tasks/t1?historyLength=1')
})

test('what begins below /v1 belongs to 0.3, found or not', () => {
  assert.equal(isRestPath03('/v1/anything'), true)
  for (const path of ['/v1', '/v10/card', '/message:send', '/tasks/v1', ''])
    assert.equal(isRestPath03(path), false, path)
})
