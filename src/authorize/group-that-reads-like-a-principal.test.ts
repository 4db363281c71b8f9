// Groups come from tokens that others issue. A group called `key:alice`, or a principal called `group:…`, must
// not get what policy says of the other kind.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { type FakeCall, fakeCall, fakeSources, policyOf } from './fake-call.ts'

const policy = policyOf({
  roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }],
  bindings: [{ role: 'r', callers: ['key:alice', 'group:corp/analysts', 'agent:*'] }],
})

function codeOf(call: FakeCall): string {
  const result = authorize(fakeCall(call), policy, fakeSources())
  return isRefusal(result) ? result.code : 'allowed'
}

describe('a name of the wrong kind', () => {
  it('as a group gives no rights of a principal', () => {
    assert.equal(
      codeOf({ caller: 'user:corp/1', callerGroups: ['key:alice', 'agent:concierge', 'agent:*'] }),
      'ROUTE_AGENT_UNKNOWN',
    )
  })
  it('as a principal gives no rights of a group', () => {
    assert.equal(codeOf({ caller: 'group:corp/analysts' }), 'ROUTE_AGENT_UNKNOWN')
  })
  it('that only resembles one in policy is another name', () => {
    for (const caller of [
      'key:alice ',
      'key:Alice',
      'key:alice/x',
      'key:*',
      'agent',
      'xagent:y',
      '',
      'constructor',
      '__proto__',
    ]) {
      assert.equal(codeOf({ caller }), 'ROUTE_AGENT_UNKNOWN', caller)
    }
  })
})
