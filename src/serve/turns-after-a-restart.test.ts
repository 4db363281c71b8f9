// A conversation that is as long as it may be does not get shorter by a restart of the gateway, nor longer by messages
// that were refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endings, startFakeAgent, startRunning } from './fake-restart.ts'

const config = { limits: [{ per: ['caller' as const], turns: 4 }] }

for (const [how, end] of Object.entries(endings)) {
  test(`turns are counted after the gateway was ${how}`, async (t) => {
    const agent = await startFakeAgent(t)
    const before = await startRunning(t, agent, { config })
    // one context that the caller names, one that the agent makes
    assert.equal((await before.send('m1', 'named', { contextId: 'mine' })).status, 200)
    assert.equal((await before.send('m2', 'made')).status, 200)
    const inTask = { taskId: 'task of made' }
    assert.equal((await before.send('m3', 'b', inTask)).status, 200)
    // refused, or the same again: no turn
    assert.equal((await before.send('m3', 'c', inTask)).status, 409)
    assert.equal((await before.send('m3', 'b', inTask)).status, 200)
    assert.equal((await before.send('m4', 'c', inTask)).status, 200)
    const after = await startRunning(t, agent, { config, folder: await end(before), keys: before.keys })
    assert.equal((await after.send('m5', 'd', inTask)).status, 200)
    const refused = await after.send('m6', 'e', inTask)
    assert.match(refused.text, /TOO_MANY_TURNS/)
    assert.equal(refused.status, 429)
    assert.deepEqual(agent.heard, ['named', 'made', 'b', 'c', 'd'])
    assert.equal((await after.send('m7', 'another')).status, 200)
  })
}

test('turns of a context that its owner has named are those that it sent', async (t) => {
  const agent = await startFakeAgent(t)
  const running = await startRunning(t, agent, { config })
  const statuses: number[] = []
  for (let at = 0; at < 6; at += 1)
    statuses.push((await running.send(`m${at}`, `t${at}`, { contextId: 'mine' })).status)
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429])
  // bob's context of this name is another one
  const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'bob' }], contextId: 'mine' }
  assert.equal((await running.ask('/message:send', { message }, running.keys[1])).status, 200)
})
