// What goes through the gateway over gRPC, byte for byte, and the attacks on it: messages that two decoders read
// differently, compressed ones, other callers' ids, credentials, deadlines that lie, streams that somebody leaves.

import assert from 'node:assert/strict'
import { connect, constants } from 'node:http2'
import { after, before, beforeEach, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { encodeRequest } from '../../src/protobuf/encode.ts'
import { frameMessage } from '../../src/protobuf/frames.ts'
import { GrpcAgentError, startGrpcAgent, type GrpcAgent } from '../fakes/grpc-agent.ts'
import { createGrpcCaller, type GrpcAnswer, type GrpcCall, type GrpcCaller } from './grpc-client.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: GrpcAgent
let gateway: Gateway
let grpc: GrpcCaller
let count = 0

before(async () => {
  agent = await startGrpcAgent()
  gateway = await startGateway({
    agents: { proto: { url: `http://${agent.address}`, grpcUrl: `http://${agent.address}`, bindings: ['GRPC'] } },
    bounds: { body: 64 * 1024, answer: 256 * 1024, event: 64 * 1024 },
  })
  grpc = createGrpcCaller(`127.0.0.1:${gateway.port}`)
})
beforeEach(() => {
  agent.seen.length = 0
  agent.unary = () => ({})
  agent.stream = (_call, _send, end) => end()
})
after(async () => {
  grpc.close()
  await gateway.stop()
  agent.close()
})

const metadata = { 'sallyport-agent': 'proto' }
const as = (name: string, call: GrpcCall): Promise<GrpcAnswer> =>
  grpc.call({ key: gateway.keys[name] ?? '', ...call, metadata: { ...metadata, ...call.metadata } })
const message = (text = 'hello'): JsonObject => ({
  message: { messageId: `m-${(count += 1)}`, role: 'ROLE_USER', parts: [{ text }] },
})
const taskOf = (id: string): JsonObject => ({
  task: { id, contextId: `c-${id}`, status: { state: 'TASK_STATE_WORKING' } },
})
const bytesOf = (operation: GrpcCall['operation'], params: JsonObject): Buffer => {
  const encoded = encodeRequest(operation, params)
  assert.ok(encoded.ok)
  return encoded.bytes
}

/** Makes a task of this caller's. */
async function begin(name: string): Promise<string> {
  const id = `t-${(count += 1)}`
  agent.unary = () => taskOf(id)
  const sent = await as(name, { operation: 'SendMessage', params: message() })
  assert.equal(sent.code, 0, sent.message)
  agent.seen.length = 0
  return id
}

test('a message goes through as it is, unknown fields and all, and so does the answer', async () => {
  // field 999, a string, which no schema knows, at the end
  const unknown = Buffer.from('ba3e0568656c6c6f', 'hex')
  const sent = Buffer.concat([bytesOf('SendMessage', message()), unknown])
  const answer = Buffer.concat([Buffer.from('0a0d0a0374783112021a001a020801', 'hex'), unknown])
  agent.unary = () => answer
  const got = await as('alice', { operation: 'SendMessage', params: sent })
  assert.deepEqual(
    agent.seen.map(({ bytes }) => bytes.toString('hex')),
    [sent.toString('hex')],
  )
  if (got.code === 0) assert.equal(got.bytes[0]?.toString('hex'), answer.toString('hex'))
  else assert.equal(got.reason, 'INVALID_AGENT_RESPONSE')
})

test("nothing of the caller's credential reaches the agent, and an assertion does", async () => {
  await begin('alice')
  agent.unary = () => taskOf('t-x')
  await as('alice', { operation: 'SendMessage', params: message(), metadata: { cookie: 'a=b', 'x-secret': 'shh' } })
  const [seen] = agent.seen
  const fields = seen?.metadata.getMap() ?? {}
  assert.equal(typeof fields['sallyport-caller-assertion'], 'string')
  for (const name of ['authorization', 'cookie', 'x-secret', 'sallyport-agent'])
    assert.equal(fields[name], undefined, name)
  assert.equal(fields['a2a-version'], '1.0')
})

const twice = (field: Buffer): Buffer => Buffer.concat([field, field])
const id = Buffer.from('12036f6e65', 'hex') // GetTaskRequest.id = 2: "one"

for (const [what, operation, params] of [
  ['a singular field twice', 'GetTask', twice(id)],
  ['two different ids', 'GetTask', Buffer.concat([id, Buffer.from('120374776f', 'hex')])],
  ['a field of the wrong wire type', 'GetTask', Buffer.from('1001', 'hex')],
  ['a text that is not UTF-8', 'GetTask', Buffer.from('1202c328', 'hex')],
  ['a length beyond the end', 'GetTask', Buffer.from('12ff6f', 'hex')],
  ['a varint of eleven bytes', 'GetTask', Buffer.from('18ffffffffffffffffffff01', 'hex')],
  ['a group', 'GetTask', Buffer.from('0b0c', 'hex')],
  ['field number zero', 'GetTask', Buffer.from('0200', 'hex')],
  ['no id', 'GetTask', Buffer.alloc(0)],
  ['a part with two members', 'SendMessage', partWith(Buffer.from('0a0161', 'hex'), Buffer.from('1a0162', 'hex'))],
  ['a part twice text', 'SendMessage', partWith(Buffer.from('0a0161', 'hex'), Buffer.from('0a0162', 'hex'))],
  ['a part without a member', 'SendMessage', partWith()],
] as const) {
  test(`refuses ${what} before the agent sees it`, async () => {
    const refused = await as('alice', { operation, params })
    assert.equal(refused.code, status.INVALID_ARGUMENT, refused.message)
    assert.equal(agent.seen.length, 0)
  })
}

/** A send with one part of these fields. */
function partWith(...fields: readonly Buffer[]): Buffer {
  const delimited = (tag: number, value: Buffer): Buffer => Buffer.concat([Buffer.from([tag, value.length]), value])
  const part = delimited(0x2a, Buffer.concat(fields)) // Message.parts = 5
  const inner = Buffer.concat([Buffer.from('0a026d31', 'hex'), Buffer.from('2001', 'hex'), part]) // message_id, role
  return delimited(0x12, inner) // SendMessageRequest.message = 2
}

/** A call that no client library would make: these frames and fields. Resolves with the fields that ended it. */
function raw(body: Buffer, fields: Record<string, string> = {}): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const session = connect(gateway.url)
    session.on('error', reject)
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/lf.a2a.v1.A2AService/GetTask',
      'content-type': 'application/grpc',
      'a2a-version': '1.0',
      te: 'trailers',
      authorization: `Bearer ${gateway.keys['alice'] ?? ''}`,
      ...metadata,
      ...fields,
    })
    let ended: Record<string, unknown> = {}
    stream.on('response', (head) => (ended = { ...head }))
    stream.on('trailers', (trailers) => (ended = { ...ended, ...trailers }))
    stream.on('close', () => {
      session.close()
      resolve(ended)
    })
    stream.on('error', () => undefined)
    stream.resume()
    stream.end(body)
  })
}

