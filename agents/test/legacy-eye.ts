// How the official SDK reads and writes A2A 0.3: its compatibility client with a network of one canned answer, and its
// compatibility servers over a handler that notes what arrived and answers what it is told. The gateway's translators
// are compared with both. Values go in and out as the JSON of A2A 1.0.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  AgentCard,
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  Message,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
} from '@a2a-js/sdk'
import { LegacyJsonRpcTransport, LegacyRestTransport, parseLegacyAgentCard } from '@a2a-js/sdk/compat/v0_3/client'
import { jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk/server/express'
import express from 'express'

export type LegacyForm = 'json' | 'proto'

export interface SentRequest {
  readonly method: string
  /** below the endpoint; '' on JSON-RPC */
  readonly path: string
  /** `params` on JSON-RPC, the body on REST */
  readonly value: unknown
  readonly rpcMethod: string | undefined
}

interface Call {
  readonly operation: string
  readonly form: LegacyForm
}

interface Codec {
  fromJSON(value: unknown): never
}
const requests: Readonly<Record<string, Codec>> = {
  SendMessage: SendMessageRequest,
  SendStreamingMessage: SendMessageRequest,
  GetTask: GetTaskRequest,
  CancelTask: CancelTaskRequest,
  SubscribeToTask: SubscribeToTaskRequest,
  CreateTaskPushNotificationConfig: TaskPushNotificationConfig,
  GetTaskPushNotificationConfig: GetTaskPushNotificationConfigRequest,
  ListTaskPushNotificationConfigs: ListTaskPushNotificationConfigsRequest,
  DeleteTaskPushNotificationConfig: DeleteTaskPushNotificationConfigRequest,
} as unknown as Readonly<Record<string, Codec>>

/** What the SDK's client sends for these parameters of 1.0, and what it makes of `answer`, an answer of 0.3. */
export async function askAsClient(
  { operation, form }: Call,
  params: unknown,
  answer: unknown,
): Promise<{ readonly sent: SentRequest; readonly result: unknown }> {
  let sent: SentRequest | undefined
  const streams = operation === 'SendStreamingMessage' || operation === 'SubscribeToTask'
  const fetchImpl = (async (url: string, init: RequestInit = {}) => {
    const body = typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : undefined
    const isRpc = form === 'json'
    sent = {
      method: init.method ?? 'GET',
      path: url.slice(endpoint.length),
      value: isRpc ? body?.['params'] : body,
      rpcMethod: isRpc ? String(body?.['method']) : undefined,
    }
    const text = JSON.stringify(isRpc ? { jsonrpc: '2.0', id: body?.['id'], result: answer } : answer)
    if (operation === 'DeleteTaskPushNotificationConfig' && !isRpc) return new Response(null, { status: 204 })
    return streams
      ? new Response(`data: ${text}\n\n`, { headers: { 'content-type': 'text/event-stream' } })
      : new Response(text, { headers: { 'content-type': 'application/json' } })
  }) as typeof fetch
  const endpoint = 'http://agent.example'
  const client =
    form === 'json'
      ? new LegacyJsonRpcTransport({ endpoint, fetchImpl })
      : new LegacyRestTransport({ endpoint, fetchImpl })
  const codec = requests[operation]
  if (codec === undefined) throw new Error(`no codec of ${operation}`)
  const result = await callClient(client, operation, codec.fromJSON(params))
  if (sent === undefined) throw new Error('nothing was sent')
  return { sent, result }
}

async function callClient(
  client: LegacyJsonRpcTransport | LegacyRestTransport,
  operation: string,
  params: never,
): Promise<unknown> {
  switch (operation) {
    case 'SendMessage': {
      const result = await client.sendMessage(params)
      return 'messageId' in result ? { message: Message.toJSON(result) } : { task: Task.toJSON(result) }
    }
    case 'SendStreamingMessage':
      return firstOf(client.sendMessageStream(params))
    case 'SubscribeToTask':
      return firstOf(client.resubscribeTask(params))
    case 'GetTask':
      return Task.toJSON(await client.getTask(params))
    case 'CancelTask':
      return Task.toJSON(await client.cancelTask(params))
    case 'CreateTaskPushNotificationConfig':
      return TaskPushNotificationConfig.toJSON(await client.createTaskPushNotificationConfig(params))
    case 'GetTaskPushNotificationConfig':
      return TaskPushNotificationConfig.toJSON(await client.getTaskPushNotificationConfig(params))
    case 'ListTaskPushNotificationConfigs':
      return ListTaskPushNotificationConfigsResponse.toJSON(await client.listTaskPushNotificationConfig(params))
    case 'DeleteTaskPushNotificationConfig':
      await client.deleteTaskPushNotificationConfig(params)
      return {}
    default:
      throw new Error(`the client of 0.3 has no ${operation}`)
  }
}

async function firstOf(stream: AsyncGenerator<StreamResponse>): Promise<unknown> {
  for await (const event of stream) return StreamResponse.toJSON(event)
  throw new Error('an empty stream')
}

export interface LegacyServer {
  /** sends a request of 0.3; `answer` is what the agent behind the SDK answers, in 1.0 */
  ask(
    request: { readonly method: string; readonly path: string; readonly body: unknown },
    answer: unknown,
  ): Promise<{ readonly status: number; readonly text: string; readonly arrived: unknown }>
  close(): Promise<void>
}

export async function startLegacyServer(): Promise<LegacyServer> {
  let arrived: unknown
  let answer: unknown
  const note =
    (codec: { toJSON(value: never): unknown }, make: () => unknown) =>
    async (params: unknown): Promise<unknown> => {
      arrived = codec.toJSON(params as never)
      return make()
    }
  const noteStream = (codec: { toJSON(value: never): unknown }) =>
    async function* (params: unknown): AsyncGenerator<StreamResponse> {
      arrived = codec.toJSON(params as never)
      yield StreamResponse.fromJSON(answer)
    }
  const handler = {
    getAgentCard: async () => AgentCard.fromJSON(card),
    getAuthenticatedExtendedAgentCard: async () => AgentCard.fromJSON(card),
    sendMessage: note(SendMessageRequest, () => {
      const { task, message } = answer as { task?: unknown; message?: unknown }
      return task === undefined ? Message.fromJSON(message) : Task.fromJSON(task)
    }),
    sendMessageStream: noteStream(SendMessageRequest),
    getTask: note(GetTaskRequest, () => Task.fromJSON(answer)),
    cancelTask: note(CancelTaskRequest, () => Task.fromJSON(answer)),
    createTaskPushNotificationConfig: note(TaskPushNotificationConfig, () =>
      TaskPushNotificationConfig.fromJSON(answer),
    ),
    getTaskPushNotificationConfig: note(GetTaskPushNotificationConfigRequest, () =>
      TaskPushNotificationConfig.fromJSON(answer),
    ),
    listTaskPushNotificationConfigs: note(ListTaskPushNotificationConfigsRequest, () =>
      ListTaskPushNotificationConfigsResponse.fromJSON(answer),
    ),
    deleteTaskPushNotificationConfig: note(DeleteTaskPushNotificationConfigRequest, () => undefined),
    resubscribe: noteStream(SubscribeToTaskRequest),
    listTasks: async () => {
      throw new Error('0.3 has no list of tasks')
    },
  } as unknown as Parameters<typeof jsonRpcHandler>[0]['requestHandler']
  const options = {
    requestHandler: handler,
    userBuilder: UserBuilder.noAuthentication,
    legacyCompat: { enabled: true },
  }
  const app = express()
  app.use('/rpc', jsonRpcHandler(options))
  app.use(restHandler(options))
  const server = createServer(app)
  const port = await listening(server)
  return {
    ask: async (request, given) => {
      arrived = undefined
      answer = given
      const response = await fetch(`http://127.0.0.1:${port}${request.path}`, {
        method: request.method,
        headers: { 'content-type': 'application/json' },
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      })
      return { status: response.status, text: await response.text(), arrived }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const card = {
  name: 'eye',
  description: 'reads A2A 0.3',
  version: '1',
  supportedInterfaces: ['JSONRPC', 'HTTP+JSON'].map((protocolBinding) => ({
    url: 'http://127.0.0.1/',
    protocolBinding,
    protocolVersion: '0.3',
  })),
  capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** The SDK's reading of a 0.3 card, in the JSON of 1.0. */
export function readLegacyCard(card03: unknown): unknown {
  return AgentCard.toJSON(parseLegacyAgentCard(card03))
}
