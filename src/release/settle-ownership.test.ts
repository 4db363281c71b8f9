import assert from 'node:assert/strict'
import test from 'node:test'
import type { NamedIds } from '../a2a/named-ids.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { admittedOf, memoryOwnership, type FakeAdmitted } from '../../test/fakes/walk.ts'
import { claimNamed, claimOfRequest } from './settle-ownership.ts'

const named = (ids: Partial<NamedIds>): NamedIds => ({ tasks: [], contexts: [], configs: [], ...ids })
const aTask = (taskId: string, contextId = ''): NamedIds['tasks'][number] => ({
  taskId,
  contextId,
  state: '',
  timestampMs: 0,
})

test('a context that nobody has is taken by the send that names it first', () => {
  const [claim] = claimOfRequest(
    admittedOf({ contextId: 'c1', caller: 'agent:concierge', origin: 'key:alice' }),
    memoryOwnership(),
  )
  assert.deepEqual(claim, {
    kind: 'context',
    contextId: 'c1',
    agent: 'calculator',
    tenant: '',
    owner: { caller: 'agent:concierge', origin: 'key:alice' },
    groups: [],
    createdAtMs: 1_800_000_000_000,
  })
})

test('only a message takes a context, and none that somebody has', () => {
  const ownership = memoryOwnership()
  ownership.give('context', 'c1', 'key:bob')
  assert.deepEqual(claimOfRequest(admittedOf({ contextId: 'c1' }), ownership), [])
  assert.deepEqual(claimOfRequest(admittedOf({ contextId: '' }), ownership), [])
  assert.deepEqual(claimOfRequest(admittedOf({ contextId: 'c2', operation: 'ListTasks' }), ownership), [])
})

test('a push configuration that the caller names is taken before the agent sees it, unless somebody has it', () => {
  const ownership = memoryOwnership()
  ownership.give('pushConfig', 't1/taken', 'key:bob')
  const create: FakeAdmitted = { operation: 'CreateTaskPushNotificationConfig', taskId: 't1', configId: 'p' }
  const kinds = (call: FakeAdmitted): string[] => claimOfRequest(admittedOf(call), ownership).map(({ kind }) => kind)
  assert.deepEqual(kinds(create), ['pushConfig'])
  assert.deepEqual(kinds({ taskId: 't1', configId: 'p', inlinePush: true }), ['pushConfig'])
  assert.deepEqual(kinds({ taskId: 't1', configId: 'p', inlinePush: true, contextId: 'c1' }), ['context', 'pushConfig'])
  assert.deepEqual(kinds({ ...create, configId: 'taken' }), [])
  assert.deepEqual(kinds({ ...create, configId: '' }), [])
  assert.deepEqual(kinds({ configId: 'p', inlinePush: true }), [], 'the task has no id yet')
  for (const operation of ['GetTaskPushNotificationConfig', 'DeleteTaskPushNotificationConfig'] as const)
    assert.deepEqual(kinds({ ...create, operation }), [])
})

test('an owner keeps the groups of caller and origin, each once', () => {
  const call = admittedOf({
    contextId: 'c1',
    caller: 'agent:concierge',
    origin: 'key:alice',
    callerFields: { groups: ['group:a', 'group:b'] },
  })
  const both = { ...call, origin: { ...call.origin, groups: ['group:b', 'group:c'] } }
  assert.deepEqual(claimOfRequest(both, memoryOwnership())[0]?.groups, ['group:a', 'group:b', 'group:c'])
})

test('one foreign id takes the whole answer with it, wherever it stands', () => {
  const mixtures: readonly Partial<NamedIds>[] = [
    { tasks: [aTask('new'), aTask('foreign')] },
    { tasks: [aTask('foreign'), aTask('new')] },
    { tasks: [aTask('new')], contexts: ['fresh', 'foreign-context'] },
  ]
  for (const ids of mixtures) {
    const ownership = memoryOwnership()
    ownership.give('task', 'foreign', 'key:bob')
    ownership.give('context', 'foreign-context', 'key:bob')
    assert.ok(isRefusal(claimNamed(admittedOf(), named(ids), ownership)))
    assert.equal(ownership.tasks.size + ownership.contexts.size, 2)
  }
})

test('an answer may say the context that the caller was allowed to use', () => {
  const ownership = memoryOwnership()
  ownership.give('context', 'shared', 'key:bob')
  assert.ok(!isRefusal(claimNamed(admittedOf({ contextId: 'shared' }), named({ contexts: ['shared'] }), ownership)))
})

test('an agent may begin another task in answer to a message, but not to anything else', () => {
  const call: FakeAdmitted = { taskId: 't1' }
  assert.ok(!isRefusal(claimNamed(admittedOf(call), named({ tasks: [aTask('t2')] }), memoryOwnership())))
  for (const operation of ['GetTask', 'CancelTask', 'SubscribeToTask', 'CreateTaskPushNotificationConfig'] as const) {
    assert.ok(
      isRefusal(claimNamed(admittedOf({ ...call, operation }), named({ tasks: [aTask('t2')] }), memoryOwnership())),
    )
  }
})

test('what was claimed between the look and the taking stays with whoever was first', () => {
  const ownership = memoryOwnership()
  const late = { ...ownership, task: () => undefined }
  ownership.give('task', 'new', 'key:bob')
  assert.ok(isRefusal(claimNamed(admittedOf(), named({ tasks: [aTask('new')] }), late)))
  assert.equal(ownership.tasks.get('new')?.owner.caller, 'key:bob')
})

test('names of objects are ids like any other', () => {
  const ownership = memoryOwnership()
  const outcome = claimNamed(admittedOf(), named({ tasks: [aTask('__proto__'), aTask('constructor')] }), ownership)
  assert.ok(!isRefusal(outcome))
  assert.equal(outcome.fresh.length, 2)
})