for (const [what, body, fields, code] of [
  ['a compressed message', Buffer.from('010000000512036f6e65', 'hex'), {}, status.UNIMPLEMENTED],
  ['a compressed call', frameMessage(id), { 'grpc-encoding': 'gzip' }, status.UNIMPLEMENTED],
  ['an unknown flag', Buffer.from('020000000512036f6e65', 'hex'), {}, status.INVALID_ARGUMENT],
  ['two messages', Buffer.concat([frameMessage(id), frameMessage(id)]), {}, status.INVALID_ARGUMENT],
  ['half a message', frameMessage(id).subarray(0, 7), {}, status.INVALID_ARGUMENT],
  ['no message', Buffer.alloc(0), {}, status.INVALID_ARGUMENT],
  ['bytes behind the message', Buffer.concat([frameMessage(id), Buffer.from([0])]), {}, status.INVALID_ARGUMENT],
  ['a length that lies', Buffer.from('00ffffffff12036f6e65', 'hex'), {}, status.RESOURCE_EXHAUSTED],
  ['JSON in the frame', frameMessage(Buffer.from('{"id":"one"}')), {}, status.INVALID_ARGUMENT],
  ['another codec', frameMessage(id), { 'content-type': 'application/grpc+json' }, status.INVALID_ARGUMENT],
  ['gRPC for browsers', frameMessage(id), { 'content-type': 'application/grpc-web' }, status.INVALID_ARGUMENT],
  ['a timeout that is none', frameMessage(id), { 'grpc-timeout': '1x' }, status.INVALID_ARGUMENT],
  ['a timeout of nine digits', frameMessage(id), { 'grpc-timeout': '123456789S' }, status.INVALID_ARGUMENT],
  ['another version than its path', frameMessage(id), { 'a2a-version': '0.3' }, status.FAILED_PRECONDITION],
] as const) {
  test(`refuses ${what}, and says so as gRPC does`, async () => {
    const ended = await raw(body, fields)
    assert.equal(ended[':status'], 200)
    assert.equal(ended['grpc-status'], String(code), JSON.stringify(ended))
    assert.equal(agent.seen.length, 0)
  })
}

