// Spans that wait to be sent: so many and no more, whatever a receiver does. One batch is under way at a time, and is
// tried again until its time is over; meanwhile further spans wait, and those beyond the bound are dropped and counted.
// Nobody who ends a span ever waits here.

import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Clock } from '../base/clock.ts'
import { sampledFlag } from '../base/trace-context.ts'
import type { SendSpans, Sent } from './send-spans.ts'

export interface SpanCounts {
  readonly sent: number
  /** the receiver had them and did not keep them, or was never reached */
  readonly failed: number
  /** there was no room to wait */
  readonly dropped: number
  readonly waiting: number
}

export interface SpanQueueOptions {
  readonly delayMs: number
  readonly exportTimeoutMs: number
  readonly maxSpans: number
  readonly maxBatch: number
  readonly clock: Clock
  readonly send: SendSpans
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

const firstPauseMs = 1_000
const maxPauseMs = 30_000 // bound: a pause between two attempts to send spans, in milliseconds
const stopMs = 3_000 // bound: sending the last spans at a stop, in milliseconds

export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions
  #waiting: ReadableSpan[] = []
  #underWay = 0
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isStopping = false
  #fails = false
  readonly #counts = { sent: 0, failed: 0, dropped: 0 }

  constructor(options: SpanQueueOptions) {
    this.#options = options
  }

  onStart(): void {
    // nothing is known of it yet
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & sampledFlag) === 0) return
    const { maxSpans, maxBatch, delayMs } = this.#options
    if (this.#isStopping || this.#waiting.length + this.#underWay >= maxSpans) {
      this.#counts.dropped += 1
      return
    }
    this.#waiting.push(span)
    if (this.#working !== undefined) return
    if (this.#waiting.length >= maxBatch) this.#work()
    else this.#timer ??= setTimeout(() => this.#work(), delayMs).unref()
  }

  report(): SpanCounts {
    return { ...this.#counts, waiting: this.#waiting.length + this.#underWay }
  }

  async forceFlush(): Promise<void> {
    if (this.#waiting.length > 0) this.#work()
    await this.#working
  }

  /** Sends what waits; what is left when the time is over is lost, and counted. */
  async shutdown(): Promise<void> {
    this.#isStopping = true
    this.#wake?.()
    if (this.#waiting.length > 0) this.#work()
    if (this.#working === undefined) return
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, stopMs)))
    await Promise.race([this.#working, over])
    clearTimeout(timer)
    this.#counts.dropped += this.#waiting.length
    this.#waiting = []
  }

  #work(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#working ??= this.#sendAll().finally(() => {
      this.#working = undefined
      if (this.#waiting.length > 0 && !this.#isStopping)
        this.#timer ??= setTimeout(() => this.#work(), this.#options.delayMs).unref()
    })
  }

  /** As long as whole batches wait, or everything when the process stops. */
  async #sendAll(): Promise<void> {
    do {
      const batch = this.#waiting.splice(0, this.#options.maxBatch)
      this.#underWay = batch.length
      const sent = await this.#sendBatch(batch)
      this.#underWay = 0
      const lost = sent.kind === 'sent' ? sent.rejected : batch.length
      this.#counts.failed += lost
      this.#counts.sent += batch.length - lost
      this.#tell(sent)
    } while (this.#waiting.length >= this.#options.maxBatch || (this.#isStopping && this.#waiting.length > 0))
  }

  async #sendBatch(batch: ReadableSpan[]): Promise<Sent> {
    const { clock, send, exportTimeoutMs } = this.#options
    const endMs = clock.monotonicMs() + exportTimeoutMs
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      const sent = await this.#attempt(send, batch)
      if (sent.kind !== 'later' || this.#isStopping) return sent
      this.#tell(sent)
      // with jitter: many gateways may have lost the same receiver
      const waitMs = Math.min(sent.afterMs ?? pauseMs * (0.5 + Math.random() / 2), maxPauseMs)
      if (clock.monotonicMs() + waitMs > endMs) return sent
      await this.#pause(waitMs)
    }
  }

  async #attempt(send: SendSpans, batch: ReadableSpan[]): Promise<Sent> {
    try {
      return await send(batch)
    } catch {
      // a bug of a serializer must not end the sending of all others
      return { kind: 'refused', why: 'they could not be sent' }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #tell(sent: Sent): void {
    const fails = sent.kind !== 'sent'
    if (fails === this.#fails) return
    this.#fails = fails
    if (fails)
      this.#options.log.warn({ why: sent.why }, 'spans do not arrive; calls go on, and what does not fit is lost')
    else this.#options.log.info({}, 'spans arrive again')
  }
}
