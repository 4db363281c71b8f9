// A key leaks, its thief calls an agent, and the key is revoked: the agent must not go on acting for it, neither by
// the assertion that it was given a moment ago nor on streams that it opened with that.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, makeSnapshot, makeWorld, type World } from '../../test/fakes/identity.ts'

/** The concierge shows what it was given when `subject` called it. */
function actFor(world: World, subject: string): () => ReturnType<World['call']> {
  const { key } = world.admin.create({ name: 'concierge' })
  const assertion = world.signer.mint({
    issuer: audience,
    subject,
    groups: [],
    actors: [],
    audienceAgent: 'concierge',
    call: 'c',
    operation: 'SendMessage',
    nowMs: world.clock.nowMs(),
  })
  return () => world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
}

test('nobody acts for a key that is revoked', async () => {
  const world = makeWorld()
  world.admin.create({ name: 'ci' })
  const call = actFor(world, 'key:ci')
  const open = expectPassed(await call())
  assert.equal(open.originIsRevoked(), false)
  world.admin.revoke('ci')
  expectRefusal(await call(), 'AUTHN_INVALID')
  assert.equal(open.originIsRevoked(), true)
  assert.equal(open.caller.isRevoked(), false)
})

test('nobody acts for a key that has expired, or that never was', async () => {
  const world = makeWorld()
  world.admin.create({ name: 'brief', expiresAtMs: world.clock.nowMs() + 1_000 })
  const call = actFor(world, 'key:brief')
  const open = expectPassed(await call())
  world.clock.advance(1_000)
  expectRefusal(await call(), 'AUTHN_INVALID')
  assert.equal(open.originIsRevoked(), true)
  expectRefusal(await actFor(makeWorld(), 'key:nobody')(), 'AUTHN_INVALID')
  expectRefusal(await actFor(makeWorld(), 'key:')(), 'AUTHN_INVALID')
})

test('a name that another live key has lives on', async () => {
  const world = makeWorld()
  const { record } = world.admin.create({ name: 'ci' })
  world.admin.create({ name: 'ci' })
  const call = actFor(world, 'key:ci')
  const open = expectPassed(await call())
  world.admin.revoke(record.id)
  expectPassed(await call())
  world.admin.rotate('ci', 0)
  expectPassed(await call())
  assert.equal(open.originIsRevoked(), false)
  world.admin.revoke('ci')
  expectRefusal(await call(), 'AUTHN_INVALID')
})

test('nobody acts for an agent without a live identity, or that is configured no more', async () => {
  const world = makeWorld()
  world.snapshot = makeSnapshot({
    gateway: { publicUrl: audience },
    agents: [
      { name: 'concierge', url: 'http://127.0.0.1:8001', principals: ['key:concierge'] },
      { name: 'planner', url: 'http://127.0.0.1:8002', principals: ['key:planner-a', 'key:planner-b'] },
      { name: 'calculator', url: 'http://127.0.0.1:8003', principals: ['user:corp/calculator'] },
    ],
  })
  world.admin.create({ name: 'planner-a' })
  world.admin.create({ name: 'planner-b' })
  const call = actFor(world, 'agent:planner')
  world.admin.revoke('planner-a')
  const open = expectPassed(await call())
  world.admin.revoke('planner-b')
  expectRefusal(await call(), 'AUTHN_INVALID')
  assert.equal(open.originIsRevoked(), true)
  expectPassed(await actFor(world, 'agent:calculator')())
  expectRefusal(await actFor(world, 'agent:gone')(), 'AUTHN_INVALID')
})

test('who calls for himself is told by his own credential', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  const open = expectPassed(await world.bearer(key))
  world.admin.revoke('ci')
  assert.equal(open.caller.isRevoked(), true)
  assert.equal(open.originIsRevoked(), true)
})
