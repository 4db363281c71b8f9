// An agent keeps what it was given and shows it again: after the call, after the task, for another's task, by another
// key, with a part of it left out or put in another order. Only the agent it names, with that agent's own credential,
// while the call or a task of it is open, gets anything by it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import {
  assertionRequest,
  audience,
  craftToken,
  makeSnapshot,
  makeWorld,
  openFor,
  withAgents,
  type World,
} from '../../test/fakes/identity.ts'

type Answer = ReturnType<World['call']>

function makeShow(world: World): (assertion: string, as?: string) => Answer {
  const keys = new Map(['concierge', 'calculator'].map((name) => [name, world.admin.create({ name }).key]))
  return (assertion, as = 'concierge') =>
    world.call({ authorization: `Bearer ${keys.get(as)}`, 'sallyport-caller-assertion': assertion })
}

const working = { taskId: 't1', state: 'TASK_STATE_WORKING' }
const completed = { taskId: 't1', state: 'TASK_STATE_COMPLETED' }
const aboutTask = { agent: 'concierge', tenant: '', carriesMessage: true }

test('within its minute, but after the call ended', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  const end = openFor(world.grants, 'concierge', 'c1')
  const assertion = world.signer.mint(assertionRequest(world, { call: 'c1' }))
  expectPassed(await show(assertion))
  end()
  expectRefusal(await show(assertion), 'AUTHN_INVALID')
})

test('after the task that came of the call was completed', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  const end = openFor(world.grants, 'concierge', 'c1')
  const assertion = world.signer.mint(assertionRequest(world, { call: 'c1' }))
  world.grants.heard({ ...aboutTask, call: 'c1' }, [working])
  end()
  world.clock.advance(3_600_000)
  const { origin } = expectPassed(await show(assertion))
  assert.equal(origin.id, 'user:corp/alice')
  world.grants.heard({ ...aboutTask, call: 'c9' }, [completed])
  expectRefusal(await show(assertion), 'AUTHN_INVALID')
})

test('after the origin was revoked, and after an agent in the chain was', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  world.admin.create({ name: 'ci' })
  world.snapshot = makeSnapshot({
    gateway: { publicUrl: audience },
    agents: [
      { name: 'concierge', url: 'http://127.0.0.1:8001', principals: ['key:concierge'] },
      { name: 'planner', url: 'http://127.0.0.1:8003', principals: ['key:planner'] },
    ],
  })
  world.admin.create({ name: 'planner' })
  const byKey = world.signer.mint(assertionRequest(world, { subject: 'key:ci' }))
  const byPlanner = world.signer.mint(assertionRequest(world, { actors: ['agent:planner'] }))
  expectPassed(await show(byKey))
  const open = expectPassed(await show(byPlanner))
  world.admin.revoke('ci')
  expectRefusal(await show(byKey), 'AUTHN_INVALID')
  expectPassed(await show(byPlanner))
  world.admin.revoke('planner')
  expectRefusal(await show(byPlanner), 'AUTHN_INVALID')
  assert.equal(open.originIsRevoked(), true)
})

test('by another agent, for whom a call of the same name is open', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  const assertion = world.signer.mint(assertionRequest(world))
  openFor(world.grants, 'calculator', 'c2')
  expectRefusal(await show(assertion, 'calculator'), 'AUTHN_INVALID')
  expectRefusal(await show(world.signer.mint(assertionRequest(world, { call: 'c2' }))), 'AUTHN_INVALID')
})

test('alone, without a credential', async () => {
  const world = makeWorld()
  const assertion = world.signer.mint(assertionRequest(world))
  expectRefusal(await world.call({ 'sallyport-caller-assertion': assertion }), 'AUTHN_MISSING')
  expectRefusal(await world.bearer(assertion), 'AUTHN_INVALID')
})

test('with its actors left out, put in another order, or its scope taken away: the signature is over all of it', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  world.snapshot = makeSnapshot(withAgents(['planner', 'broker']))
  const request = assertionRequest(world, {
    actors: ['agent:planner', 'agent:broker'],
    scope: { agents: ['concierge'] },
  })
  const assertion = world.signer.mint(request)
  const { chain, scope } = expectPassed(await show(assertion))
  assert.deepEqual(
    chain.map(({ id }) => id),
    ['agent:broker', 'agent:planner'],
  )
  assert.deepEqual(scope, { agents: ['concierge'] })
  const [header = '', payload = '', signature = ''] = assertion.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  const changes: object[] = [
    { act: undefined },
    { act: { sub: 'agent:broker', act: { sub: 'agent:planner' } } },
    { act: { sub: 'agent:planner' } },
    { narrowed: undefined },
    { narrowed: { agents: ['concierge', 'vault'] } },
    { call: 'c2' },
    { exp: 9_999_999_999 },
  ]
  for (const change of changes) {
    const forged = Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url')
    expectRefusal(await show(`${header}.${forged}.${signature}`), 'AUTHN_INVALID')
  }
})

test('signed by a key that has expired, also when it was seen before', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  const assertion = world.signer.mint(assertionRequest(world))
  expectPassed(await show(assertion))
  world.assertionKeys.delete(world.signer.kid)
  expectRefusal(await show(assertion), 'AUTHN_INVALID')
})

test('signed by a key that was never ours', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  const other = makeWorld()
  expectRefusal(await show(other.signer.mint(assertionRequest(world))), 'AUTHN_INVALID')
  const header = { alg: 'ES256', kid: world.signer.kid, typ: 'sallyport-assertion+jwt' }
  expectRefusal(await show(craftToken(header, { call: 'c' }, other.assertionKey)), 'AUTHN_INVALID')
})

test('of an agent that is told less, the grant says on whose behalf, and nothing else does', async () => {
  const world = makeWorld()
  const show = makeShow(world)
  const origin = { id: 'user:corp/alice', groups: ['group:corp/contractors'], display: 'alice' }
  const delegation = { origin, chain: [], scope: { agents: ['calculator'] } }
  world.admin.create({ name: 'ci' })
  world.grants.open({ call: 'c1', agent: 'concierge', delegation, deadlineMs: Infinity })
  const told = { subject: 'pairwise:AAAA', actors: ['pairwise:BBBB'], isPartial: true }
  const proven = expectPassed(await show(world.signer.mint(assertionRequest(world, { call: 'c1', ...told }))))
  // groups among it: a deny on them holds
  assert.deepEqual(proven.origin, origin)
  assert.deepEqual(proven.chain, [])
  assert.deepEqual(proven.scope, { agents: ['calculator'] })
  const kept = { call: 'c2', agent: 'concierge', deadlineMs: Infinity, tasks: [['', 't2']] as const }
  world.grants.restore([kept])
  expectRefusal(await show(world.signer.mint(assertionRequest(world, { call: 'c2', ...told }))), 'AUTHN_INVALID')
  const ofKey = { origin: { id: 'key:ci', groups: [], display: '' }, chain: [] }
  world.grants.open({ call: 'c3', agent: 'concierge', delegation: ofKey, deadlineMs: Infinity })
  const third = world.signer.mint(assertionRequest(world, { call: 'c3', ...told }))
  expectPassed(await show(third))
  world.admin.revoke('ci')
  expectRefusal(await show(third), 'AUTHN_INVALID')
})
