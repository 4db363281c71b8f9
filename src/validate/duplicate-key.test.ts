// The attack: of two equal keys some parsers keep the first, some the last. The gateway checks one task, the agent
// serves the other.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted } from './fake-routed.ts'
import { requestIdOf, validate } from './validate.ts'

const rpc = (members: string): string => `{"jsonrpc":"2.0","id":1,${members}}`

const bodies = {
  'the task twice': rpc('"method":"GetTask","params":{"id":"mine","id":"task-of-another"}'),
  'the task twice, once escaped': rpc('"method":"GetTask","params":{"id":"mine","\\u0069\\u0064":"task-of-another"}'),
  'the params twice': rpc('"method":"GetTask","params":{"id":"mine"},"params":{"id":"task-of-another"}'),
  'the method twice': rpc('"method":"GetTask","method":"CancelTask","params":{"id":"mine"}'),
  'the request id twice': rpc('"id":2,"method":"GetTask","params":{"id":"mine"}'),
  'a key twice inside data': rpc(
    '"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"a":1,"a":2}}]}}',
  ),
}

for (const [why, body] of Object.entries(bodies)) {
  test(`refuses ${why}, and says nothing of an id it cannot be sure of`, async () => {
    const result = await validate(fakeRouted({ body }))
    assert.ok(isRefusal(result))
    assert.equal(result.code, 'VALIDATE_JSON')
    assert.equal(requestIdOf(result), 'null')
  })
}

test('refuses a repeated key on HTTP+JSON', async () => {
  const body =
    '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"x"}],"taskId":"mine","taskId":"task-of-another"}}'
  const result = await validate(fakeRouted({ body, rest: { operation: 'SendMessage' } }))
  assert.equal(isRefusal(result) && result.code, 'VALIDATE_JSON')
})
