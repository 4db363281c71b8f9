// A caller that has as many unfinished tasks as it may does not get rid of them by a restart of the gateway, nor is it
// held to tasks that were over before.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endings, startFakeAgent, startRunning } from './fake-restart.ts'

const config = { limits: [{ per: ['caller' as const], openTasks: 2 }] }

for (const [how, end] of Object.entries(endings)) {
  test(`unfinished tasks are counted after the gateway was ${how}`, async (t) => {
    const agent = await startFakeAgent(t)
    const before = await startRunning(t, agent, { config })
    assert.equal((await before.send('m1', 'one')).status, 200)
    assert.equal((await before.send('m2', 'two')).status, 200)
    assert.match((await before.send('m3', 'three')).text, /TOO_MANY_TASKS/)
    // the gateway hears that one is over
    agent.tasks.set('task of one', 'TASK_STATE_COMPLETED')
    assert.equal((await before.ask('/tasks/task%20of%20one')).status, 200)
    assert.equal((await before.send('m4', 'four')).status, 200)
    const after = await startRunning(t, agent, { config, folder: await end(before), keys: before.keys })
    assert.match((await after.send('m5', 'five')).text, /TOO_MANY_TASKS/)
    assert.equal((await after.send('m6', 'go on', { taskId: 'task of two' })).status, 200)
    // what is over opens nothing
    assert.match((await after.send('m7', 'go on', { taskId: 'task of one' })).text, /TOO_MANY_TASKS/)
    agent.tasks.set('task of two', 'TASK_STATE_CANCELED')
    assert.equal((await after.ask('/tasks/task%20of%20two')).status, 200)
    assert.equal((await after.send('m8', 'eight')).status, 200)
    assert.equal(agent.heard.includes('five') || agent.heard.includes('three'), false)
  })
}
