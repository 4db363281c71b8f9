// The agent that conformance suites are run against, on the official A2A SDK: JSON-RPC, HTTP+JSON and gRPC, each in
// 1.0 and in 0.3. Unlike the samples of the demonstration it takes calls from anyone, so it listens on loopback alone,
// and what it keeps in memory has no bound: it is for tests. Its push notifications are the SDK's own.

import { createServer, type Server as HttpServer } from 'node:http'
import { parseArgs } from 'node:util'
import { AgentCard } from '@a2a-js/sdk'
import { DefaultRequestHandler, InMemoryPushNotificationStore, InMemoryTaskStore } from '@a2a-js/sdk/server'
import { createLegacyAwarePushNotificationSender } from '@a2a-js/sdk/compat/v0_3/server'
import { legacyAgentCardRouter } from '@a2a-js/sdk/compat/v0_3/server/express'
import { LegacyA2AService, legacyGrpcService } from '@a2a-js/sdk/compat/v0_3/server/grpc'
import { jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk/server/express'
import { A2AService, grpcService } from '@a2a-js/sdk/server/grpc'
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js'
import express, { type Express } from 'express'
import { conformanceExecutor } from './conformance-behaviour.ts'
import { conformanceCard, extendedCard, type Capabilities } from './conformance-card.ts'
import { listen } from './listen.ts'

export interface ConformanceAgentOptions extends Partial<Capabilities> {
  /** 0, the default, takes any free port */
  readonly port?: number
  readonly grpcPort?: number
  /** how long one beat is: a delayed task takes one, a task to resubscribe to takes two */
  readonly beatMs?: number
}

export interface ConformanceAgent {
  readonly url: string
  /** host:port, in plain text */
  readonly grpc: string
  close(): Promise<void>
}

const host = '127.0.0.1'

export async function startConformanceAgent(options: ConformanceAgentOptions = {}): Promise<ConformanceAgent> {
  const grpcServer = new GrpcServer()
  const grpc = `${host}:${await bindGrpc(grpcServer, options.grpcPort ?? 0)}`
  const server = createServer()
  const url = `http://${host}:${await listen(server, options.port ?? 0, host)}`
  const capabilities: Capabilities = {
    streaming: options.streaming ?? true,
    pushNotifications: options.pushNotifications ?? true,
    extendedCard: options.extendedCard ?? 'off',
    requiresExtension: options.requiresExtension ?? false,
  }
  const card = conformanceCard({ url, grpc }, capabilities)
  const pushes = new InMemoryPushNotificationStore()
  const requestHandler = new DefaultRequestHandler(
    card,
    new InMemoryTaskStore(),
    conformanceExecutor(options.beatMs ?? 2000),
    undefined,
    pushes,
    createLegacyAwarePushNotificationSender(pushes),
    capabilities.extendedCard === 'on' ? () => Promise.resolve(extendedCard(card)) : undefined,
    undefined,
    { validateInputModes: true },
  )
  const parts = { requestHandler, userBuilder: UserBuilder.noAuthentication }
  server.on('request', createApp(parts, card))
  grpcServer.addService(A2AService, grpcService(parts))
  grpcServer.addService(LegacyA2AService, legacyGrpcService(parts))
  return { url, grpc, close: () => close(server, grpcServer) }
}

interface HandlerParts {
  readonly requestHandler: DefaultRequestHandler
  readonly userBuilder: typeof UserBuilder.noAuthentication
}

function createApp(parts: HandlerParts, card: AgentCard): Express {
  const app = express()
  app.disable('x-powered-by')
  const both = { ...parts, legacyCompat: { enabled: true } }
  const path = '/.well-known/agent-card.json'
  const legacyCard = legacyAgentCardRouter({ agentCardProvider: parts.requestHandler })
  // Only to those who ask for it: the SDK would give the card of 0.3 to whoever names no version.
  app.use(path, (request, response, next) => {
    if (request.get('a2a-version') === '0.3') void legacyCard(request, response, next)
    else next()
  })
  app.get(path, (_request, response) => {
    response.set('cache-control', 'public, max-age=60').vary('a2a-version').json(AgentCard.toJSON(card))
  })
  // Only at the root: this handler refuses the media type of the other binding.
  app.post('/', jsonRpcHandler(both))
  app.use(restHandler(both))
  return app
}

function bindGrpc(server: GrpcServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
}

async function close(server: HttpServer, grpcServer: GrpcServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  grpcServer.forceShutdown()
  await closed
}

const usage = `usage: npm run conformance-agent -- [options]

  --port N                     HTTP, JSON-RPC and HTTP+JSON (default 9999; 0 for any)
  --grpc-port N                gRPC (default 10000; 0 for any)
  --no-streaming               the card claims no streaming
  --no-push-notifications      the card claims no push notifications
  --extended-card on|missing   the card claims an extended card, and there is one or there is none
  --required-extension         calls must name the extension of the public kit
  --beat-ms N                  how long a delayed task takes; twice that to resubscribe (default 2000)
  --json                       one line of JSON
`

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      port: { type: 'string', default: '9999' },
      'grpc-port': { type: 'string', default: '10000' },
      streaming: { type: 'boolean', default: true },
      'push-notifications': { type: 'boolean', default: true },
      'extended-card': { type: 'string', default: 'off' },
      'required-extension': { type: 'boolean', default: false },
      'beat-ms': { type: 'string', default: '2000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const wanted = values['extended-card']
  if (wanted !== 'off' && wanted !== 'on' && wanted !== 'missing') throw new Error(`--extended-card is ${wanted}`)
  const agent = await startConformanceAgent({
    port: Number(values.port),
    grpcPort: Number(values['grpc-port']),
    streaming: values.streaming,
    pushNotifications: values['push-notifications'],
    extendedCard: wanted,
    requiresExtension: values['required-extension'],
    beatMs: Number(values['beat-ms']),
  })
  const { url, grpc } = agent
  const card = `${url}/.well-known/agent-card.json`
  const lines = `card      ${card}\nJSON-RPC  ${url}/\nHTTP+JSON ${url}\ngRPC      ${grpc}\n`
  process.stdout.write(values.json ? `${JSON.stringify({ card, url, grpc })}\n` : lines)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void agent.close())
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exitCode = 2
  }
}
