// A Reply over one stream of HTTP/2. Trailers are real ones; what is broken off ends this stream and never its
// connection; back-pressure is that of the stream's own flow control. Every answer that has been said whole has to be
// taken in time: a caller that leaves its window shut would keep it here for as long as it likes.

import { constants, type ServerHttp2Stream } from 'node:http2'
import type { HeaderRecord, Reply } from '../exchange/exchange.ts'
import type { ReplyOptions, Unsent } from './receive.ts'

/** Answers up to this size are never refused for want of memory: the refusal would not be smaller. */
const smallAnswer = 16_384
/** A body that nobody wants is thrown away for so long; most end within it, and then no reset is needed. */
const lingerMs = 1_000

export class Http2Reply implements Reply {
  readonly #stream: ServerHttp2Stream
  readonly #isHead: boolean
  readonly #always: HeaderRecord
  readonly #isLast: () => boolean
  readonly #unsent: Unsent
  readonly #answerMs: number
  #goneCallbacks: (() => void)[] | undefined
  #drainCallbacks: (() => void)[] = []
  #trailers: HeaderRecord | undefined
  #ended = false
  gone = false
  begun = false
  bytesSent = 0

  constructor(stream: ServerHttp2Stream, isHead: boolean, options: ReplyOptions) {
    this.#stream = stream
    this.#isHead = isHead
    this.#always = options.always
    this.#isLast = options.isLast
    this.#unsent = options.unsent
    this.#answerMs = options.answerMs
    // a client's reset: `close` may wait for what was read of the body
    stream.once('aborted', () => this.#leave())
    stream.once('close', () => {
      if (this.#ended && stream.writableFinished && stream.rstCode === constants.NGHTTP2_NO_ERROR) this.#tellDrained()
      else this.#leave()
    })
    stream.on('wantTrailers', () => this.#sendTrailers())
  }

  onGone(callback: () => void): void {
    if (this.gone) callback()
    else (this.#goneCallbacks ??= []).push(callback)
  }

  send(status: number, headers: HeaderRecord, body: string | Buffer, trailers?: HeaderRecord): void {
    if (this.begun || this.#isOver()) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const hasBody = status !== 204 && status !== 304
    const sent = hasBody && !this.#isHead ? body : ''
    const all = hasBody && length > 0 ? { ...headers, 'content-length': String(length) } : headers
    this.#trailers = trailers
    this.#ended = true
    this.bytesSent = hasBody ? length : 0
    const endStream = sent.length === 0 && trailers === undefined
    this.#respond(status, all, { endStream, waitForTrailers: trailers !== undefined })
    if (!endStream) this.#stream.end(sent)
    this.#watchEnd(sent.length === 0 ? 0 : length)
  }

  begin(status: number, headers: HeaderRecord): void {
    if (this.begun || this.#isOver()) return
    // whether there will be trailers is known at the end alone
    this.#respond(status, headers, { waitForTrailers: true })
  }

  write(chunk: string | Buffer): boolean {
    if (this.#ended || this.#isOver()) return true
    this.bytesSent += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length
    return this.#stream.write(chunk)
  }

  drained(): Promise<void> {
    if (this.#isOver() || !this.#stream.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      // one listener however often a slow client makes us wait
      if (this.#drainCallbacks.push(resolve) === 1) this.#stream.once('drain', () => this.#tellDrained())
    })
  }

  end(trailers?: HeaderRecord): void {
    if (this.#ended || this.#isOver()) return
    this.#ended = true
    this.#trailers = trailers
    this.#stream.end()
    this.#watchEnd(this.#stream.writableLength)
  }

  destroy(): void {
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  hasRoomFor(bytes: number): boolean {
    return bytes <= smallAnswer || this.#unsent.bytes + bytes <= this.#unsent.maxBytes
  }

  #isOver(): boolean {
    return this.gone || this.#stream.destroyed || this.#stream.closed
  }

  #respond(status: number, headers: HeaderRecord, options: { endStream?: boolean; waitForTrailers?: boolean }): void {
    this.begun = true
    this.#stream.respond({ ':status': status, ...this.#always, ...headers }, options)
    // no new streams; those that are open end as they would
    if (this.#isLast()) this.#stream.session?.close()
  }

  /** The body is out. Without trailers the stream ends all the same, by an empty frame. */
  #sendTrailers(): void {
    if (this.#isOver()) return
    this.#stream.sendTrailers(this.#trailers ?? {})
  }

  /**
   * Counts an answer until it is taken, and resets the stream of a caller that does not take it. What is left of the
   * request is thrown away for a moment, then its client is told to keep it.
   */
  #watchEnd(bytes: number): void {
    const stream = this.#stream
    this.#unsent.bytes += bytes
    let linger: NodeJS.Timeout | undefined
    const untaken = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), this.#answerMs).unref()
    const onLinger = (): void => {
      // a reset overtakes frames that still wait, be it the head of this answer
      if ((stream.session?.state.outboundQueueSize ?? 0) > 0) linger = setTimeout(onLinger, lingerMs).unref()
      else stream.close(constants.NGHTTP2_NO_ERROR)
    }
    stream.once('finish', () => {
      if (!stream.readableEnded) linger = setTimeout(onLinger, lingerMs).unref()
    })
    stream.once('close', () => {
      clearTimeout(untaken)
      clearTimeout(linger)
      this.#unsent.bytes -= bytes
    })
    // also keeps node:http2 from resetting a stream that nobody read, which it does before the answer is out
    stream.resume()
  }

  #leave(): void {
    if (this.gone) return
    this.gone = true
    this.#tellDrained()
    const callbacks = this.#goneCallbacks
    this.#goneCallbacks = undefined
    for (const callback of callbacks ?? []) callback()
  }

  #tellDrained(): void {
    for (const callback of this.#drainCallbacks.splice(0)) callback()
  }
}
