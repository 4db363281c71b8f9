// A key id that is meant to be read as something else: a path of a file whose content is known, a query, a URL, a
// member that every object has.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { craftToken, ecKey, makeWorld } from '../../test/fakes/identity.ts'

const injected = [
  '../../../../dev/null',
  '/etc/passwd',
  'file:ec-1',
  "x' OR '1'='1",
  '1 UNION SELECT key',
  'https://evil.example.com/',
  '$(id)',
  '__proto__',
  'constructor',
  'ec-1\u0000',
  'ec-1\n',
  ' ec-1',
  'EC-1',
  '',
]

test('a key id is a name, not a path, a query or a URL', async () => {
  const world = makeWorld()
  for (const kid of injected) expectRefusal(await world.bearer(world.token({}, { kid })), 'AUTHN_INVALID')
  for (const kid of [['ec-1'], { toString: 'ec-1' }, 1, null, true])
    expectRefusal(await world.bearer(world.token({}, { kid })), 'AUTHN_INVALID')
  expectPassed(await world.bearer(world.token()))
})

test('a key that is known, as the secret of a symmetric signature, under any key id', async () => {
  const world = makeWorld()
  for (const kid of ['/dev/null', '../../../../dev/null', 'ec-1'])
    for (const hmac of ['', '\u0000', 'ec-1'])
      expectRefusal(await world.bearer(craftToken({ alg: 'HS256', kid }, world.claims(), { hmac })), 'AUTHN_INVALID')
  assert.equal(world.fetches, 0)
})

test('a key id is looked for among the keys of the token’s own issuer alone', async () => {
  const world = makeWorld()
  world.jwks = () => Buffer.from('{"keys":[]}')
  expectRefusal(await world.bearer(craftToken({ alg: 'ES256', kid: 'ec-1' }, world.claims(), ecKey)), 'AUTHN_INVALID')
})
