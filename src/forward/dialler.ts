// The one way out. Every connection that the gateway opens (agents, cards, key sets) is opened here: connection
// pools per destination, verified TLS, no redirects, bounds on time and size. Nothing else imports undici.

import { Pool, type Dispatcher } from 'undici'

export interface TlsClient {
  readonly ca?: Buffer
  readonly certificate?: Buffer
  readonly key?: Buffer
}

export interface PoolOptions {
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly maxConnections: number
  readonly tls?: TlsClient
}

export interface Dialler {
  /** the pool of a destination; the same for the same options, so that a reload keeps connections */
  pool(options: PoolOptions): Dispatcher
  /** one bounded GET; throws on anything but 200 */
  get(url: string, bounds: { maxBytes: number; timeoutMs: number; tls?: TlsClient }): Promise<Buffer>
  close(): Promise<void>
}

export function createDialler(): Dialler {
  const pools = new Map<string, Pool>()

  const pool = (options: PoolOptions): Pool => {
    const tls = options.tls
    const key = JSON.stringify([
      options.origin,
      options.connectTimeoutMs,
      options.maxConnections,
      [tls?.ca, tls?.certificate, tls?.key].map((part) => part?.toString('base64') ?? ''),
    ])
    let found = pools.get(key)
    if (found === undefined) {
      found = new Pool(options.origin, {
        connections: options.maxConnections,
        pipelining: 1,
        keepAliveTimeout: 4_000,
        maxHeaderSize: 32_768,
        // each request sets its own; streams are watched event by event
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: options.connectTimeoutMs,
          ...(tls?.ca && { ca: tls.ca }),
          ...(tls?.certificate && { cert: tls.certificate }),
          ...(tls?.key && { key: tls.key }),
        },
      })
      // a failed connection is told to the request that needed it
      found.on('connectionError', () => undefined)
      pools.set(key, found)
    }
    return found
  }

  return {
    pool,
    async get(url, bounds) {
      const { origin, pathname, search } = new URL(url)
      const dispatcher = pool({
        origin,
        connectTimeoutMs: 5_000,
        maxConnections: 16,
        ...(bounds.tls && { tls: bounds.tls }),
      })
      return await getBounded(dispatcher, `${pathname}${search}`, bounds)
    },
    async close() {
      await Promise.all([...pools.values()].map((each) => each.destroy()))
      pools.clear()
    },
  }
}

function getBounded(
  dispatcher: Dispatcher,
  path: string,
  bounds: { maxBytes: number; timeoutMs: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    let controllerInUse: Dispatcher.DispatchController | undefined
    const timer = setTimeout(() => {
      const error = new Error(`no answer within ${bounds.timeoutMs} ms`)
      controllerInUse?.abort(error)
      reject(error)
    }, bounds.timeoutMs)
    dispatcher.dispatch(
      { method: 'GET', path, headers: ['accept', 'application/json'] },
      {
        onRequestStart(controller) {
          controllerInUse = controller
        },
        onResponseStart(controller, status) {
          if (status >= 200 && status !== 200) controller.abort(new Error(`status ${status}`))
        },
        onResponseData(controller, chunk) {
          bytes += chunk.length
          if (bytes > bounds.maxBytes) controller.abort(new Error(`more than ${bounds.maxBytes} bytes`))
          else chunks.push(chunk)
        },
        onResponseEnd() {
          clearTimeout(timer)
          resolve(Buffer.concat(chunks))
        },
        onResponseError(_controller, error) {
          clearTimeout(timer)
          reject(error)
        },
      },
    )
  })
}
