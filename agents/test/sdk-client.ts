// Exercises an agent with the official SDK's client, unmodified, in one binding, and returns what it saw.
// The end-to-end tests run it against the gateway; the agents' own tests run it against the bare calculator.

import { randomUUID } from 'node:crypto'
import { Role, TaskState, type AgentCard, type Message, type StreamResponse, type Task } from '@a2a-js/sdk'
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
  createAuthenticatingFetchWithRetry,
  type CallInterceptor,
  type Client,
} from '@a2a-js/sdk/client'
import { GrpcTransportFactory } from '@a2a-js/sdk/client/grpc'
import { credentials } from '@grpc/grpc-js'

export type SdkBinding = 'JSONRPC' | 'HTTP+JSON' | 'GRPC'

export interface ExerciseOptions {
  readonly gatewayUrl: string
  readonly agent: string
  /** the caller's API key or token, sent as a bearer by the SDK's authentication handler */
  readonly key: string | undefined
  readonly binding: SdkBinding
  /** protocol version, 1.0 unless given; 0.3 is the SDK's compatibility mode */
  readonly version?: '1.0' | '0.3'
  /** certificate authority of a gateway that speaks gRPC over TLS; for the rest it is the process's own matter */
  readonly ca?: Buffer
  /** the address whose card is resolved, in place of `<gatewayUrl>/agents/<agent>` */
  readonly agentUrl?: string
  /** further headers, asked for at each request */
  readonly headers?: () => Promise<Record<string, string>>
}

export interface Observed {
  readonly card: AgentCard
  /** the binding that the client chose from the card */
  readonly binding: string
  /** the task of a blocking send of `0.1 + 0.2` */
  readonly sent: Task
  readonly sentText: string
  /** the kinds of the events of a stream, in their order: task, statusUpdate, artifactUpdate */
  readonly streamKinds: readonly string[]
  readonly streamStates: readonly TaskState[]
  readonly streamText: string
  /** the first task again, by GetTask */
  readonly got: Task
  /** ids of this caller's tasks, by ListTasks */
  readonly listed: readonly string[]
  readonly totalSize: number
  /** the events of SubscribeToTask on a slow task, from its snapshot to its end */
  readonly subscribedKinds: readonly string[]
  /** the slow task after CancelTask */
  readonly canceled: Task
  /** operations that passed the client's interceptor, in their order */
  readonly intercepted: readonly string[]
}

const base = { tenant: '', metadata: undefined }

export async function exerciseWithSdk(options: ExerciseOptions): Promise<Observed> {
  const intercepted: string[] = []
  const client = await connectWithSdk(options, {
    before: async ({ input }) => {
      if (input !== undefined) intercepted.push(input.method)
    },
    after: async () => {},
  })
  const card = await client.getAgentCard()
  const sent = asTask(await client.sendMessage({ ...base, message: userText('0.1 + 0.2'), configuration: undefined }))
  const stream = await collect(
    client.sendMessageStream({ ...base, message: userText('mean(1, 2, 3)\n5 km to miles'), configuration: undefined }),
  )
  const got = await client.getTask({ tenant: '', id: sent.id })
  const list = await client.listTasks({
    tenant: '',
    contextId: '',
    status: TaskState.TASK_STATE_UNSPECIFIED,
    pageToken: '',
    statusTimestampAfter: undefined,
    includeArtifacts: true,
  })
  const { canceled, subscribedKinds } = await cancelWhileSubscribed(client)
  return {
    card,
    binding: client.transport.protocolName,
    sent,
    sentText: artifactText(sent),
    streamKinds: stream.map(kindOf),
    streamStates: stream.flatMap(stateOf),
    streamText: stream.map(eventText).filter(Boolean).join('\n'),
    got,
    listed: list.tasks.map((task) => task.id),
    totalSize: list.totalSize,
    subscribedKinds,
    canceled,
    intercepted,
  }
}

