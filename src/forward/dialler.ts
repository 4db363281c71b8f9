// The one way out. Every connection that the gateway opens (agents, cards, key sets, witnesses) is opened here: connection
// pools per destination, verified TLS, no redirects, bounds on time and size. Nothing else imports undici.

import { hash } from 'node:crypto'
import { Pool, type Dispatcher } from 'undici'
import type { Client } from '@grpc/grpc-js'
import type { Secret } from '../base/secret.ts'
import { createGrpcClients } from './grpc-clients.ts'

export interface TlsClient {
  readonly ca?: Buffer
  readonly certificate?: Buffer
  readonly key?: Secret
}

export interface PoolOptions {
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly maxConnections: number
  readonly tls?: TlsClient
}

/** A share in a pool. The last one that is given back closes it, once the calls that run on it have ended. */
export interface PoolLease {
  readonly dispatcher: Dispatcher
  /** safe to call twice */
  release(): void
}

export interface RequestBounds {
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly tls?: TlsClient
}

export interface PostAnswer {
  readonly status: number
  /** '' when there is none */
  readonly contentType: string
  /** the field Retry-After as it came, '' when there is none */
  readonly retryAfter: string
  readonly body: Buffer
}

/** Header fields of a POST; plain text without authorization by default. */
export interface PostFields {
  readonly contentType: string
  /** sent to this URL's origin alone: redirects are not followed */
  readonly authorization?: string | undefined
  /** further fields, names and values in turn; the values may be secret, and go where the authorization goes */
  readonly more?: readonly string[] | undefined
}

/** A share in a gRPC connection, as with pools. */
export interface GrpcLease {
  readonly client: Client
  /** safe to call twice */
  release(): void
}

export interface GrpcOptions {
  /** `http://host:port` without TLS, `https://…` with it */
  readonly origin: string
  readonly maxMessageBytes: number
  readonly tls?: TlsClient
}

export interface Dialler {
  /** a share in a gRPC connection to this origin */
  grpc(options: GrpcOptions): GrpcLease
  /** a share in a destination's pool; the same pool for the same options, so that a reload keeps connections */
  pool(options: PoolOptions): PoolLease
  /** one bounded GET; throws on anything but 200 */
  get(url: string, bounds: RequestBounds): Promise<Buffer>
  /** one bounded POST; whatever is answered in time and size is the caller's to judge */
  post(url: string, body: Buffer, bounds: RequestBounds, fields?: PostFields): Promise<PostAnswer>
  close(): Promise<void>
}

export function createDialler(): Dialler {
  const clients = createGrpcClients()
  const pools = new Map<string, { readonly pool: Pool; shares: number }>()

  const lease = (options: PoolOptions): PoolLease => {
    const key = keyOf(options)
    const shared = pools.get(key) ?? { pool: openPool(options), shares: 0 }
    pools.set(key, shared)
    shared.shares += 1
    let isHeld = true
    return {
      dispatcher: shared.pool,
      release() {
        if (!isHeld) return
        isHeld = false
        shared.shares -= 1
        if (shared.shares > 0 || pools.get(key) !== shared) return
        pools.delete(key)
        // rejects only for a pool that is closed already
        shared.pool.close().catch(() => undefined)
      },
    }
  }

  // these are rare: a pool kept for the next one would find its connections closed
  const once = async (url: string, asked: Asked, bounds: RequestBounds): Promise<PostAnswer> => {
    const { origin, pathname, search } = new URL(url)
    const held = lease({
      origin,
      connectTimeoutMs: 5_000,
      maxConnections: 16,
      ...(bounds.tls && { tls: bounds.tls }),
    })
    return await requestBounded(held.dispatcher, { ...asked, path: `${pathname}${search}` }, bounds).finally(() =>
      held.release(),
    )
  }

  return {
    pool: lease,
    grpc: (options) => clients.lease(options),
    async get(url, bounds) {
      const headers = ['accept', 'application/json']
      return (await once(url, { method: 'GET', headers, isStatusAllowed: (status) => status === 200 }, bounds)).body
    },
    post(url, body, bounds, { contentType, authorization, more = [] } = { contentType: 'text/plain; charset=utf-8' }) {
      const headers = ['content-type', contentType, ...more]
      if (authorization !== undefined) headers.push('authorization', authorization)
      return once(url, { method: 'POST', headers, body, isStatusAllowed: () => true }, bounds)
    },
    async close() {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))
      pools.clear()
      clients.closeAll()
    },
  }
}

/** A digest: certificates are long, and a private key is not kept as text. */
function keyOf({ origin, connectTimeoutMs, maxConnections, tls }: PoolOptions): string {
  const files = [tls?.ca, tls?.certificate, tls?.key?.bytes()].map((part) => part?.toString('base64') ?? '')
  return hash('sha256', JSON.stringify([origin, connectTimeoutMs, maxConnections, files]), 'base64url')
}

function openPool({ origin, connectTimeoutMs, maxConnections, tls }: PoolOptions): Pool {
  const pool = new Pool(origin, {
    connections: maxConnections,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    maxHeaderSize: 32_768,
    // each request sets its own; streams are watched event by event
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: connectTimeoutMs,
      ...(tls?.ca && { ca: tls.ca }),
      ...(tls?.certificate && { cert: tls.certificate }),
      ...(tls?.key && { key: tls.key.bytes() }),
    },
  })
  // a failed connection is told to the request that needed it
  pool.on('connectionError', () => undefined)
  return pool
}

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly headers: string[]
  readonly body?: Buffer
  /** the body of any other answer is not read */
  readonly isStatusAllowed: (status: number) => boolean
}

function requestBounded(
  dispatcher: Dispatcher,
  { method, path, headers, body, isStatusAllowed }: Asked & { readonly path: string },
  bounds: RequestBounds,
): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    let head = { status: 0, contentType: '', retryAfter: '' }
    let controllerInUse: Dispatcher.DispatchController | undefined
    const timer = setTimeout(() => {
      const error = new Error(`no answer within ${bounds.timeoutMs} ms`)
      controllerInUse?.abort(error)
      reject(error)
    }, bounds.timeoutMs)
    dispatcher.dispatch(
      { method, path, headers, ...(body && { body }) },
      {
        onRequestStart(controller) {
          controllerInUse = controller
        },
        onResponseStart(controller, status, fields) {
          if (status < 200) return
          const contentType = fields['content-type']
          const retryAfter = fields['retry-after']
          head = {
            status,
            contentType: typeof contentType === 'string' ? contentType : '',
            retryAfter: typeof retryAfter === 'string' ? retryAfter : '',
          }
          if (!isStatusAllowed(status)) controller.abort(new Error(`status ${status}`))
        },
        onResponseData(controller, chunk) {
          bytes += chunk.length
          if (bytes > bounds.maxBytes) controller.abort(new Error(`more than ${bounds.maxBytes} bytes`))
          else chunks.push(chunk)
        },
        onResponseEnd() {
          clearTimeout(timer)
          resolve({ ...head, body: Buffer.concat(chunks) })
        },
        onResponseError(_controller, error) {
          clearTimeout(timer)
          reject(error)
        },
      },
    )
  })
}
