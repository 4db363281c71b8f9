// An assertion that one agent was given, shown by another.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, makeWorld } from '../../test/fakes/identity.ts'

test('an assertion is good for the agent it names and for no other', async () => {
  const world = makeWorld()
  const concierge = world.admin.create({ name: 'concierge' }).key
  const calculator = world.admin.create({ name: 'calculator' }).key
  const assertion = world.signer.mint(assertionRequest(world))
  const shownBy = (key: string): ReturnType<typeof world.call> =>
    world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
  expectRefusal(await shownBy(calculator), 'AUTHN_INVALID')
  const { caller, origin, autonomous } = expectPassed(await shownBy(concierge))
  assert.equal(caller.id, 'agent:concierge')
  assert.equal(origin.id, 'user:corp/alice')
  assert.equal(autonomous, false)
  // also when it has been verified, and remembered, for the right one before
  expectRefusal(await shownBy(calculator), 'AUTHN_INVALID')
})
