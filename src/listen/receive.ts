// What HTTP/1 and HTTP/2 share: from a head that has come to `Received`, or to its refusal. Source address, CORS,
// bounds and fields of every answer are decided here, once for both.

import type { Clock } from '../base/clock.ts'
import { createCallId } from '../base/ids.ts'
import type { Bounds, Snapshot } from '../config/config.ts'
import type { HeaderRecord, PeerCertificate, Received, ReceivedFields, Reply } from '../exchange/exchange.ts'
import { refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import type { CheckedHead } from './check-head.ts'
import { createSourceReader, type SourceReader } from './source-address.ts'

/** What is known of a request that never became `Received`. */
export interface Unreadable {
  readonly call: string
  readonly receivedAtMs: number
  readonly source: string
  readonly refusal: Refusal
  readonly reply: Reply
}

/** Bytes of unary answers that slow readers have not taken yet, over all connections of a listener. */
export interface Unsent {
  bytes: number
  maxBytes: number
}

export interface ReplyOptions {
  /** fields of every answer */
  readonly always: HeaderRecord
  /** whether the connection is to end with this answer */
  readonly isLast: () => boolean
  readonly unsent: Unsent
  /** how long a caller may take over a unary answer */
  readonly answerMs: number
}

/** A head that has come, in the words of its protocol. */
export interface Arrival {
  /** a string says (privately) why it has no single meaning */
  readonly head: CheckedHead | string
  /** what a head without single meaning is refused as */
  readonly code?: RefusalCode | undefined
  /** whether after such a head nothing on its connection can be believed any more */
  readonly condemnsConnection: boolean
  readonly remoteAddress: string | undefined
  readonly peer: PeerCertificate | undefined
  openReply(options: ReplyOptions): Reply
  /** called with a head that has one meaning */
  readBody(head: CheckedHead, bounds: Bounds): Promise<Buffer | Refusal>
}

export interface Receiver {
  receive(arrival: Arrival): void
  /** what was not even a head: the record is made, and `reply` says as much as can be said */
  refuse(code: RefusalCode, detail: string, remoteAddress: string | undefined, reply: Reply): void
  /** from now on every answer is the last of its connection */
  beginDraining(): void
  readonly unsent: Unsent
}

export interface ReceiverOptions {
  readonly clock: Clock
  /** the current snapshot; each request keeps the one it began with */
  readonly snapshot: () => Snapshot
  readonly onCall: (received: Received) => void
  readonly onUnreadable: (unreadable: Unreadable) => void
  /** whether the listener speaks TLS */
  readonly isSecure: boolean
}

export function createReceiver(options: ReceiverOptions): Receiver {
  const unsent: Unsent = { bytes: 0, maxBytes: 0 }
  let isDraining = false
  const always: HeaderRecord = options.isSecure
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

  const refuseUnread: Receiver['refuse'] = (code, detail, remoteAddress, reply) => {
    const receivedAtMs = options.clock.nowMs()
    // fields that could not be read say nothing of who sent them
    const source = sourceReaderOf(options.snapshot()).read(remoteAddress, new Map())
    options.onUnreadable({ call: createCallId(), receivedAtMs, source, refusal: refuse(code, detail), reply })
  }

  return {
    receive(arrival) {
      const { head, remoteAddress, peer } = arrival
      const snapshot = options.snapshot()
      const { bounds } = snapshot.config.gateway
      const open = (fields: HeaderRecord, isLast: boolean): Reply =>
        arrival.openReply({
          always: fields,
          isLast: () => isLast || isDraining,
          unsent,
          answerMs: bounds.answerTime,
        })
      if (typeof head === 'string')
        return refuseUnread(
          arrival.code ?? 'LISTEN_HEAD_MALFORMED',
          head,
          remoteAddress,
          open(always, arrival.condemnsConnection),
        )
      const receivedAtMs = options.clock.nowMs()
      const cors = corsHeaders(snapshot, head.headers)
      // whoever lost the certificate of this connection gets in by another connection only
      const reply = open(cors === undefined ? always : { ...always, ...cors }, peer?.problem() !== undefined)
      if (cors !== undefined && head.method === 'OPTIONS') return reply.send(204, preflightHeaders, '')
      const fields: ReceivedFields = {
        call: createCallId(),
        protocol: head.protocol,
        receivedAtMs,
        startedMs: options.clock.monotonicMs(),
        snapshot,
        method: head.method,
        path: head.path,
        query: head.query,
        host: head.host,
        headers: head.headers,
        source: sourceReaderOf(snapshot).read(remoteAddress, head.headers),
        peer,
        reply,
        readBody: () => arrival.readBody(head, bounds),
      }
      options.onCall(fields as Received)
    },
    refuse: refuseUnread,
    beginDraining() {
      isDraining = true
    },
    unsent,
  }
}

const preflightHeaders: HeaderRecord = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers':
    'authorization, dpop, content-type, x-api-key, a2a-version, a2a-extensions, x-a2a-extensions',
  'access-control-max-age': '600',
}

function corsHeaders(snapshot: Snapshot, headers: ReadonlyMap<string, string>): HeaderRecord | undefined {
  const cors = snapshot.config.gateway.cors
  const origin = headers.get('origin')
  if (cors === undefined || origin === undefined || !cors.origins.includes(origin)) return undefined
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers':
      'sallyport-record, sallyport-record-signature, ratelimit, ratelimit-policy, retry-after, www-authenticate, dpop-nonce, a2a-extensions, x-a2a-extensions',
    vary: 'origin',
  }
}
