// The attack: an agent sends its largest messages into a gRPC stream whose caller reads nothing, in as many streams as a
// caller may open. The library would ask for sixteen messages ahead of whoever reads them, of the size of an answer each.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client, credentials, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { eventually } from '../../test/fakes/eventually.ts'
import type { ChunkSink } from './call-agent.ts'
import { callGrpc } from './grpc-client.ts'

const largest = 256 * 1024
const server = new Server()
let client: Client
/** how many messages the agent got rid of: no more than the windows of HTTP/2 hold without a reader */
let taken = 0
let size = largest

before(async () => {
  const asBytes = (bytes: Buffer): Buffer => bytes
  const codec = {
    requestSerialize: asBytes,
    requestDeserialize: asBytes,
    responseSerialize: asBytes,
    responseDeserialize: asBytes,
  }
  const run = (call: ServerWritableStream<Buffer, Buffer>): void => {
    const more = (): void => {
      if (call.cancelled || taken >= 100) return
      call.write(Buffer.alloc(size), () => {
        taken += 1
        more()
      })
    }
    more()
  }
  server.addService({ run: { path: '/t.T/Run', requestStream: false, responseStream: true, ...codec } }, { run })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const options = { 'grpc.max_receive_message_length': largest }
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options)
})
after(() => {
  client.close()
  server.forceShutdown()
})

const call = () =>
  callGrpc({
    client,
    path: '/t.T/Run',
    headers: [],
    message: Buffer.from('q'),
    streams: true,
    firstByteMs: 5_000,
    deadlineMs: Infinity,
    nowMs: Date.now(),
    maxAnswerBytes: 1_000_000,
  })

/** Until nothing has moved for a number of turns that a message needs far less of. */
async function untilStill(): Promise<void> {
  for (let turns = 0, before = -1; turns < 2_000; turns = before === taken ? turns + 1 : 0) {
    before = taken
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a stream that nobody reads takes two messages of its agent, and goes on when it is read', async () => {
  const stream = await call().answer
  assert.ok(stream.kind === 'stream')
  await untilStill()
  assert.ok(taken <= 4, `the agent got rid of ${taken} messages before anybody read one`)
  let read = 0
  const sink: ChunkSink = {
    onChunk: () => {
      read += 1
      stream.pause()
    },
    onEnd: () => undefined,
    onFailure: () => undefined,
    onAgentError: () => undefined,
  }
  stream.start(sink)
  await untilStill()
  assert.ok(read <= 2, `${read} messages were read by a caller that reads one`)
  assert.ok(taken <= 6, `the agent got rid of ${taken} messages where one was read`)
  for (let wanted = read + 1; wanted <= 40; wanted = read + 1) {
    stream.resume()
    await eventually(`message ${wanted}`, () => read >= wanted || undefined)
  }
  stream.abort()
})

test('a message larger than an event ends the stream before it is there', async () => {
  size = largest + 1
  const answer = await call().answer
  assert.ok(answer.kind === 'refusal')
  assert.equal(answer.code, 'RELEASE_TOO_LARGE')
})
