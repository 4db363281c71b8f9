// A token that brings the key to verify it with. CVE-2018-0114.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { generateKeyPairSync } from 'node:crypto'
import { craftToken, ecKey, jwkOf, makeWorld, type TestKey } from '../../test/fakes/identity.ts'

const stranger: TestKey = { kid: 'ec-1', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }

test('refuses a key or certificate in the header, whoever signed', async () => {
  const world = makeWorld()
  for (const brought of [
    { jwk: jwkOf(stranger) },
    { jwk: jwkOf(ecKey) },
    { jwk: null },
    { x5c: ['MIIB'] },
    { x5c: [] },
  ]) {
    for (const key of [stranger, ecKey]) {
      expectRefusal(
        await world.bearer(craftToken({ alg: 'ES256', kid: 'ec-1', ...brought }, world.claims(), key)),
        'AUTHN_INVALID',
      )
    }
  }
})
