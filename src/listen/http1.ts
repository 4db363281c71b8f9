// HTTP/1 on connections that are handed over, by node:http. Whatever could be read in two ways ends its connection:
// what follows a request that could not be read may be anything, and is never acted on.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Bounds } from '../config/config.ts'
import type { PeerCertificate } from '../exchange/exchange.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import { checkHead } from './check-head.ts'
import { NodeReply } from './node-reply.ts'
import { hasBody, readBody } from './read-body.ts'
import type { Receiver } from './receive.ts'
import { createMuteReply, createSocketReply } from './socket-reply.ts'

/** One protocol of the listener: connections in, arrivals to the receiver. */
export interface ProtocolSide {
  /** `onFirstHead` is called once, when the first head has come */
  accept(socket: Socket, peer: PeerCertificate | undefined, onFirstHead: () => void): void
  /** the first head of a connection took too long */
  refuseSlow(socket: Socket): void
  /** takes up other times, also for open connections */
  reconfigure(bounds: Bounds): void
  /** ends connections on which nothing is going on; called again and again while draining */
  closeIdle(): void
  close(): void
}

/** One connection: its requests that are not yet answered to the end, and whether what it says still makes sense. */
interface Line {
  readonly unanswered: Set<IncomingMessage>
  readonly peer: PeerCertificate | undefined
  onFirstHead: (() => void) | undefined
  isCondemned: boolean
}

export function createHttp1(receiver: Receiver, maxHeadBytes: number): ProtocolSide {
  const lines = new WeakMap<Socket, Line>()

  const onRequest = (request: IncomingMessage, response: ServerResponse, expectsContinue = false): void => {
    const line = lines.get(request.socket)
    // what follows a request that could not be read may be anything: it is never acted on
    if (line === undefined || line.isCondemned) return
    line.onFirstHead?.()
    line.onFirstHead = undefined
    line.unanswered.add(request)
    response.once('close', () => {
      line.unanswered.delete(request)
      if (line.isCondemned && line.unanswered.size === 0) request.socket.destroySoon()
    })
    const head = checkHead({
      httpVersion: request.httpVersion,
      method: request.method ?? '',
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
    })
    if (typeof head === 'string') line.isCondemned = true
    receiver.receive({
      head,
      condemnsConnection: true,
      remoteAddress: request.socket.remoteAddress,
      peer: line.peer,
      openReply: (options) => new NodeReply(request, response, options),
      readBody: ({ headers }, bounds) => {
        const body = readBody(request, { hasBody: hasBody(headers), headers, bounds })
        // a length beyond the bound is refused by now, and nobody reads: do not ask for it
        if (expectsContinue && request.listenerCount('data') > 0) response.writeContinue()
        return body
      },
    })
  }

  const http: Server = createServer(
    {
      maxHeaderSize: maxHeadBytes,
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

  const refuseUnparsed = (code: RefusalCode, detail: string, socket: Socket): void => {
    const line = lines.get(socket)
    if (line === undefined || !socket.writable) {
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
    receiver.refuse(code, detail, socket.remoteAddress, reply)
  }
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET') socket.destroy()
    else refuseUnparsed(codeOfParserError(error), error.code ?? error.message, socket)
  })
  http.on('connect', (request: IncomingMessage, socket: Socket) => {
    const line = lines.get(socket)
    if (line !== undefined) line.isCondemned = true
    const reply = createSocketReply(socket)
    receiver.refuse('LISTEN_HEAD_MALFORMED', `method ${request.method}`, socket.remoteAddress, reply)
  })
  // node:http starts its clock for slow heads only when it listens itself; our sockets are handed over
  http.emit('listening')

  return {
    accept(socket, peer, onFirstHead) {
      lines.set(socket, { unanswered: new Set(), peer, onFirstHead, isCondemned: false })
      http.emit('connection', socket)
    },
    refuseSlow: (socket) => refuseUnparsed('LISTEN_BODY_TIMEOUT', 'no head came in time', socket),
    reconfigure(bounds) {
      http.headersTimeout = bounds.headTime
      // covers head and body together; the body's own bound is stricter and answers with a reason
      http.requestTimeout = bounds.headTime + bounds.bodyTime + 1_000
      http.keepAliveTimeout = bounds.idleTime
    },
    closeIdle: () => http.closeIdleConnections(),
    close: () => void http.close(),
  }
}

function codeOfParserError(error: NodeJS.ErrnoException): RefusalCode {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'LISTEN_BODY_TIMEOUT'
  return error.code === 'HPE_HEADER_OVERFLOW' ? 'LISTEN_HEAD_TOO_LARGE' : 'LISTEN_HEAD_MALFORMED'
}
