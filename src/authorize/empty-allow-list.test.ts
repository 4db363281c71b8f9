// An empty list must never read as "no restriction": in a rule or a binding it means none, and a deny that an
// empty list would switch off is refused when policy is loaded.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, type PolicyText, problemsOf } from './fake-call.ts'

function codeOf(policy: PolicyText): string {
  const result = authorize(fakeCall({}), policyOf(policy), fakeSources())
  return isRefusal(result) ? result.code : 'allowed'
}

const bindings = [{ role: 'r', callers: ['key:alice'] }]

describe('an empty list', () => {
  it('of agents in a rule means none', () => {
    assert.equal(
      codeOf({ roles: [{ name: 'r', rules: [{ agents: [], operations: ['*'] }] }], bindings }),
      'ROUTE_AGENT_UNKNOWN',
    )
  })
  it('of operations in a rule means none', () => {
    assert.equal(
      codeOf({ roles: [{ name: 'r', rules: [{ agents: ['*'], operations: [] }] }], bindings }),
      'ROUTE_AGENT_UNKNOWN',
    )
  })
  it('of callers in a binding means nobody', () => {
    const roles = [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }]
    assert.equal(codeOf({ roles, bindings: [{ role: 'r', callers: [] }] }), 'ROUTE_AGENT_UNKNOWN')
  })
  it('of rules in a role means none', () => {
    assert.equal(codeOf({ roles: [{ name: 'r', rules: [] }], bindings }), 'ROUTE_AGENT_UNKNOWN')
  })
  for (const field of ['agents', 'operations', 'callers'] as const) {
    it(`of ${field} in a deny is a fault of the policy`, () => {
      assert.deepEqual(
        problemsOf({ denies: [{ name: 'd', [field]: [] }] }).map((problem) => problem.path),
        [['policy', 'denies', 0, field]],
      )
    })
  }
})
