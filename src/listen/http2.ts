// HTTP/2 on connections that are handed over, by node:http2. Each stream becomes an arrival like a request of HTTP/1.
// The codec refuses what breaks the protocol by itself, with a reset that nobody here sees: the gap that such a stream
// leaves in the numbers is what tells of it, so that it leaves its record too. Bounds on what a client may do to its
// connection are here: streams, sizes, resets, silence. Nothing a client does to one stream ends another one, but
// what is done to the connection ends the connection.

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import type { Bounds } from '../config/config.ts'
import type { PeerCertificate } from '../exchange/exchange.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import { checkHttp2Head, sizeOfHttp2Head } from './check-head.ts'
import { Http2Reply } from './http2-reply.ts'
import type { ProtocolSide } from './http1.ts'
import { readBody } from './read-body.ts'
import type { Receiver } from './receive.ts'
import { createMuteReply } from './socket-reply.ts'

// the codec counts a stream until a turn after its end: who keeps all of them busy sees some refused
const streamsAtOnce = 500 // bound: open streams of one HTTP/2 connection
const resetsAtOnce = 500 // bound: streams reset by a client before they were answered, at once
const resetsPerSecond = 50 // bound: streams reset by a client before they were answered, per second after that
const codecResetsAtOnce = 1_000 // bound: streams reset by a client, answered or not, at once
const codecResetsPerSecond = 100 // bound: streams reset by a client, answered or not, per second after that
const invalidFrames = 100 // bound: invalid or empty frames of one HTTP/2 connection
const rejectedStreams = 500 // bound: streams of one HTTP/2 connection rejected in a row, for want of memory or number
const settingsInFrame = 32 // bound: settings in one frame
const sessionMegabytes = 64 // bound: memory of one HTTP/2 connection in MB, answers on their way included
const windowBytes = 65_535 // bound: unread bytes of one stream's body
const tableBytes = 4_096 // bound: table of header compression, each way
/** how often connections are looked at for what takes too long */
const sweepMs = 500

/** One connection. */
interface Line {
  readonly session: ServerHttp2Session
  readonly socket: Socket
  readonly peer: PeerCertificate | undefined
  readonly sinceMs: number
  readonly open: Set<ServerHttp2Stream>
  /** the client has said its settings, and accepted ours */
  hasGreeted: boolean
  hasAgreed: boolean
  idleSinceMs: number
  /** the highest number of a stream that came up */
  lastStream: number
  /** since when a stream beyond that one has begun and not come up */
  missingSinceMs: number | undefined
  /** streams that were reset before they were answered, less what time has forgiven */
  resets: number
  resetsAtMs: number
  /** one record says why a connection was ended */
  isCondemned: boolean
  /** it ended in good order a while ago, and the other side has not closed yet */
  lingers: boolean
}

interface StreamHead {
  /** the codec has ended the answer's body by then */
  readonly isHead: boolean
  readonly rawHeaders: readonly string[]
}

export interface Http2Options {
  readonly receiver: Receiver
  readonly clock: Clock
  readonly bounds: Bounds
}

