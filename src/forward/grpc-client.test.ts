import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServerWritableStream,
} from '@grpc/grpc-js'
import type { GrpcFailure } from '../faces/grpc-error.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import type { AgentAnswer, AgentCall } from './call-agent.ts'
import { callGrpc } from './grpc-client.ts'

type Agent = (call: ServerWritableStream<Buffer, Buffer>) => void

const server = new Server()
let agent: Agent = (call) => call.end()
let client: Client

before(async () => {
  const asBytes = (bytes: Buffer): Buffer => bytes
  const method = { path: '/t.T/Stream', requestStream: false, responseStream: true } as const
  const codec = {
    requestSerialize: asBytes,
    requestDeserialize: asBytes,
    responseSerialize: asBytes,
    responseDeserialize: asBytes,
  }
  server.addService(
    { stream: { ...method, ...codec } },
    { stream: (call: ServerWritableStream<Buffer, Buffer>) => agent(call) },
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
})
after(() => {
  client.close()
  server.forceShutdown()
})

function open(as: Agent, firstByteMs = 5_000): AgentCall {
  agent = as
  const bounds = { firstByteMs, deadlineMs: Infinity, nowMs: Date.now(), maxAnswerBytes: 1_000 }
  return callGrpc({ client, path: '/t.T/Stream', headers: [], message: Buffer.from('q'), streams: true, ...bounds })
}

const refusing = (code: status, details: string) => ({ code, details, metadata: new Metadata() })

interface Seen {
  readonly chunks: string[]
  readonly end: 'ended' | Refusal | GrpcFailure
}

function read(answer: AgentAnswer): Promise<Seen> {
  assert.ok(!isRefusal(answer) && answer.kind === 'stream')
  const chunks: string[] = []
  return new Promise((resolve) => {
    answer.start({
      onChunk: (chunk) => chunks.push(chunk.toString()),
      onEnd: () => resolve({ chunks, end: 'ended' }),
      onFailure: (end) => resolve({ chunks, end }),
      onAgentError: (end) => resolve({ chunks, end }),
    })
  })
}

test('a stream gives its messages in order and ends', async () => {
  const call = open((stream) => {
    for (const word of ['one', 'two', 'three']) stream.write(Buffer.from(word))
    stream.end()
  })
  assert.deepEqual(await read(await call.answer), { chunks: ['one', 'two', 'three'], end: 'ended' })
})

test('an empty stream is a stream', async () => {
  const call = open((stream) => stream.end())
  assert.deepEqual(await read(await call.answer), { chunks: [], end: 'ended' })
})

test('a refusal behind the head, before any message, is an answer and no stream', async () => {
  for (const sendsHead of [true, false]) {
    const call = open((stream) => {
      if (sendsHead) stream.sendMetadata(new Metadata())
      stream.emit('error', refusing(status.FAILED_PRECONDITION, 'not now'))
    })
    const answer = await call.answer
    assert.ok(!isRefusal(answer) && answer.kind === 'unary')
    assert.equal(answer.grpc?.code, status.FAILED_PRECONDITION)
    assert.equal(answer.grpc?.message, 'not now')
  }
})

test('an agent that refuses the gateway itself is unavailable, with a head or without', async () => {
  const call = open((stream) => {
    stream.sendMetadata(new Metadata())
    stream.emit('error', refusing(status.UNAUTHENTICATED, 'who are you'))
  })
  const answer = await call.answer
  assert.ok(isRefusal(answer))
  assert.equal(answer.code, 'FORWARD_UNAVAILABLE')
  // as with 401 and 403: it has begun nothing
  assert.equal(answer.unsent, true)
})

test('an agent that is not there was sent nothing; one that says it is unavailable may have begun', async () => {
  const nobody = new Client('127.0.0.1:1', credentials.createInsecure())
  const bounds = { firstByteMs: 5_000, deadlineMs: Infinity, nowMs: Date.now(), maxAnswerBytes: 1_000 }
  for (const streams of [true, false]) {
    const request = { client: nobody, path: '/t.T/Stream', headers: [], message: Buffer.from('q'), streams, ...bounds }
    const answer = await callGrpc(request).answer
    assert.ok(isRefusal(answer))
    assert.deepEqual([answer.code, answer.unsent], ['FORWARD_UNAVAILABLE', true])
  }
  nobody.close()
  const call = open((stream) => void stream.emit('error', refusing(status.UNAVAILABLE, 'a backend is gone')))
  const answer = await call.answer
  assert.ok(isRefusal(answer))
  assert.deepEqual([answer.code, answer.unsent ?? false], ['FORWARD_UNAVAILABLE', false])
})

test('an error behind a message ends the stream that has begun', async () => {
  const call = open((stream) => {
    stream.write(Buffer.from('one'))
    stream.emit('error', refusing(status.INTERNAL, 'broken'))
  })
  const { chunks, end } = await read(await call.answer)
  assert.deepEqual(chunks, ['one'])
  assert.ok(typeof end === 'object' && 'code' in end)
  assert.equal(end.code, status.INTERNAL)
})

test('an agent that sends its head and holds its first message is a stream all the same', async () => {
  let stream: ServerWritableStream<Buffer, Buffer> | undefined
  const call = open((opened) => {
    stream = opened
    opened.sendMetadata(new Metadata())
  })
  const answer = await call.answer
  const seen = read(answer)
  stream?.write(Buffer.from('late'))
  stream?.end()
  assert.deepEqual(await seen, { chunks: ['late'], end: 'ended' })
})

test('an agent that sends nothing is too slow', async () => {
  const answer = await open(() => undefined, 20).answer
  assert.ok(isRefusal(answer))
  assert.equal(answer.code, 'FORWARD_TIMEOUT')
})

test('what nobody reads yet is not taken from the agent', async () => {
  const call = open((stream) => {
    for (let count = 0; count < 1_000; count += 1) stream.write(Buffer.alloc(4_000, count % 250))
    stream.end()
  })
  const answer = await call.answer
  const { chunks, end } = await read(answer)
  assert.equal(end, 'ended')
  assert.equal(chunks.length, 1_000)
})

test('an aborted call gives nothing more', async () => {
  const call = open((stream) => stream.sendMetadata(new Metadata()))
  call.abort()
  const answer = await call.answer
  assert.ok(isRefusal(answer))
  assert.equal(answer.code, 'FORWARD_UNAVAILABLE')
})
