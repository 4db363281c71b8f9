// A task is shared, and with it, unless policy takes care, the webhooks on it: who may write to a task on call could
// put a URL of his own under the id of its owner's, and read along or silence it. Sharing never covers them.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Operation } from '../a2a/operations.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize, explain } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, type FakeCall, type FakeOwners, type PolicyText } from './fake-call.ts'

type Sharing = 'any' | 'origin' | 'group:corp/oncall'
const group = 'group:corp/oncall'
const sharedBy = (owner: Sharing): PolicyText => ({
  roles: [{ name: 'oncall', rules: [{ agents: ['*'], operations: ['*'], owner }] }],
  bindings: [{ role: 'oncall', callers: ['key:bob', 'key:alice'] }],
})
const alice = ['key:alice', 'key:alice', [group]] as const
const bob = ['key:bob', 'key:bob', [group]] as const
const owners: FakeOwners = { tasks: { t: alice }, configs: { 't/hers': alice, 't/his': bob } }

function ask(call: FakeCall, owner: Sharing = 'any', known: FakeOwners = owners): string {
  const full = { caller: 'key:bob', callerGroups: [group], taskId: 't', ...call }
  const result = authorize(fakeCall(full), policyOf(sharedBy(owner)), fakeSources(known))
  return isRefusal(result) ? result.code : 'allowed'
}

const create: Operation = 'CreateTaskPushNotificationConfig'
const byId: readonly Operation[] = ['GetTaskPushNotificationConfig', 'DeleteTaskPushNotificationConfig', create]
const sends: readonly Operation[] = ['SendMessage', 'SendStreamingMessage']

describe('a webhook on a task that policy shares', () => {
  it('is not shared with the task, by whatever rule', () => {
    for (const owner of ['any', 'group:corp/oncall'] as const) {
      assert.equal(ask({ operation: 'GetTask' }, owner), 'allowed')
      for (const operation of byId)
        assert.equal(ask({ operation, configId: 'hers' }, owner), 'AUTHZ_TASK_NOT_FOUND', operation)
    }
    const sameOrigin: FakeOwners = {
      tasks: { t: ['agent:x', 'key:bob'] },
      configs: { 't/hers': ['agent:x', 'key:bob'] },
    }
    assert.equal(ask({ operation: 'GetTask' }, 'origin', sameOrigin), 'allowed')
    for (const operation of byId)
      assert.equal(ask({ operation, configId: 'hers' }, 'origin', sameOrigin), 'AUTHZ_TASK_NOT_FOUND', operation)
  })
  it("is its task owner's where the gateway never saw it made", () => {
    for (const operation of byId) {
      assert.equal(ask({ operation, configId: 'inline' }), 'AUTHZ_TASK_NOT_FOUND', operation)
      assert.equal(ask({ operation, configId: 'inline', caller: 'key:alice' }), 'allowed', operation)
    }
  })
  it('cannot be put in the place of another inside a send', () => {
    for (const operation of sends) {
      assert.equal(ask({ operation }), 'allowed')
      for (const configId of ['hers', 'inline', ''])
        assert.equal(ask({ operation, configId, inlinePush: true }), 'AUTHZ_TASK_NOT_FOUND', configId)
      assert.equal(ask({ operation, configId: 'hers', inlinePush: true, caller: 'key:alice' }), 'allowed')
    }
  })
  it('cannot be made without an id either: the agent would choose one, perhaps that of another', () => {
    assert.equal(ask({ operation: create }), 'AUTHZ_TASK_NOT_FOUND')
    assert.equal(ask({ operation: create, caller: 'key:alice' }), 'allowed')
  })
  it('stays with who made it, also against the owner of the task', () => {
    for (const operation of byId) {
      assert.equal(ask({ operation, configId: 'his' }), 'allowed', operation)
      assert.equal(ask({ operation, configId: 'his', caller: 'key:alice' }), 'AUTHZ_TASK_NOT_FOUND', operation)
    }
  })
  it('may come inside a send that begins a task, under any id', () => {
    for (const configId of ['', 'hers']) assert.equal(ask({ taskId: '', configId, inlinePush: true }), 'allowed')
  })
  it('is explained as it is decided', () => {
    const policy = policyOf(sharedBy('any'))
    const query = { caller: { id: 'key:bob' }, agent: 'calculator', task: 'other' } as const
    assert.equal(explain(policy, { ...query, operation: 'GetTask' }, new Map()).allowed, true)
    for (const operation of byId)
      assert.equal(explain(policy, { ...query, operation }, new Map()).code, 'AUTHZ_TASK_NOT_FOUND', operation)
    assert.equal(
      explain(policy, { ...query, operation: 'SendMessage', inlinePush: true }, new Map()).code,
      'AUTHZ_TASK_NOT_FOUND',
    )
    assert.equal(explain(policy, { ...query, task: 'self', operation: create }, new Map()).allowed, true)
  })
})