export function createHttp2({ receiver, clock, ...started }: Http2Options): ProtocolSide {
  const headBytes = started.bounds.head
  let bounds = started.bounds
  let openStreams = 0
  const lines = new Set<Line>()

  const record = ({ socket }: Line, code: RefusalCode, detail: string): void =>
    receiver.refuse(code, `HTTP/2: ${detail}`, socket.remoteAddress, createMuteReply(socket))
  const recordEnd = (line: Line, code: RefusalCode, detail: string): void => {
    if (line.isCondemned) return
    line.isCondemned = true
    record(line, code, detail)
  }

  /** Takes the whole connection away from a client that abuses it. */
  const condemn = (line: Line, reason: { code: RefusalCode; detail: string; error: number }): void => {
    recordEnd(line, reason.code, reason.detail)
    line.session.destroy(new Error(reason.detail), reason.error)
  }

  const onStream = (line: Line, stream: ServerHttp2Stream, { isHead, rawHeaders }: StreamHead): void => {
    const id = stream.id ?? 0
    // of two streams that came at once the codec gives the first one up first
    if (id > line.lastStream + 2)
      record(line, 'LISTEN_HEAD_MALFORMED', `streams before ${id} never came up: malformed, or too many`)
    line.lastStream = id
    line.missingSinceMs = undefined
    // an error of a stream is followed by its `close`
    stream.on('error', () => undefined)
    // opened and reset in one breath
    if (stream.destroyed || stream.closed) return countReset(line)
    if (openStreams >= bounds.connections) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    openStreams += 1
    line.open.add(stream)
    let reply: Http2Reply | undefined
    stream.once('close', () => {
      openStreams -= 1
      line.open.delete(stream)
      line.idleSinceMs = clock.monotonicMs()
      if (reply?.begun !== true && !line.session.destroyed) countReset(line)
    })
    const size = sizeOfHttp2Head(rawHeaders)
    const head = size > headBytes ? `a head of ${size} bytes` : checkHttp2Head(rawHeaders)
    receiver.receive({
      head,
      code: size > headBytes ? 'LISTEN_HEAD_TOO_LARGE' : undefined,
      condemnsConnection: false,
      remoteAddress: line.socket.remoteAddress,
      peer: line.peer,
      openReply: (options) => (reply = new Http2Reply(stream, isHead, options)),
      readBody: ({ headers }, bounds) => {
        const body = readBody(stream, { hasBody: !stream.endAfterHeaders, headers, bounds })
        // a length beyond the bound is refused by now, and nobody reads: do not ask for it
        const isAwaited = headers.has('expect') && stream.listenerCount('data') > 0
        if (isAwaited && !stream.closed) stream.additionalHeaders({ ':status': 100 })
        return body
      },
    })
  }

  /** A stream costs its client two small frames, and us a call: too many of them are an attack (CVE-2023-44487). */
  const countReset = (line: Line): void => {
    const nowMs = clock.monotonicMs()
    const forgiven = ((nowMs - line.resetsAtMs) * resetsPerSecond) / 1_000
    line.resets = Math.max(0, line.resets - forgiven) + 1
    line.resetsAtMs = nowMs
    if (line.resets <= resetsAtOnce) return
    const detail = 'too many streams reset before they were answered'
    condemn(line, { code: 'LISTEN_HEAD_MALFORMED', detail, error: constants.NGHTTP2_ENHANCE_YOUR_CALM })
  }

  const look = (line: Line, nowMs: number): void => {
    const { session, socket } = line
    if (session.destroyed || (session.closed && line.open.size === 0)) {
      if (line.lingers) socket.destroy()
      line.lingers = true
      return
    }
    if (!line.hasGreeted || !line.hasAgreed) {
      if (nowMs - line.sinceMs <= bounds.headTime) return
      const detail = line.hasGreeted ? 'our settings were not acknowledged in time' : 'no settings came in time'
      return condemn(line, { code: 'LISTEN_BODY_TIMEOUT', detail, error: constants.NGHTTP2_SETTINGS_TIMEOUT })
    }
    if (session.closed) return
    if (beganStream(line) > line.lastStream) {
      line.missingSinceMs ??= nowMs
      if (nowMs - line.missingSinceMs <= bounds.headTime) return
      recordEnd(
        line,
        'LISTEN_HEAD_MALFORMED',
        `stream ${beganStream(line)} never came up: malformed, or without its end`,
      )
      session.close()
    } else if (line.open.size === 0 && nowMs - line.idleSinceMs > bounds.idleTime) session.close()
  }
  const sweep = setInterval(() => {
    const nowMs = clock.monotonicMs()
    for (const line of lines) look(line, nowMs)
  }, sweepMs)
  sweep.unref()

  return {
    accept(socket, peer, onFirstHead) {
      // a client that has ended can take nothing more either: there is no half of a connection in HTTP/2
      socket.allowHalfOpen = false
      // before the session hears of it, and forgets what it knew
      socket.once('close', () => {
        if (beganStream(line) > line.lastStream)
          record(
            line,
            'LISTEN_HEAD_MALFORMED',
            'it ended with a stream that never came up: malformed, or without its end',
          )
        lines.delete(line)
      })
      const session = performServerHandshake(socket, optionsOf(headBytes))
      const nowMs = clock.monotonicMs()
      const line: Line = {
        session,
        socket,
        peer,
        sinceMs: nowMs,
        open: new Set(),
        hasGreeted: false,
        hasAgreed: false,
        idleSinceMs: nowMs,
        lastStream: 0,
        missingSinceMs: undefined,
        resets: 0,
        resetsAtMs: nowMs,
        isCondemned: false,
        lingers: false,
      }
      lines.add(line)
      onFirstHead()
      session.once('remoteSettings', () => (line.hasGreeted = true))
      session.once('localSettings', () => (line.hasAgreed = true))
      session.on('stream', (stream, headers, _flags, rawHeaders) =>
        onStream(line, stream, { isHead: headers[':method'] === 'HEAD', rawHeaders }),
      )
      session.on('error', (error: NodeJS.ErrnoException) => {
        // a connection that broke, or a client that gave it up, is no refusal of ours
        const isOurs = error.code?.startsWith('ERR_HTTP2') === true && error.code !== 'ERR_HTTP2_SESSION_ERROR'
        if (isOurs) recordEnd(line, 'LISTEN_HEAD_MALFORMED', `${error.code}: ${error.message}`)
      })
    },
    refuseSlow: (socket) => void socket.destroy(),
    reconfigure(next) {
      bounds = next
    },
    closeIdle() {
      for (const { session } of lines) session.close()
    },
    close: () => clearInterval(sweep),
  }
}

/** The number of the last stream that the codec has seen the beginning of. */
const beganStream = ({ session }: Line): number => session.state.lastProcStreamID ?? 0

const optionsOf = (headBytes: number): Parameters<typeof performServerHandshake>[1] => ({
  settings: {
    // twice the bound: a head beyond it gets its answer and its record, one beyond this a bare reset
    maxHeaderListSize: 2 * headBytes,
    maxConcurrentStreams: streamsAtOnce,
    initialWindowSize: windowBytes,
    headerTableSize: tableBytes,
    enablePush: false,
    enableConnectProtocol: false,
  },
  // fields count 32 bytes and more each, so that their size is the bound
  maxHeaderListPairs: (2 * headBytes) / 32,
  maxDeflateDynamicTableSize: tableBytes,
  maxSessionMemory: sessionMegabytes,
  maxSettings: settingsInFrame,
  maxSessionInvalidFrames: invalidFrames,
  maxSessionRejectedStreams: rejectedStreams,
  streamResetBurst: codecResetsAtOnce,
  streamResetRate: codecResetsPerSecond,
  strictFieldWhitespaceValidation: true,
})
