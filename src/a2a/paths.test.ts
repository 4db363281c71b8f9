// REST paths: what is matched, what is refused because another router would read it differently, and rebuilding.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { buildRestPath, isTaskPathId, isReservedTenant, matchRestPath } from './paths.ts'

// prettier-ignore
const routes: readonly [method: string, path: string, operation: string, tenant: string, taskId: string, configId: string][] = [
  ['POST',   '/message:send',                              'SendMessage',                      '', '', ''],
  ['POST',   '/message:stream',                            'SendStreamingMessage',             '', '', ''],
  ['GET',    '/tasks',                                     'ListTasks',                        '', '', ''],
  ['GET',    '/tasks/t-1',                                 'GetTask',                          '', 't-1', ''],
  ['POST',   '/tasks/t-1:cancel',                          'CancelTask',                       '', 't-1', ''],
  ['GET',    '/tasks/t-1:subscribe',                       'SubscribeToTask',                  '', 't-1', ''],
  ['POST',   '/tasks/t-1:subscribe',                       'SubscribeToTask',                  '', 't-1', ''],
  ['POST',   '/tasks/t-1/pushNotificationConfigs',         'CreateTaskPushNotificationConfig', '', 't-1', ''],
  ['GET',    '/tasks/t-1/pushNotificationConfigs',         'ListTaskPushNotificationConfigs',  '', 't-1', ''],
  ['GET',    '/tasks/t-1/pushNotificationConfigs/c',       'GetTaskPushNotificationConfig',    '', 't-1', 'c'],
  ['DELETE', '/tasks/t-1/pushNotificationConfigs/c',       'DeleteTaskPushNotificationConfig', '', 't-1', 'c'],
  ['GET',    '/extendedAgentCard',                         'GetExtendedAgentCard',             '', '', ''],
  ['POST',   '/acme/message:send',                         'SendMessage',                      'acme', '', ''],
  ['GET',    '/acme/tasks',                                'ListTasks',                        'acme', '', ''],
  ['DELETE', '/acme/tasks/t-1/pushNotificationConfigs/c',  'DeleteTaskPushNotificationConfig', 'acme', 't-1', 'c'],
  ['GET',    '/tasks/urn:uuid:1',                          'GetTask',                          '', 'urn:uuid:1', ''],
  ['GET',    '/tasks/urn%3Auuid%3A1',                      'GetTask',                          '', 'urn:uuid:1', ''],
  ['POST',   '/tasks/urn:uuid:1:cancel',                   'CancelTask',                       '', 'urn:uuid:1', ''],
  ['GET',    '/tasks/caf%C3%A9%20%40x',                    'GetTask',                          '', 'café @x', ''],
]

for (const [method, path, operation, tenant, taskId, configId] of routes) {
  test(`${method} ${path} is ${operation}`, () => {
    assert.deepEqual(matchRestPath(method, path), { operation, tenant, taskId, configId })
  })
}

// prettier-ignore
const missing: readonly [why: string, path: string][] = [
  ['the root', '/'], ['nothing', ''], ['no slash', 'tasks'],
  ['a trailing slash', '/tasks/'], ['a trailing slash behind an id', '/tasks/t-1/'], ['a doubled slash', '//tasks'], ['an empty id', '/tasks//pushNotificationConfigs'],
  ['capitals', '/TASKS/t-1'], ['capitals in a collection', '/Message:send'], ['a capital verb', '/tasks/t-1:Cancel'],
  ['an unknown collection', '/message:delete'], ['the 0.3 card', '/v1/card'], ['the well-known card', '/.well-known/agent-card.json'],
  ['an encoded route', '/%74asks/t-1'], ['an encoded colon in a route', '/message%3Asend'], ['an encoded slash', '/tasks%2Ft-1'],
  ['an encoded verb', '/tasks/t-1%3Acancel'], ['an encoded verb in capitals', '/tasks/t-1%3ASUBSCRIBE'], ['an encoded verb in the middle', '/tasks/t-1%3asubscribe/pushNotificationConfigs'],
  ['a slash inside an id', '/tasks/a%2Fb'], ['a backslash inside an id', '/tasks/a%5Cb'], ['a raw backslash', '/tasks/a\\b'],
  ['two layers of encoding', '/tasks/a%252Fb'], ['a percent sign in an id', '/tasks/100%25'], ['half an escape', '/tasks/a%2'], ['an escape that is none', '/tasks/a%zz'],
  ['a needless escape', '/tasks/%61bc'], ['a needless escape of a dot', '/tasks/a%2Eb'],
  ['dots', '/tasks/..'], ['encoded dots', '/tasks/%2e%2e'], ['a single dot', '/tasks/.'], ['dots inside an id', '/tasks/a..b'], ['dots as tenant', '/../tasks'],
  ['a query in an id', '/tasks/a%3Fb'], ['a fragment in an id', '/tasks/a%23b'], ['NUL', '/tasks/a%00'], ['a newline', '/tasks/a%0Ab'], ['DEL', '/tasks/a%7F'], ['C1', '/tasks/a%C2%85'], ['a line separator', '/tasks/a%E2%80%A8'],
  ['bad UTF-8', '/tasks/a%FF'], ['overlong UTF-8', '/tasks/a%C0%AF'], ['an encoded surrogate', '/tasks/a%ED%A0%80'], ['a raw space', '/tasks/a b'], ['raw text beyond ASCII', '/tasks/é'],
  ['an id too long', `/tasks/${'a'.repeat(257)}`],
  ['a task named as a collection', '/tasks/tasks'], ['the card of a tenant tasks', '/tasks/extendedAgentCard'], ['tenant tasks', '/tasks/tasks/t-1'], ['tenant TASKS', '/TASKS/tasks/t-1'], ['tenant message:send', '/message:send/tasks'], ['tenant extendedAgentCard', '/extendedAgentCard/tasks'], ['tenant .well-known', '/.well-known/tasks'], ['tenant pushNotificationConfigs', '/pushnotificationconfigs/tasks'],
  ['two tenants', '/a/b/tasks'], ['too deep', '/a/tasks/t/pushNotificationConfigs/c/d'], ['one more segment', '/tasks/t/pushNotificationConfigs/c/d/e/f'],
  ['another sub-resource', '/tasks/t/artifacts'], ['capitals in a sub-resource', '/tasks/t/pushnotificationconfigs'],
]

