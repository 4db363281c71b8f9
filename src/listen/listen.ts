// Door of listen: sockets in, `Received` out. One port for HTTP/1 and HTTP/2: under TLS they are told apart by ALPN,
// in cleartext by the first bytes. Takes handed-over sockets (`handle`) too; owns certificates, the number of
// connections, and their end. It never looks at who is calling.

import { constants } from 'node:crypto'
import { createServer as createNetServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import {
  createSecureContext,
  createServer as createTlsServer,
  TLSSocket,
  type SecureContextOptions,
  type Server as TlsServer,
} from 'node:tls'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { systemReason } from '../base/system-error.ts'
import { formatAddress, type Bounds, type Snapshot } from '../config/config.ts'
import type { Received } from '../exchange/exchange.ts'
import { createClientTrust, type ClientTrust, type ClientTrustFiles } from './client-trust.ts'
import { createHttp1, type ProtocolSide } from './http1.ts'
import { createHttp2 } from './http2.ts'
import { readPeer } from './peer-certificate.ts'
import { createReceiver, type Unreadable } from './receive.ts'
import { createSocketReply } from './socket-reply.ts'
import { sniffProtocol, type Sniffing } from './sniff-protocol.ts'

export type { Unreadable } from './receive.ts'

export interface ListenerOptions {
  readonly clock: Clock
  /** the current snapshot; each request keeps the one it began with */
  readonly snapshot: () => Snapshot
  readonly onCall: (received: Received) => void
  readonly onUnreadable: (unreadable: Unreadable) => void
  /** PEM; plain HTTP when absent */
  readonly tls?: ListenerTls
}

export interface ListenerTls {
  readonly certificate: Buffer
  readonly key: Buffer
  /** who vouches for client certificates; none are asked for without it */
  readonly clients?: ClientTrustFiles | undefined
  /** optional: callers without a certificate are served too, never those whose certificate does not verify */
  readonly clientCertificates?: 'required' | 'optional'
}

export interface Listener {
  /** binds; resolves with the bound port */
  listen(host: string, port: number): Promise<number>
  /** takes over a connected socket, as if it had been accepted here */
  handle(socket: Socket): void
  readonly connections: number
  /** takes up other bounds, also for open connections; the size of a head and TLS handshakes keep those of the start */
  reconfigure(bounds: Bounds): void
  /**
   * Takes up other certificates, keys and lists for handshakes to come; open connections go on, but certificates of
   * clients are judged anew. Throws, and leaves all as it was, where they do not fit together. Whether clients are
   * asked for a certificate at all stays as it was at the start.
   */
  rotate(tls: ListenerTls): void
  /** stops accepting, lets open calls end, cuts the rest after `graceMs` */
  drain(graceMs: number): Promise<void>
}

export function createListener(options: ListenerOptions): Listener {
  // whether HTTP/2 is served stays as it was at the start
  const { http2: servesHttp2, ...started } = options.snapshot().config.gateway
  let { bounds } = started
  const { clock } = options
  /** open connections; those in cleartext with the timer for their first head, which ends with it */
  const open = new Map<Socket, NodeJS.Timeout | undefined>()
  let onLastClose = (): void => undefined
  let trust: ClientTrust | undefined = trustOf(options.tls)
  const receiver = createReceiver({ ...options, isSecure: options.tls !== undefined })
  const http1 = createHttp1(receiver, bounds.head)
  const http2 = createHttp2({ receiver, clock, bounds })
  const sides: readonly ProtocolSide[] = [http1, http2]

  function onClose(this: Socket): void {
    clearTimeout(open.get(this))
    open.delete(this)
    if (open.size === 0) onLastClose()
  }

  const accept = (socket: Socket): void => {
    const presented = socket instanceof TLSSocket ? readPeer(socket, clock, () => trust) : 'none'
    if (presented === 'unverified') {
      socket.destroy()
      return
    }
    const peer = presented === 'none' ? undefined : presented
    open.set(socket, undefined)
    // an error of a socket is followed by its `close`
    socket.on('error', ignore)
    socket.once('close', onClose)
    if (socket instanceof TLSSocket) (socket.alpnProtocol === 'h2' ? http2 : http1).accept(socket, peer, ignore)
    else if (options.tls !== undefined || !servesHttp2) http1.accept(socket, peer, ignore)
    else acceptCleartext(socket)
  }

  /** Waiting for the first bytes is part of the time for the first head, whatever they turn out to be. */
  const acceptCleartext = (socket: Socket): void => {
    const sinceMs = clock.monotonicMs()
    const endWait = (): void => {
      clearTimeout(open.get(socket))
      if (open.has(socket)) open.set(socket, undefined)
    }
    let sniffing: Sniffing | undefined = sniffProtocol(socket, (sniffed) => {
      sniffing = undefined
      if (sniffed.kind !== 'ended') (sniffed.kind === 'HTTP/2' ? http2 : http1).accept(socket, undefined, endWait)
      else if (sniffed.bytes === 0) socket.end()
      else receiver.refuse('LISTEN_HEAD_MALFORMED', 'ended early', socket.remoteAddress, createSocketReply(socket))
    })
    const onTime = (): void => {
      const restMs = sinceMs + bounds.headTime - clock.monotonicMs()
      // the bound may have been made longer since
      if (restMs > 0) return void open.set(socket, setTimeout(onTime, restMs).unref())
      sniffing?.settle()
      http1.refuseSlow(socket)
    }
    open.set(socket, setTimeout(onTime, bounds.headTime).unref())
  }

  const tlsServer =
    options.tls && createServerOf({ tls: options.tls, trust, handshakeTimeout: bounds.headTime, servesHttp2 }, accept)
  const server: NetServer = tlsServer ?? createNetServer({ noDelay: true, allowHalfOpen: true }, accept)
  const reconfigure = (next: Bounds): void => {
    bounds = next
    for (const side of sides) side.reconfigure(next)
    server.maxConnections = next.connections
    receiver.unsent.maxBytes = next.unsent
  }
  reconfigure(bounds)
  // a failed handshake concerns only its own socket
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy())

  return {
    listen: (host, port) => bind(server, host, port),
    handle: accept,
    get connections() {
      return open.size
    },
    reconfigure,
    rotate(tls) {
      const next = trustOf(tls)
      const context = contextOf(tls, next)
      // it says whether key and certificate belong together; the server would take them up first
      createSecureContext(context)
      tlsServer?.setSecureContext(context)
      trust = next
    },
    async drain(graceMs) {
      receiver.beginDraining()
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      // those that were handed over are not the server's own
      const emptied = new Promise<void>((resolve) => {
        if (open.size === 0) resolve()
        else onLastClose = resolve
      })
      const closeIdle = (): void => {
        for (const side of sides) side.closeIdle()
      }
      closeIdle()
      const timer = setTimeout(() => {
        for (const socket of open.keys()) socket.destroy()
      }, graceMs)
      const sweep = setInterval(closeIdle, 50)
      await closed
      await emptied
      clearTimeout(timer)
      clearInterval(sweep)
      for (const side of sides) side.close()
    },
  }
}

