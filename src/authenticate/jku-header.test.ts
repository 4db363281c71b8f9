// A token that says where its keys are: followed, it would also be a request forged in our name. RFC 8725 §2.9.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token that points to keys, and asks nobody', async () => {
  const world = makeWorld()
  for (const pointer of [
    { jku: 'https://evil.example.com/jwks.json' },
    { jku: 'https://idp.example.com/jwks.json' },
    { x5u: 'http://169.254.169.254/' },
    { jku: '' },
  ]) {
    expectRefusal(await world.bearer(world.token({}, pointer)), 'AUTHN_INVALID')
  }
  assert.equal(world.fetches, 0)
})
