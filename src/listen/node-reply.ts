// A Reply over node:http's ServerResponse. Writes after the client left are ignored; an answer that was given
// before the request body was read does not make us read the rest of that body. Trailers are left out: HTTP/1 clients
// rarely ask for them, and nothing that is sent here depends on them.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HeaderRecord, Reply } from '../exchange/exchange.ts'
import type { ReplyOptions, Unsent } from './receive.ts'

/** A refused body is drained for so long, so that the client can still read why; then the socket goes. */
const lingerMs = 1_000
const smallRest = 65_536

/** Answers up to this size fit into a socket's own buffers and are not counted. */
const smallAnswer = 16_384

export class NodeReply implements Reply {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #always: HeaderRecord
  readonly #isLast: () => boolean
  readonly #unsent: Unsent
  readonly #answerMs: number
  #goneCallbacks: (() => void)[] | undefined
  #drainCallbacks: (() => void)[] = []
  #ended = false
  gone = false
  begun = false
  bytesSent = 0

  constructor(request: IncomingMessage, response: ServerResponse, options: ReplyOptions) {
    this.#request = request
    this.#response = response
    this.#always = options.always
    this.#isLast = options.isLast
    this.#unsent = options.unsent
    this.#answerMs = options.answerMs
    response.on('close', () => {
      if (this.#ended && response.writableFinished) return
      this.gone = true
      this.#tellDrained()
      const callbacks = this.#goneCallbacks
      this.#goneCallbacks = undefined
      for (const callback of callbacks ?? []) callback()
    })
    // an error on the socket is followed by `close`
    response.on('error', () => undefined)
  }

  onGone(callback: () => void): void {
    if (this.gone) callback()
    else (this.#goneCallbacks ??= []).push(callback)
  }

  send(status: number, headers: HeaderRecord, body: string | Buffer): void {
    if (this.gone || this.begun) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const hasBody = status !== 204 && status !== 304
    this.#writeHead(status, hasBody ? { ...headers, 'content-length': String(length) } : headers)
    this.bytesSent = hasBody ? length : 0
    this.#ended = true
    const sent = hasBody && this.#request.method !== 'HEAD' ? body : ''
    if (this.#hasLargeRest()) this.#endAfterUnreadBody(sent)
    else this.#response.end(sent)
    if (length > smallAnswer && !this.#response.writableFinished) this.#watchSlowReader(length)
  }

  begin(status: number, headers: HeaderRecord): void {
    if (this.gone || this.begun) return
    this.#writeHead(status, headers)
    this.#response.flushHeaders()
    this.#response.socket?.setNoDelay(true)
  }

  write(chunk: string | Buffer): boolean {
    if (this.gone || this.#ended) return true
    this.bytesSent += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length
    return this.#response.write(chunk)
  }

  drained(): Promise<void> {
    if (this.gone || !this.#response.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      // one listener however often a slow client makes us wait
      if (this.#drainCallbacks.push(resolve) === 1) this.#response.once('drain', () => this.#tellDrained())
    })
  }

  end(): void {
    if (this.gone || this.#ended) return
    this.#ended = true
    this.#response.end()
  }

  destroy(): void {
    this.#response.destroy()
  }

  hasRoomFor(bytes: number): boolean {
    return bytes <= smallAnswer || this.#unsent.bytes + bytes <= this.#unsent.maxBytes
  }

  /** Counts a large answer until it is taken, and ends the connection of a caller that does not take it. */
  #watchSlowReader(bytes: number): void {
    this.#unsent.bytes += bytes
    const timer = setTimeout(() => this.#response.destroy(), this.#answerMs)
    timer.unref()
    this.#response.once('close', () => {
      clearTimeout(timer)
      this.#unsent.bytes -= bytes
    })
  }

  #tellDrained(): void {
    for (const callback of this.#drainCallbacks.splice(0)) callback()
  }

  #writeHead(status: number, headers: HeaderRecord): void {
    this.begun = true
    const all: HeaderRecord = { ...this.#always, ...headers }
    if (this.#isLast() || this.#hasLargeRest()) all['connection'] = 'close'
    this.#response.writeHead(status, all)
  }

  /** A large body that nobody read: keeping the connection would mean reading it. */
  #hasLargeRest(): boolean {
    if (this.#request.complete) return false
    const { 'content-length': declared, 'transfer-encoding': coding } = this.#request.headers
    return coding !== undefined || Number(declared ?? 0) > smallRest
  }

  /**
   * The answer goes out at once, its end waits until the rest of the request has been thrown away or a moment has
   * passed: closing over unread bytes would reset the connection, and the client would never learn why.
   */
  #endAfterUnreadBody(body: string | Buffer): void {
    this.#response.write(body)
    const end = (): void => {
      clearTimeout(timer)
      this.#response.end()
    }
    const timer = setTimeout(end, lingerMs)
    timer.unref()
    this.#request.once('end', end).once('close', end).resume()
  }
}
