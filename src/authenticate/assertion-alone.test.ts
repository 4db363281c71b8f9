// An assertion says on whose behalf, never who: without its agent's own credential it is worth nothing.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, audience, makeWorld } from '../../test/fakes/identity.ts'

test('an assertion by itself does not authenticate, in its header or as a token', async () => {
  const world = makeWorld()
  const assertion = world.signer.mint(assertionRequest(world))
  expectRefusal(await world.call({ 'sallyport-caller-assertion': assertion }), 'AUTHN_MISSING')
  expectRefusal(await world.bearer(assertion), 'AUTHN_INVALID')
  expectRefusal(await world.call({ 'x-api-key': assertion }), 'AUTHN_INVALID')
})

test('a bad credential beside a good assertion is a bad credential', async () => {
  const world = makeWorld()
  const assertion = world.signer.mint(assertionRequest(world))
  const { key } = world.admin.create({ name: 'concierge' })
  world.admin.revoke('concierge')
  expectRefusal(
    await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion }),
    'AUTHN_INVALID',
  )
})

test('a caller that is no configured agent must not show one: it is refused, not ignored', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  for (const audienceAgent of ['ci', 'concierge']) {
    const assertion = world.signer.mint({
      issuer: audience,
      subject: 'user:corp/alice',
      groups: [],
      actors: [],
      audienceAgent,
      call: 'c',
      operation: 'SendMessage',
      nowMs: world.clock.nowMs(),
    })
    expectRefusal(
      await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion }),
      'AUTHN_INVALID',
    )
  }
  expectRefusal(await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': '' }), 'AUTHN_INVALID')
})
