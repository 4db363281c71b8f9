// What an agent was given outlives the credential that it came of: the very key that began the chain is revoked while
// another of its name lives, the issuer is taken out or put in with other keys, the pod is deleted.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import {
  assertionRequest,
  makeSnapshot,
  makeWorld,
  openFor,
  withAgents,
  type World,
} from '../../test/fakes/identity.ts'
import { goodStatus, makeAccounts } from '../../test/fakes/service-accounts.ts'
import { settled } from '../../test/fakes/walk.ts'
import { proofOf } from './origin-proof.ts'

function actFor(world: World, subject: string, call: string): () => ReturnType<World['call']> {
  const { key } = world.admin.create({ name: 'concierge' })
  const assertion = world.signer.mint(assertionRequest(world, { subject, call }))
  return () => world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
}

test('the very key that began it is revoked, while another of its name lives', async () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci' })
  const other = world.admin.create({ name: 'ci' })
  for (const [call, shown] of [
    ['leaked', key],
    ['good', other.key],
  ] as const) {
    const { caller, snapshot } = expectPassed(await world.bearer(shown))
    openFor(world.grants, 'concierge', call, { originProof: proofOf(caller, snapshot) })
  }
  const [byLeaked, byGood] = [actFor(world, 'key:ci', 'leaked'), actFor(world, 'key:ci', 'good')]
  const open = expectPassed(await byLeaked())
  world.admin.revoke(record.id)
  expectRefusal(await byLeaked(), 'AUTHN_INVALID')
  assert.equal(open.originIsRevoked(), true)
  expectPassed(await byGood())
})

test('the issuer of the origin is gone, or proves by other means', async () => {
  for (const change of ['gone', 'moved']) {
    const world = makeWorld()
    const { caller, snapshot } = expectPassed(await world.bearer(world.token()))
    openFor(world.grants, 'concierge', 'c1', { originProof: proofOf(caller, snapshot) })
    const act = actFor(world, caller.id, 'c1')
    const open = expectPassed(await act())
    const { agents, identity } = withAgents([])
    const jwt = identity?.jwt?.map((each) => ({ ...each, jwks: 'https://idp.example.com/other.json' })) ?? []
    world.snapshot = makeSnapshot({
      ...withAgents([]),
      agents: agents ?? [],
      identity: { jwt: change === 'gone' ? [] : jwt },
    })
    expectRefusal(await act(), 'AUTHN_INVALID')
    assert.equal(open.originIsRevoked(), true)
  }
})

test('its pod is deleted: that is asked at the next use, and counts from the answer on', async () => {
  const accounts = makeAccounts()
  const caller = await accounts.passes(accounts.token())
  const { isOver } = caller
  assert.ok(isOver !== undefined)
  accounts.clock.advance(60_000)
  assert.equal(isOver(), false)
  await settled()
  assert.equal(isOver(), false, 'the API server vouches for it again')
  accounts.answer = () => ({ user: {}, error: 'invalidated' })
  accounts.clock.advance(60_000)
  assert.equal(isOver(), false)
  await settled()
  assert.equal(isOver(), true)
  accounts.answer = () => goodStatus()
  accounts.clock.advance(60_000)
  assert.equal(isOver(), true)
})