test('a message beyond the bound is refused', async () => {
  const refused = await as('alice', { operation: 'SendMessage', params: message('x'.repeat(100 * 1024)) })
  assert.equal(refused.code, status.RESOURCE_EXHAUSTED)
  assert.equal(agent.seen.length, 0)
})

test('a task of another owner is missing in every method that names one', async () => {
  const taskId = await begin('alice')
  for (const [operation, params] of [
    ['GetTask', { id: taskId }],
    ['CancelTask', { id: taskId }],
    ['ListTaskPushNotificationConfigs', { taskId }],
    ['GetTaskPushNotificationConfig', { taskId, id: 'c' }],
    ['DeleteTaskPushNotificationConfig', { taskId, id: 'c' }],
    ['CreateTaskPushNotificationConfig', { taskId, url: 'https://hook.example/' }],
    ['SendMessage', { message: { messageId: 'm', role: 'ROLE_USER', taskId, parts: [{ text: 'x' }] } }],
  ] as const) {
    const refused = await as('bob', { operation, params: params as unknown as JsonObject })
    assert.deepEqual([refused.code, refused.reason], [status.NOT_FOUND, 'TASK_NOT_FOUND'], operation)
  }
  const subscribed = await grpc.stream({
    operation: 'SubscribeToTask',
    params: { id: taskId },
    key: gateway.keys['bob'] ?? '',
    metadata,
  }).ended
  assert.deepEqual([subscribed.code, subscribed.reason], [status.NOT_FOUND, 'TASK_NOT_FOUND'])
  assert.equal(agent.seen.length, 0)
})

test("an agent that names another's task gives an invalid answer, and the owner stays", async () => {
  const taskId = await begin('alice')
  agent.unary = () => taskOf(taskId)
  const refused = await as('bob', { operation: 'SendMessage', params: message() })
  assert.deepEqual([refused.code, refused.reason], [status.INTERNAL, 'INVALID_AGENT_RESPONSE'])
  agent.unary = () => ({ id: taskId, status: { state: 'TASK_STATE_WORKING' } })
  assert.equal((await as('alice', { operation: 'GetTask', params: { id: taskId } })).code, 0)
})

for (const [what, answer] of [
  ['no message', Buffer.from('ff', 'hex')],
  ['a task twice', Buffer.from('0a0412027478', 'hex')],
  ['a task and a message', Buffer.concat([Buffer.from('0a060a0174', 'hex'), Buffer.from('1200', 'hex')])],
  ['nothing', Buffer.alloc(0)],
] as const) {
  test(`an agent that answers ${what} gives an invalid answer`, async () => {
    agent.unary = () => answer
    const refused = await as('alice', { operation: 'SendMessage', params: message() })
    assert.deepEqual([refused.code, refused.reason], [status.INTERNAL, 'INVALID_AGENT_RESPONSE'])
  })
}

test("an agent's own error goes out with its words, its reason and its status", async () => {
  agent.unary = () => {
    throw new GrpcAgentError(status.FAILED_PRECONDITION, 'not today', 'UNSUPPORTED_OPERATION')
  }
  const told = await as('alice', { operation: 'SendMessage', params: message() })
  assert.deepEqual(
    [told.code, told.message, told.reason],
    [status.FAILED_PRECONDITION, 'not today', 'UNSUPPORTED_OPERATION'],
  )
  // and in another binding it is the same error
  const rest = await gateway.as('alice', {
    binding: 'HTTP+JSON',
    agent: 'proto',
    operation: 'SendMessage',
    params: message(),
  })
  assert.deepEqual([rest.status, rest.error.reason, rest.error.message], [400, 'UNSUPPORTED_OPERATION', 'not today'])
  const rpc = await gateway.as('alice', {
    binding: 'JSONRPC',
    agent: 'proto',
    operation: 'SendMessage',
    params: message(),
  })
  assert.deepEqual([rpc.status, rpc.error.code], [200, -32004])
})

test("an agent that refuses the gateway is the gateway's trouble, and no word of it gets out", async () => {
  for (const code of [status.UNAUTHENTICATED, status.PERMISSION_DENIED]) {
    agent.unary = () => {
      throw new GrpcAgentError(code, 'the key of the gateway is wrong')
    }
    const told = await as('alice', { operation: 'SendMessage', params: message() })
    assert.deepEqual([told.code, told.message], [status.UNAVAILABLE, 'The agent is unavailable'])
  }
})

