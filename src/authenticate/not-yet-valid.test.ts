// A token whose time has not come.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token before its time, beyond the tolerated skew', async () => {
  const world = makeWorld()
  const nowSeconds = world.clock.nowMs() / 1000
  expectPassed(await world.bearer(world.token({ nbf: nowSeconds + 30 })))
  expectPassed(await world.bearer(world.token({ iat: nowSeconds + 30 })))
  for (const early of [31, 300, 86_400]) {
    expectRefusal(await world.bearer(world.token({ nbf: nowSeconds + early })), 'AUTHN_INVALID')
    expectRefusal(
      await world.bearer(world.token({ iat: nowSeconds + early, exp: nowSeconds + early + 60 })),
      'AUTHN_INVALID',
    )
  }
})
