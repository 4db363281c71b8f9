// The whole walk of an agent that acts for somebody by what it was given: for hours while its task is open, not a
// moment after, and never for more than the hops before it were narrowed to.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { IncomingMessage } from 'node:http'
import { messageParams, say, startFakeWalk, type FakeWalk } from './fake-walk.ts'

const hour = 3_600_000
const rules = [{ agents: ['calculator', 'planner'], operations: ['*'] }]

/** alice may call planner and calculator, and so may bob, who is the identity of planner here. */
async function start(t: TestContext): Promise<FakeWalk & { given: () => string; state: (state: string) => void }> {
  const walk = await startFakeWalk({
    agents: [{ name: 'planner', principals: ['key:bob'] }],
    config: {
      policy: {
        roles: [{ name: 'user', rules }],
        bindings: [{ role: 'user', callers: ['key:alice', 'agent:planner'] }],
      },
    },
  })
  t.after(() => walk.close())
  let given = ''
  let state = 'TASK_STATE_WORKING'
  walk.agent = (request, response, body) => {
    if (claimsOf(request).aud === 'agent:planner') given = assertionOf(request)
    const { method } = JSON.parse(body) as { method: string }
    const task = { id: 't1', contextId: 'x1', status: { state } }
    say(response, body, method === 'SendMessage' ? { task } : task)
  }
  return Object.assign(walk, { given: () => given, state: (next: string) => void (state = next) })
}

const assertionOf = (request: IncomingMessage): string => String(request.headers['sallyport-caller-assertion'])
function claimsOf(request: IncomingMessage): { aud: string; sub: string; act?: { sub: string } } {
  const [, payload = ''] = assertionOf(request).split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as ReturnType<typeof claimsOf>
}

const toPlanner = { path: '/agents/planner', as: 'alice' } as const
/** planner calls calculator, showing this. */
async function callOn(walk: FakeWalk, assertion: string): Promise<number> {
  const headers = { 'sallyport-caller-assertion': assertion }
  const method = 'SendMessage'
  walk.ownership.tasks.delete('t1')
  return (await walk.rpc(method, messageParams, { as: 'bob', path: '/agents/calculator', call: 'on', headers })).status
}

test('keeps on whose behalf for hours, and every hop gets an assertion of its own', async (t) => {
  const walk = await start(t)
  assert.equal((await walk.rpc('SendMessage', messageParams, { ...toPlanner, call: 'first' })).status, 200)
  const given = walk.given()
  walk.clock.advance(3 * hour)
  assert.equal(await callOn(walk, given), 200)
  const decided = walk.records.find(({ kind, facts }) => kind === 'allowed' && facts.call === 'on')
  assert.equal(decided?.facts.caller, 'agent:planner')
  assert.equal(decided?.facts.origin, 'key:alice')
  assert.equal(decided?.facts.grantedBy, 'first')
  assert.equal(decided?.facts.autonomous, false)
})

test('nothing is left of it once the task is over, or was cancelled', async (t) => {
  for (const end of ['TASK_STATE_COMPLETED', 'TASK_STATE_CANCELED']) {
    const walk = await start(t)
    await walk.rpc('SendMessage', messageParams, { ...toPlanner, call: 'first' })
    const given = walk.given()
    walk.state(end)
    assert.equal((await walk.rpc('GetTask', { id: 't1' }, { ...toPlanner, call: 'look' })).status, 200)
    assert.equal(await callOn(walk, given), 401)
    // what came with the look is as dead as that
    assert.equal(await callOn(walk, walk.given()), 401)
  }
})

test('nothing is left of it after its longest life', async (t) => {
  const walk = await start(t)
  await walk.rpc('SendMessage', messageParams, { ...toPlanner, call: 'first' })
  const given = walk.given()
  walk.clock.advance(8 * hour - 1)
  assert.equal(await callOn(walk, given), 200)
  walk.clock.advance(1)
  assert.equal(await callOn(walk, given), 401)
})

test('an agent on its own account is told apart in record and metric', async (t) => {
  const walk = await start(t)
  const reply = await walk.rpc('SendMessage', messageParams, { as: 'bob', path: '/agents/calculator', call: 'own' })
  assert.equal(reply.status, 403)
  assert.equal(walk.records.find(({ facts }) => facts.call === 'own')?.facts.autonomous, true)
  assert.deepEqual(
    walk.counted.filter((each) => each.startsWith('autonomous')),
    ['autonomous agent:planner'],
  )
})
