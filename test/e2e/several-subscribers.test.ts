// Several connections on one task: two of its owner's, one of a colleague's to whom policy shares it. Each is let in,
// watched and ended by itself, and what ends one is nothing to the others. A gateway that is stopped and started again
// takes subscribers to the task as it is by then. A real process, in both JSON bindings.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTaskAgent, type TaskAgent } from '../fakes/task-agent.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { bindings, say, type EventStream, type SseEvent } from './client.ts'
import { assertRefused, eventually, startGateway, type Gateway } from './harness.ts'

const policy = {
  roles: [
    { name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] },
    { name: 'colleague', rules: [{ agents: ['*'], operations: ['SubscribeToTask', 'GetTask'], owner: 'any' }] },
  ],
  bindings: [
    { role: 'user', callers: ['key:alice', 'key:mallory'] },
    { role: 'colleague', callers: ['key:bob'] },
  ],
}
const callers = ['alice', 'bob', 'mallory']

let agent: TaskAgent
let gateway: Gateway
let home: string

const start = (): Promise<Gateway> =>
  startGateway({ agents: { a: agent.url }, callers, policy, home, bounds: { drain: '200ms' } })

before(async () => {
  agent = await startTaskAgent()
  home = temporaryFolder()
  gateway = await start()
})
after(async () => {
  await gateway.stop()
  agent.close()
})

type Binding = (typeof bindings)[number]

async function begin(binding: Binding): Promise<{ taskId: string; stream: EventStream }> {
  const call = { binding, agent: 'a', operation: 'SendStreamingMessage', params: say('work') } as const
  const stream = await gateway.stream({ ...call, key: gateway.keys['alice'] ?? '' })
  const task = (await stream.next())?.result['task'] as { id: string }
  return { taskId: task.id, stream }
}

async function subscribe(who: string, taskId: string, binding: Binding): Promise<EventStream> {
  const call = { binding, agent: 'a', operation: 'SubscribeToTask', params: { id: taskId } } as const
  const stream = await gateway.stream({ ...call, key: gateway.keys[who] ?? '' })
  const first = await stream.next()
  assert.equal((first?.result['task'] as { id?: string } | undefined)?.id, taskId, JSON.stringify(first?.json))
  return stream
}

const stateOf = (event: SseEvent | undefined): unknown =>
  (event?.result['statusUpdate'] as { status?: { state?: string } } | undefined)?.status?.state

for (const binding of bindings) {
  test(`over ${binding} all subscribers get every event, and one that leaves takes nobody along`, async () => {
    const { taskId, stream } = await begin(binding)
    const other = await subscribe('alice', taskId, binding)
    const bob = await subscribe('bob', taskId, binding)
    assert.equal(agent.subscribers(taskId), 3)
    agent.say(taskId, 'TASK_STATE_INPUT_REQUIRED')
    for (const each of [stream, other, bob]) assert.equal(stateOf(await each.next()), 'TASK_STATE_INPUT_REQUIRED')
    other.close()
    await eventually('the agent was left', async () => agent.subscribers(taskId) === 2 || undefined)
    agent.say(taskId, 'TASK_STATE_WORKING')
    for (const each of [stream, bob]) assert.equal(stateOf(await each.next()), 'TASK_STATE_WORKING')
    agent.say(taskId, 'TASK_STATE_COMPLETED')
    for (const each of [stream, bob]) {
      assert.equal(stateOf(await each.next()), 'TASK_STATE_COMPLETED')
      assert.equal(await each.next(), undefined)
    }
  })

  test(`over ${binding} each subscriber is checked by itself: a stranger is told that there is no task`, async () => {
    const { taskId, stream } = await begin(binding)
    const call = { binding, agent: 'a', operation: 'SubscribeToTask', params: { id: taskId } } as const
    assertRefused(await gateway.as('mallory', call), 'AUTHZ_TASK_NOT_FOUND', binding)
    assert.equal(agent.subscribers(taskId), 1)
    stream.close()
  })

  test(`over ${binding} one that is blocked ends alone, with an error and no state that nobody gave`, async () => {
    const { taskId, stream } = await begin(binding)
    const bob = await subscribe('bob', taskId, binding)
    const { code } = await gateway.command('block', 'caller', 'key:bob')
    assert.equal(code, 0)
    const last = await bob.next()
    assert.ok(last?.error, JSON.stringify(last?.json))
    assert.equal(stateOf(last), undefined)
    assert.equal(await bob.next(), undefined)
    await eventually('the agent was left', async () => agent.subscribers(taskId) === 1 || undefined)
    agent.say(taskId, 'TASK_STATE_COMPLETED')
    assert.equal(stateOf(await stream.next()), 'TASK_STATE_COMPLETED')
    assert.equal((await gateway.command('unblock', 'caller', 'key:bob')).code, 0)
  })

  test(`over ${binding} a subscriber goes on after the gateway was stopped and started`, async () => {
    const { taskId, stream } = await begin(binding)
    const bob = await subscribe('bob', taskId, binding)
    gateway.kill('SIGTERM')
    for (const each of [stream, bob]) {
      const left = await each.rest()
      assert.deepEqual(left.map(stateOf).filter(Boolean), [], 'no state that nobody gave')
      assert.ok(left.at(-1)?.error)
    }
    assert.equal(await gateway.ended, 0)
    gateway.close()
    agent.say(taskId, 'TASK_STATE_INPUT_REQUIRED')
    gateway = await start()
    const again = [await subscribe('alice', taskId, binding), await subscribe('bob', taskId, binding)]
    const call = { binding, agent: 'a', operation: 'SubscribeToTask', params: { id: taskId } } as const
    assertRefused(await gateway.as('mallory', call), 'AUTHZ_TASK_NOT_FOUND', binding)
    agent.say(taskId, 'TASK_STATE_COMPLETED')
    for (const each of again) assert.equal(stateOf(await each.next()), 'TASK_STATE_COMPLETED')
  })
}
