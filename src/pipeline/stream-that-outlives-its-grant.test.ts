// An agent opens a stream for somebody and listens on: after the grant by which it acts has reached its end, after the
// origin's task was cancelled, after an agent between them was taken out of the configuration.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { messageParams, say, startFakeWalk, type FakeWalk } from './fake-walk.ts'

const names = ['planner', 'mid'] as const
const url = 'http://127.0.0.1:9'
const agents = [
  { name: 'calculator', url },
  { name: 'planner', url, principals: ['key:bob'] },
  { name: 'mid', url, principals: ['key:nobody'] },
]

interface World extends FakeWalk {
  /** what an agent was given last, by its name */
  readonly given: ReadonlyMap<string, string>
  state: string
}

/** alice calls planner, planner calls mid, and each may call calculator. */
async function start(t: TestContext): Promise<World> {
  const walk = await startFakeWalk({
    agents: [
      { name: 'planner', principals: ['key:bob'] },
      { name: 'mid', principals: ['key:nobody'] },
    ],
    config: {
      policy: {
        roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
        bindings: [{ role: 'user', callers: ['key:alice', 'agent:*'] }],
      },
    },
  })
  t.after(() => walk.close())
  const given = new Map<string, string>()
  const world: World = Object.assign(walk, { given, state: 'TASK_STATE_WORKING' })
  walk.agent = (request, response, body) => {
    const { method } = JSON.parse(body) as { method: string }
    const assertion = String(request.headers['sallyport-caller-assertion'])
    const [, payload = ''] = assertion.split('.')
    const { aud } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { aud: string }
    given.set(aud.slice('agent:'.length), assertion)
    if (method !== 'SendStreamingMessage') {
      const task = {
        id: `task-of-${aud.slice(6)}`,
        contextId: `context-of-${aud.slice(6)}`,
        status: { state: world.state },
      }
      return say(response, body, method === 'SendMessage' ? { task } : task)
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': open\n\n')
  }
  const first = await walk.rpc('SendMessage', messageParams, { as: 'alice', path: '/agents/planner', call: 'first' })
  assert.equal(first.status, 200)
  return world
}

const show = (world: World, agent: string): Record<string, string> => ({
  'sallyport-caller-assertion': world.given.get(agent) ?? '',
})

async function listen(
  world: World,
  as: 'bob' | 'nobody',
  agent: string,
): Promise<{ reply: FakeReply; asked: Promise<unknown> }> {
  const reply = new FakeReply()
  const ask = { reply, as, call: `stream of ${agent}`, headers: show(world, agent) }
  const asked = world.rpc('SendStreamingMessage', messageParams, ask)
  while (world.parts.heartbeat.size === 0 && !reply.begun) await settled()
  world.parts.heartbeat.beat()
  assert.equal(reply.ended, false, reply.body)
  return { reply, asked }
}

async function assertCut(world: World, { reply, asked }: Awaited<ReturnType<typeof listen>>): Promise<void> {
  world.parts.heartbeat.beat()
  await settled()
  assert.equal(reply.ended, true)
  await asked
  assert.match(reply.body, /-320(40|41)/)
  const { code, completion } = world.records.at(-1)!
  assert.equal(completion?.outcome, 'failed')
  assert.match(code, /^AUTH[NZ]_/)
  assert.deepEqual(world.bugs, [])
}

test('beyond the longest life of a grant', async (t) => {
  const world = await start(t)
  world.clock.advance(8 * 3_600_000 - 1_000)
  const stream = await listen(world, 'bob', 'planner')
  world.clock.advance(999)
  world.parts.heartbeat.beat()
  assert.equal(stream.reply.ended, false)
  world.clock.advance(1)
  await assertCut(world, stream)
})

test('after the task was cancelled by whom it is for', async (t) => {
  const world = await start(t)
  const stream = await listen(world, 'bob', 'planner')
  world.state = 'TASK_STATE_CANCELED'
  const cancel = { as: 'alice', path: '/agents/planner', call: 'cancel' } as const
  assert.equal((await world.rpc('CancelTask', { id: 'task-of-planner' }, cancel)).status, 200)
  await assertCut(world, stream)
})

test('after an agent between them, or the agent that listens, was taken out of the configuration', async (t) => {
  for (const gone of names) {
    const world = await start(t)
    const onward = { as: 'bob', path: '/agents/mid', call: 'second', headers: show(world, 'planner') } as const
    assert.equal((await world.rpc('SendMessage', messageParams, onward)).status, 200)
    const stream = await listen(world, 'nobody', 'mid')
    world.reload({ agents, limits: [{ per: ['caller'], requests: '9/m' }] })
    world.parts.heartbeat.beat()
    assert.equal(stream.reply.ended, false, 'while all of them are there')
    world.reload({ agents: agents.filter(({ name }) => name !== gone) })
    await assertCut(world, stream)
  }
})

test('after an agent between them has another identity', async (t) => {
  const world = await start(t)
  const onward = { as: 'bob', path: '/agents/mid', call: 'second', headers: show(world, 'planner') } as const
  assert.equal((await world.rpc('SendMessage', messageParams, onward)).status, 200)
  const stream = await listen(world, 'nobody', 'mid')
  const changed = agents.map((each) => (each.name === 'planner' ? { ...each, principals: ['key:alice2'] } : each))
  world.reload({ agents: changed })
  await assertCut(world, stream)
})
