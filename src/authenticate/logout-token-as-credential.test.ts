// Identity providers sign more than access tokens with the same key: logout tokens and security events, older ones
// without a typ that would tell. Shown as a credential, none of them is one.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, craftToken, ecKey, issuerUrl, jwksUrl, makeWorld } from '../../test/fakes/identity.ts'

test('refuses what tells of events', async () => {
  const world = makeWorld()
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  for (const typ of ['JWT', 'logout+jwt', 'secevent+jwt'])
    expectRefusal(await world.bearer(world.token({ events, sid: 's' }, { typ })), 'AUTHN_INVALID')
  const untyped = craftToken({ alg: 'ES256', kid: 'ec-1' }, world.claims({ events }), ecKey)
  expectRefusal(await world.bearer(untyped), 'AUTHN_INVALID')
})

test('an issuer of at+jwt alone has no other tokens', async () => {
  const issuer = { name: 'corp', issuer: issuerUrl, audience, algorithms: ['ES256' as const], jwks: jwksUrl }
  const world = makeWorld({ identity: { jwt: [{ ...issuer, types: ['application/AT+JWT'] }] } })
  for (const typ of ['at+jwt', 'AT+jwt', 'application/at+jwt'])
    expectPassed(await world.bearer(world.token({}, { typ })))
  for (const typ of ['JWT', 'none', 'id+jwt', 'dpop+jwt', 'at', 'at+jwt ', 'application/application/at+jwt'])
    expectRefusal(await world.bearer(world.token({}, { typ })), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(craftToken({ alg: 'ES256', kid: 'ec-1' }, world.claims(), ecKey)), 'AUTHN_INVALID')
})
