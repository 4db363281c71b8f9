// An agent that speaks gRPC and does what a test tells it: every method of A2A 1.0 over the library's own server, messages
// as bytes in both directions, so that a test sees exactly what reached it and can answer with anything.

import type { EventEmitter } from 'node:events'
import {
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { operationNames, type Operation } from '../../src/a2a/operations.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { encodeAnswer } from '../../src/protobuf/encode.ts'
import { encodeStatus } from '../../src/protobuf/grpc-status.ts'
import { methodOf } from '../../src/protobuf/schema.ts'

export interface SeenCall {
  readonly operation: Operation
  readonly bytes: Buffer
  readonly metadata: Metadata
  /** when the caller stops waiting, milliseconds since the epoch; Infinity for never */
  readonly deadlineMs: number
  /** resolves when the call was given up */
  readonly cancelled: Promise<void>
}

/** An error as the agent ends a call with it. */
export class GrpcAgentError extends Error {
  readonly code: number
  readonly metadata: Metadata = new Metadata()

  constructor(code: number, message: string, reason = '') {
    super(message)
    this.code = code
    if (reason === '') return
    const details = [{ reason, domain: 'a2a-protocol.org' }]
    this.metadata.set('grpc-status-details-bin', encodeStatus({ code, message, details }))
  }
}

export interface GrpcAgent {
  /** host:port */
  readonly address: string
  readonly seen: SeenCall[]
  /** a value in canonical form, bytes as they are, or an error thrown */
  unary: (call: SeenCall) => JsonObject | Buffer | Promise<JsonObject | Buffer>
  stream: (call: SeenCall, send: (event: JsonObject | Buffer) => void, end: (error?: GrpcAgentError) => void) => void
  close(): void
}

const asBytes = (bytes: Buffer): Buffer => bytes

export async function startGrpcAgent(): Promise<GrpcAgent> {
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
  const agent: { -readonly [Name in keyof GrpcAgent]: GrpcAgent[Name] } = {
    address: '',
    seen: [],
    unary: () => ({}),
    stream: (_call, _send, end) => end(),
    close: () => server.forceShutdown(),
  }
  for (const operation of operationNames) {
    const method = methodOf(operation)
    if (method === undefined) continue
    const definition: ServiceDefinition = {
      [operation]: {
        path: method.path,
        requestStream: false,
        responseStream: method.streams,
        requestSerialize: asBytes,
        requestDeserialize: asBytes,
        responseSerialize: asBytes,
        responseDeserialize: asBytes,
      },
    }
    const bytesOf = (answer: JsonObject | Buffer): Buffer => {
      if (Buffer.isBuffer(answer)) return answer
      const encoded = encodeAnswer(operation, answer)
      if (!encoded.ok) throw new Error(`the test answers what cannot be said: ${encoded.path} ${encoded.reason}`)
      return encoded.bytes
    }
    server.addService(definition, {
      [operation]: method.streams
        ? (call: ServerWritableStream<Buffer, Buffer>) => {
            const seen = seenOf(operation, call)
            agent.seen.push(seen)
            agent.stream(
              seen,
              (event) => void call.write(bytesOf(event)),
              (error) => void (error === undefined ? call.end() : call.emit('error', error)),
            )
          }
        : (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
            const seen = seenOf(operation, call)
            agent.seen.push(seen)
            Promise.resolve()
              .then(() => agent.unary(seen))
              .then(
                (answer) => callback(null, bytesOf(answer)),
                (error: unknown) => callback(error as GrpcAgentError),
              )
          },
    })
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  agent.address = `127.0.0.1:${port}`
  return agent
}

function seenOf(
  operation: Operation,
  call: ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>,
): SeenCall {
  const deadline = call.getDeadline()
  return {
    operation,
    bytes: call.request,
    metadata: call.metadata,
    deadlineMs: deadline instanceof Date ? deadline.getTime() : deadline,
    cancelled: new Promise((resolve) => (call as EventEmitter).once('cancelled', () => resolve())),
  }
}
