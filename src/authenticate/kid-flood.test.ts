// A flood of key ids that nobody has, each of which could cause a fetch.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { craftToken, ecKey, jwkOf, makeWorld, rsaKey } from '../../test/fakes/identity.ts'

test('a flood of unknown key ids causes one fetch in half a minute', async () => {
  const world = makeWorld()
  expectPassed(await world.bearer(world.token()))
  world.clock.advance(30_000)
  await Promise.all(Array.from({ length: 200 }, (_, i) => world.bearer(world.token({}, { kid: `k${i}` }))))
  for (let i = 0; i < 50; i++) expectRefusal(await world.bearer(world.token({}, { kid: `later${i}` })), 'AUTHN_INVALID')
  assert.equal(world.fetches, 2)
  world.clock.advance(30_000)
  expectRefusal(await world.bearer(world.token({}, { kid: 'again' })), 'AUTHN_INVALID')
  assert.equal(world.fetches, 3)
})

test('a key that the issuer added is found by its id at once', async () => {
  const world = makeWorld()
  world.jwks = () => Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey)] }))
  expectPassed(await world.bearer(world.token()))
  world.clock.advance(30_000)
  world.jwks = () => Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey), jwkOf(rsaKey)] }))
  expectPassed(await world.bearer(craftToken({ alg: 'RS256', kid: 'rsa-1' }, world.claims(), rsaKey)))
  assert.equal(world.fetches, 2)
})

test('an unknown issuer causes no fetch at all', async () => {
  const world = makeWorld()
  for (let i = 0; i < 50; i++)
    expectRefusal(await world.bearer(world.token({ iss: `https://${i}.example.com` })), 'AUTHN_INVALID')
  assert.equal(world.fetches, 0)
})
