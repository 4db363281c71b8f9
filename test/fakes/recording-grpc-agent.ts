// An A2A agent over gRPC that notes the bytes of every message that reaches it and reads none of them: what the gateway
// forwards, byte for byte. It answers each call with a message or an empty answer of its kind.

import { Server, ServerCredentials, type MethodDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { operationNames, type Operation, type ProtocolVersion } from '../../src/a2a/operations.ts'
import { encodeAnswer } from '../../src/protobuf/encode.ts'
import { methodOf } from '../../src/protobuf/schema.ts'

export interface RecordingGrpcAgent {
  readonly url: string
  readonly seen: readonly { readonly operation: Operation; readonly bytes: Buffer }[]
  close(): void
}

const said: Readonly<Record<ProtocolVersion, object>> = {
  '1.0': { message: { messageId: 'r', role: 'ROLE_AGENT', parts: [{ text: 'fine' }] } },
  '0.3': { message: { messageId: 'r', role: 'ROLE_AGENT', content: [{ text: 'fine' }] } },
}

export async function startRecordingGrpcAgent(version: ProtocolVersion = '1.0'): Promise<RecordingGrpcAgent> {
  const seen: { operation: Operation; bytes: Buffer }[] = []
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {}
  const handlers: UntypedServiceImplementation = {}
  const asItCame = (bytes: Buffer): Buffer => bytes
  for (const operation of operationNames) {
    const method = methodOf(operation, version)
    if (method === undefined) continue
    const encoded = encodeAnswer(operation, { ...(operation.startsWith('Send') && said[version]) }, version)
    const answer = encoded.ok ? encoded.bytes : Buffer.alloc(0)
    definition[operation] = {
      path: method.path,
      requestStream: false,
      responseStream: method.streams,
      requestSerialize: asItCame,
      requestDeserialize: asItCame,
      responseSerialize: asItCame,
      responseDeserialize: asItCame,
    }
    handlers[operation] = method.streams
      ? (call: { request: Buffer; write(message: Buffer): void; end(): void }) => {
          seen.push({ operation, bytes: call.request })
          call.write(answer)
          call.end()
        }
      : (call: { request: Buffer }, done: (error: null, message: Buffer) => void) => {
          seen.push({ operation, bytes: call.request })
          done(null, answer)
        }
  }
  const server = new Server()
  server.addService(definition, handlers)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { url: `http://127.0.0.1:${port}`, seen, close: () => server.forceShutdown() }
}
