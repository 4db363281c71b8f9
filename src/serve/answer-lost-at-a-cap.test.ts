// The attack: none is needed. A caller with as many unfinished tasks, or turns, as it may have loses an answer, and sends
// again as it is told to; a cap that counts the repetition keeps its own task from it. Nor may a repetition, which opens
// nothing, hold a place that somebody else could have.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startFakeAgent, startRunning } from './fake-restart.ts'

const bodyOf = (messageId: string, text: string, contextId = 'c'): object => ({
  message: { messageId, contextId, role: 'ROLE_USER', parts: [{ text }] },
})

for (const [cap, reason] of [
  [{ openTasks: 1 }, /TOO_MANY_TASKS/],
  [{ turns: 1 }, /TOO_MANY_TURNS/],
] as const)
  test(`a message that was sent before is answered at the cap, and another is not: ${JSON.stringify(cap)}`, async (t) => {
    const agent = await startFakeAgent(t)
    const running = await startRunning(t, agent, { config: { limits: [{ per: ['agent'], ...cap }] } })
    const first = await running.ask('/message:send', bodyOf('m1', 'one'))
    assert.equal(first.status, 200, first.text)
    for (let round = 0; round < 3; round += 1)
      assert.deepEqual(await running.ask('/message:send', bodyOf('m1', 'one')), first)
    assert.match((await running.ask('/message:send', bodyOf('m1', 'two'))).text, /MESSAGE_ID_REUSED/)
    assert.match((await running.ask('/message:send', bodyOf('m2', 'two'))).text, reason)
    assert.deepEqual(agent.heard, ['one'])
  })

test('streams that are joined again hold no place of a task', async (t) => {
  const agent = await startFakeAgent(t)
  const running = await startRunning(t, agent, { config: { limits: [{ per: ['agent'], openTasks: 2 }] } })
  const first = await running.ask('/message:stream', bodyOf('m1', 'one'))
  assert.equal(first.status, 200, first.text)
  agent.holds = true
  const joined = [1, 2, 3].map(() => running.ask('/message:stream', bodyOf('m1', 'one')))
  while (agent.streams.length < 3) await new Promise(setImmediate)
  const [, bob] = running.keys
  assert.equal((await running.ask('/message:send', bodyOf('m2', 'two'), bob)).status, 200)
  assert.match((await running.ask('/message:send', bodyOf('m3', 'three'), bob)).text, /TOO_MANY_TASKS/)
  for (const response of agent.streams) response.end()
  for (const { status, text } of await Promise.all(joined))
    assert.deepEqual([status, /task of one/.test(text)], [200, true])
  assert.deepEqual(agent.heard, ['one', 'two'])
})
