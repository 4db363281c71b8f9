// The attack: the largest request that is taken, in as many streams as a caller may open, each kept open for as long as a
// stream lives. Once the agent has the request nothing here may hold it, the library of gRPC included.

import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'node:test'
import { Client, credentials, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { eventually } from '../../test/fakes/eventually.ts'
import type { AgentCall } from './call-agent.ts'
import { callGrpc } from './grpc-client.ts'

test('a request is let go of once its stream has begun', async () => {
  const asBytes = (bytes: Buffer): Buffer => bytes
  const codec = {
    requestSerialize: asBytes,
    requestDeserialize: asBytes,
    responseSerialize: asBytes,
    responseDeserialize: asBytes,
  }
  const server = new Server()
  const run = (call: ServerWritableStream<Buffer, Buffer>): void => void call.write(Buffer.from('begun'))
  server.addService({ run: { path: '/t.T/Run', requestStream: false, responseStream: true, ...codec } }, { run })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const bounds = { firstByteMs: 5_000, deadlineMs: Infinity, nowMs: Date.now(), maxAnswerBytes: 1_000 }
  const open = (): { call: AgentCall; sent: WeakRef<Buffer> } => {
    const message = Buffer.alloc(1_000_000)
    const call = callGrpc({ client, path: '/t.T/Run', headers: [], message, streams: true, ...bounds })
    return { call, sent: new WeakRef(message) }
  }
  // while there is no connection yet the library keeps what is to be sent over it
  await open().call.answer
  const { call, sent } = open()
  const answer = await call.answer
  assert.equal(answer.kind, 'stream')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void // what the flag makes of it
  await eventually('a request that nobody holds', () => {
    collect()
    return sent.deref() === undefined || undefined
  })
  call.abort()
  client.close()
  server.forceShutdown()
})
