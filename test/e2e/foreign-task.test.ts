// Foreign is missing (invariant 4): whatever names another owner's task answers exactly as if there were none, byte
// for byte but for echoed ids, Date, rate-limit fields and the record's id, and the agent never sees the call. An
// agent that names another owner's task, context or history gets its answer replaced, and the owner stays.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Binding, Operation } from '../../src/a2a/operations.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { bindings, say, spell, type Answer } from './client.ts'
import { assertRefused, startGateway, type Gateway } from './harness.ts'

let agent: HostileAgent
let gateway: Gateway
/** alice's, with a push configuration */
let owned: { task: string; context: string; config: string }

before(async () => {
  agent = await startHostileAgent()
  gateway = await startGateway({ agents: { a: agent.url, b: agent.url } })
  const made = await ask('alice', 'JSONRPC', 'SendMessage', say('task', { contextId: 'context-of-alice' }))
  const task = (made.result['task'] as JsonObject)['id'] as string
  const pushed = await ask('alice', 'JSONRPC', 'CreateTaskPushNotificationConfig', {
    taskId: task,
    id: 'config-of-alice',
    url: 'https://hooks.example.com/x',
  })
  assert.equal(pushed.result['id'], 'config-of-alice', pushed.text)
  // as the agent knows it
  const context = /"contextId":"([^"]+)"/.exec(agent.seen.at(0)?.body ?? '')?.[1] ?? ''
  assert.notEqual(context, 'context-of-alice')
  owned = { task, context, config: 'config-of-alice' }
  // the agent would gladly talk about a task that nobody made through the gateway
  agent.plant('t-planted')
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

const ask = (caller: string, binding: Binding, operation: Operation, params: JsonObject, on = 'a'): Promise<Answer> =>
  gateway.as(caller, { binding, agent: on, operation, params })

const missing = 't-00000000-0000-4000-8000-000000000000'

interface Position {
  readonly name: string
  readonly operation: Operation
  readonly params: (taskId: string) => JsonObject
}
const byId = (operation: Operation): Position => ({ name: operation, operation, params: (id) => ({ id }) })
const positions: readonly Position[] = [
  byId('GetTask'),
  byId('CancelTask'),
  byId('SubscribeToTask'),
  { name: 'GetTask with a history length', operation: 'GetTask', params: (id) => ({ id, historyLength: 3 }) },
  { name: 'SendMessage to the task', operation: 'SendMessage', params: (taskId) => say('task', { taskId }) },
  {
    name: 'SendMessage to the task in its context',
    operation: 'SendMessage',
    params: (taskId) => say('task', { taskId, contextId: 'context-of-alice' }),
  },
  {
    name: 'SendMessage that refers to the task',
    operation: 'SendMessage',
    params: (id) => say('task', { referenceTaskIds: [id] }),
  },
  {
    name: 'SendStreamingMessage to the task',
    operation: 'SendStreamingMessage',
    params: (taskId) => say('stream', { taskId }),
  },
  {
    name: 'SendStreamingMessage that refers to the task',
    operation: 'SendStreamingMessage',
    params: (id) => say('stream', { referenceTaskIds: [id] }),
  },
  {
    name: 'SendMessage with a webhook for the task',
    operation: 'SendMessage',
    params: (taskId) => ({
      ...say('task', { taskId }),
      configuration: { taskPushNotificationConfig: { taskId, url: 'https://hooks.example.com/x' } },
    }),
  },
  {
    name: 'CreateTaskPushNotificationConfig',
    operation: 'CreateTaskPushNotificationConfig',
    params: (taskId) => ({ taskId, url: 'https://hooks.example.com/x' }),
  },
  {
    name: 'CreateTaskPushNotificationConfig over an existing one',
    operation: 'CreateTaskPushNotificationConfig',
    params: (taskId) => ({ taskId, id: 'config-of-alice', url: 'https://hooks.example.com/x' }),
  },
  {
    name: 'GetTaskPushNotificationConfig',
    operation: 'GetTaskPushNotificationConfig',
    params: (taskId) => ({ taskId, id: 'config-of-alice' }),
  },
  {
    name: 'ListTaskPushNotificationConfigs',
    operation: 'ListTaskPushNotificationConfigs',
    params: (taskId) => ({ taskId }),
  },
  {
    name: 'DeleteTaskPushNotificationConfig',
    operation: 'DeleteTaskPushNotificationConfig',
    params: (taskId) => ({ taskId, id: 'config-of-alice' }),
  },
]

