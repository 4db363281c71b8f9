// The only place that reads a clock. Everything else is given a Clock, so tests move time by hand.

/** Wall and monotonic time. `nowMs` is milliseconds since the epoch; `monotonicMs` never goes back. */
export interface Clock {
  nowMs(): number
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** A clock for tests: stands still until `advance` moves both times on. */
export interface ManualClock extends Clock {
  advance(ms: number): void
}

export function createManualClock(startMs = 1_800_000_000_000): ManualClock {
  let elapsedMs = 0
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    advance: (ms) => {
      elapsedMs += ms
    },
  }
}
