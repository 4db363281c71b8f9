// Somebody pastes half a key, a mistyped one, one of another environment or one that nobody drew: nothing is taken up,
// and what was pasted is not repeated.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeWorld, pepper } from '../../test/fakes/identity.ts'
import { Fault } from '../base/fault.ts'
import { administerKeys } from './authenticate.ts'
import { formatApiKey } from './api-key.ts'

test('refuses what is no whole key of this environment, and keeps nothing of it', () => {
  const other = makeWorld()
  const { key } = other.admin.create({ name: 'ci' })
  const ofTest = administerKeys({ store: other.store, clock: other.clock, environment: 'test', pepper })
  const last = key.at(-1) === 'a' ? 'b' : 'a'
  const bad = [
    '',
    'sp_',
    key.slice(0, -1),
    key.slice(0, -6),
    key.slice(1),
    `${key}a`,
    `${key.slice(0, -1)}${last}`,
    ` ${key}`,
    key.toUpperCase(),
    key.replace('_live_', '_test_'),
    ofTest.create({ name: 'ci' }).key,
    formatApiKey('live', { id: 'abcdefghijkl', secret: '0'.repeat(43) }),
    formatApiKey('live', { id: 'abcdefghijkl', secret: '0123456789abcde'.repeat(3).slice(0, 43) }),
  ]
  const world = makeWorld()
  for (const text of bad) {
    assert.throws(
      () => world.admin.importKey(text, { name: 'ci' }),
      (error) =>
        error instanceof Fault &&
        error.code === 'CONTROL_FAILED' &&
        (text.length < 20 || !`${error.message} ${error.hint}`.includes(text.slice(20, 40))),
      text,
    )
  }
  assert.deepEqual(world.store.list(), [])
})

test('bounds that make no sense are refused before anything is kept', () => {
  const world = makeWorld()
  const grants = [
    { name: 'Ci' },
    { name: 'ci', expiresAtMs: world.clock.nowMs() },
    { name: 'ci', agents: ['*'] },
    { name: 'ci', agents: Array.from({ length: 33 }, (_, index) => `a${index}`) },
    { name: 'ci', operations: ['*'] },
    { name: 'ci', operations: ['sendMessage'] },
    { name: 'ci', networks: ['10.0.0.1/8'] },
    { name: 'ci', networks: ['here'] },
    { name: 'ci', networks: Array.from({ length: 33 }, (_, index) => `10.0.${index}.0/24`) },
  ]
  const { key } = makeWorld().admin.create({ name: 'ci' })
  for (const grant of grants) {
    assert.throws(() => world.admin.create(grant), Fault)
    assert.throws(() => world.admin.importKey(key, grant), Fault)
  }
  assert.deepEqual(world.store.list(), [])
})
