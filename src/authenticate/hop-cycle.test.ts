// Agents that call each other in a circle, and chains without end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, makeWorld, withAgents, type World } from '../../test/fakes/identity.ts'
import { findCycle } from './authenticate.ts'

function shownByConcierge(world: World, subject: string, actors: readonly string[]): ReturnType<World['call']> {
  const { key } = world.admin.create({ name: 'concierge' })
  const assertion = world.signer.mint({
    issuer: audience,
    subject,
    groups: [],
    actors,
    audienceAgent: 'concierge',
    call: 'c',
    operation: 'SendMessage',
    nowMs: world.clock.nowMs(),
  })
  return world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
}

test('an agent that is in the chain already may not call again', async () => {
  const world = makeWorld(withAgents(['a', 'b']))
  expectRefusal(
    await shownByConcierge(world, 'user:corp/alice', ['agent:calculator', 'agent:concierge']),
    'AUTHN_INVALID',
  )
  expectRefusal(await shownByConcierge(world, 'user:corp/alice', ['agent:concierge']), 'AUTHN_INVALID')
  expectRefusal(await shownByConcierge(world, 'agent:concierge', ['agent:calculator']), 'AUTHN_INVALID')
  expectRefusal(await shownByConcierge(world, 'agent:concierge', []), 'AUTHN_INVALID')
  expectRefusal(await shownByConcierge(world, 'user:corp/alice', ['agent:a', 'agent:b', 'agent:a']), 'AUTHN_INVALID')
  expectRefusal(await shownByConcierge(world, 'agent:a', ['agent:b', 'agent:a']), 'AUTHN_INVALID')
})

test('a chain has at most eight agents, the caller included', async () => {
  const names = Array.from({ length: 8 }, (_, i) => `a${i}`)
  const world = makeWorld(withAgents(names))
  const agents = names.map((name) => `agent:${name}`)
  const { chain } = expectPassed(await shownByConcierge(world, 'user:corp/alice', agents.slice(0, 7)))
  assert.equal(chain.length, 7)
  expectRefusal(await shownByConcierge(world, 'user:corp/alice', agents), 'AUTHN_INVALID')
})

test('only agents stand in a chain', async () => {
  const world = makeWorld()
  for (const actor of ['user:corp/bob', 'key:ci', '', 'group:corp/admins']) {
    expectRefusal(await shownByConcierge(world, 'user:corp/alice', [actor]), 'AUTHN_INVALID')
  }
})

test('calling an agent that is in the chain, or oneself, would close a circle', async () => {
  const world = makeWorld(withAgents(['planner']))
  const call = expectPassed(await shownByConcierge(world, 'agent:calculator', ['agent:planner']))
  for (const agent of ['concierge', 'calculator', 'planner']) assert.notEqual(findCycle(call, agent), undefined)
  assert.equal(findCycle(call, 'translator'), undefined)
})
