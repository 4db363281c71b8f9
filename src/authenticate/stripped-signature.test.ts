// A good token whose signature was taken off, cut short or replaced, in the hope that nobody looks.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token without its whole signature, also when it was proven a moment ago', async () => {
  const world = makeWorld()
  const token = world.token()
  expectPassed(await world.bearer(token))
  const [header = '', payload = '', signature = ''] = token.split('.')
  const zeros = Buffer.alloc(64).toString('base64url')
  for (const stripped of [
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}.${payload}..`,
    `${header}.${payload}.${signature.slice(0, 43)}`,
    `${header}.${payload}.${signature.slice(0, 2)}`,
    `${header}.${payload}.${zeros}`,
    `${header}.${payload}.${signature}${signature}`,
    `${header}.${payload}.${header}`,
  ]) {
    expectRefusal(await world.bearer(stripped), 'AUTHN_INVALID')
  }
})
