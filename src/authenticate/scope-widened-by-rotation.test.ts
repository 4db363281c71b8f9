// A narrow key is rotated, or imported a second time with wider bounds: it stays what it was.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'
import { Fault } from '../base/fault.ts'

const isControlFault = (error: unknown): boolean => error instanceof Fault && error.code === 'CONTROL_FAILED'
const bounds = { agents: ['calculator'], operations: ['GetTask'], networks: ['10.0.0.0/8'] }

test('a rotated key keeps its scope, its networks and its end', () => {
  const world = makeWorld()
  const before = world.admin.create({ name: 'ci', ...bounds, expiresAtMs: world.clock.nowMs() + 1_000 }).record
  const { record } = world.admin.rotate('ci')
  assert.deepEqual(record.scope, before.scope)
  assert.deepEqual(record.networks, bounds.networks)
  assert.equal(record.expiresAtMs, before.expiresAtMs)
})

test('a key that is here cannot be imported with other bounds, nor brought back when it was revoked', async () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci', ...bounds })
  assert.throws(() => world.admin.importKey(key, { name: 'ci' }), isControlFault)
  assert.throws(() => world.admin.importKey(key, { name: 'another' }), isControlFault)
  world.admin.revoke(key)
  assert.throws(() => world.admin.importKey(key, { name: 'ci' }), isControlFault)
  assert.deepEqual(world.store.find(record.id)?.scope, record.scope)
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
})

test('an imported key is good for what it is imported for', async () => {
  const { key, record } = makeWorld().admin.create({ name: 'ci' })
  const world = makeWorld()
  assert.equal(world.admin.importKey(key, { name: 'moved', agents: ['calculator'] }).id, record.id)
  const { caller, scope } = expectPassed(await world.bearer(key))
  assert.equal(caller.id, 'key:moved')
  assert.deepEqual(scope, { agents: ['calculator'] })
})
