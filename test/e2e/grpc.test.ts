// The gRPC binding through the real process, to an agent that speaks it and, by translation, to one that does not; and the
// other way round. Policy, ownership, limits and records are those of the other bindings.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client, credentials, status } from '@grpc/grpc-js'
import {
  decodeHealthResponse,
  encodeHealthRequest,
  healthPaths,
  type ServingStatus,
} from '../../src/protobuf/health.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { say } from './client.ts'
import { createGrpcCaller, type GrpcCaller, type GrpcStream } from './grpc-client.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { startGateway, type Gateway } from './harness.ts'
import { startConformance, type ConformanceAgent } from './sample-agents.ts'

let agent: ConformanceAgent
let gateway: Gateway
let grpc: GrpcCaller

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
const complete = (): JsonObject => say('hello', { messageId: `tck-complete-task-${Math.random()}` })
const idOf = (answer: JsonObject | undefined): string => {
  const task = (answer?.['task'] ?? answer) as JsonObject | undefined
  return typeof task?.['id'] === 'string' ? task['id'] : ''
}

for (const name of ['both', 'json']) {
  test(`a send, get, list and stream over gRPC to an agent that speaks ${name}`, async () => {
    const metadata = { 'sallyport-agent': name }
    const as = { key: key('alice'), metadata }
    const sent = await grpc.call({ operation: 'SendMessage', params: complete(), ...as })
    assert.equal(sent.code, 0, sent.message)
    const id = idOf(sent.messages[0])
    assert.notEqual(id, '')
    const got = await grpc.call({ operation: 'GetTask', params: { id }, ...as })
    assert.deepEqual([got.code, idOf(got.messages[0])], [0, id])
    const listed = await grpc.call({ operation: 'ListTasks', ...as })
    const tasks = (listed.messages[0]?.['tasks'] ?? []) as JsonObject[]
    assert.ok(tasks.some((task) => task['id'] === id))
    const stream = grpc.stream({ operation: 'SendStreamingMessage', params: complete(), ...as })
    const ended = await stream.ended
    assert.equal(ended.code, 0, ended.message)
    assert.ok(ended.messages.length > 1)
    assert.ok(String(sent.head.get('sallyport-record')[0]).length > 10)
  })
}

test('the agent is named by the tenant of the card too, and a tenant that names none is no agent', async () => {
  const named = await grpc.call({
    operation: 'SendMessage',
    params: { ...complete(), tenant: 'both' },
    key: key('alice'),
  })
  assert.equal(named.code, 0, named.message)
  for (const tenant of ['', 'nobody', 'both/other', 'BOTH', '../both']) {
    const refused = await grpc.call({ operation: 'SendMessage', params: { ...complete(), tenant }, key: key('alice') })
    assert.notEqual(refused.code, 0, tenant)
  }
})

test('a call over JSON-RPC or HTTP+JSON reaches an agent that speaks gRPC alone', async () => {
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    const sent = await gateway.as('alice', { binding, agent: 'proto', operation: 'SendMessage', params: complete() })
    assert.equal(sent.status, 200, sent.text)
    const id = idOf(sent.result)
    const got = await gateway.as('alice', { binding, agent: 'proto', operation: 'GetTask', params: { id } })
    assert.equal(idOf(got.result), id, got.text)
  }
})

test('a foreign task is missing over gRPC, and nobody and strangers are told apart from callers', async () => {
  const metadata = { 'sallyport-agent': 'both' }
  const sent = await grpc.call({ operation: 'SendMessage', params: complete(), key: key('alice'), metadata })
  const id = idOf(sent.messages[0])
  const foreign = await grpc.call({ operation: 'GetTask', params: { id }, key: key('bob'), metadata })
  const missing = await grpc.call({ operation: 'GetTask', params: { id: 'none' }, key: key('bob'), metadata })
  for (const each of [foreign, missing])
    assert.deepEqual([each.code, each.reason, each.message], [status.NOT_FOUND, 'TASK_NOT_FOUND', 'Task not found'])
  const nobody = await grpc.call({ operation: 'GetTask', params: { id }, metadata })
  assert.deepEqual([nobody.code, nobody.reason], [status.UNAUTHENTICATED, 'UNAUTHENTICATED'])
  const stranger = await grpc.call({ operation: 'GetTask', params: { id }, key: key('nobody'), metadata })
  assert.deepEqual([stranger.code, stranger.reason], [status.NOT_FOUND, 'AGENT_NOT_FOUND'])
})

