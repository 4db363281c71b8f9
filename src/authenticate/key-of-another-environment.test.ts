// A key of the test environment shown in production.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makeSnapshot, makeWorld, pepper } from '../../test/fakes/identity.ts'
import { administerKeys } from './authenticate.ts'

test('refuses a key of another environment, though it is known here', async () => {
  const world = makeWorld()
  const other = administerKeys({ store: world.store, clock: world.clock, environment: 'test', pepper })
  const { key } = other.create({ name: 'ci' })
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
})

test('a key dies with the environment of the gateway', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  await world.bearer(key)
  world.snapshot = makeSnapshot({ identity: { apiKeys: { environment: 'test' } } })
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(key.replace('_live_', '_test_')), 'AUTHN_INVALID')
})
