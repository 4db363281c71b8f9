// The official client against the bare calculator, in both bindings: what the gateway must not change.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TaskState } from '@a2a-js/sdk'
import { startSampleAgents, type SampleAgents } from '../src/sample-agents.ts'
import { startGatewayKeys, type GatewayKeys } from './gateway-keys.ts'
import { exerciseWithSdk, type SdkBinding } from './sdk-client.ts'

let keys: GatewayKeys
let agents: SampleAgents

before(async () => {
  keys = await startGatewayKeys()
  const concierge = { gatewayUrl: () => 'http://127.0.0.1:9', calculatorAgent: 'calculator', key: () => 'unused' }
  agents = await startSampleAgents({ verification: keys, concierge, slowStepMs: 20 })
})
after(async () => {
  await agents.close()
  keys.close()
})

for (const binding of ['JSONRPC', 'HTTP+JSON'] satisfies SdkBinding[]) {
  test(`the official client completes all six operations over ${binding}`, async () => {
    const sub = `key:${binding.toLowerCase()}`
    const seen = await exerciseWithSdk({
      gatewayUrl: 'http://unused.invalid',
      agent: 'calculator',
      key: 'unused',
      binding,
      agentUrl: agents.calculator.url,
      headers: async () => ({ 'Sallyport-Caller-Assertion': await keys.mint({ sub }) }),
    })
    assert.equal(seen.binding, binding)
    assert.equal(seen.card.name, 'calculator')
    assert.equal(seen.sent.status?.state, TaskState.TASK_STATE_COMPLETED)
    assert.match(seen.sentText, /= 0\.3$/)
    assert.equal(seen.streamKinds[0], 'task')
    assert.equal(seen.streamKinds.filter((kind) => kind === 'artifactUpdate').length, 2)
    assert.equal(seen.streamStates.at(0), TaskState.TASK_STATE_SUBMITTED)
    assert.equal(seen.streamStates.at(-1), TaskState.TASK_STATE_COMPLETED)
    assert.match(seen.streamText, /= 2\n.*3\.1068\d+ miles$/)
    assert.equal(seen.got.id, seen.sent.id)
    assert.deepEqual(seen.got.artifacts, seen.sent.artifacts)
    assert.ok(seen.listed.includes(seen.sent.id))
    assert.equal(seen.totalSize, 2)
    assert.equal(seen.subscribedKinds[0], 'task')
    assert.equal(seen.canceled.status?.state, TaskState.TASK_STATE_CANCELED)
    assert.deepEqual(seen.intercepted, [
      'sendMessage',
      'sendMessageStream',
      'getTask',
      'listTasks',
      'sendMessage',
      'resubscribeTask',
      'cancelTask',
    ])
  })
}
