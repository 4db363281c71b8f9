// A record outlives the version that wrote it. What policy saw of a call before conditions knew hops, sizes, times and
// metadata is decided again as it stands; what it does not hold is said to be missing, never taken for empty.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../base/strict-json.ts'
import { decideAgain } from './authorize.ts'
import { policyOf } from './fake-call.ts'

/** As it was written then, to the letter. */
const recorded = JSON.parse(`{
  "v": 1,
  "caller": { "id": "agent:planner", "method": "jwt", "groups": ["group:corp/a"], "display": "planner" },
  "origin": { "id": "key:alice", "groups": [], "display": "alice" },
  "chain": ["agent:concierge"],
  "chainGroups": [["group:corp/b"]],
  "autonomous": { "caller": false, "origin": false },
  "agent": { "name": "calculator" },
  "operation": "SendMessage",
  "message": {
    "messageId": "m-1", "taskId": "", "contextId": "", "role": "ROLE_USER",
    "parts": [
      { "kind": "text", "size": 5, "mediaType": "", "filename": "", "host": "" },
      { "kind": "url", "size": 20, "mediaType": "image/png", "filename": "", "host": "cdn.example" }
    ],
    "referenceTaskIds": [], "extensions": [], "metadataKeys": ["label"]
  },
  "request": { "binding": "JSONRPC", "version": "1.0", "source": "192.0.2.7", "timeMs": 1800000000000 },
  "inlinePush": false,
  "task": { "known": false, "owner": "none" },
  "named": []
}`) as JsonObject

function decide(when: string): string {
  const decision = decideAgain(
    policyOf({
      roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'], when }] }],
      bindings: [{ role: 'r', callers: ['agent:planner', 'key:alice'] }],
    }),
    recorded,
  )
  return decision.allowed ? 'allowed' : decision.notRecorded === true ? 'not recorded' : decision.code
}

describe('an input that was recorded before', () => {
  for (const when of [
    'hops.exists(h, h.id == "agent:concierge" && "group:corp/b" in h.groups) && size(hops) == 1',
    'message.size == 25',
    'request.time == timestamp("2027-01-15T08:00:00Z")',
    'message.metadata["other"] == ""',
    'caller.method == "jwt" && message.parts[1].host == "cdn.example"',
  ]) {
    it(`is decided by: ${when}`, () => assert.equal(decide(when), 'allowed'))
  }
  it('does not hold the value of metadata', () => {
    assert.equal(decide('message.metadata["label"] == ""'), 'not recorded')
    assert.equal(decide('message.metadata["label"] != ""'), 'not recorded')
  })
  it('is refused where a condition says so', () => assert.equal(decide('message.size > 25'), 'AUTHZ_DENIED'))
  it('of another format is not decided at all', () => {
    for (const v of [0, 2, '1', null]) assert.throws(() => decideAgain(policyOf({}), { ...recorded, v }))
  })
})
