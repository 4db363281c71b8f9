// A token of an identity provider whose audience is an agent, or one of our assertions bent towards one.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, audience, craftToken, ecKey, makeWorld } from '../../test/fakes/identity.ts'

test('refuses a token whose audience is another agent', async () => {
  const world = makeWorld()
  for (const aud of ['agent:calculator', ['agent:calculator'], `${audience}/agents/calculator`]) {
    expectRefusal(await world.bearer(world.token({ aud })), 'AUTHN_INVALID')
  }
})

test('refuses an assertion with several audiences, of another gateway, or signed by another', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'concierge' })
  const nowSeconds = world.clock.nowMs() / 1000
  const header = { alg: 'ES256', kid: world.signer.kid, typ: 'sallyport-assertion+jwt' }
  const claims = {
    iss: audience,
    sub: 'user:corp/alice',
    aud: 'agent:concierge',
    iat: nowSeconds,
    exp: nowSeconds + 60,
  }
  const forged = craftToken(header, claims, ecKey)
  const elsewhere = world.signer.mint(assertionRequest(world, { issuer: 'https://other.example.com' }))
  const several = craftToken(header, { ...claims, aud: ['agent:concierge', 'agent:calculator'] }, world.assertionKey)
  const one = craftToken(header, { ...claims, aud: ['agent:concierge'] }, world.assertionKey)
  for (const assertion of [forged, elsewhere, several, one]) {
    expectRefusal(
      await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion }),
      'AUTHN_INVALID',
    )
  }
})
