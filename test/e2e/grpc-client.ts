// A plain gRPC caller for the end-to-end tests: the library's own client, messages made and read by the product's codec,
// or sent as raw bytes where a codec would be too polite.

import { Client, credentials, Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js'
import type { Operation } from '../../src/a2a/operations.ts'
import { isJsonObject, type JsonObject } from '../../src/base/strict-json.ts'
import { decodeAnswer } from '../../src/protobuf/decode.ts'
import { encodeRequest } from '../../src/protobuf/encode.ts'
import { decodeStatus } from '../../src/protobuf/grpc-status.ts'
import { methodOf } from '../../src/protobuf/schema.ts'

export interface GrpcCall {
  readonly operation: Operation
  readonly params?: JsonObject | Buffer
  readonly key?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** milliseconds from now */
  readonly timeoutMs?: number
  readonly path?: string
}

/** How a call ended: code 0 and its messages, or an error with its reason. */
export interface GrpcAnswer {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly head: Metadata
  readonly messages: readonly JsonObject[]
  readonly bytes: readonly Buffer[]
}

export interface GrpcStream {
  next(): Promise<JsonObject | undefined>
  readonly ended: Promise<GrpcAnswer>
  cancel(): void
}

export interface GrpcCaller {
  call(call: GrpcCall): Promise<GrpcAnswer>
  stream(call: GrpcCall): GrpcStream
  close(): void
}

const asBytes = (bytes: Buffer): Buffer => bytes

/** `address` is host:port in cleartext. */
export function createGrpcCaller(address: string): GrpcCaller {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
  const begin = (
    call: GrpcCall,
  ): { path: string; bytes: Buffer; metadata: Metadata; options: { deadline?: number } } => {
    const metadata = new Metadata()
    metadata.set('a2a-version', '1.0')
    if (call.key !== undefined) metadata.set('authorization', `Bearer ${call.key}`)
    for (const [name, value] of Object.entries(call.metadata ?? {})) metadata.set(name, value)
    return {
      path: call.path ?? methodOf(call.operation)?.path ?? '',
      bytes: Buffer.isBuffer(call.params) ? call.params : encode(call.operation, call.params ?? {}),
      metadata,
      options: call.timeoutMs === undefined ? {} : { deadline: Date.now() + call.timeoutMs },
    }
  }
  return {
    call(call) {
      const { path, bytes, metadata, options } = begin(call)
      return new Promise((resolve) => {
        let head = new Metadata()
        client
          .makeUnaryRequest(path, asBytes, asBytes, bytes, metadata, options, (error, answer) =>
            resolve(answerOf(call.operation, head, answer === undefined ? [] : [answer], error)),
          )
          .on('metadata', (fields: Metadata) => (head = fields))
      })
    },
    stream(call) {
      const { path, bytes, metadata, options } = begin(call)
      const stream = client.makeServerStreamRequest(path, asBytes, asBytes, bytes, metadata, options)
      const received: Buffer[] = []
      const waiting: ((event: JsonObject | undefined) => void)[] = []
      let taken = 0
      let head = new Metadata()
      const tell = (): void => {
        for (const bytesOfNext of received.slice(taken, taken + waiting.length)) {
          taken += 1
          waiting.shift()?.(decode(call.operation, bytesOfNext))
        }
      }
      const ended = new Promise<GrpcAnswer>((resolve) => {
        const end = (error: ServiceError | null): void => {
          tell()
          for (const resolveNext of waiting.splice(0)) resolveNext(undefined)
          resolve(answerOf(call.operation, head, received, error))
        }
        stream.on('metadata', (fields: Metadata) => (head = fields))
        stream.on('data', (message: Buffer) => {
          received.push(message)
          tell()
        })
        // `end` comes also where the call failed; the status is told once, behind everything else
        stream.on('error', () => undefined)
        stream.on('status', (ended: StatusObject) => {
          const failed = ended.code === status.OK ? null : Object.assign(new Error(ended.details), ended)
          setImmediate(() => end(failed))
        })
      })
      return {
        next: () => {
          // asked for before the end
          const event = new Promise<JsonObject | undefined>((resolve) => waiting.push(resolve))
          tell()
          return event
        },
        ended,
        cancel: () => stream.cancel(),
      }
    },
    close: () => client.close(),
  }
}

function encode(operation: Operation, params: JsonObject): Buffer {
  const encoded = encodeRequest(operation, params)
  if (!encoded.ok) throw new Error(`cannot be sent: ${encoded.reason} at ${encoded.path}`)
  return encoded.bytes
}

function decode(operation: Operation, bytes: Buffer): JsonObject {
  const decoded = decodeAnswer(operation, bytes)
  if (!decoded.ok) throw new Error(`cannot be read: ${decoded.reason} ${decoded.detail}`)
  const value: unknown = JSON.parse(decoded.text)
  return isJsonObject(value as JsonObject) ? (value as JsonObject) : {}
}

function answerOf(
  operation: Operation,
  head: Metadata,
  bytes: readonly Buffer[],
  error: ServiceError | null,
): GrpcAnswer {
  const messages = bytes.map((each) => decode(operation, each))
  if (error === null) return { code: 0, reason: '', message: '', head, messages, bytes }
  const [details] = error.metadata.get('grpc-status-details-bin')
  const status = Buffer.isBuffer(details) ? decodeStatus(details) : undefined
  const info = status?.details.find((detail) => 'reason' in detail)
  const reason = info !== undefined && 'reason' in info ? info.reason : ''
  return { code: error.code, reason, message: error.details, head, messages, bytes }
}
