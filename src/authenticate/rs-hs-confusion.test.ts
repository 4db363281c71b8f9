// The public key, which everyone has, used as the secret of an HMAC. RFC 8725 §2.1, CVE-2015-9235.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { craftToken, ecKey, jwkOf, makeWorld, rsaKey } from '../../test/fakes/identity.ts'

test('refuses an HMAC made with a public key in any of its spellings', async () => {
  const world = makeWorld()
  for (const key of [rsaKey, ecKey]) {
    const spellings = [
      key.publicKey.export({ type: 'spki', format: 'pem' }),
      key.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwkOf(key)),
    ]
    for (const hmac of spellings) {
      for (const kid of [key.kid, undefined]) {
        expectRefusal(await world.bearer(craftToken({ alg: 'HS256', kid }, world.claims(), { hmac })), 'AUTHN_INVALID')
      }
      expectRefusal(
        await world.bearer(craftToken({ alg: key.alg, kid: key.kid }, world.claims(), { hmac })),
        'AUTHN_INVALID',
      )
    }
  }
})

test('refuses an HMAC under a symmetric key that the key set publishes', async () => {
  const world = makeWorld()
  world.jwks = () =>
    Buffer.from(
      JSON.stringify({
        keys: [{ kty: 'oct', kid: 'shared', alg: 'HS256', k: Buffer.from('secret').toString('base64url') }],
      }),
    )
  expectRefusal(
    await world.bearer(craftToken({ alg: 'HS256', kid: 'shared' }, world.claims(), { hmac: 'secret' })),
    'AUTHN_INVALID',
  )
  expectRefusal(
    await world.bearer(craftToken({ alg: 'ES256', kid: 'shared' }, world.claims(), { hmac: 'secret' })),
    'AUTHN_INVALID',
  )
})
