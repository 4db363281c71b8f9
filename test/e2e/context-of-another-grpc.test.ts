// Contexts are names of their owners over gRPC as well: spliced on the wire where the agent speaks it, translated where
// it does not. What the agent knows of a task it is asked itself, past the gateway.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { createClient, say } from './client.ts'
import { createGrpcCaller, type GrpcCaller } from './grpc-client.ts'
import { startGateway, type Gateway } from './harness.ts'
import { startConformance, type ConformanceAgent } from './sample-agents.ts'

let agent: ConformanceAgent
let gateway: Gateway
let grpc: GrpcCaller
const names = ['both', 'json', 'proto']

before(async () => {
  agent = await startConformance()
  gateway = await startGateway({
    agents: {
      both: { url: agent.url, grpcUrl: `http://${agent.grpc}` },
      json: { url: agent.url, bindings: ['JSONRPC'] },
      proto: { url: agent.url, grpcUrl: `http://${agent.grpc}`, bindings: ['GRPC'] },
    },
  })
  grpc = createGrpcCaller(`127.0.0.1:${gateway.port}`)
})
after(async () => {
  grpc.close()
  await gateway.stop()
  await agent.close()
})

const key = (name: string): string => gateway.keys[name] ?? ''
const message = (contextId: string): JsonObject =>
  say('hello', { messageId: `tck-complete-task-${Math.random()}`, contextId })
const contextsIn = (value: unknown): string[] =>
  [...JSON.stringify(value).matchAll(/"contextId":"([^"]*)"/g)].map((match) => match[1] ?? '')

/** What the agent itself calls the context of a task. */
async function known(taskId: string): Promise<string> {
  const direct = createClient(agent.url)
  try {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id: taskId } })
    const headers = { 'content-type': 'application/json', 'a2a-version': '1.0' }
    const path = new URL(agent.url).pathname
    const answer = await direct.http({ method: 'POST', path, headers, body })
    assert.equal(answer.result['id'], taskId, answer.text)
    return answer.result['contextId'] as string
  } finally {
    direct.close()
  }
}

for (const name of names) {
  test(`one name of two owners is two contexts over gRPC to an agent that speaks ${name}`, async () => {
    const metadata = { 'sallyport-agent': name }
    const contextId = `plan at ${name}`
    const ids: string[] = []
    for (const caller of ['alice', 'bob', 'alice']) {
      const as = { key: key(caller), metadata }
      const sent = await grpc.call({ operation: 'SendMessage', params: message(contextId), ...as })
      assert.equal(sent.code, 0, sent.message)
      assert.deepEqual([...new Set(contextsIn(sent.messages))], [contextId])
      const task = sent.messages[0]?.['task'] as JsonObject | undefined
      assert.ok(task)
      const id = task['id'] as string
      ids.push(await known(id))
      const got = await grpc.call({ operation: 'GetTask', params: { id }, ...as })
      assert.deepEqual([...new Set(contextsIn(got.messages))], [contextId])
      const stream = await grpc.stream({ operation: 'SendStreamingMessage', params: message(contextId), ...as }).ended
      assert.equal(stream.code, 0, stream.message)
      assert.deepEqual([...new Set(contextsIn(stream.messages))], [contextId])
      const listed = await grpc.call({ operation: 'ListTasks', params: { contextId }, ...as })
      assert.deepEqual([...new Set(contextsIn(listed.messages))], [contextId])
      const other = message('another')
      Object.assign(other['message'] as JsonObject, { taskId: id })
      const refused = await grpc.call({ operation: 'SendMessage', params: other, ...as })
      assert.equal(refused.code, status.INVALID_ARGUMENT, refused.message)
    }
    assert.equal(ids[0], ids[2])
    assert.notEqual(ids[0], ids[1])
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8/)
    // and the other bindings mean the same by it
    for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
      const sent = await gateway.as('alice', {
        binding,
        agent: name,
        operation: 'SendMessage',
        params: message(contextId),
      })
      assert.deepEqual([...new Set(contextsIn(sent.result))], [contextId], sent.text)
      assert.equal(await known((sent.result['task'] as JsonObject)['id'] as string), ids[0])
    }
  })
}
