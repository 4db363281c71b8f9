// Agents replace a push configuration when they are given its id again. On a shared task that let one caller send
// another's notifications to himself: the agent had obeyed before the gateway looked at whose the id was. Whose it
// is, is settled and recorded before the agent sees the call.

import assert from 'node:assert/strict'
import test from 'node:test'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { FakeReply } from '../../test/fakes/walk.ts'
import { say, startFakeWalk, type FakeWalk } from './fake-walk.ts'

const hers = 'https://hooks.example.com/alice'
const his = 'https://hooks.example.com/bob'
const create = 'CreateTaskPushNotificationConfig'

/** An agent that keeps webhooks as agents do: by id, the last one counts, and without an id by that of the task. */
async function withAgent(work: (walk: FakeWalk, hooks: Map<string, string>) => Promise<void>): Promise<void> {
  const walk = await startFakeWalk({
    config: {
      policy: {
        roles: [
          { name: 'user', rules: [{ agents: ['calculator'], operations: ['*'] }] },
          { name: 'oncall', rules: [{ agents: ['calculator'], operations: ['*'], owner: 'any' }] },
        ],
        bindings: [
          { role: 'user', callers: ['key:alice'] },
          { role: 'oncall', callers: ['key:bob'] },
        ],
      },
    },
  })
  const hooks = new Map<string, string>()
  const keep = (config: JsonObject): JsonObject => {
    const id = textOf(config['id']) || 't1'
    hooks.set(id, textOf(config['url']))
    return { id, taskId: 't1', url: textOf(config['url']) }
  }
  walk.agent = (_request, response, body) => {
    const { method, params } = JSON.parse(body) as { method: string; params: JsonObject }
    const all = [...hooks].map(([id, url]) => ({ id, taskId: 't1', url }))
    if (method === create) return say(response, body, keep(params))
    if (method === 'GetTaskPushNotificationConfig')
      return say(
        response,
        body,
        all.find(({ id }) => id === params['id']),
      )
    if (method === 'ListTaskPushNotificationConfigs') return say(response, body, { configs: all })
    if (method === 'DeleteTaskPushNotificationConfig') {
      hooks.delete(textOf(params['id']))
      return say(response, body, null)
    }
    const { configuration } = params
    const push = isJsonObject(configuration) ? configuration['taskPushNotificationConfig'] : undefined
    if (isJsonObject(push)) keep(push)
    say(response, body, { task: { id: 't1', contextId: 'c1', status: { state: 'TASK_STATE_WORKING' } } })
  }
  try {
    await work(walk, hooks)
  } finally {
    await walk.close()
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

const message = (taskId: string): JsonObject => ({
  messageId: 'm',
  role: 'ROLE_USER',
  parts: [{ text: 'x' }],
  ...(taskId !== '' && { taskId }),
})

function send(walk: FakeWalk, as: 'alice' | 'bob', taskId: string, push?: JsonObject): Promise<FakeReply> {
  const params = { message: message(taskId), ...(push && { configuration: { taskPushNotificationConfig: push } }) }
  return walk.rpc('SendMessage', params, { as })
}

async function missing(walk: FakeWalk, asking: () => Promise<FakeReply>): Promise<void> {
  const calls = walk.log.filter((each) => each === 'agent').length
  assert.match((await asking()).body, /-32001/)
  assert.equal(walk.records.at(-1)?.code, 'AUTHZ_TASK_NOT_FOUND')
  assert.equal(walk.log.filter((each) => each === 'agent').length, calls, 'the agent saw it')
}

const configIds = (reply: FakeReply): string[] =>
  (reply.json() as { result: { configs: { id: string }[] } }).result.configs.map(({ id }) => id)

test('the owner reaches the webhook that came inside her first message, and nobody else does', () =>
  withAgent(async (walk, hooks) => {
    await send(walk, 'alice', '', { id: 'hook', url: hers })
    const named = { taskId: 't1', id: 'hook' }
    for (const method of ['GetTaskPushNotificationConfig', 'DeleteTaskPushNotificationConfig', create])
      await missing(walk, () => walk.rpc(method, { ...named, ...(method === create && { url: his }) }, { as: 'bob' }))
    assert.deepEqual([...hooks], [['hook', hers]])
    assert.deepEqual(configIds(await walk.rpc('ListTaskPushNotificationConfigs', { taskId: 't1' }, { as: 'bob' })), [])
    assert.deepEqual(configIds(await walk.rpc('ListTaskPushNotificationConfigs', { taskId: 't1' })), ['hook'])
    assert.match((await walk.rpc('GetTaskPushNotificationConfig', named)).body, /hooks\.example\.com\/alice/)
    assert.match((await walk.rpc('DeleteTaskPushNotificationConfig', named)).body, /"result":null/)
    assert.equal(hooks.size, 0)
  }))

test('a webhook that its owner made is not replaced, deleted or read by who shares the task', () =>
  withAgent(async (walk, hooks) => {
    await send(walk, 'alice', '')
    const own = { taskId: 't1', id: 'own' }
    await walk.rpc(create, { ...own, url: hers })
    await missing(walk, () => walk.rpc(create, { ...own, url: his }, { as: 'bob' }))
    await missing(walk, () => walk.rpc('DeleteTaskPushNotificationConfig', own, { as: 'bob' }))
    await missing(walk, () => walk.rpc('GetTaskPushNotificationConfig', own, { as: 'bob' }))
    await missing(walk, () => send(walk, 'bob', 't1', { id: 'own', url: his }))
    await missing(walk, () => send(walk, 'bob', 't1', { url: his }))
    await missing(walk, () => walk.rpc(create, { taskId: 't1', url: his }, { as: 'bob' }))
    assert.deepEqual([...hooks], [['own', hers]])
    assert.equal((await send(walk, 'bob', 't1')).status, 200)
  }))

test("a named webhook is its maker's in the record of the decision, before the agent sees it", () =>
  withAgent(async (walk) => {
    await send(walk, 'alice', '')
    walk.agent = (_request, response) => {
      assert.equal(walk.ownership.configs.get('t1/own')?.owner.caller, 'key:alice')
      response.writeHead(503).end()
    }
    for (const asking of [
      () => walk.rpc(create, { taskId: 't1', id: 'own', url: hers }),
      () => send(walk, 'alice', 't1', { id: 'own', url: hers }),
    ]) {
      walk.ownership.configs.clear()
      walk.records.length = 0
      await asking()
      assert.deepEqual(
        walk.records.map((record) => [record.kind, record.claims.map((claim) => claim.kind)]),
        [
          ['allowed', ['pushConfig']],
          ['completed', []],
        ],
      )
    }
  }))

test("a webhook that cannot be recorded is nobody's, and the agent does not see it", () =>
  withAgent(async (walk, hooks) => {
    await send(walk, 'alice', '')
    walk.failing.add('allowed')
    assert.equal((await walk.rpc(create, { taskId: 't1', id: 'own', url: hers })).status, 503)
    assert.deepEqual([walk.ownership.configs.size, hooks.size], [0, 0])
  }))

test('a webhook that another takes in the same moment is refused before it has any effect', () =>
  withAgent(async (walk, hooks) => {
    await send(walk, 'alice', '')
    const claim = walk.ownership.claim.bind(walk.ownership)
    walk.ownership.claim = (claims) => {
      walk.ownership.give('pushConfig', 't1/own', 'key:bob')
      return claim(claims)
    }
    await missing(walk, () => walk.rpc(create, { taskId: 't1', id: 'own', url: hers }))
    await missing(walk, () => send(walk, 'alice', 't1', { id: 'own', url: hers }))
    assert.equal(hooks.size, 0)
  }))
