// A proof that proves nothing: unsigned, signed with a secret that everybody can read in it, with a private key in
// it, or a token of another kind that happens to be signed by the right key.

import { test } from 'node:test'
import { expectPassed, expectRefusedProof } from '../../test/fakes/expect.ts'
import { makeBoundWorld, publicJwk } from '../../test/fakes/dpop.ts'
import { base64url, craftToken } from '../../test/fakes/identity.ts'

test('a proof is signed by an asymmetric key', async () => {
  const { key, proof, showProof, show } = makeBoundWorld()
  const [, payload = ''] = proof().split('.')
  const claims = Buffer.from(payload, 'base64url').toString()
  for (const alg of ['none', 'None', '', 'HS256', 'HS512', 'RS256', 'ES384', 'EdDSA', 7, null, undefined])
    expectRefusedProof(await show({ header: { alg } }))
  const jwk = { kty: 'oct', k: base64url('secret'), alg: 'HS256' }
  for (const shown of [jwk, publicJwk(key)]) {
    const header = { typ: 'dpop+jwt', alg: 'HS256', jwk: shown }
    expectRefusedProof(await showProof(craftToken(header, claims, { hmac: 'secret' })))
    expectRefusedProof(await showProof(craftToken({ ...header, alg: 'none' }, claims)))
  }
  expectPassed(await show())
})

test('a proof that gives its private key away is refused', async () => {
  const { key, show } = makeBoundWorld()
  const whole = key.privateKey.export({ format: 'jwk' })
  expectRefusedProof(await show({ header: { jwk: whole } }))
  for (const member of ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth'])
    expectRefusedProof(await show({ header: { jwk: { ...publicJwk(key), [member]: 'AAAA' } } }))
})

test('another kind of token is no proof', async () => {
  const { show } = makeBoundWorld()
  for (const typ of ['JWT', 'at+jwt', 'jwt', 'dpop', 'dpop+jwt ', '', undefined, null])
    expectRefusedProof(await show({ header: { typ } }))
  for (const header of [
    { crit: ['exp'] },
    { b64: false },
    { jku: 'https://evil.example.com' },
    { x5c: ['MII'] },
    { zip: 'DEF' },
  ])
    expectRefusedProof(await show({ header }))
  for (const jti of ['', undefined, 7, null, 'x'.repeat(257)]) expectRefusedProof(await show({ claims: { jti } }))
})

test('there is one proof, and it is whole', async () => {
  const { world, token, proof, showProof } = makeBoundWorld()
  expectRefusedProof(await world.call({ authorization: `DPoP ${token}` }))
  for (const text of [
    '',
    `${proof()}, ${proof()}`,
    `${proof()} ${proof()}`,
    `${proof().slice(0, -4)}AAAA`,
    proof().split('.').slice(0, 2).join('.'),
    `${proof()}.x`,
    `${proof()}=`,
    'x'.repeat(4097),
    token,
  ])
    expectRefusedProof(await showProof(text))
})
