// A key is for one agent and one operation. Its holder calls a concierge, which may do much more, and hopes that what
// the concierge does on its behalf is not narrowed; or finds another key of the same name that is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, makeWorld, type World } from '../../test/fakes/identity.ts'
import type { CallerScope } from '../exchange/exchange.ts'
import { narrowScope, readScope } from './narrow-scope.ts'

/** The concierge, by a key of its own, shows what it was given for a call narrowed to `scope`. */
function actFor(world: World, scope: CallerScope | undefined, own: Parameters<World['admin']['create']>[0]) {
  const { key } = world.admin.create(own)
  const assertion = world.signer.mint({
    issuer: audience,
    subject: 'key:ci',
    groups: [],
    actors: [],
    audienceAgent: 'concierge',
    call: 'c',
    operation: 'SendMessage',
    scope,
    nowMs: world.clock.nowMs(),
  })
  return world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
}

test('a key narrows the call that it begins', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci', agents: ['calculator'], operations: ['GetTask'] })
  const call = expectPassed(await world.bearer(key))
  assert.deepEqual(call.scope, { agents: ['calculator'], operations: ['GetTask'] })
  assert.deepEqual(call.caller.scope, call.scope)
})

test('what narrowed the origin narrows whoever acts for it, though its own key is not narrowed', async () => {
  const world = makeWorld()
  world.admin.create({ name: 'ci' })
  const scope = { agents: ['concierge', 'calculator'], operations: ['SendMessage'] } as const
  const call = expectPassed(await actFor(world, scope, { name: 'concierge' }))
  assert.deepEqual(call.scope, scope)
})

test('of two scopes only what both have is left', async () => {
  const world = makeWorld()
  world.admin.create({ name: 'ci' })
  const call = expectPassed(
    await actFor(world, { agents: ['calculator', 'vault'] }, { name: 'concierge', agents: ['vault', 'notes'] }),
  )
  assert.deepEqual(call.scope, { agents: ['vault'] })
  const disjoint = expectPassed(
    await actFor(world, { agents: ['calculator'] }, { name: 'concierge', agents: ['notes'], operations: ['GetTask'] }),
  )
  assert.deepEqual(disjoint.scope, { agents: [], operations: ['GetTask'] })
})

test('a wider key of the same name widens nothing: the scope is of the key that began', async () => {
  const world = makeWorld()
  world.admin.create({ name: 'ci', agents: ['calculator'] })
  world.admin.create({ name: 'ci' })
  const call = expectPassed(await actFor(world, { agents: ['calculator'] }, { name: 'concierge' }))
  assert.deepEqual(call.scope, { agents: ['calculator'] })
})

test('a scope that cannot be read ends the assertion, it never means everything', async () => {
  for (const narrowed of [
    {},
    { agents: 'calculator' },
    { operations: ['Everything'] },
    { agents: [''] },
    [],
    'x',
    { all: [] },
  ]) {
    const world = makeWorld()
    world.admin.create({ name: 'ci' })
    assert.equal(readScope(narrowed), 'malformed')
    expectRefusal(await actFor(world, narrowed as CallerScope, { name: 'concierge' }), 'AUTHN_INVALID')
  }
})

test('nothing is ever wider after it was narrowed', () => {
  const scopes: (CallerScope | undefined)[] = [
    undefined,
    { agents: [] },
    { agents: ['a', 'b'] },
    { operations: ['GetTask'] },
    { agents: ['b'], operations: [] },
  ]
  const allows = (scope: CallerScope | undefined, agent: string, operation: 'GetTask' | 'SendMessage'): boolean =>
    (scope?.agents?.includes(agent) ?? true) && (scope?.operations?.includes(operation) ?? true)
  for (const one of scopes)
    for (const other of scopes)
      for (const agent of ['a', 'b', 'c'])
        for (const operation of ['GetTask', 'SendMessage'] as const)
          assert.equal(
            allows(narrowScope(one, other), agent, operation),
            allows(one, agent, operation) && allows(other, agent, operation),
          )
})
