import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'
import { Fault } from '../base/fault.ts'
import { formatApiKey, parseApiKey } from './api-key.ts'
import { authenticate } from './authenticate.ts'

const hourMs = 3_600_000
const isControlFault = (error: unknown): boolean => error instanceof Fault && error.code === 'CONTROL_FAILED'

test('keeps nothing from which the key could be had again', () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci' })
  const secret = key.split('_')[3]?.slice(0, 43) ?? ''
  const kept =
    JSON.stringify([record, world.store.list()]) + record.secrets.map(({ hmac }) => hmac.toString('latin1')).join()
  assert.equal(kept.includes(secret), false)
})

test('several keys may act under one name', async () => {
  const world = makeWorld()
  const ids = [world.admin.create({ name: 'ci' }), world.admin.create({ name: 'ci' })]
  for (const { key } of ids) assert.equal(expectPassed(await world.bearer(key)).caller.id, 'key:ci')
})

test('a key ends when it was said to end', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci', expiresAtMs: world.clock.nowMs() + hourMs })
  assert.equal(expectPassed(await world.bearer(key)).caller.expiresAtMs, world.clock.nowMs() + hourMs)
  world.clock.advance(hourMs - 1)
  expectPassed(await world.bearer(key))
  world.clock.advance(1)
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
})

test('after a rotation both secrets are good until the overlap ends, then only the new one', async () => {
  const world = makeWorld()
  const old = world.admin.create({ name: 'ci' })
  expectPassed(await world.bearer(old.key))
  const rotated = world.admin.rotate('ci')
  assert.equal(rotated.record.id, old.record.id)
  assert.equal(expectPassed(await world.bearer(old.key)).caller.expiresAtMs, world.clock.nowMs() + 24 * hourMs)
  expectPassed(await world.bearer(rotated.key))
  world.clock.advance(24 * hourMs)
  expectRefusal(await world.bearer(old.key), 'AUTHN_INVALID')
  expectPassed(await world.bearer(rotated.key))
})

test('a second rotation ends the first secret at once: never more than two', async () => {
  const world = makeWorld()
  const first = world.admin.create({ name: 'ci' })
  const second = world.admin.rotate('ci')
  const open = expectPassed(await world.bearer(first.key)).caller
  const third = world.admin.rotate('ci')
  assert.equal(third.record.secrets.length, 2)
  assert.equal(open.isRevoked(), true)
  expectRefusal(await world.bearer(first.key), 'AUTHN_INVALID')
  expectPassed(await world.bearer(second.key))
  expectPassed(await world.bearer(third.key))
})

test('a rotation without overlap ends the old secret at once', async () => {
  const world = makeWorld()
  const old = world.admin.create({ name: 'ci' })
  world.admin.rotate(old.record.id, 0)
  expectRefusal(await world.bearer(old.key), 'AUTHN_INVALID')
})

test('a leaked key can be revoked by showing it', async () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci' })
  assert.deepEqual(
    world.admin.revoke(key).map(({ id }) => id),
    [record.id],
  )
  assert.deepEqual(world.admin.revoke(key), [])
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
})

test("revoking a name revokes all of its keys and nobody else's", async () => {
  const world = makeWorld()
  const [one, two, other] = [
    world.admin.create({ name: 'ci' }),
    world.admin.create({ name: 'ci' }),
    world.admin.create({ name: 'cd' }),
  ]
  world.admin.revoke('ci')
  expectRefusal(await world.bearer(one.key), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(two.key), 'AUTHN_INVALID')
  expectPassed(await world.bearer(other.key))
})

test('refuses what makes no sense', () => {
  const world = makeWorld()
  for (const name of ['', 'Ci', 'a b', '-a', 'a-', 'a/b', '*', 'x'.repeat(64), 'a\n'])
    assert.throws(() => world.admin.create({ name }), isControlFault)
  assert.throws(() => world.admin.create({ name: 'ci', expiresAtMs: world.clock.nowMs() }), isControlFault)
  assert.throws(() => world.admin.create({ name: 'ci', expiresAtMs: NaN }), isControlFault)
  world.admin.create({ name: 'ci' })
  assert.throws(() => world.admin.rotate('ci', 7 * 24 * hourMs + 1), isControlFault)
  assert.throws(() => world.admin.rotate('ci', -1), isControlFault)
  assert.throws(() => world.admin.rotate('nobody'), isControlFault)
  assert.throws(() => world.admin.revoke('nobody'), isControlFault)
  world.admin.create({ name: 'ci' })
  assert.throws(() => world.admin.rotate('ci'), isControlFault)
  world.admin.revoke('ci')
  assert.throws(() => world.admin.rotate('ci'), isControlFault)
})

test('no one is let in by a secret of another key', () => {
  const world = makeWorld()
  const one = world.admin.create({ name: 'one' })
  world.admin.create({ name: 'two' })
  const parsed = parseApiKey(one.key, 'live')
  assert.ok(typeof parsed !== 'string')
  for (const id of [
    '000000000000',
    ...world.admin
      .list()
      .map((record) => record.id)
      .filter((other) => other !== parsed.id),
  ]) {
    const forged = formatApiKey('live', { id, secret: parsed.secret })
    expectRefusal(authenticate(world.receive({ 'x-api-key': forged }), world.authenticator), 'AUTHN_INVALID')
  }
})
