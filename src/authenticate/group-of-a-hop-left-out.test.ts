// An agent of a denied or blocked group has another agent call on for it: its groups must be known at every later hop,
// from the assertion and from a token for one hop, or what denies the group ends one hop too early.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, makeWorld, withAgents } from '../../test/fakes/identity.ts'
import { findBlockedParty } from '../authorize/authorize.ts'
import { actorGroupsOf, actorsOf } from '../forward/mint-assertion.ts'

const alice = { id: 'user:corp/alice', groups: [], display: 'alice' }
const planner = { id: 'agent:planner', groups: ['group:corp/contractors'], display: 'planner' }
const broker = { id: 'agent:broker', groups: [], display: 'broker' }

test('groups of agents between are known two hops on, each with its own agent, and a block of one holds', async () => {
  const world = makeWorld(withAgents(['planner', 'broker']))
  const { key } = world.admin.create({ name: 'concierge' })
  const call = { caller: { ...broker } as never, origin: alice, chain: [planner] }
  const about = { actors: actorsOf(call), actorGroups: actorGroupsOf(call) }
  const assertion = world.signer.mint(assertionRequest(world, about))
  const shown = await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
  const proven = expectPassed(shown)
  assert.deepEqual(
    proven.chain.map(({ id, groups }) => [id, groups]),
    [
      ['agent:planner', ['group:corp/contractors']],
      ['agent:broker', []],
    ],
  )
  const blocks = { size: 1, has: (_kind: string, id: string) => id === 'group:corp/contractors' }
  assert.notEqual(findBlockedParty(proven, world.snapshot, blocks as never), undefined)
})

test('a token for one hop names them too', async () => {
  const world = makeWorld(withAgents(['planner']))
  const { key } = world.admin.create({ name: 'concierge' })
  const token = world.signer.mintToken({
    issuer: 'https://agents.example.com',
    subject: { origin: alice, chain: [planner], delegated: { call: 'c' } },
    caller: { id: 'agent:concierge', groups: ['group:corp/night'] },
    agent: 'calculator',
    scope: undefined,
    tokenId: 't',
    nowMs: world.clock.nowMs(),
    lifeSeconds: 60,
  })
  const proven = expectPassed(await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': token }))
  assert.deepEqual(proven.chain[0]?.groups, ['group:corp/contractors'])
})

test('an actor whose groups are no list of names is refused', async () => {
  const world = makeWorld(withAgents(['planner']))
  const { key } = world.admin.create({ name: 'concierge' })
  const odd = { actors: ['agent:planner'], actorGroups: [[7 as never]] }
  const assertion = world.signer.mint(assertionRequest(world, odd))
  expectRefusal(
    await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion }),
    'AUTHN_INVALID',
  )
})
