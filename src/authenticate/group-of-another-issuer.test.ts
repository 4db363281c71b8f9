// An issuer names a group of another one, in the hope that policy reads the name and not who gave it. So does the
// identity provider that hands out a name which means power elsewhere: `system:masters` of Kubernetes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed } from '../../test/fakes/expect.ts'
import { audience, makeWorld } from '../../test/fakes/identity.ts'

const shared = { audience, algorithms: ['ES256' as const], jwks: 'https://keys.example.com/', groups: 'groups' }
const issuers = [
  { ...shared, name: 'corp', issuer: 'https://idp.example.com' },
  { ...shared, name: 'partner', issuer: 'https://partner.example.net' },
]

test('a group is known by its issuer, whatever it calls itself', async () => {
  const world = makeWorld({ identity: { jwt: issuers } })
  const groups = ['group:corp/analysts', 'corp/analysts', '../corp/analysts', 'analysts', 'agent:planner', '*']
  const { caller } = expectPassed(await world.bearer(world.token({ iss: 'https://partner.example.net', groups })))
  assert.deepEqual(caller.groups, [
    'group:partner/group:corp/analysts',
    'group:partner/corp/analysts',
    'group:partner/../corp/analysts',
    'group:partner/analysts',
    'group:partner/agent:planner',
    'group:partner/%2A',
  ])
  assert.ok(!caller.groups.some((group) => group.startsWith('group:corp/')))
})

test('an identity provider’s system:masters is a group of that provider and nothing else', async () => {
  const world = makeWorld({ identity: { jwt: issuers } })
  const groups = ['system:masters', 'system:serviceaccounts', 'system:authenticated']
  const { caller } = expectPassed(await world.bearer(world.token({ sub: 'system:admin', groups })))
  assert.equal(caller.id, 'user:corp/system:admin')
  assert.deepEqual(
    caller.groups,
    groups.map((group) => `group:corp/${group}`),
  )
})

test('a subject that reads like another principal is a name within its issuer', async () => {
  const world = makeWorld({ identity: { jwt: issuers } })
  for (const sub of ['user:partner/alice', 'key:ci', 'agent:concierge', 'spiffe://example.org/a', '../partner/alice']) {
    const { caller } = expectPassed(await world.bearer(world.token({ sub })))
    assert.equal(caller.id, `user:corp/${sub}`)
  }
})
