// An agent of A2A 0.3 says what it says in another form: whatever is judged of an answer (shape, whose task it is) must be
// judged on what it means, and whoever speaks 1.0 must not be handed the other form.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { Binding } from '../a2a/operations.ts'
import { faceOf } from '../faces/choose-face.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { admittedOf, memoryOwnership } from '../../test/fakes/walk.ts'
import { releaseAnswer } from './release.ts'

// prettier-ignore
const tasks: Readonly<Record<'JSONRPC' | 'HTTP+JSON', string>> = {
  JSONRPC: '{"kind":"task","id":"t1","contextId":"c1","status":{"state":"input-required"},"artifacts":[{"artifactId":"a","parts":[{"kind":"file","file":{"bytes":"dGNr","mimeType":"text/plain","name":"o"}}]}]}',
  'HTTP+JSON': '{"task":{"id":"t1","contextId":"c1","status":{"state":"TASK_STATE_INPUT_REQUIRED"},"artifacts":[{"artifactId":"a","parts":[{"file":{"fileWithBytes":"dGNr","mimeType":"text/plain","name":"o"}}]}]}}',
}

function answered(agent: 'JSONRPC' | 'HTTP+JSON', text: string, caller: Binding = 'HTTP+JSON') {
  const admitted = admittedOf({ binding: caller, agentFace: faceOf(agent, '0.3') })
  // the id of a request that the gateway made
  const body = agent === 'JSONRPC' ? `{"jsonrpc":"2.0","id":1,"result":${text}}` : text
  const answer = { status: 200, contentType: 'application/json', body: Buffer.from(body) }
  return releaseAnswer(admitted, answer, memoryOwnership())
}

for (const agent of ['JSONRPC', 'HTTP+JSON'] as const) {
  test(`a task of an agent that speaks ${agent} of 0.3 is claimed and given out in the form of 1.0`, () => {
    const released = answered(agent, tasks[agent])
    assert.ok(!isRefusal(released), JSON.stringify(released))
    assert.deepEqual(JSON.parse(released.released.text), {
      task: {
        id: 't1',
        contextId: 'c1',
        status: { state: 'TASK_STATE_INPUT_REQUIRED' },
        artifacts: [{ artifactId: 'a', parts: [{ raw: 'dGNr', mediaType: 'text/plain', filename: 'o' }] }],
      },
    })
    assert.ok(released.claims.some((claim) => claim.kind === 'task' && claim.taskId === 't1'))
  })

  test(`what is no answer in 0.3 over ${agent} is none`, () => {
    for (const text of [
      '{"kind":"status-update"}',
      '{"kind":"task"}',
      '{"task":{"kind":"task"}}',
      '[]',
      'null',
      '{}',
    ]) {
      const released = answered(agent, text)
      assert.ok(isRefusal(released), text)
      assert.equal(released.code, 'RELEASE_INVALID_ANSWER', text)
    }
  })
}

test('an answer in the form of 1.0 by an agent that is called in 0.3 over JSON-RPC is refused', () => {
  const released = answered(
    'JSONRPC',
    '{"task":{"id":"t1","contextId":"c1","status":{"state":"TASK_STATE_COMPLETED"}}}',
  )
  assert.ok(isRefusal(released))
  assert.equal(released.code, 'RELEASE_INVALID_ANSWER')
})
