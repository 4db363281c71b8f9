// A token that says it needs no signature. RFC 8725 §2.1.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { craftToken, ecKey, makeWorld } from '../../test/fakes/identity.ts'

for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
  test(`refuses a token whose algorithm is ${JSON.stringify(alg)}, signed or not`, async () => {
    const world = makeWorld()
    expectRefusal(await world.bearer(craftToken({ alg }, world.claims())), 'AUTHN_INVALID')
    expectRefusal(await world.bearer(craftToken({ alg, kid: 'ec-1' }, world.claims(), ecKey)), 'AUTHN_INVALID')
    expectRefusal(await world.bearer(`${craftToken({ alg }, world.claims())}AA`), 'AUTHN_INVALID')
    assert.equal(world.fetches, 0)
  })
}
