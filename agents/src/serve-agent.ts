// One agent behind HTTP: its card for anyone, everything else only with the gateway's assertion, which is checked
// before a byte of the body is read. Both bindings of A2A 1.0 answer at the same address: JSON-RPC at POST /,
// HTTP+JSON at its paths. Errors are JSON and hold no stack, no path and no reason for a refused caller.

import { createServer } from 'node:http'
import { AgentCard } from '@a2a-js/sdk'
import { DefaultExecutionEventBusManager, DefaultRequestHandler, type User } from '@a2a-js/sdk/server'
import { jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { AgentState } from './agent-state.ts'
import { listen } from './listen.ts'
import { createPushSender } from './push-sender.ts'
import { executorFor, type Work } from './running-tasks.ts'
import { assertionHeader, type VerifyAssertion } from './verify-assertion.ts'

export interface AgentParts {
  readonly host: string
  readonly port: number
  readonly card: (url: string) => AgentCard
  readonly work: Work
  readonly state: AgentState
  readonly verify: VerifyAssertion
  readonly pushOrigins: () => string[]
}

export interface ServedAgent {
  readonly url: string
  close(): Promise<void>
}

const maxBodyBytes = 2 * 1024 * 1024
const maxRunning = 1000

export async function serveAgent(parts: AgentParts): Promise<ServedAgent> {
  const server = createServer()
  const port = await listen(server, parts.port, parts.host)
  const url = `http://${parts.host}:${port}`
  const tasks = executorFor(parts.work, maxRunning)
  const card = parts.card(url)
  const handler = new DefaultRequestHandler(
    card,
    parts.state.tasks,
    tasks,
    new DefaultExecutionEventBusManager(),
    parts.state.pushes,
    createPushSender(parts.state.pushes, parts.pushOrigins),
  )
  server.on('request', createApp(handler, card, parts.verify))
  return {
    url,
    close: () => {
      tasks.cancelAll()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
}

function createApp(requestHandler: DefaultRequestHandler, card: AgentCard, verify: VerifyAssertion): Express {
  const users = new WeakMap<Request, User>()
  const userBuilder = async (request: Request): Promise<User> => {
    const user = users.get(request)
    if (user === undefined) throw new Error('a request without a caller came past the check')
    return user
  }
  const app = express()
  app.disable('x-powered-by')
  // Not the SDK's handler: it writes a card's security schemes in the SDK's own shape, which no other client reads.
  const cardJson = JSON.stringify(AgentCard.toJSON(card))
  app.get('/.well-known/agent-card.json', (_request, response) => {
    response.set('cache-control', 'public, max-age=60').type('application/json').send(cardJson)
  })
  app.use(requireCaller(verify, users))
  // Read here, with our own bound: the SDK's own readers then leave the body alone.
  app.use(express.json({ limit: maxBodyBytes, strict: false, type: ['application/json', 'application/a2a+json'] }))
  // Only at the root: this handler refuses the media type of the other binding.
  app.post('/', jsonRpcHandler({ requestHandler, userBuilder }))
  app.use(restHandler({ requestHandler, userBuilder }))
  app.use((_request, response) => sendError(response, 404, 'NOT_FOUND', 'not found'))
  app.use(answerError)
  return app
}

function requireCaller(verify: VerifyAssertion, users: WeakMap<Request, User>): RequestHandler {
  return async (request, response, next) => {
    const header = request.headers[assertionHeader]
    const verified = await verify(typeof header === 'string' ? header : undefined)
    if (verified.kind === 'refused') return sendError(response, 401, 'UNAUTHENTICATED', 'unauthenticated')
    if (verified.kind === 'unavailable') return sendError(response, 503, 'UNAVAILABLE', 'unavailable')
    users.set(request, verified.user)
    next()
  }
}

const answerError: ErrorRequestHandler = (error: unknown, request, response, next) => {
  if (response.headersSent) return next(error)
  const claimed = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  const status = typeof claimed === 'number' && claimed >= 400 && claimed < 500 ? claimed : 500
  if (request.method === 'POST' && request.path === '/' && status === 400) {
    response.status(200).json({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Invalid JSON payload.' } })
  } else if (status === 413) sendError(response, 413, 'INVALID_ARGUMENT', 'the request is too large')
  else if (status < 500) sendError(response, status, 'INVALID_ARGUMENT', 'the request cannot be read')
  else sendError(response, 500, 'INTERNAL', 'internal error')
}

function sendError(response: Response, code: number, status: string, message: string): void {
  response.status(code).json({ error: { code, status, message, details: [] } })
}
