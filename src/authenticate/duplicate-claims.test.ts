// Two readers of one token that each take another of two equal keys.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { craftToken, ecKey, makeWorld } from '../../test/fakes/identity.ts'

const header = { alg: 'ES256', kid: 'ec-1' }

test('refuses duplicate claims, also when one of them is spelt with escapes', async () => {
  const world = makeWorld()
  const claims = JSON.stringify(world.claims())
  for (const member of [
    '"sub":"root"',
    '"\\u0073ub":"root"',
    '"exp":9999999999',
    '"iss":"https://idp.example.com"',
    '"aud":"x"',
  ]) {
    expectRefusal(await world.bearer(craftToken(header, `{${member},${claims.slice(1)}`, ecKey)), 'AUTHN_INVALID')
    expectRefusal(await world.bearer(craftToken(header, `${claims.slice(0, -1)},${member}}`, ecKey)), 'AUTHN_INVALID')
  }
})

test('refuses duplicate header parameters', async () => {
  const world = makeWorld()
  for (const text of [
    '{"alg":"ES256","alg":"ES256","kid":"ec-1"}',
    '{"alg":"none","alg":"ES256"}',
    '{"alg":"ES256","kid":"x","kid":"ec-1"}',
    '{"alg":"ES256","\\u0061lg":"none","kid":"ec-1"}',
  ]) {
    expectRefusal(await world.bearer(craftToken(text, world.claims(), ecKey)), 'AUTHN_INVALID')
  }
})
