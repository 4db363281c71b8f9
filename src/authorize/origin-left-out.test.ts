// An agent that leaves out whom it acts for must gain nothing by it: its own account is a right that a binding
// gives by name, at the first hop and at every later one of the chain it began.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { type FakeCall, fakeCall, fakeSources, policyOf, type PolicyText } from './fake-call.ts'

const roles = [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }]
const callers = ['agent:concierge', 'agent:planner', 'key:alice', 'key:bot']
const bound: PolicyText = { roles, bindings: [{ role: 'r', callers }] }
const byName: PolicyText = {
  roles,
  bindings: [
    { role: 'r', callers },
    { role: 'r', callers: ['agent:concierge'], autonomous: true },
  ],
}

function codeOf(policy: PolicyText, call: FakeCall): string {
  const result = authorize(fakeCall(call), policyOf(policy), fakeSources())
  return isRefusal(result) ? result.code : 'allowed'
}

describe('an agent that leaves out its origin', () => {
  it('is refused what it may do for others', () => {
    assert.equal(codeOf(bound, { caller: 'agent:concierge', origin: 'key:alice' }), 'allowed')
    assert.equal(codeOf(bound, { caller: 'agent:concierge', autonomous: true }), 'AUTHZ_DENIED')
  })
  it('is refused also when the stage before did not mark it', () => {
    assert.equal(codeOf(bound, { caller: 'agent:concierge' }), 'AUTHZ_DENIED')
    assert.equal(codeOf(bound, { caller: 'key:bot', agentIdentities: ['key:bot'] }), 'AUTHZ_DENIED')
  })
  it('is allowed by a binding that says so', () => {
    assert.equal(codeOf(byName, { caller: 'agent:concierge', autonomous: true }), 'allowed')
  })
  it('gains nothing by going through another agent', () => {
    assert.equal(codeOf(bound, { caller: 'agent:planner', origin: 'agent:concierge' }), 'AUTHZ_DENIED')
    assert.equal(codeOf(byName, { caller: 'agent:planner', origin: 'agent:concierge' }), 'allowed')
    assert.equal(codeOf(byName, { caller: 'agent:concierge', origin: 'agent:planner' }), 'AUTHZ_DENIED')
  })
  it('does not concern callers that are no agents', () => {
    assert.equal(codeOf(bound, { caller: 'key:alice' }), 'allowed')
    assert.equal(codeOf(bound, { caller: 'key:bot' }), 'allowed')
  })
})