/** What a caller could compare: status, fields and body, without what may differ. */
function visible(answer: Answer): unknown {
  const headers = Object.entries(answer.headers).filter(([name]) => !/^(date|ratelimit.*|sallyport-record)$/.test(name))
  return { status: answer.status, headers, text: answer.text }
}

for (const binding of bindings) {
  for (const { name, operation, params } of positions) {
    test(`${name}: another's task answers like a missing one over ${binding}, and the agent sees neither`, async () => {
      const seen = agent.seen.length
      const foreign = await ask('bob', binding, operation, params(owned.task))
      const absent = await ask('bob', binding, operation, params(missing))
      assertRefused(absent, 'AUTHZ_TASK_NOT_FOUND', binding)
      assert.deepEqual(visible(foreign), visible(absent))
      assert.deepEqual(visible(await ask('bob', binding, operation, params('t-planted'))), visible(absent))
      assert.equal(agent.seen.length, seen)
      for (const answer of [foreign, absent]) {
        const { envelope } = await gateway.recordOf(answer)
        assert.deepEqual([envelope.outcome, envelope.code], ['refused', 'AUTHZ_TASK_NOT_FOUND'])
      }
    })
  }

  test(`the length of a foreign answer does not depend on the task over ${binding}`, async () => {
    const foreign = await ask('bob', binding, 'GetTask', { id: owned.task })
    const short = await ask('bob', binding, 'GetTask', { id: 'x' })
    assert.equal(foreign.text, short.text)
    assert.equal(foreign.headers['content-length'], short.headers['content-length'])
  })

  test(`a task of one agent does not exist on another over ${binding}`, async () => {
    const seen = agent.seen.length
    assertRefused(await ask('alice', binding, 'GetTask', { id: owned.task }, 'b'), 'AUTHZ_TASK_NOT_FOUND', binding)
    assert.equal(agent.seen.length, seen)
  })

  test(`the owner itself gets through over ${binding}`, async () => {
    const got = await ask('alice', binding, 'GetTask', { id: owned.task })
    assert.equal(got.result['id'], owned.task, got.text)
    const configs = await ask('alice', binding, 'ListTaskPushNotificationConfigs', { taskId: owned.task })
    assert.equal((configs.result['configs'] as JsonObject[])[0]?.['id'], 'config-of-alice')
  })

  test(`a list holds one's own tasks and counts nobody else's over ${binding}`, async () => {
    const mine = await ask('alice', binding, 'ListTasks', {})
    const ids = (mine.result['tasks'] as JsonObject[]).map((task) => task['id'])
    assert.ok(ids.includes(owned.task))
    assert.ok(!ids.includes('t-planted'))
    const his = await ask('bob', binding, 'ListTasks', {}, 'b')
    assert.deepEqual([his.result['tasks'], his.result['totalSize'], his.result['nextPageToken']], [[], 0, ''])
  })

  test(`a page token of one caller is refused to another over ${binding}`, async () => {
    for (let i = 0; i < 2; i++) await ask('alice', binding, 'SendMessage', say('task'))
    const page = await ask('alice', binding, 'ListTasks', { pageSize: 1 })
    const pageToken = page.result['nextPageToken']
    assert.ok(typeof pageToken === 'string' && pageToken !== '')
    assert.equal((await ask('alice', binding, 'ListTasks', { pageSize: 1, pageToken })).status, 200)
    assertRefused(await ask('bob', binding, 'ListTasks', { pageSize: 1, pageToken }), 'VALIDATE_PARAMS', binding)
  })

  for (const [name, behaviour] of [
    ['a task', () => `task ${owned.task}`],
    ['a message of a task', () => `message-of-task ${owned.task}`],
    ['a history of a task', () => `history-of-task ${owned.task}`],
    ['a task in a context', () => `task-in-context ${owned.context}`],
    ['a message in a context', () => `message-in-context ${owned.context}`],
  ] as const) {
    test(`an agent that answers with ${name} of someone else is not believed over ${binding}`, async () => {
      const answer = await ask('bob', binding, 'SendMessage', say(behaviour()))
      assertRefused(answer, 'RELEASE_INVALID_ANSWER', binding)
      assert.equal((await gateway.completionOf(answer)).envelope.code, 'RELEASE_INVALID_ANSWER')
      await assertStillOwnedByAlice(binding)
    })
  }

  for (const [name, behaviour] of [
    ['a first event', () => `stream-task ${owned.task}`],
    ['a later event', () => `stream-foreign ${owned.task}`],
  ] as const) {
    test(`a stream whose ${name} speaks of someone else's task ends over ${binding}`, async () => {
      const params = say(behaviour())
      const stream = await gateway.stream({
        binding,
        agent: 'a',
        operation: 'SendStreamingMessage',
        params,
        key: gateway.keys['bob'] ?? '',
      })
      const events = await stream.rest()
      assert.equal(events.at(-1)?.error?.['code'], binding === 'JSONRPC' ? -32006 : 500)
      assert.doesNotMatch(JSON.stringify(events), /POISON/)
      assert.ok(!JSON.stringify(events).includes(owned.task))
      await assertStillOwnedByAlice(binding)
    })
  }

  for (const operation of ['GetTask', 'CancelTask'] as const) {
    test(`an agent that answers ${operation} with another task than the one asked for is not believed over ${binding}`, async () => {
      const made = await ask('bob', binding, 'SendMessage', say('task'))
      const id = (made.result['task'] as JsonObject)['id'] as string
      for (const other of [owned.task, 't-unheard-of']) {
        agent.behave(id, `other-task ${other}`)
        const answer = await ask('bob', binding, operation, { id })
        assertRefused(answer, 'RELEASE_INVALID_ANSWER', binding)
        assert.equal((await gateway.completionOf(answer)).envelope.code, 'RELEASE_INVALID_ANSWER')
      }
      await assertStillOwnedByAlice(binding)
    })
  }

  test(`the name of someone else's context is another context over ${binding}`, async () => {
    for (const contextId of ['context-of-alice', owned.context]) {
      const answer = await ask('bob', binding, 'SendMessage', say('task', { contextId }))
      assert.equal((answer.result['task'] as JsonObject)['contextId'], contextId, answer.text)
      assert.ok(!(agent.seen.at(-1)?.body ?? '').includes(contextId))
    }
  })
}