test('an answer beyond the bound does not get through', async () => {
  agent.unary = () => ({ message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'x'.repeat(400 * 1024) }] } })
  const refused = await as('alice', { operation: 'SendMessage', params: message() })
  assert.deepEqual([refused.code, refused.reason], [status.INTERNAL, 'INVALID_AGENT_RESPONSE'])
})

test("the caller's deadline is the agent's too, and its end is told as such", async () => {
  let give: () => void = () => undefined
  agent.unary = () => new Promise((resolve) => (give = () => resolve({})))
  const told = await as('alice', { operation: 'SendMessage', params: message(), timeoutMs: 400 })
  assert.equal(told.code, status.DEADLINE_EXCEEDED)
  const [seen] = agent.seen
  assert.ok(seen !== undefined && seen.deadlineMs < Date.now() + 1_000)
  give()
})

test('a caller that leaves cancels its own call at the agent, and no other', async () => {
  let ended: (() => void) | undefined
  agent.stream = (call, send, end) => {
    send(taskOf(`t-${(count += 1)}`))
    if (agent.seen.length === 2) ended = end
    void call.cancelled
  }
  const open = (): ReturnType<GrpcCaller['stream']> =>
    grpc.stream({ operation: 'SendStreamingMessage', params: message(), key: gateway.keys['alice'] ?? '', metadata })
  const leaving = open()
  assert.ok((await leaving.next())?.['task'])
  const staying = open()
  assert.ok((await staying.next())?.['task'])
  leaving.cancel()
  await agent.seen[0]?.cancelled
  ended?.()
  assert.equal((await staying.ended).code, 0)
})

test('a stream that an agent ends with an error ends so, and what came before has come', async () => {
  agent.stream = (_call, send, end) => {
    send(taskOf(`t-${(count += 1)}`))
    end(new GrpcAgentError(status.FAILED_PRECONDITION, 'no more', 'UNSUPPORTED_OPERATION'))
  }
  const {
    code,
    message: said,
    reason,
    messages,
  } = await grpc.stream({
    operation: 'SendStreamingMessage',
    params: message(),
    key: gateway.keys['alice'] ?? '',
    metadata,
  }).ended
  assert.deepEqual([code, said, reason], [status.FAILED_PRECONDITION, 'no more', 'UNSUPPORTED_OPERATION'])
  assert.ok(messages.length <= 1)
})

test('an event of another owner ends the stream, and so does one that is too large', async () => {
  const taskId = await begin('alice')
  for (const event of [
    taskOf(taskId),
    { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'x'.repeat(100 * 1024) }] } },
  ]) {
    agent.stream = (_call, send) => send(event)
    const told = await grpc.stream({
      operation: 'SendStreamingMessage',
      params: message(),
      key: gateway.keys['bob'] ?? '',
      metadata,
    }).ended
    assert.deepEqual([told.code, told.reason, told.messages.length], [status.INTERNAL, 'INVALID_AGENT_RESPONSE', 0])
  }
})

test('a revoked caller loses its stream within a second or two, by a status and no invented state', async () => {
  const key = await gateway.createKey('leaver')
  agent.stream = (_call, send) => send(taskOf(`t-${(count += 1)}`))
  const stream = grpc.stream({ operation: 'SendStreamingMessage', params: message(), key, metadata })
  // `leaver` may do nothing: the policy of these tests knows alice and bob
  assert.equal((await stream.ended).code, status.NOT_FOUND)
  const alice = grpc.stream({
    operation: 'SendStreamingMessage',
    params: message(),
    key: gateway.keys['alice'] ?? '',
    metadata,
  })
  assert.ok((await alice.next())?.['task'])
  const { code, stderr } = await gateway.command('key', 'revoke', 'alice')
  assert.equal(code, 0, stderr)
  const told = await alice.ended
  assert.deepEqual([told.code, told.reason, told.messages.length], [status.UNAUTHENTICATED, 'UNAUTHENTICATED', 1])
})

test('each call has its decision and completion in the ledger, like those of the other bindings', async () => {
  const records = await gateway.records()
  const bindings = records.map((record) => JSON.stringify(record)).filter((text) => text.includes('"GRPC"'))
  assert.ok(bindings.length > 1, String(bindings.length))
})