for (const [why, path] of missing) {
  test(`finds nothing for ${why}`, () => {
    for (const method of ['GET', 'POST', 'DELETE']) assert.equal(matchRestPath(method, path), 'not-found')
  })
}

test('says so when only the method is wrong', () => {
  const wrong = [
    ['GET', '/message:send'],
    ['DELETE', '/tasks/t'],
    ['POST', '/tasks'],
    ['POST', '/tasks/t'],
    ['GET', '/tasks/t:cancel'],
    ['PUT', '/tasks/t/pushNotificationConfigs/c'],
    ['get', '/tasks'],
    ['HEAD', '/tasks'],
    ['POST', '/acme/extendedAgentCard'],
    ['constructor', '/tasks'],
    ['__proto__', '/tasks/t'],
  ] as const
  for (const [method, path] of wrong)
    assert.equal(matchRestPath(method, path), 'method-not-allowed', `${method} ${path}`)
})

test('rebuilds every route to the same meaning', () => {
  for (const [method, path, operation, tenant, taskId, configId] of routes) {
    const match = matchRestPath(method, path)
    assert.ok(typeof match === 'object')
    assert.deepEqual(matchRestPath(method, buildRestPath(match)), { operation, tenant, taskId, configId })
  }
  assert.equal(
    buildRestPath({ operation: 'GetTask', tenant: 'a b', taskId: 'x:y', configId: '' }, 'historyLength=1'),
    '/a%20b/tasks/x%3Ay?historyLength=1',
  )
})

test('an identifier means the same after the path is rebuilt, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (id) => {
      const path = buildRestPath({
        operation: 'CancelTask',
        tenant: '',
        taskId: isTaskPathId(id) ? id : 'x',
        configId: '',
      })
      const match = matchRestPath('POST', path)
      assert.deepEqual(match, {
        operation: 'CancelTask',
        tenant: '',
        taskId: isTaskPathId(id) ? id : 'x',
        configId: '',
      })
    }),
    { interruptAfterTimeLimit: 400 },
  )
})

test('never throws, whatever the path', () => {
  const tricky = fc.string({ unit: fc.constantFrom(...'/%:.25tasksmessage2Fc3A?#\\é\ud800 '.split('')) })
  fc.assert(
    fc.property(fc.oneof(tricky, fc.string({ unit: 'binary' })), (path) => {
      matchRestPath('GET', path)
      matchRestPath('POST', `/tasks/${path}`)
    }),
    { interruptAfterTimeLimit: 400, numRuns: 2000 },
  )
})

test('knows tenants that a path cannot carry', () => {
  for (const tenant of ['tasks', 'Tasks', 'message:send', 'x:cancel', '.well-known', 'a/b', '..', 'a%2F'])
    assert.ok(isReservedTenant(tenant), tenant)
  for (const tenant of ['', 'acme', 'a b', 'urn:x']) assert.ok(!isReservedTenant(tenant), tenant)
})
