// Door of admin: health, metrics and status on a listener of their own. It checks Host and Origin, so that a page
// in an operator's browser cannot reach it by rebinding a name, and never forwards anything.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash, timingSafeEqual } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { systemReason } from '../base/system-error.ts'
import { formatAddress } from '../config/config.ts'
import type { Readiness, Status } from './contract.ts'

export { createMetrics } from './metrics.ts'

export interface AdminOptions {
  readonly readiness: () => Promise<Readiness>
  readonly status: () => Status
  readonly expose: () => Promise<string>
  /** bearer token of /api/v1; without one the API is closed */
  readonly token: string | undefined
}

export interface AdminListener {
  listen(host: string, port: number): Promise<number>
  close(): Promise<void>
}

export function createAdmin(options: AdminOptions): AdminListener {
  const server: Server = createServer(
    {
      maxHeaderSize: 8_192, // bound: a head at the admin listener
      headersTimeout: 5_000, // bound: time for a head at the admin listener
      requestTimeout: 10_000, // bound: time for a request at the admin listener
    },
    (request, response) => {
      answer(request, response, options).catch(() => send(response, 500, { error: 'internal' }))
    },
  )
  server.maxConnections = 200 // bound: connections to the admin listener
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', (cause) =>
          reject(
            new Fault('LISTEN_FAILED', `cannot listen on ${formatAddress(host, port)}: ${systemReason(cause)}`, {
              cause,
              hint: 'choose another address by admin.listen, or stop the process that has this one',
            }),
          ),
        )
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, options: AdminOptions): Promise<void> {
  const refusal = checkBrowserFields(request)
  if (refusal !== undefined) return send(response, 403, { error: refusal })
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { error: 'method not allowed' })
  switch ((request.url ?? '').split('?', 1)[0]) {
    case '/healthz':
      return send(response, 200, { ok: true })
    case '/readyz': {
      const readiness = await options.readiness()
      return send(response, readiness.ready ? 200 : 503, readiness)
    }
    case '/metrics': {
      const text = await options.expose()
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      response.end(text)
      return
    }
    case '/api/v1/status':
      if (!isAuthorized(request, options.token)) {
        response.setHeader('www-authenticate', 'Bearer realm="sallyport-admin"')
        return send(response, 401, { error: 'authentication is required' })
      }
      return send(response, 200, options.status())
    default:
      return send(response, 404, { error: 'nothing is here' })
  }
}

/** A rebound name shows in Host, a foreign page in Origin. */
function checkBrowserFields(request: IncomingMessage): string | undefined {
  const local = request.socket.localAddress?.replace(/^::ffff:/, '') ?? ''
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  if (host !== local && host !== 'localhost') return "the host field is not this listener's"
  if (request.headers.origin !== undefined) return 'no page may call this'
  return undefined
}

function isAuthorized(request: IncomingMessage, token: string | undefined): boolean {
  const given = /^Bearer (\S{1,512})$/.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined || given === undefined) return false
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}
