// A flood of rubbish that looks like opaque tokens: it must not become a flood at the issuer, nor keep those out whose
// tokens are good.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import type { Authenticated } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { audience, issuerUrl, jwksUrl, makeWorld, type World } from '../../test/fakes/identity.ts'

const introspection = { endpoint: `${issuerUrl}/introspect`, clientId: 'gateway', clientSecret: 'file:secret' }

function opaqueWorld(): World {
  const issuer = { name: 'corp', issuer: issuerUrl, audience, algorithms: ['ES256' as const], jwks: jwksUrl }
  const world = makeWorld({ identity: { jwt: [{ ...issuer, introspection }] } })
  world.introspect = (token) => (token.startsWith('good') ? { active: true, ...world.claims() } : { active: false })
  return world
}

const from = (world: World, source: string, token: string): Promise<Authenticated | Refusal> =>
  world.authenticate(Object.assign(world.receive({ authorization: `Bearer ${token}` }), { source }))

test('a source that showed many bad tokens is not asked about for a while, and others are', async () => {
  const world = opaqueWorld()
  expectPassed(await from(world, '192.0.2.1', 'good-before'))
  for (let i = 0; i < 500; i++) expectRefusal(await from(world, '192.0.2.1', `rubbish-${i}`), 'AUTHN_INVALID')
  assert.equal(world.introspections, 31)
  expectPassed(await from(world, '192.0.2.2', 'good-elsewhere'))
  // known from before, also when its answer has aged
  world.clock.advance(10_000)
  expectPassed(await from(world, '192.0.2.1', 'good-before'))
  expectRefusal(await from(world, '192.0.2.1', 'good-new'), 'AUTHN_INVALID')
  world.clock.advance(60_000)
  expectPassed(await from(world, '192.0.2.1', 'good-new'))
})

test('hopping within an IPv6 network is one source', async () => {
  const world = opaqueWorld()
  for (let i = 0; i < 100; i++) await from(world, `2001:db8::${i.toString(16)}`, `rubbish-${i}`)
  assert.equal(world.introspections, 30)
})

test('a bad token that is repeated costs one question', async () => {
  const world = opaqueWorld()
  for (let i = 0; i < 100; i++) expectRefusal(await from(world, '192.0.2.1', 'rubbish'), 'AUTHN_INVALID')
  assert.equal(world.introspections, 1)
})

test('while an issuer is slow, few questions are open at once, and one token is one question', async () => {
  const world = opaqueWorld()
  const gate = Promise.withResolvers<void>()
  let [open, most] = [0, 0]
  world.introspect = async () => {
    most = Math.max(most, ++open)
    await gate.promise
    open--
    return { active: true, ...world.claims() }
  }
  const rubbish = Array.from({ length: 300 }, (_, i) => from(world, `192.0.2.${i % 100}`, `rubbish-${i}`))
  const same = Array.from({ length: 50 }, () => from(world, '192.0.2.1', 'rubbish-1'))
  gate.resolve()
  const outcomes = await Promise.all(rubbish)
  assert.equal(most, 16)
  assert.equal(outcomes.filter((outcome) => isRefusal(outcome)).length, 284)
  for (const outcome of await Promise.all(same)) expectPassed(outcome)
})
