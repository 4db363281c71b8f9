// A token that was issued for another service.

import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token for another audience, as a string and as a list', async () => {
  const world = makeWorld()
  for (const aud of [
    'https://other.example.com',
    ['https://other.example.com'],
    ['a', 'b'],
    [],
    '',
    `${audience}/`,
    audience.toUpperCase(),
    `${audience} other`,
    [[audience]],
    { [audience]: true },
    null,
  ]) {
    expectRefusal(await world.bearer(world.token({ aud })), 'AUTHN_INVALID')
  }
})

test('accepts a list that names us among others', async () => {
  const world = makeWorld()
  expectPassed(await world.bearer(world.token({ aud: ['https://other.example.com', audience] })))
})
