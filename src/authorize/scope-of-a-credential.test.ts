// A credential's scope is ANDed with policy: it never grants, an empty list leaves nothing, what lies outside of it is
// neither seen nor told apart from what policy refuses, and a record is decided again with the scope it had.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../base/strict-json.ts'
import type { AgentConfig } from '../config/config.ts'
import type { CallerScope } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize, decideAgain, maySeeAgent } from './authorize.ts'
import { type FakeCall, fakeCall, fakeSources, policyOf } from './fake-call.ts'

const everything = policyOf({
  roles: [{ name: 'all', rules: [{ agents: ['*'], operations: ['*'], owner: 'any' }] }],
  bindings: [{ role: 'all', callers: ['key:alice', 'agent:concierge'], autonomous: true }],
})
const nothing = policyOf({})
const sends = policyOf({
  roles: [{ name: 'send', rules: [{ agents: ['calculator'], operations: ['SendMessage'] }] }],
  bindings: [{ role: 'send', callers: ['key:alice'] }],
})

function decided(scope: CallerScope, call: FakeCall = {}, policy = everything): ReturnType<typeof authorize> {
  return authorize(
    Object.assign(fakeCall(call), { scope }),
    policy,
    fakeSources({ tasks: { t: ['key:bob', 'key:bob'] } }),
  )
}
const codeOf = (...given: Parameters<typeof decided>): string => {
  const result = decided(...given)
  return isRefusal(result) ? result.code : 'allowed'
}

test('within its scope a credential may do what policy gives', () => {
  assert.equal(codeOf({ agents: ['calculator'], operations: ['SendMessage'] }), 'allowed')
  assert.equal(codeOf({ agents: ['vault', 'calculator'] }), 'allowed')
  assert.equal(codeOf({ operations: ['GetTask', 'SendMessage'] }), 'allowed')
})

test('outside of it, it may not', () => {
  assert.equal(codeOf({ agents: ['vault'] }), 'ROUTE_AGENT_UNKNOWN')
  assert.equal(codeOf({ operations: ['GetTask'] }), 'AUTHZ_DENIED')
  assert.equal(codeOf({ agents: ['calculator'], operations: ['GetTask'] }), 'AUTHZ_DENIED')
  assert.equal(codeOf({ operations: ['SendMessage'] }, { operation: 'CancelTask', taskId: 't' }), 'AUTHZ_DENIED')
})

test('an empty list means nothing', () => {
  for (const scope of [{ agents: [] }, { operations: [] }, { agents: [], operations: [] }])
    assert.equal(codeOf(scope), 'ROUTE_AGENT_UNKNOWN')
  assert.equal(codeOf({ agents: ['calculator'], operations: [] }), 'ROUTE_AGENT_UNKNOWN')
})

test('a scope grants nothing', () => {
  for (const policy of [nothing, sends]) {
    const scope = { agents: ['vault'], operations: ['SendMessage'] } as const
    assert.equal(codeOf(scope, { agent: 'vault' }, policy), 'ROUTE_AGENT_UNKNOWN')
  }
  assert.equal(codeOf({ operations: ['GetTask'] }, { operation: 'GetTask', taskId: 't' }, sends), 'ROUTE_AGENT_UNKNOWN')
})

test('names of agents are names, never patterns', () => {
  assert.equal(codeOf({ agents: ['*'] }), 'ROUTE_AGENT_UNKNOWN')
  assert.equal(codeOf({ agents: ['Calculator'] }), 'ROUTE_AGENT_UNKNOWN')
})

test('a push configuration inside a send needs to be in the scope too', () => {
  assert.equal(codeOf({ operations: ['SendMessage'] }, { inlinePush: true }), 'AUTHZ_DENIED')
  const both = ['SendMessage', 'CreateTaskPushNotificationConfig'] as const
  assert.equal(codeOf({ operations: both }, { inlinePush: true }), 'allowed')
})

test('a call on behalf of a narrowed origin is narrowed', () => {
  const call = { caller: 'agent:concierge', origin: 'key:alice' }
  assert.equal(codeOf({ agents: ['concierge'] }, call), 'ROUTE_AGENT_UNKNOWN')
  assert.equal(codeOf({ agents: ['calculator'] }, call), 'allowed')
})

test('a task outside of the scope is answered as a missing one would be', () => {
  const get = { operation: 'GetTask' } as const
  const scope = { operations: ['SendMessage'] } as const
  const answers = ['t', 'none'].map((taskId) => codeOf(scope, { ...get, taskId }))
  assert.deepEqual(answers, ['AUTHZ_DENIED', 'AUTHZ_DENIED'])
})

test('an agent of which the scope leaves nothing is not to be seen', () => {
  const who = { id: 'key:alice', groups: [] }
  const see = (scope: CallerScope | undefined, discovery = 'callers', policy = sends): boolean =>
    maySeeAgent(policy, { caller: who, origin: who, scope }, { name: 'calculator', discovery } as AgentConfig)
  assert.equal(see(undefined), true)
  assert.equal(see({ agents: ['calculator'] }), true)
  for (const scope of [{ agents: ['vault'] }, { agents: [] }, { operations: [] }, { operations: ['GetTask'] }] as const)
    assert.equal(see(scope), false, JSON.stringify(scope))
  assert.equal(see({ agents: ['vault'] }, 'public'), false)
  assert.equal(see({ agents: ['calculator'] }, 'public', nothing), true)
})

test('a record is decided again with its scope, and without one when it had none', () => {
  for (const scope of [{ agents: ['vault'] }, { operations: ['GetTask'] }, { agents: ['calculator'] }] as const) {
    const first = decided(scope)
    const recorded = JSON.parse(JSON.stringify(first.policyInput)) as JsonObject
    assert.deepEqual(recorded['scope'], scope)
    assert.equal(decideAgain(everything, recorded).allowed, !isRefusal(first))
    delete recorded['scope']
    assert.equal(decideAgain(everything, recorded).allowed, true)
  }
})
