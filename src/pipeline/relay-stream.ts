// A stream from agent to caller, event by event and never buffered: each event passes release before a byte of
// it is written, a slow caller pauses the agent, a gone caller aborts it, and nothing else does (invariant 9).
// Bounds on life, events, bytes and silence hold; who is revoked, expired or no longer allowed is cut off at the
// next beat, and so is what runs on behalf of such.

import { createHash, type Hash } from 'node:crypto'
import type { ContentList, RecordedContent } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { Admitted, HeaderRecord } from '../exchange/exchange.ts'
import { grpcOk, type GrpcFailure } from '../faces/grpc-error.ts'
import {
  createEventReader,
  type ChunkSink,
  type RawEvent,
  type SseParser,
  type StreamAnswer,
} from '../forward/forward.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { refusalFace, renderGrpcError, renderRefusal } from '../refusal/render.ts'
import { releaseEvent, type OwnershipBook, type ReleasedEvent } from '../release/release.ts'
import type { Beating, Heartbeat } from './heartbeat.ts'
import { resultOf } from './recorded-parts.ts'

export interface RelayParts {
  readonly clock: Clock
  readonly heartbeat: Heartbeat
  readonly ownership: OwnershipBook
  /** makes an event's claims durable before the event is passed on */
  readonly recordClaims: (event: ReleasedEvent) => Promise<unknown>
  /** whether the configuration in force now allows the call that opened the stream */
  readonly stillAllowed: () => boolean
  /** for how long it may go on after its credential expired; not at all where nothing is given */
  readonly expiryGraceMs?: () => number
  /** the refusal once somebody in the call, or the agent, is blocked */
  readonly findBlock: () => Refusal | undefined
  /** told of what should never have been thrown */
  readonly onBug: (error: unknown) => void
  /** where events are kept for the record, if a rule wants them; never more than the rule allows */
  readonly content?: ContentList | undefined
}

export interface RelayEnd {
  readonly why: string
  /** set when the gateway, not the agent or the caller, ended the stream */
  readonly refusal: Refusal | undefined
  readonly events: number
  /** base64url SHA-256 of the events as sent, pings left out; '' when none was */
  readonly answerHash: string
  readonly content: RecordedContent | undefined
  readonly clientGone: boolean
}

/** Resolves when the stream is over. The head has been sent by then. */
export function relayStream(admitted: Admitted, stream: StreamAnswer, parts: RelayParts): Promise<RelayEnd> {
  return new Promise((resolve) => new Relay(admitted, stream, parts, resolve).start())
}

class Relay implements ChunkSink, Beating {
  readonly #admitted: Admitted
  readonly #stream: StreamAnswer
  readonly #parts: RelayParts
  readonly #resolve: (end: RelayEnd) => void
  readonly #parser: SseParser
  readonly #startedMs: number
  #lastEventMs: number
  #lastWriteMs: number
  #waiting: RawEvent[] = []
  #busy = false
  #agentEnded = false
  #events = 0
  // made with the first event: a silent stream costs nothing
  #sent: Hash | undefined
  #done = false

  constructor(admitted: Admitted, stream: StreamAnswer, parts: RelayParts, resolve: (end: RelayEnd) => void) {
    this.#admitted = admitted
    this.#stream = stream
    this.#parts = parts
    this.#resolve = resolve
    this.#parser = createEventReader(admitted.agentFace.binding, admitted.snapshot.config.gateway.bounds.event)
    this.#startedMs = this.#lastEventMs = this.#lastWriteMs = parts.clock.monotonicMs()
  }

