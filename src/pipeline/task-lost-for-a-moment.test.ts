// An agent that restarts may for a moment know none of its tasks. A list that was asked for just then made the
// gateway forget whose they were: their owner was locked out for good, and the next to be given the id owned it.

import assert from 'node:assert/strict'
import test from 'node:test'
import { messageParams, say, startFakeWalk } from './fake-walk.ts'

test("a task that the agent loses for a moment stays its owner's", async () => {
  const walk = await startFakeWalk()
  try {
    const task = { id: 't1', contextId: 'c1', status: { state: 'TASK_STATE_WORKING' } }
    walk.agent = (_request, response, body) => say(response, body, { task })
    assert.match((await walk.rpc('SendMessage', messageParams)).body, /"t1"/)

    walk.agent = (_request, response) =>
      response.end('{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"starting"}}')
    for (const params of [{}, { status: 'TASK_STATE_WORKING' }]) {
      const list = (await walk.rpc('ListTasks', params)).json()
      assert.deepEqual((list as { result: { tasks: unknown[] } }).result.tasks, [])
    }

    walk.agent = (_request, response, body) =>
      say(response, body, body.includes('GetTask') || body.includes('ListTasks') ? task : { task })
    assert.match((await walk.rpc('ListTasks', {})).body, /"tasks":\[\{"id":"t1"/)
    assert.match((await walk.rpc('GetTask', { id: 't1' })).body, /"result":\{"id":"t1"/)
    const stolen = await walk.rpc('SendMessage', messageParams, { as: 'bob' })
    assert.match(stolen.body, /-32006/)
    assert.match((await walk.rpc('GetTask', { id: 't1' }, { as: 'bob' })).body, /-32001/)
    assert.match((await walk.rpc('GetTask', { id: 't1' })).body, /"result":\{"id":"t1"/)
  } finally {
    await walk.close()
  }
})
