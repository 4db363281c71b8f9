// A token that some other client obtained, for an audience that we share with others: whoever else is named in it
// holds it too and could show it here as if it were its own. OpenID Connect Core 1.0 §3.1.3.7, RFC 9068 §2.2.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, issuerUrl, jwksUrl, makeWorld, type World } from '../../test/fakes/identity.ts'

function worldOf(changed: object): World {
  const issuer = { name: 'corp', issuer: issuerUrl, audience, algorithms: ['ES256' as const], jwks: jwksUrl }
  return makeWorld({ identity: { jwt: [{ ...issuer, ...changed }] } })
}

test('only the declared parties may show a token, and it must name one', async () => {
  const world = worldOf({ authorizedParties: ['console', 'planner'] })
  expectPassed(await world.bearer(world.token({ azp: 'console' })))
  expectPassed(await world.bearer(world.token({ client_id: 'planner' })))
  expectPassed(await world.bearer(world.token({ azp: 'planner', aud: [audience, 'other'] })))
  for (const claims of [
    {},
    { azp: 'other' },
    { azp: 'other', client_id: 'console' },
    { client_id: 'other' },
    { azp: '', client_id: 'console' },
    { azp: ['console'] },
    { azp: null, client_id: 'console' },
    { azp: 'Console' },
    { azp: 'constructor' },
  ])
    expectRefusal(await world.bearer(world.token(claims)), 'AUTHN_INVALID')
})

test('a token for several audiences that was issued to another party is refused', async () => {
  const world = worldOf({})
  expectPassed(await world.bearer(world.token({ aud: ['other', audience] })))
  expectPassed(await world.bearer(world.token({ aud: ['other', audience], azp: audience })))
  expectPassed(await world.bearer(world.token({ aud: [audience], azp: 'console' })))
  for (const azp of ['other', 'console', '', 7, [audience]])
    expectRefusal(await world.bearer(world.token({ aud: ['other', audience], azp })), 'AUTHN_INVALID')
})
