// A token whose time is over.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token from the end of its life and the tolerated skew on', async () => {
  const world = makeWorld()
  const nowSeconds = world.clock.nowMs() / 1000
  expectPassed(await world.bearer(world.token({ iat: nowSeconds - 600, exp: nowSeconds - 29 })))
  for (const late of [30, 31, 3600, nowSeconds]) {
    expectRefusal(await world.bearer(world.token({ iat: nowSeconds - 600, exp: nowSeconds - late })), 'AUTHN_INVALID')
  }
  expectRefusal(await world.bearer(world.token({ iat: undefined, exp: -1 })), 'AUTHN_INVALID')
})
