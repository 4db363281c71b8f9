// Somebody is denied by one identity and calls with another of theirs: as the person that an alias makes of them, or as
// the agent that both may act as. A deny of any holds for all; a grant holds only where the canonical id has it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildSnapshot, configSchema, type ConfigInput } from '../config/config.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize, compilePolicy } from './authorize.ts'
import { fakeCall, fakeSources, type FakeCall } from './fake-call.ts'

const agents = [
  { name: 'calculator', url: 'http://127.0.0.1:9' },
  { name: 'planner', url: 'http://127.0.0.1:9', principals: ['key:planner', 'spiffe://example.org/planner'] },
]
const aliases = [{ name: 'alice', principals: ['user:corp/4f1c', 'key:laptop', 'serviceaccount:prod/home/alice'] }]
const roles = [{ name: 'all', rules: [{ agents: ['*'], operations: ['*' as const] }] }]

function codeOf(policy: ConfigInput['policy'], call: FakeCall): string {
  const config = configSchema.parse({ agents, aliases, policy: { roles, ...policy } })
  const compiled = compilePolicy(config.policy, ['calculator', 'planner'], buildSnapshot(config).identities)
  assert.ok(compiled.ok)
  const result = authorize(fakeCall(call), compiled.policy, fakeSources())
  return isRefusal(result) ? result.code : 'allowed'
}

const person = { caller: 'user:corp/4f1c' }
const open = [{ role: 'all', callers: ['user:*', 'agent:*', 'key:*'] }]
const deny = (...callers: string[]): ConfigInput['policy'] => ({ bindings: open, denies: [{ name: 'd', callers }] })

test('a deny of any identity of a person holds for the person, by name or by kind', () => {
  for (const id of [...(aliases[0]?.principals ?? []), 'key:*', 'user:*'])
    assert.equal(codeOf(deny(id), person), 'AUTHZ_DENIED', id)
  for (const id of ['key:lap', 'key:laptop2', 'agent:*', 'group:*', 'user:corp/4f1', 'spiffe://example.org/planner'])
    assert.equal(codeOf(deny(id), person), 'allowed', id)
})

test('as origin and in the chain too', () => {
  const onBehalf = { caller: 'agent:planner', origin: 'user:corp/4f1c' }
  assert.equal(codeOf(deny('key:laptop'), onBehalf), 'AUTHZ_DENIED')
  const through = {
    caller: 'agent:other',
    origin: 'key:bob',
    chain: [{ id: 'agent:planner', groups: [], display: '' }],
  }
  assert.equal(codeOf(deny('spiffe://example.org/planner'), through), 'AUTHZ_DENIED')
  assert.equal(codeOf(deny('key:none'), through), 'allowed')
})

test('a deny of an identity of an agent holds for the agent; one of all keys does not make agents of them', () => {
  const call = { caller: 'agent:planner', origin: 'user:corp/other' }
  assert.equal(codeOf(deny('key:planner'), call), 'AUTHZ_DENIED')
  assert.equal(codeOf(deny('key:*'), call), 'allowed')
})

test('what only a member was given gives the person nothing', () => {
  for (const id of ['key:laptop', 'key:*', 'serviceaccount:prod/home/alice'])
    assert.equal(codeOf({ bindings: [{ role: 'all', callers: [id] }] }, person), 'ROUTE_AGENT_UNKNOWN', id)
})
