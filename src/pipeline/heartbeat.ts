// One timer for all open streams: pings into silence, and asks again whether the caller may still listen. Also knows
// the unary calls that wait for an agent: it asks the same of them, and all of them can be ended in good form before
// the process stops.

import type { Clock } from '../base/clock.ts'

export interface Beating {
  beat(nowMs: number): void
  /** ends it in good form: the process is about to stop */
  cut(): void
}

export interface Heartbeat {
  readonly size: number
  add(stream: Beating): void
  remove(stream: Beating): void
  /** one round over all streams, at monotonic `nowMs`; the timer calls it, tests may too */
  beat(): void
  /** a call that waits for its agent, no stream; what is returned ends that */
  watch(waiting: Pick<Beating, 'cut'> & { beat(): void }): () => void
  cutAll(): void
  stop(): void
}

export function createHeartbeat(clock: Clock, intervalMs = 1_000): Heartbeat {
  const streams = new Set<Beating>()
  const waiting = new Set<Pick<Beating, 'cut'> & { beat(): void }>()
  const beat = (): void => {
    const nowMs = clock.monotonicMs()
    for (const stream of streams) stream.beat(nowMs)
    for (const call of waiting) call.beat()
  }
  const timer = setInterval(beat, intervalMs)
  timer.unref()
  return {
    get size() {
      return streams.size
    },
    add: (stream) => void streams.add(stream),
    remove: (stream) => void streams.delete(stream),
    beat,
    watch(call) {
      waiting.add(call)
      return () => void waiting.delete(call)
    },
    cutAll() {
      for (const stream of streams) stream.cut()
      for (const call of waiting) call.cut()
    },
    stop: () => clearInterval(timer),
  }
}