const ignore = (): void => undefined

const trustOf = (tls: ListenerTls | undefined): ClientTrust | undefined =>
  tls?.clients === undefined ? undefined : createClientTrust(tls.clients)

function contextOf(tls: ListenerTls, trust: ClientTrust | undefined): SecureContextOptions {
  return {
    cert: tls.certificate,
    key: tls.key,
    ...trust?.context,
    minVersion: 'TLSv1.2',
    // a resumed session would speak for a certificate without proof of its key, and without its chain
    secureOptions: trust === undefined ? 0 : constants.SSL_OP_NO_TICKET,
  }
}

interface TlsOptions {
  readonly tls: ListenerTls
  readonly trust: ClientTrust | undefined
  readonly handshakeTimeout: number
  readonly servesHttp2: boolean
}

function createServerOf(
  { tls, trust, handshakeTimeout, servesHttp2 }: TlsOptions,
  accept: (socket: Socket) => void,
): TlsServer {
  return createTlsServer(
    {
      ...contextOf(tls, trust),
      requestCert: trust !== undefined,
      // where they are optional TLS lets everybody through, and `accept` ends those that did not verify
      rejectUnauthorized: trust !== undefined && tls.clientCertificates !== 'optional',
      ALPNProtocols: servesHttp2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      handshakeTimeout,
      allowHalfOpen: true,
    },
    accept,
  )
}

function bind(server: NetServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(
        new Fault('LISTEN_FAILED', `cannot listen on ${formatAddress(host, port)}: ${systemReason(error)}`, {
          cause: error,
          hint: 'choose another address by gateway.listen, or stop the process that has this one',
        }),
      )
    }
    server.once('error', onError)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', onError)
      // accept errors (out of descriptors) cost one connection, never the process
      server.on('error', () => undefined)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
