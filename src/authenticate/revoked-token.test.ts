// A token leaked, or its subject must be out at once: revoked before its time, at the next call, on open streams, and
// for whoever acts on its behalf.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, makeWorld, openFor } from '../../test/fakes/identity.ts'
import { createRevocations, type Revocation } from './revocations.ts'

const day = 86_400_000
const ofToken = (id: string, nowMs: number, issuer = 'corp'): Revocation => ({
  kind: 'token',
  issuer,
  id,
  beforeMs: nowMs,
  revokedAtMs: nowMs,
  untilMs: nowMs + day,
})
const ofSubject = (id: string, beforeMs: number, revokedAtMs = beforeMs): Revocation => ({
  kind: 'subject',
  issuer: '',
  id,
  beforeMs,
  revokedAtMs,
  untilMs: beforeMs + day,
})

test('a revoked token is refused at once, also one proven a moment ago, and its open streams know', async () => {
  const world = makeWorld()
  const token = world.token({ jti: 'leaked' })
  const other = world.token({ jti: 'another' })
  const { caller } = expectPassed(await world.bearer(token))
  expectPassed(await world.bearer(other))
  world.revocations.revoke(ofToken('leaked', world.clock.nowMs()))
  assert.equal(caller.isRevoked(), true)
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(world.token({ jti: 'leaked', sub: 'other' })), 'AUTHN_INVALID')
  expectPassed(await world.bearer(other))
  expectPassed(await world.bearer(world.token()))
})

test('an id is one of its issuer: another issuer’s token of the same id goes on', async () => {
  const world = makeWorld()
  world.revocations.revoke(ofToken('x', world.clock.nowMs(), 'other'))
  world.revocations.revoke(ofToken('corp x', world.clock.nowMs(), ''))
  expectPassed(await world.bearer(world.token({ jti: 'x' })))
})

test('what a subject was given before is revoked, what it is given after is good', async () => {
  const world = makeWorld()
  const token = world.token()
  const { caller } = expectPassed(await world.bearer(token))
  world.clock.advance(1_000)
  world.revocations.revoke(ofSubject('user:corp/4f1c', world.clock.nowMs()))
  assert.equal(caller.isRevoked(), true)
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  expectPassed(await world.bearer(world.token()))
  const nowSeconds = world.clock.nowMs() / 1000
  expectRefusal(await world.bearer(world.token({ iat: nowSeconds - 1 })), 'AUTHN_INVALID')
  expectPassed(await world.bearer(world.token({ sub: 'other', iat: nowSeconds - 1 })))
})

test('an agent cannot go on for a subject that was revoked, by what it was given before', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'concierge' })
  const show = (assertion: string): ReturnType<typeof world.call> =>
    world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
  const assertion = world.signer.mint(assertionRequest(world))
  const open = expectPassed(await show(assertion))
  assert.equal(open.originIsRevoked(), false)
  world.clock.advance(1_000)
  world.revocations.revoke(ofSubject('user:corp/alice', world.clock.nowMs()))
  assert.equal(open.originIsRevoked(), true)
  expectRefusal(await show(assertion), 'AUTHN_INVALID')
  expectPassed(await show(world.signer.mint(assertionRequest(world))))
})

test('a chain that an agent began ends with the tokens of its only identity', async () => {
  const world = makeWorld({
    agents: [
      { name: 'concierge', url: 'http://127.0.0.1:8001', principals: ['key:concierge'] },
      { name: 'calculator', url: 'http://127.0.0.1:8002', principals: ['user:corp/calculator'] },
    ],
  })
  const { key } = world.admin.create({ name: 'concierge' })
  const assertion = world.signer.mint(assertionRequest(world, { subject: 'agent:calculator' }))
  const headers = { authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion }
  const open = expectPassed(await world.call(headers))
  world.clock.advance(1_000)
  world.revocations.revoke(ofSubject('user:corp/calculator', world.clock.nowMs()))
  assert.equal(open.originIsRevoked(), true)
  expectRefusal(await world.call(headers), 'AUTHN_INVALID')
})

test('an agent that was given it after the leak and before the revocation cannot go on either', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'concierge' })
  const headers = {
    authorization: `Bearer ${key}`,
    'sallyport-caller-assertion': world.signer.mint(assertionRequest(world)),
  }
  expectPassed(await world.call(headers))
  const nowMs = world.clock.nowMs()
  world.revocations.revoke(ofSubject('user:corp/alice', nowMs - 3_600_000, nowMs + 1_000))
  expectRefusal(await world.call(headers), 'AUTHN_INVALID')
  expectPassed(await world.bearer(world.token({ sub: 'alice' })))
})

test('what came of a call by a token ends with the token, however many agents are between', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'concierge' })
  const originProof = { token: { issuer: 'corp', id: 'leaked' } }
  openFor(world.grants, 'concierge', 'of-leaked', { originProof })
  const show = (call: string): ReturnType<typeof world.call> =>
    world.call({
      authorization: `Bearer ${key}`,
      'sallyport-caller-assertion': world.signer.mint(assertionRequest(world, { call })),
    })
  const open = expectPassed(await show('of-leaked'))
  assert.deepEqual(open.delegated?.originProof, originProof)
  world.revocations.revoke(ofToken('leaked', world.clock.nowMs()))
  assert.equal(open.originIsRevoked(), true)
  expectRefusal(await show('of-leaked'), 'AUTHN_INVALID')
  expectPassed(await show('c'))
})

test('an entry ends with the last token that it can speak of, and is never made weaker before', () => {
  const clock = createManualClock()
  const kept: Revocation[] = []
  const store = { list: () => kept, save: (entry: Revocation) => void kept.push(entry), drop: () => undefined }
  const revocations = createRevocations({ clock, store })
  revocations.revoke(ofSubject('user:corp/a', clock.nowMs()))
  const again = revocations.revoke(ofSubject('user:corp/a', clock.nowMs() - 5_000))
  assert.equal(again.beforeMs, clock.nowMs())
  assert.equal(createRevocations({ clock, store }).isSubjectRevoked('user:corp/a', clock.nowMs() - 1), true)
  clock.advance(day - 1)
  assert.equal(revocations.list().length, 1)
  clock.advance(1)
  assert.equal(revocations.isSubjectRevoked('user:corp/a', 0), false)
  assert.deepEqual(revocations.list(), [])
})

test('what cannot be written down is not in force, and says so', () => {
  const clock = createManualClock()
  const full = (): never => {
    throw new Error('disk full')
  }
  const revocations = createRevocations({ clock, store: { list: () => [], save: full, drop: () => undefined } })
  assert.throws(() => revocations.revoke(ofToken('x', clock.nowMs())))
  assert.equal(revocations.isTokenRevoked('corp', 'x'), false)
})
