// A token so large that looking at it is the attack.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token above 8 KiB before anything is computed or fetched', async () => {
  const world = makeWorld()
  const token = world.token({ filler: 'x'.repeat(8192) })
  assert.match(expectRefusal(await world.bearer(token), 'AUTHN_INVALID'), /too long/)
  assert.match(
    expectRefusal(await world.call({ 'x-api-key': `sp_live_${'a'.repeat(8192)}` }), 'AUTHN_INVALID'),
    /too long/,
  )
  assert.match(
    expectRefusal(await world.call({ authorization: `Bearer ${'a'.repeat(1_000_000)}` }), 'AUTHN_INVALID'),
    /too long/,
  )
  assert.equal(world.fetches, 0)
})

test('refuses deep and wide claims within the bound', async () => {
  const world = makeWorld()
  expectRefusal(
    await world.bearer(world.token({ deep: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) })),
    'AUTHN_INVALID',
  )
  expectRefusal(await world.bearer(world.token({ wide: Array(2500).fill(1) })), 'AUTHN_INVALID')
})