test('two callers who race for one context each get one of their own', async () => {
  const contextId = 'context-raced'
  const seen = agent.seen.length
  const calls = ['alice', 'bob', 'alice', 'bob'].map((caller) =>
    ask(caller, 'JSONRPC', 'SendMessage', say('task', { contextId })),
  )
  for (const { result } of await Promise.all(calls))
    assert.equal((result['task'] as JsonObject)['contextId'], contextId)
  const ids = agent.seen.slice(seen).map(({ body }) => /"contextId":"([^"]+)"/.exec(body)?.[1])
  assert.equal(ids.length, 4)
  assert.equal(new Set(ids).size, 2)
})

test('two callers to whom the agent names the same new task at once cannot both own it', async () => {
  const id = 't-raced'
  const answers = await Promise.all(
    ['alice', 'bob'].map((caller) => ask(caller, 'JSONRPC', 'SendMessage', say(`task ${id}`))),
  )
  const owners = ['alice', 'bob'].filter((_, i) => answers[i]?.result['task'] !== undefined)
  assert.equal(owners.length, 1)
  const other = owners[0] === 'alice' ? 'bob' : 'alice'
  assertRefused(await ask(other, 'JSONRPC', 'GetTask', { id }), 'AUTHZ_TASK_NOT_FOUND', 'JSONRPC')
})

test('a task id that looks like a path stays an id', async () => {
  const seen = agent.seen.length
  for (const id of [
    '../tasks',
    'a/b',
    'a%2fb',
    `${owned.task}:cancel`,
    `${owned.task}?x=1`,
    `${owned.task}/`,
    ` ${owned.task}`,
  ]) {
    const answer = await ask('bob', 'JSONRPC', 'GetTask', { id })
    assert.ok(['TASK_NOT_FOUND', 'INVALID_PARAMS'].includes(answer.error.reason), `${id}: ${answer.text}`)
  }
  const call = spell({
    binding: 'HTTP+JSON',
    agent: 'a',
    operation: 'GetTask',
    params: { id: 'x' },
    key: gateway.keys['bob'] ?? '',
  })
  for (const path of [
    `/agents/a/tasks/${owned.task}%3Acancel`,
    `/agents/a/TASKS/${owned.task}`,
    `/agents/a/tasks/${owned.task}/`,
    `/agents/a/tasks/%74-x`,
  ]) {
    assert.equal((await gateway.http({ ...call, path })).status, 404, path)
  }
  assert.equal(agent.seen.length, seen)
})

async function assertStillOwnedByAlice(binding: Binding): Promise<void> {
  const mine = await ask('alice', binding, 'GetTask', { id: owned.task })
  assert.equal(mine.result['id'], owned.task, mine.text)
  assertRefused(await ask('bob', binding, 'GetTask', { id: owned.task }), 'AUTHZ_TASK_NOT_FOUND', binding)
}
