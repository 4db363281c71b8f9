// Door of listen: sockets in, `Received` out. Takes handed-over sockets (`handle`), so that another protocol can
// share the port; owns bounds on head, body, time and connections; refuses every request with two meanings.
// It never looks at who is calling.

import { constants } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
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
import { createCallId } from '../base/ids.ts'
import { formatAddress, type Bounds, type Snapshot } from '../config/config.ts'
import type { HeaderRecord, PeerCertificate, Received, ReceivedFields, Reply } from '../exchange/exchange.ts'
import { refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import { checkHead } from './check-head.ts'
import { createClientTrust, type ClientTrust, type ClientTrustFiles } from './client-trust.ts'
import { NodeReply, type Unsent } from './node-reply.ts'
import { readPeer } from './peer-certificate.ts'
import { readBody } from './read-body.ts'
import { createSourceReader, type SourceReader } from './source-address.ts'

/** What is known of a request that never became `Received`. */
export interface Unreadable {
  readonly call: string
  readonly receivedAtMs: number
  readonly source: string
  readonly refusal: Refusal
  readonly reply: Reply
}

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

/** One connection: its requests that are not yet answered to the end, and whether what it says still makes sense. */
interface Line {
  readonly unanswered: Set<IncomingMessage>
  readonly peer: PeerCertificate | undefined
  isCondemned: boolean
}

export function createListener(options: ListenerOptions): Listener {
  const bounds = options.snapshot().config.gateway.bounds
  let draining = false
  const lines = new Map<Socket, Line>()
  const unsent: Unsent = { bytes: 0, maxBytes: 0 }
  let onLastClose = (): void => undefined
  let trust: ClientTrust | undefined = trustOf(options.tls)
  const always: HeaderRecord = options.tls
    ? { 'x-content-type-options': 'nosniff', 'strict-transport-security': 'max-age=31536000' }
    : { 'x-content-type-options': 'nosniff' }
  const sourceReaders = new WeakMap<Snapshot, SourceReader>()
  const sourceReaderOf = (snapshot: Snapshot): SourceReader => {
    let reader = sourceReaders.get(snapshot)
    if (reader === undefined) {
      reader = createSourceReader(snapshot.config.gateway)
      sourceReaders.set(snapshot, reader)
    }
    return reader
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse, expectsContinue = false): void => {
    const line = lines.get(request.socket)
    // what follows a request that could not be read may be anything: it is never acted on
    if (line === undefined || line.isCondemned) return
    line.unanswered.add(request)
    response.once('close', () => {
      line.unanswered.delete(request)
      if (line.isCondemned && line.unanswered.size === 0) request.socket.destroySoon()
    })
    const snapshot = options.snapshot()
    const head = checkHead({
      httpVersion: request.httpVersion,
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
    })
    const receivedAtMs = options.clock.nowMs()
    const call = createCallId()
    if (typeof head === 'string') {
      line.isCondemned = true
      const reply = new NodeReply(request, response, {
        always: { ...always, connection: 'close' },
        isDraining: () => draining,
        unsent,
        answerMs: snapshot.config.gateway.bounds.answerTime,
      })
      const source = sourceReaderOf(snapshot).read(request.socket.remoteAddress, new Map())
      options.onUnreadable({ call, receivedAtMs, source, refusal: refuse('LISTEN_HEAD_MALFORMED', head), reply })
      return
    }
    const cors = corsHeaders(snapshot, head.headers)
    // whoever lost the certificate of this connection gets in by another connection only
    const isLast = line.peer?.problem() !== undefined
    const reply = new NodeReply(request, response, {
      always: cors === undefined && !isLast ? always : { ...always, ...cors, ...(isLast && { connection: 'close' }) },
      isDraining: () => draining,
      unsent,
      answerMs: snapshot.config.gateway.bounds.answerTime,
    })
    if (cors !== undefined && request.method === 'OPTIONS') return reply.send(204, preflightHeaders, '')
    const fields: ReceivedFields = {
      call,
      protocol: head.protocol,
      receivedAtMs,
      startedMs: options.clock.monotonicMs(),
      snapshot,
      method: request.method ?? '',
      path: head.path,
      query: head.query,
      host: head.host,
      headers: head.headers,
      source: sourceReaderOf(snapshot).read(request.socket.remoteAddress, head.headers),
      peer: line.peer,
      reply,
      readBody: () => {
        const body = readBody(request, head.headers, snapshot.config.gateway.bounds)
        // a length beyond the bound is refused by now, and nobody reads: do not ask for it
        if (expectsContinue && request.listenerCount('data') > 0) response.writeContinue()
        return body
      },
    }
    options.onCall(fields as Received)
  }

  const http: Server = createServer(
    {
      maxHeaderSize: bounds.head,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
      // checkHead refuses such a request, with a record; node:http would answer it by itself
      requireHostHeader: false,
    },
    (request, response) => onRequest(request, response),
  )
  // beyond a count node:http drops fields in silence, and with them a second credential; the size is the bound
  http.maxHeadersCount = 0
  http.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => onRequest(request, response))
  http.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => onRequest(request, response, true))
  const refuseUnparsed = (code: RefusalCode, detail: string, socket: Socket, reply: Reply): void => {
    const source = sourceReaderOf(options.snapshot()).read(socket.remoteAddress, new Map())
    const receivedAtMs = options.clock.nowMs()
    options.onUnreadable({ call: createCallId(), receivedAtMs, source, refusal: refuse(code, detail), reply })
  }
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const line = lines.get(socket)
    if (line === undefined || error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    if (line.isCondemned) return
    line.isCondemned = true
    const [request, another] = line.unanswered
    // a complete request still waits for its answer: that one goes out whole and is the last on this connection;
    // anything written now could be taken for it. A request whose own body broke is answered here.
    const isOthersTurn = request !== undefined && (request.complete || another !== undefined)
    const reply = isOthersTurn ? createMuteReply(socket) : createSocketReply(socket)
    refuseUnparsed(codeOfParserError(error), error.code ?? error.message, socket, reply)
  })
  http.on('connect', (request: IncomingMessage, socket: Socket) => {
    const line = lines.get(socket)
    if (line !== undefined) line.isCondemned = true
    refuseUnparsed('LISTEN_HEAD_MALFORMED', `method ${request.method}`, socket, createSocketReply(socket))
  })
  // node:http starts its clock for slow heads only when it listens itself; our sockets are handed over
  http.emit('listening')

  const accept = (socket: Socket): void => {
    const presented = socket instanceof TLSSocket ? readPeer(socket, options.clock, () => trust) : 'none'
    if (presented === 'unverified') {
      socket.destroy()
      return
    }
    const peer = presented === 'none' ? undefined : presented
    lines.set(socket, { unanswered: new Set(), peer, isCondemned: false })
    socket.once('close', () => {
      lines.delete(socket)
      if (lines.size === 0) onLastClose()
    })
    http.emit('connection', socket)
  }
  const tlsServer = options.tls && createServerOf(options.tls, trust, bounds.headTime, accept)
  const server: NetServer = tlsServer ?? createNetServer({ noDelay: true, allowHalfOpen: true }, accept)
  const reconfigure = (next: Bounds): void => {
    http.headersTimeout = next.headTime
    // covers head and body together; the body's own bound is stricter and answers with a reason
    http.requestTimeout = next.headTime + next.bodyTime + 1_000
    http.keepAliveTimeout = next.idleTime
    server.maxConnections = next.connections
    unsent.maxBytes = next.unsent
  }
  reconfigure(bounds)
  // a failed handshake concerns only its own socket
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy())

  return {
    listen: (host, port) => bind(server, host, port),
    handle: accept,
    get connections() {
      return lines.size
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
      draining = true
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      // those that were handed over are not the server's own
      const emptied = new Promise<void>((resolve) => {
        if (lines.size === 0) resolve()
        else onLastClose = resolve
      })
      http.closeIdleConnections()
      const timer = setTimeout(() => {
        for (const socket of lines.keys()) socket.destroy()
      }, graceMs)
      const sweep = setInterval(() => http.closeIdleConnections(), 50)
      await closed
      await emptied
      clearTimeout(timer)
      clearInterval(sweep)
      http.close()
    },
  }
}

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

