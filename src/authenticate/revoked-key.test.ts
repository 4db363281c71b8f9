// A key that was proven a moment ago and is revoked now: caches must not know better.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('a revoked key is refused from the next call on, though it is cached', async () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci' })
  const { caller } = expectPassed(await world.bearer(key))
  expectPassed(await world.bearer(key))
  assert.equal(caller.isRevoked(), false)
  world.admin.revoke(record.id)
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
  assert.equal(caller.isRevoked(), true)
})

test('an agent whose key is revoked is told from its open streams', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'concierge' })
  const { caller } = expectPassed(await world.bearer(key))
  world.admin.revoke('concierge')
  assert.equal(caller.id, 'agent:concierge')
  assert.equal(caller.isRevoked(), true)
})
