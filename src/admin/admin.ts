// Door of admin: health, metrics and the admin API on a listener of their own. It checks Host and Origin, so that a page
// in an operator's browser cannot reach it by rebinding a name, and never forwards anything. The API is loaded when
// it is first asked for: health and metrics need none of it.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { systemReason } from '../base/system-error.ts'
import { formatAddress } from '../config/config.ts'
import { createAllowance } from './allowance.ts'
import type { Api, ApiParts } from './api.ts'
import { createBootstrap, type Bootstrap } from './bootstrap.ts'
import { createCookies } from './cookies.ts'
import type { Readiness } from './contract.ts'
import type { LoginOptions } from './login.ts'
import { createSessions, type Sessions } from './sessions.ts'

export { machineToken, rolesOf } from './administrator.ts'
export type { MachineToken } from './administrator.ts'
export { createMetrics } from './metrics.ts'
export { describeApi } from './openapi.ts'
export { routes } from './routes.ts'

export interface AdminOptions {
  readonly clock: Clock
  readonly readiness: () => Promise<Readiness>
  readonly expose: () => Promise<string>
  /** how browsers reach this listener, an origin; its own address where undefined */
  readonly publicUrl?: string | undefined
  /** a session that is not used for so long ends */
  readonly idleMs: number
  /** how people log in; nobody does where undefined */
  readonly login?: Omit<LoginOptions, 'clock' | 'redirectUri'> | undefined
  /** what the API works with; everything that this listener does not make itself */
  readonly api: Omit<ApiParts, 'clock' | 'sessions' | 'bootstrap' | 'cookies' | 'origin' | 'login' | 'takeLogin'>
}

export interface AdminListener {
  listen(host: string, port: number): Promise<number>
  /** loads the API before anybody asks for it */
  warmUp(): Promise<void>
  readonly sessions: Sessions
  readonly bootstrap: Bootstrap
  /** how browsers reach it */
  readonly origin: string
  close(): Promise<void>
}

export function createAdmin(options: AdminOptions): AdminListener {
  const { clock, publicUrl, idleMs } = options
  const sessions = createSessions({ clock, idleMs })
  const bootstrap = createBootstrap(clock)
  let origin = publicUrl === undefined ? '' : new URL(publicUrl).origin
  const publicHost = publicUrl === undefined ? undefined : new URL(publicUrl).host
  const cookies = createCookies(publicUrl !== undefined && new URL(publicUrl).protocol === 'https:')
  let api: Promise<Api> | undefined
  const openApi = (): Promise<Api> => (api ??= load())
  const load = async (): Promise<Api> => {
    const { createApi } = await import('./api.ts')
    const own = { clock, sessions, bootstrap, cookies, origin: () => origin, takeLogin: createAllowance(clock) }
    if (options.login === undefined) return await createApi({ ...options.api, ...own, login: undefined })
    const { createLogin } = await import('./login.ts')
    const redirectUri = (): string => `${origin}/api/v1/login/callback`
    return await createApi({ ...options.api, ...own, login: createLogin({ ...options.login, clock, redirectUri }) })
  }
  const server: Server = createServer(
    {
      maxHeaderSize: 8_192, // bound: a head at the admin listener
      headersTimeout: 5_000, // bound: time for a head at the admin listener
      requestTimeout: 10_000, // bound: time for a request at the admin listener
      // how often both are looked at
      connectionsCheckingInterval: 500,
    },
    (request, response) => {
      answer(request, response, { ...options, publicHost, openApi }).catch(() =>
        send(response, 500, { error: 'internal' }),
      )
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
        server.listen(port, host, () => {
          const bound = (server.address() as AddressInfo).port
          if (publicUrl === undefined) origin = `http://${formatAddress(host, bound)}`
          resolve(bound)
        })
      }),
    async warmUp() {
      await openApi()
    },
    sessions,
    bootstrap,
    get origin() {
      return origin
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      await (await api)?.close()
    },
  }
}

/** Letters that have one form, and no segment that a path could climb by. */
const apiPath = /^\/api\/v1(?:\/[a-z0-9][a-z0-9.-]*)*$/

interface Answering extends AdminOptions {
  readonly publicHost: string | undefined
  readonly openApi: () => Promise<Api>
}

async function answer(request: IncomingMessage, response: ServerResponse, options: Answering): Promise<void> {
  if (!isOwnHost(request, options.publicHost))
    return send(response, 403, { error: "the host field is not this listener's" })
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  if (apiPath.test(path)) return (await options.openApi()).handle(request, response)
  if (request.headers.origin !== undefined) return send(response, 403, { error: 'no page may call this' })
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { error: 'method not allowed' })
  switch (path) {
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
    default:
      return send(response, 404, { error: 'nothing is here' })
  }
}

/** A rebound name shows in Host. */
function isOwnHost(request: IncomingMessage, publicHost: string | undefined): boolean {
  const given = request.headers.host ?? ''
  if (publicHost !== undefined && given.toLowerCase() === publicHost) return true
  const local = request.socket.localAddress?.replace(/^::ffff:/, '') ?? ''
  const host = given.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return host === local || host === 'localhost'
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
