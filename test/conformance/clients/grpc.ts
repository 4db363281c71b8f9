// The gRPC binding (1.0 §10; 0.3.0 §5.6.2), in plain text on loopback: bytes by our own schema, framing, deadlines and
// trailers by @grpc/grpc-js.

import { Client as Channel, credentials, Metadata, status as codes, type ServiceError } from '@grpc/grpc-js'
import {
  errorInfoIn,
  headersOf,
  soon,
  type Address,
  type Answer,
  type Client,
  type Event,
  type Failure,
  type Stream,
} from './client.ts'
import { current, type Dialect, type JsonObject, type Operation } from '../wire/dialect.ts'
import { legacyProto } from '../wire/legacy-proto.ts'
import { codecFor, type Codec } from '../wire/protobuf.ts'
import * as schemas from '../wire/schema.ts'

interface Method {
  readonly name: string
  readonly request: string
  /** undefined: google.protobuf.Empty */
  readonly answer: string | undefined
}

interface Service {
  readonly path: string
  readonly codec: Codec
  readonly dialect: Dialect
  readonly methods: Readonly<Partial<Record<Operation, Method>>>
}

const method = (name: string, answer: string | undefined, request = `${name}Request`): Method => ({
  name,
  request,
  answer,
})

const config = 'TaskPushNotificationConfig'
const shared = {
  SendMessage: method('SendMessage', 'SendMessageResponse'),
  SendStreamingMessage: method('SendStreamingMessage', 'StreamResponse', 'SendMessageRequest'),
  GetTask: method('GetTask', 'Task'),
  CancelTask: method('CancelTask', 'Task'),
  GetTaskPushNotificationConfig: method('GetTaskPushNotificationConfig', config),
  DeleteTaskPushNotificationConfig: method('DeleteTaskPushNotificationConfig', undefined),
}
const services: Readonly<Record<string, Service>> = {
  '1.0': {
    path: 'lf.a2a.v1.A2AService',
    codec: codecFor(schemas.current),
    dialect: current,
    methods: {
      ...shared,
      ListTasks: method('ListTasks', 'ListTasksResponse'),
      SubscribeToTask: method('SubscribeToTask', 'StreamResponse'),
      CreateTaskPushNotificationConfig: method('CreateTaskPushNotificationConfig', config, config),
      ListTaskPushNotificationConfigs: method(
        'ListTaskPushNotificationConfigs',
        'ListTaskPushNotificationConfigsResponse',
      ),
      GetExtendedAgentCard: method('GetExtendedAgentCard', 'AgentCard'),
    },
  },
  '0.3': {
    path: 'a2a.v1.A2AService',
    codec: codecFor(schemas.legacy),
    dialect: legacyProto,
    methods: {
      ...shared,
      SubscribeToTask: method('TaskSubscription', 'StreamResponse'),
      CreateTaskPushNotificationConfig: method('CreateTaskPushNotificationConfig', config),
      ListTaskPushNotificationConfigs: method(
        'ListTaskPushNotificationConfig',
        'ListTaskPushNotificationConfigResponse',
      ),
      GetExtendedAgentCard: method('GetAgentCard', 'AgentCard'),
    },
  },
}

const rpc = codecFor(schemas.rpc)
const asIs = (bytes: Buffer): Buffer => bytes

