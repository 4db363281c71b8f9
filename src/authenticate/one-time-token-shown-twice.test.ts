// A token that is good for one request is shown again: at once, together with itself, after a restart.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal, expectRefusedProof } from '../../test/fakes/expect.ts'
import { makeBoundWorld, thumbprintOf } from '../../test/fakes/dpop.ts'
import { audience, issuerUrl, jwksUrl, makeWorld, type World } from '../../test/fakes/identity.ts'
import { createManualClock } from '../base/clock.ts'
import { createSpentTokens, type SpentStore } from './spent-tokens.ts'

function onceWorld(): World {
  const issuer = { name: 'corp', issuer: issuerUrl, audience, algorithms: ['ES256' as const], jwks: jwksUrl }
  return makeWorld({ identity: { jwt: [{ ...issuer, oneTime: true }] } })
}

function memoryStore(): SpentStore {
  const kept = new Map<string, number>()
  return {
    load: () => new Map(kept),
    save: (spent) => {
      for (const [id, untilMs] of spent) kept.set(id, untilMs)
    },
  }
}

test('a token is taken once', async () => {
  const world = onceWorld()
  const token = world.token({ jti: 'a' })
  expectPassed(await world.bearer(token))
  for (let i = 0; i < 5; i++) {
    expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
    world.clock.advance(100_000)
  }
  expectRefusal(await world.bearer(world.token({ jti: 'a', sub: 'other' })), 'AUTHN_INVALID')
  expectPassed(await world.bearer(world.token({ jti: 'b' })))
})

test('a token without an id cannot be taken once, so it is not taken', async () => {
  const world = onceWorld()
  for (const jti of [undefined, '', 7, null, 'x'.repeat(257)])
    expectRefusal(await world.bearer(world.token({ jti })), 'AUTHN_INVALID')
})

test('of many who show it at once, one passes', async () => {
  const world = onceWorld()
  const token = world.token({ jti: 'a' })
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => world.bearer(token)))
  assert.equal(outcomes.filter((outcome) => !('kind' in outcome)).length, 1)
})

test('who does not hold its key does not use it up', async () => {
  const { world, key, proof, showProof } = makeBoundWorld({ oneTime: true })

  const token = world.token({ jti: 'a', cnf: { jkt: thumbprintOf(key) } })
  expectRefusedProof(await world.bearer(token))
  expectRefusedProof(await showProof('', token))
  expectPassed(await showProof(proof({}, token), token))
  expectRefusedProof(await showProof(proof({}, token), token))
})

test('a restart forgets none that could be shown again', async () => {
  const clock = createManualClock()
  const store = memoryStore()
  const spend = (untilMs: number): Promise<string> =>
    createSpentTokens({ clock, store }).spend('corp', 'a', clock.nowMs() + untilMs)
  assert.equal(await spend(60_000), 'fresh')
  assert.equal(await spend(60_000), 'spent')
})

test('what cannot be written down is refused, and so is everything when there is no more room', async () => {
  const clock = createManualClock()
  const failing = { load: () => new Map<string, number>(), save: () => assert.fail('disk full') }
  await assert.rejects(createSpentTokens({ clock, store: failing }).spend('corp', 'a', clock.nowMs() + 1000))
  const small = createSpentTokens({ clock, store: memoryStore(), max: 2 })
  const spend = (id: string): Promise<string> => small.spend('corp', id, clock.nowMs() + 1000)
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(spend)), ['fresh', 'fresh', 'full'])
  clock.advance(1000)
  assert.equal(await spend('c'), 'fresh')
})
