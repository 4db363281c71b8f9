// What holds of every assertion; the attacks on it have files of their own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, audience, craftToken, makeWorld, withAgents, type World } from '../../test/fakes/identity.ts'
import type { MintRequest } from '../forward/mint-assertion.ts'

function mint(world: World, changed: Partial<MintRequest> = {}): string {
  return world.signer.mint(assertionRequest(world, changed))
}

function show(world: World, assertion: string): ReturnType<World['call']> {
  const { key } = world.admin.create({ name: 'concierge' })
  return world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
}

test('tells origin, groups and the agents between, oldest first', async () => {
  const world = makeWorld(withAgents(['latest', 'first']))
  const { caller, origin, chain, autonomous } = expectPassed(
    await show(world, mint(world, { groups: ['group:corp/analysts'], actors: ['agent:latest', 'agent:first'] })),
  )
  assert.equal(caller.id, 'agent:concierge')
  assert.equal(origin.id, 'user:corp/alice')
  assert.deepEqual(origin.groups, ['group:corp/analysts'])
  assert.deepEqual(
    chain.map(({ id }) => id),
    ['agent:first', 'agent:latest'],
  )
  assert.equal(autonomous, false)
})

test('an agent may act by it for hours, while the call that it came with is open', async () => {
  const world = makeWorld()
  const assertion = mint(world)
  expectPassed(await show(world, assertion))
  world.clock.advance(5 * 3_600_000)
  expectPassed(await show(world, assertion))
})

test('says which call it came with, and until when', async () => {
  const world = makeWorld()
  const delegation = { origin: { id: 'user:corp/alice', groups: [], display: '' }, chain: [] }
  world.grants.open({ call: 'short', agent: 'concierge', delegation, deadlineMs: world.clock.nowMs() + 1_000 })
  const assertion = mint(world, { call: 'short' })
  const { delegated } = expectPassed(await show(world, assertion))
  assert.equal(delegated?.call, 'short')
  assert.equal(delegated?.deadlineMs, world.clock.nowMs() + 1_000)
  world.clock.advance(999)
  expectPassed(await show(world, assertion))
  world.clock.advance(1)
  expectRefusal(await show(world, assertion), 'AUTHN_INVALID')
})

test('refuses one from the future and one that would live too long', async () => {
  const world = makeWorld()
  expectPassed(await show(world, mint(world, { nowMs: world.clock.nowMs() + 5000 })))
  expectRefusal(await show(world, mint(world, { nowMs: world.clock.nowMs() + 7000 })), 'AUTHN_INVALID')
  expectRefusal(await show(world, mint(world, { lifeSeconds: 301 })), 'AUTHN_INVALID')
})

test('refuses one that is changed, too long, of another type, or no assertion at all', async () => {
  const world = makeWorld()
  const [header, payload, signature] = mint(world).split('.') as [string, string, string]
  const [, other] = mint(world, { subject: 'user:corp/root' }).split('.') as [string, string]
  const claims = {
    iss: audience,
    sub: 'user:corp/alice',
    aud: 'agent:concierge',
    iat: world.clock.nowMs() / 1000,
    exp: world.clock.nowMs() / 1000 + 60,
    call: 'c',
  }
  const usual = { alg: 'ES256', kid: world.signer.kid, typ: 'sallyport-assertion+jwt' }
  const unusual = [
    { sub: undefined },
    { sub: 7 },
    { sub: '' },
    { aud: undefined },
    { iss: undefined },
    { exp: undefined },
    { iat: undefined },
    { exp: 'x' },
    { act: 'agent:a' },
    { act: { sub: 7 } },
    { act: {} },
    { groups: 'x' },
    { groups: [7] },
    { call: undefined },
    { call: 7 },
    { call: 'another' },
  ]
  for (const change of unusual) {
    expectRefusal(await show(world, craftToken(usual, { ...claims, ...change }, world.assertionKey)), 'AUTHN_INVALID')
  }
  expectPassed(await show(world, craftToken(usual, claims, world.assertionKey)))
  const bad = [
    `${header}.${other}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${signature.slice(0, -4)}`,
    `${header}.${payload}.${signature}A`,
    '',
    'x',
    'a.b.c',
    world.token(),
    `${mint(world)}, ${mint(world)}`,
    'x'.repeat(20_000),
    craftToken({ alg: 'none', kid: world.signer.kid, typ: 'sallyport-assertion+jwt' }, claims),
    craftToken(
      { alg: 'ES256', kid: world.signer.kid, typ: 'sallyport-assertion+jwt', jwk: {} },
      claims,
      world.assertionKey,
    ),
    craftToken({ alg: 'HS256', kid: world.signer.kid, typ: 'sallyport-assertion+jwt' }, claims, {
      hmac: JSON.stringify(world.signer.jwks().keys[0]),
    }),
  ]
  for (const assertion of bad) expectRefusal(await show(world, assertion), 'AUTHN_INVALID')
})