function createServerOf(
  tls: ListenerTls,
  trust: ClientTrust | undefined,
  handshakeTimeout: number,
  accept: (socket: Socket) => void,
): TlsServer {
  return createTlsServer(
    {
      ...contextOf(tls, trust),
      requestCert: trust !== undefined,
      // where they are optional TLS lets everybody through, and `accept` ends those that did not verify
      rejectUnauthorized: trust !== undefined && tls.clientCertificates !== 'optional',
      ALPNProtocols: ['http/1.1'],
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

const preflightHeaders: HeaderRecord = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': 'authorization, dpop, content-type, x-api-key, a2a-version, a2a-extensions',
  'access-control-max-age': '600',
}

function corsHeaders(snapshot: Snapshot, headers: ReadonlyMap<string, string>): HeaderRecord | undefined {
  const cors = snapshot.config.gateway.cors
  const origin = headers.get('origin')
  if (cors === undefined || origin === undefined || !cors.origins.includes(origin)) return undefined
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers':
      'sallyport-record, sallyport-record-signature, ratelimit, ratelimit-policy, retry-after, www-authenticate, dpop-nonce',
    vary: 'origin',
  }
}

function codeOfParserError(error: NodeJS.ErrnoException): RefusalCode {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'LISTEN_BODY_TIMEOUT'
  return error.code === 'HPE_HEADER_OVERFLOW' ? 'LISTEN_HEAD_TOO_LARGE' : 'LISTEN_HEAD_MALFORMED'
}

/** There is no request, only a socket: one answer, then it closes. */
function createSocketReply(socket: Socket): Reply {
  let begun = false
  const before = socket.bytesWritten
  return {
    get begun() {
      return begun
    },
    get gone() {
      return socket.destroyed
    },
    bytesSent: 0,
    hasRoomFor: () => true,
    onGone: (callback) => void socket.once('close', callback),
    send(status, headers, body) {
      // the walk of a request whose body broke may have answered while this was being recorded
      if (socket.destroyed || socket.writableEnded || socket.bytesWritten > before) return
      begun = true
      const lines = Object.entries({
        ...headers,
        connection: 'close',
        'content-length': String(Buffer.byteLength(body)),
      })
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      socket.end(`HTTP/1.1 ${status} Refused\r\n${head}\r\n${String(body)}`)
      setTimeout(() => socket.destroy(), 1_000).unref()
    },
    begin: () => undefined,
    write: () => true,
    drained: () => Promise.resolve(),
    end: () => undefined,
    destroy: () => void socket.destroy(),
  }
}

/** For what must be recorded but not answered: someone else's answer is still on its way. */
function createMuteReply(socket: Socket): Reply {
  return { ...createSocketReply(socket), send: () => undefined, destroy: () => undefined }
}