export interface GrpcClient extends Client {
  /** Any bytes to any method. */
  unary(
    path: string,
    bytes: Buffer,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer & { readonly bytes: Buffer }>
  readonly codec: Codec
}

export function grpcClient(address: Address): GrpcClient {
  const service = services[address.face.version]
  if (service === undefined) throw new Error(`no gRPC in ${address.face.version}`)
  const { codec, dialect, methods } = service
  const channel = new Channel(address.url, credentials.createInsecure())
  const find = (operation: Operation): Method => {
    const found = methods[operation]
    if (found === undefined) throw new Error(`${operation} is not in the service`)
    return found
  }
  const encode = (operation: Operation, params: JsonObject): Buffer => {
    const tenant = address.tenant === '' ? {} : { tenant: address.tenant }
    return codec.encode(find(operation).request, { ...tenant, ...dialect.encode(operation, params) })
  }
  const unary: GrpcClient['unary'] = async (path, bytes, headers) => {
    const { promise, resolve } = Promise.withResolvers<Answer & { bytes: Buffer }>()
    let first: Record<string, string> = {}
    const call = channel.makeUnaryRequest(path, asIs, asIs, bytes, metadataOf(headers), (error, value) => {
      const failure = error === null ? undefined : failureOf(error)
      const common = { kind: 'answer', result: {}, wire: {}, http: undefined, headers: first } as const
      resolve({ ...common, failure, bytes: value ?? Buffer.alloc(0) })
    })
    call.on('metadata', (metadata) => (first = recordOf(metadata)))
    return await soon(promise, `an answer to ${path}`)
  }
  return {
    address,
    codec,
    unary,
    call: async (operation, params, options) => {
      const { name, answer: answerType } = find(operation)
      const answer = await unary(`/${service.path}/${name}`, encode(operation, params), headersOf(address, options))
      if (answer.failure !== undefined || answerType === undefined) return answer
      const wire = codec.decode(answerType, answer.bytes)
      return { ...answer, wire, result: dialect.decode(operation, wire) as JsonObject }
    },
    stream: (operation, params, options) => {
      const { name, answer: answerType = '' } = find(operation)
      const path = `/${service.path}/${name}`
      const bytes = encode(operation, params)
      const call = channel.makeServerStreamRequest(path, asIs, asIs, bytes, metadataOf(headersOf(address, options)))
      return openStream(call, (data) => {
        const wire = codec.decode(answerType, data)
        return { wire, response: dialect.decodeEvent(wire) }
      })
    },
    close: () => channel.close(),
  }
}

type StreamCall = ReturnType<Channel['makeServerStreamRequest']>

/** Waits for the first event: a refusal has none. */
async function openStream(call: StreamCall, read: (data: Buffer) => Event): Promise<Stream | Answer> {
  let headers: Record<string, string> = {}
  call.on('metadata', (metadata: Metadata) => (headers = recordOf(metadata)))
  // what comes after a test has closed its stream is nobody's
  call.on('error', () => undefined)
  const chunks = call[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const take = async (): Promise<Event | undefined> => {
    const chunk = await soon(chunks.next(), 'the next event')
    return chunk.done === true ? undefined : read(chunk.value)
  }
  let ahead: Promise<Event | undefined> | undefined
  try {
    const first = await take()
    ahead = Promise.resolve(first)
  } catch (error) {
    if (!isServiceError(error)) throw error
    return { kind: 'answer', result: {}, wire: {}, http: undefined, headers, failure: failureOf(error) }
  }
  return {
    kind: 'stream',
    headers,
    next: () => {
      const taken = ahead ?? take()
      ahead = undefined
      return taken
    },
    close: () => call.cancel(),
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error
}

function failureOf(error: ServiceError): Failure {
  const [bytes] = error.metadata.get('grpc-status-details-bin')
  const details = Buffer.isBuffer(bytes) ? detailsIn(bytes) : []
  return {
    code: error.code,
    inner: undefined,
    status: codes[error.code] ?? '',
    ...errorInfoIn(details),
    message: error.details,
  }
}

function detailsIn(bytes: Buffer): JsonObject[] {
  const { details } = rpc.decode('Status', bytes)
  return (Array.isArray(details) ? details : []).flatMap((detail) => {
    const { typeUrl, value } = detail as { typeUrl?: string; value?: string }
    if (typeUrl?.endsWith('/google.rpc.ErrorInfo') !== true) return []
    return [rpc.decode('ErrorInfo', Buffer.from(value ?? '', 'base64'))]
  })
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

function recordOf(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.getMap()).map(([name, value]) => [name, value.toString()]))
}