test('what is no message of the method is refused before the agent', async () => {
  const metadata = { 'sallyport-agent': 'both' }
  const bad: readonly Buffer[] = [Buffer.from([0xff]), Buffer.from('0a0174', 'hex'), Buffer.alloc(0)]
  for (const params of bad) {
    const refused = await grpc.call({ operation: 'GetTask', params, key: key('alice'), metadata })
    assert.equal(refused.code, status.INVALID_ARGUMENT)
  }
  const unknown = await grpc.call({
    operation: 'GetTask',
    path: '/lf.a2a.v1.A2AService/DropTables',
    key: key('alice'),
    metadata,
  })
  assert.equal(unknown.code, status.UNIMPLEMENTED)
  const version = await grpc.call({
    operation: 'GetTask',
    key: key('alice'),
    metadata: { ...metadata, 'a2a-version': '0.3' },
  })
  assert.deepEqual([version.code, version.reason], [status.FAILED_PRECONDITION, 'VERSION_NOT_SUPPORTED'])
})

test('health is told to everybody, of the gateway and of no agent', async () => {
  const ask = (service: string): Promise<ServingStatus | number> =>
    new Promise((resolve) => {
      const client = new Client(`127.0.0.1:${gateway.port}`, credentials.createInsecure())
      client.makeUnaryRequest(
        healthPaths.check,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        encodeHealthRequest(service),
        (error, answer) => {
          client.close()
          resolve(error === null ? (decodeHealthResponse(answer ?? Buffer.alloc(0)) ?? -1) : error.code)
        },
      )
    })
  assert.deepEqual(await Promise.all(['', 'lf.a2a.v1.A2AService', 'both', 'lf.a2a.v1.Other'].map(ask)), [
    'SERVING',
    'SERVING',
    status.NOT_FOUND,
    status.NOT_FOUND,
  ])
})

test('a stream that a restart cut is taken up again by its owner, and by nobody else', async () => {
  const home = temporaryFolder()
  const agents = { both: { url: agent.url, grpcUrl: `http://${agent.grpc}` } }
  const metadata = { 'sallyport-agent': 'both' }
  const first = await startGateway({ home, agents })
  const before = createGrpcCaller(`127.0.0.1:${first.port}`)
  const stream = before.stream({
    operation: 'SendStreamingMessage',
    params: say('work', { messageId: `test-resubscribe-message-id-${Math.random()}` }),
    key: first.keys['alice'] ?? '',
    metadata,
  })
  const id = idOf(await stream.next())
  assert.notEqual(id, '')
  await first.stop()
  assert.equal((await stream.ended).code, status.UNAVAILABLE)
  before.close()
  const second = await startGateway({ home, agents })
  const after = createGrpcCaller(`127.0.0.1:${second.port}`)
  const subscribe = (name: string): GrpcStream =>
    after.stream({ operation: 'SubscribeToTask', params: { id }, key: second.keys[name] ?? '', metadata })
  const again = subscribe('alice')
  const current = await again.next()
  assert.ok(current?.['task'] !== undefined && idOf(current) === id)
  assert.equal((await subscribe('bob').ended).reason, 'TASK_NOT_FOUND')
  const canceled = await after.call({
    operation: 'CancelTask',
    params: { id },
    key: second.keys['alice'] ?? '',
    metadata,
  })
  assert.equal(canceled.code, 0, canceled.message)
  assert.equal((await again.ended).code, 0)
  after.close()
  await second.stop()
})