/** The SDK's client, put together the way its documentation shows. */
export async function connectWithSdk(options: ExerciseOptions, interceptor?: CallInterceptor): Promise<Client> {
  const fetchImpl = authenticatedFetch(options)
  const legacyCompat = { enabled: options.version === '0.3' }
  const grpcChannelCredentials =
    options.ca === undefined ? credentials.createInsecure() : credentials.createSsl(options.ca)
  const transports = {
    JSONRPC: new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
    'HTTP+JSON': new RestTransportFactory({ fetchImpl, legacyCompat }),
    GRPC: new GrpcTransportFactory({ grpcChannelCredentials, legacyCompat }),
  }
  const factory = new ClientFactory({
    // this one alone: of several it falls back to another where the card does not name the binding
    transports: [transports[options.binding]],
    clientConfig: { interceptors: [keyInMetadata(options), ...(interceptor === undefined ? [] : [interceptor])] },
  })
  const card = await resolveWithSdk(options)
  return factory.createFromAgentCard({
    ...card,
    // of a card for several versions the SDK takes the interfaces of the newest
    supportedInterfaces: card.supportedInterfaces.filter(({ protocolVersion }) =>
      protocolVersion.startsWith(options.version ?? '1.0'),
    ),
  })
}

export function resolveWithSdk(options: ExerciseOptions): Promise<AgentCard> {
  const resolver = new DefaultAgentCardResolver({
    fetchImpl: authenticatedFetch(options),
    legacyCompat: { enabled: options.version === '0.3' },
  })
  const url = options.agentUrl ?? `${options.gatewayUrl}/agents/${options.agent}`
  // With its slash, so that the card's path is resolved below the agent and not beside it.
  return resolver.resolve(`${url.replace(/\/+$/, '')}/`)
}

async function authenticationOf({ key, headers }: ExerciseOptions): Promise<Record<string, string>> {
  return { ...(key !== undefined && { Authorization: `Bearer ${key}` }), ...(await headers?.()) }
}

function authenticatedFetch(options: ExerciseOptions): typeof fetch {
  return createAuthenticatingFetchWithRetry(fetch, {
    headers: () => authenticationOf(options),
    shouldRetryWithHeaders: async () => undefined,
  })
}

/** gRPC has no fetch to authenticate: what a call carries beside its message goes through the service parameters. */
function keyInMetadata(options: ExerciseOptions): CallInterceptor {
  return {
    async before(args) {
      if (options.binding !== 'GRPC') return
      const serviceParameters = { ...args.options?.serviceParameters, ...(await authenticationOf(options)) }
      args.options = { ...args.options, serviceParameters }
    },
    after: async () => {},
  }
}

/** Starts a slow task, subscribes to it, cancels it once the subscription has shown it, and reads to the end. */
async function cancelWhileSubscribed(client: Client): Promise<{ canceled: Task; subscribedKinds: string[] }> {
  const configuration = {
    acceptedOutputModes: [],
    taskPushNotificationConfig: undefined,
    returnImmediately: true,
  }
  const slow = asTask(await client.sendMessage({ ...base, message: userText('slow 500'), configuration }))
  const subscribedKinds: string[] = []
  let canceling: Promise<Task> | undefined
  for await (const event of client.resubscribeTask({ tenant: '', id: slow.id })) {
    subscribedKinds.push(kindOf(event))
    canceling ??= client.cancelTask({ ...base, id: slow.id })
  }
  if (canceling === undefined) throw new Error('the subscription ended without an event')
  return { canceled: await canceling, subscribedKinds }
}

export function userText(text: string, fields: Partial<Message> = {}): Message {
  return {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role: Role.ROLE_USER,
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
    ...fields,
  }
}

export async function collect(events: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
  const all: StreamResponse[] = []
  for await (const event of events) all.push(event)
  return all
}

export function asTask(result: Message | Task): Task {
  if ('status' in result) return result
  throw new Error('the agent answered with a message, not a task')
}

export function artifactText(task: Task): string {
  return task.artifacts.map((artifact) => partsText(artifact.parts)).join('\n')
}

export function statusText(task: Task): string {
  return partsText(task.status?.message?.parts ?? [])
}

export function kindOf(event: StreamResponse): string {
  return event.payload?.$case ?? 'none'
}

function stateOf(event: StreamResponse): TaskState[] {
  const { payload } = event
  const status = payload?.$case === 'task' || payload?.$case === 'statusUpdate' ? payload.value.status : undefined
  return status === undefined ? [] : [status.state]
}

function eventText(event: StreamResponse): string {
  return event.payload?.$case === 'artifactUpdate' ? partsText(event.payload.value.artifact?.parts ?? []) : ''
}

function partsText(parts: Message['parts']): string {
  return parts
    .map((part) => (part.content?.$case === 'text' ? part.content.value : ''))
    .filter(Boolean)
    .join('\n')
}
