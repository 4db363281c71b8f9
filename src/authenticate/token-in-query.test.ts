// A credential in the URL, where logs and histories keep it. RFC 6750 §2.3, §5.3.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('a token in the query is no credential', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  for (const credential of [key, world.token()]) {
    for (const name of ['access_token', 'token', 'api_key', 'key', 'x-api-key', 'authorization']) {
      expectRefusal(await world.call({}, `${name}=${credential}`), 'AUTHN_MISSING')
      expectRefusal(await world.call({}, `${name}=Bearer%20${credential}`), 'AUTHN_MISSING')
    }
  }
  expectPassed(await world.bearer(key))
})
