// A message that was sent before the gateway was stopped, killed or lost its index: the agent does not hear of it again,
// and its sender is told which task came of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endings, startFakeAgent, startRunning } from './fake-restart.ts'

for (const [how, end] of Object.entries(endings)) {
  test(`a message that was sent before the gateway was ${how} is not sent again`, async (t) => {
    const agent = await startFakeAgent(t)
    const before = await startRunning(t, agent)
    const stream = { message: { messageId: 'm2', role: 'ROLE_USER', parts: [{ text: 'stream' }] } }
    assert.equal((await before.send('m1', 'pay')).status, 200)
    assert.equal((await before.ask('/message:stream', stream)).status, 200)
    agent.status = 503
    await before.send('m3', 'not taken')
    agent.status = 200
    // how that one ended is on the disk before this one is answered
    assert.equal((await before.send('m4', 'after it')).status, 200)
    const heard = agent.heard.length
    const after = await startRunning(t, agent, { folder: await end(before), keys: before.keys })
    const again = await after.send('m1', 'pay')
    assert.equal(again.status, 409)
    assert.match(again.text, /DUPLICATE_MESSAGE.*"taskId":"task of pay"/)
    // answered by its task
    assert.match((await after.ask('/message:stream', stream)).text, /"task":\{"id":"task of stream"/)
    assert.match((await after.send('m1', 'pay twice')).text, /MESSAGE_ID_REUSED/)
    assert.equal(agent.heard.length, heard)
    // what the agent has not begun may be sent again
    assert.equal((await after.send('m3', 'not taken')).status, 200)
  })
}

test('an erased caller sends anew, and nothing of what it sent is on disk', async (t) => {
  const agent = await startFakeAgent(t)
  const running = await startRunning(t, agent)
  await running.send('m1', 'pay')
  const request = { subject: 'key:alice', reason: 'asked', dryRun: false, approver: null, approve: null }
  await running.gateway.methods['audit.erase'](request)
  await running.gateway.state.ownership.flush()
  assert.deepEqual(running.gateway.state.ownership.sent(), [])
  await running.send('m1', 'pay')
  assert.deepEqual(agent.heard, ['pay', 'pay'])
})
