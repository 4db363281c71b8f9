// How long those must wait who try credentials in vain: nothing for the first tries, then twice as long each time. It
// only ever changes the answer to a wrong credential; a good one is not asked about here, so nobody can lock anybody
// out. A fixed number of counters, chosen by a keyed hash: a flood of invented names costs no memory and drives out no
// count, and two that share a counter share their waits, which costs the one a later answer to its wrong credential.

import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'

export interface Backoff {
  /** Counts a vain try; milliseconds to wait until the next one is answered as itself, 0 when this one is. */
  fail(name: string): number
}

export interface BackoffOptions {
  readonly clock: Clock
  /** tries without a wait */
  readonly free: number
  readonly counters?: number
}

const firstMs = 1_000
const longestMs = 300_000 // bound: wait after a wrong credential
const forgottenMs = 900_000 // bound: wrong credentials are forgotten after
const defaultCounters = 65_536 // bound: counters of wrong credentials, for keys and for sources each
/** beyond this many doublings the wait is the longest */
const maxLevel = 20

export function createBackoff(options: BackoffOptions): Backoff {
  const { clock, free } = options
  const counters = options.counters ?? defaultCounters
  const salt = randomBytes(16).toString('latin1')
  const failures = new Uint16Array(counters)
  const lastMs = new Float64Array(counters).fill(-Infinity)
  const untilMs = new Float64Array(counters).fill(-Infinity)

  return {
    fail(name) {
      const nowMs = clock.monotonicMs()
      const at = hash('sha256', salt + name, 'buffer').readUInt32BE() % counters
      const waitMs = (untilMs[at] ?? 0) - nowMs
      // tries within the wait do not lengthen it: what was said of it holds
      if (waitMs > 0) return waitMs
      const isForgotten = nowMs - (lastMs[at] ?? 0) >= forgottenMs
      const count = isForgotten ? 1 : Math.min((failures[at] ?? 0) + 1, free + maxLevel)
      failures[at] = count
      lastMs[at] = nowMs
      if (count > free) untilMs[at] = nowMs + Math.min(longestMs, firstMs * 2 ** (count - free - 1))
      return 0
    },
  }
}
