// A task whose time is over does not come back: not by a restart, not by an index that is made again from the ledger,
// not by an agent that names it to somebody else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endings, startFakeAgent, startRunning } from './fake-restart.ts'

const config = { ownership: { finished: '0s' } }

for (const [how, end] of Object.entries(endings)) {
  test(`a task that is over is gone, also after the gateway was ${how}, and its id is nobody else's`, async (t) => {
    const agent = await startFakeAgent(t)
    const before = await startRunning(t, agent, { config })
    await before.send('m1', 'kept')
    await before.send('m2', 'done')
    agent.tasks.set('task of done', 'TASK_STATE_COMPLETED')
    const [kept, done] = ['/tasks/task%20of%20kept', '/tasks/task%20of%20done']
    // this answer says that it is over, and is the last
    assert.equal((await before.ask(done)).status, 200)
    const unknown = await before.ask('/tasks/nothing')
    for (let round = 0; round < 2; round += 1) {
      const gone = await before.ask(done)
      assert.deepEqual([gone.status, gone.text], [unknown.status, unknown.text])
      await before.gateway.state.ownership.expire()
    }
    const after = await startRunning(t, agent, { config, folder: await end(before), keys: before.keys })
    assert.equal((await after.ask(kept)).status, 200)
    const gone = await after.ask(done)
    assert.deepEqual([gone.status, gone.text], [unknown.status, unknown.text])
    assert.equal((await after.ask('/tasks')).text.includes('task of done'), false)
    // the agent answers bob with it
    const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'done' }] }
    const answer = await after.ask('/message:send', { message }, after.keys[1])
    assert.equal(answer.status, 500)
    assert.equal(answer.text.includes('task of done'), false)
    assert.equal((await after.ask(done, undefined, after.keys[1])).status, 404)
  })
}
