// How long to wait before the next attempt: full jitter, so that a thousand gateways which lost one API server do
// not come back to it in step.

export interface Backoff {
  /** milliseconds to wait now; grows with every call */
  next(): number
  reset(): void
}

const firstMs = 500
const longestMs = 30_000 // bound: between two attempts to list or watch

export function createBackoff(random: () => number): Backoff {
  let failures = 0
  return {
    next() {
      const ceiling = Math.min(longestMs, firstMs * 2 ** failures)
      failures = Math.min(failures + 1, 16)
      return Math.floor(random() * ceiling)
    },
    reset() {
      failures = 0
    },
  }
}