  start(): void {
    this.#parts.heartbeat.add(this)
    this.#admitted.reply.onGone(() => this.#finish('client-gone', undefined))
    if (!this.#done) this.#stream.start(this)
  }

  onChunk(chunk: Buffer): void {
    if (this.#done) return
    const events = this.#parser.push(chunk)
    this.#lastEventMs = this.#parts.clock.monotonicMs()
    this.#waiting = this.#waiting.length === 0 ? events : this.#waiting.concat(events)
    if (!this.#busy) this.#pump()
  }

  onAgentError(failure: GrpcFailure): void {
    if (this.#done) return
    this.#waiting = [...this.#waiting, { name: '', data: '', grpc: failure }]
    this.#agentEnded = true
    if (!this.#busy) this.#pump()
  }

  onEnd(): void {
    this.#agentEnded = true
    if (!this.#busy) this.#finish('agent-ended', undefined)
  }

  onFailure(refusal: Refusal): void {
    // the caller left, and that aborted the agent's side: the failure is only its echo
    if (this.#admitted.reply.gone) this.#finish('client-gone', undefined)
    else this.#finish('agent-failed', refusal.code === 'FORWARD_TIMEOUT' ? stalled() : refusal)
  }

  beat(nowMs: number): void {
    try {
      this.#check(nowMs)
    } catch (error) {
      this.#breakOff(error)
    }
  }

  #check(nowMs: number): void {
    const { bounds } = this.#admitted.snapshot.config.gateway
    const { caller } = this.#admitted
    const blocked = this.#parts.findBlock()
    const endsAtMs = caller.expiresAtMs + (this.#parts.expiryGraceMs?.() ?? 0)
    if (caller.isRevoked() || endsAtMs <= this.#parts.clock.nowMs()) {
      this.#finish('credential-ended', refuse('AUTHN_INVALID', 'the credential ended while the stream was open'))
    } else if (this.#admitted.originIsRevoked()) {
      this.#finish('origin-ended', refuse('AUTHN_INVALID', 'nobody may act for the origin any more'))
    } else if (blocked !== undefined) {
      this.#finish('blocked', blocked)
    } else if (!this.#parts.stillAllowed()) {
      this.#finish('not-allowed', refuse('AUTHZ_DENIED', 'the configuration that came into force does not allow it'))
    } else if (nowMs - this.#startedMs > bounds.streamLife) {
      this.#finish('life', refuse('RELEASE_STREAM_BOUND', 'life'))
    } else if (!this.#busy && nowMs - this.#lastEventMs > bounds.streamSilence) {
      this.#finish('stalled', stalled())
    } else if (nowMs > this.#admitted.deadlineMs) {
      this.#finish('deadline', refuse('FORWARD_TIMEOUT', "the caller's deadline has passed"))
    } else if (nowMs - this.#lastWriteMs >= bounds.ping && !this.#busy) {
      this.#lastWriteMs = nowMs
      // a gRPC client has HTTP/2's own pings
      if (this.#admitted.binding !== 'GRPC') this.#admitted.reply.write(': ping\n\n')
    }
  }

  cut(): void {
    this.#finish('stopping', refuse('LISTEN_STOPPING', 'the stream was still open'))
  }

  /** Passes on what is waiting; stops being synchronous only where an event must wait for the ledger or the caller. */
  #pump(): void {
    try {
      this.#passOn()
    } catch (error) {
      this.#breakOff(error)
    }
  }

  /** A store that fails or a bug of ours: this stream ends, and nothing else does. */
  #breakOff(error: unknown): void {
    const isFault = error instanceof Fault
    if (!isFault) this.#parts.onBug(error)
    this.#finish('thrown', refuse(isFault ? 'AUDIT_UNAVAILABLE' : 'GATEWAY_INTERNAL', String(error)))
  }

  #passOn(): void {
    while (!this.#done) {
      const event = this.#waiting.shift()
      if (event === undefined) break
      const released = releaseEvent(this.#admitted, event, this.#parts.ownership)
      if (isRefusal(released)) return this.#finish('invalid-event', released)
      if (released.claims.length > 0) return this.#waitFor(this.#recordThenPass(released))
      if (!this.#pass(released)) return this.#waitFor(this.#admitted.reply.drained())
    }
    if (this.#done) return
    const { problem } = this.#parser
    if (problem === 'event-too-large') this.#finish(problem, refuse('RELEASE_TOO_LARGE', 'an event'))
    else if (problem === 'malformed') this.#finish(problem, refuse('RELEASE_INVALID_ANSWER', 'not an event stream'))
    else if (this.#agentEnded) this.#finish('agent-ended', undefined)
  }

  async #recordThenPass(released: ReleasedEvent): Promise<void> {
    try {
      await this.#parts.recordClaims(released)
    } catch (error) {
      return this.#finish('unrecorded', refuse('AUDIT_UNAVAILABLE', String(error)))
    }
    if (!this.#done && !this.#pass(released)) await this.#admitted.reply.drained()
  }

  #waitFor(work: Promise<void>): void {
    this.#busy = true
    this.#stream.pause()
    work.then(
      () => {
        this.#busy = false
        if (this.#done) return
        // while it was paused the agent could say nothing
        this.#lastEventMs = this.#parts.clock.monotonicMs()
        this.#pump()
        if (!this.#busy && !this.#done) this.#stream.resume()
      },
      (error: unknown) => this.#breakOff(error),
    )
  }

  /** true when the caller can take more at once */
  #pass(released: ReleasedEvent): boolean {
    const { bounds } = this.#admitted.snapshot.config.gateway
    const { reply } = this.#admitted
    const { text, bytes } = released.released
    const sent = bytes ?? frame(released.name, text)
    if (this.#events >= bounds.streamEvents || reply.bytesSent + sent.length > bounds.streamBytes) {
      this.#finish('bound', refuse('RELEASE_STREAM_BOUND', 'events or bytes'))
      return true
    }
    // noted first: a caller that asks for its list next must find what this event says
    this.#parts.ownership.note(released.states, this.#admitted)
    if (released.trailers !== undefined) {
      this.#finish('agent-ended', undefined, released.trailers)
      return true
    }
    this.#events += 1
    this.#lastWriteMs = this.#parts.clock.monotonicMs()
    const canTakeMore = this.#send(sent)
    // the caller has it: now there is time to look at it once more for the record
    const { content } = this.#parts
    if (content !== undefined && !content.isFull) this.#keep(content, text)
    return canTakeMore
  }

  #keep(content: ContentList, text: string): void {
    const result = resultOf(this.#admitted, text)
    if (result !== undefined) content.add(result)
  }

  #send(sent: string | Buffer): boolean {
    const { reply } = this.#admitted
    if (!reply.gone) (this.#sent ??= createHash('sha256')).update(sent)
    return reply.write(sent)
  }

  /** `trailers`: on gRPC, with what the agent ended the stream, where that was no OK */
  #finish(why: string, refusal: Refusal | undefined, trailers: HeaderRecord = grpcOk): void {
    if (this.#done) return
    this.#done = true
    this.#waiting = []
    this.#parts.heartbeat.remove(this)
    const { reply, binding } = this.#admitted
    const clientGone = why === 'client-gone'
    if (why !== 'agent-ended') this.#stream.abort()
    if (binding === 'GRPC') reply.end(refusal === undefined ? trailers : renderGrpcError(refusal))
    else {
      if (refusal !== undefined) this.#send(errorFrame(refusal, this.#admitted))
      reply.end()
    }
    const answerHash = this.#sent?.digest('base64url') ?? ''
    this.#resolve({
      why,
      refusal,
      events: this.#events,
      answerHash,
      content: this.#parts.content?.taken(),
      clientGone,
    })
  }
}

const stalled = (): Refusal => refuse('RELEASE_STREAM_STALLED', 'the agent sent nothing for too long')

const errorFrame = (refusal: Refusal, { binding, version, requestId }: Admitted): string =>
  frame(binding === 'JSONRPC' ? '' : 'error', renderRefusal(refusal, refusalFace({ binding, version }), requestId).body)

function frame(name: string, text: string): string {
  // JSON may be spread over lines; each needs its own data field
  const data = text.includes('\n') ? text.replaceAll('\r', '').replaceAll('\n', '\ndata: ') : text
  return name === '' ? `data: ${data}\n\n` : `event: ${name}\ndata: ${data}\n\n`
}
