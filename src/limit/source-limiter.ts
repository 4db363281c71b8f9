// How often one source address may fail to say who it is. IPv6 counts by /64, as one host has that many
// addresses. Bounded: when every bucket is in use, a new source is treated as one that has used its own up.

import type { Clock } from '../base/clock.ts'
import { sourceNetwork } from '../base/source-network.ts'
import { createBucketTable } from './bucket-table.ts'
import { nextEmptyMs, type Rate, waitMs } from './gcra.ts'

export interface SourceLimiter {
  /** Counts one refusal of this source; false when it has had too many. */
  take(source: string): boolean
  /** Whether `take` would say false, without counting: asked before any work is done for a source. */
  isExhausted(source: string): boolean
  /** Whole seconds until this source may try again, at least 1. */
  retryAfterSeconds(source: string): number
  /** Takes up another rate; what sources have used of the old one stays used. */
  reconfigure(rate: SourceRate): void
}

export interface SourceRate {
  readonly count: number
  readonly periodMs: number
}

const defaultMaxSources = 100_000 // bound: source addresses counted

export function createSourceLimiter(options: { clock: Clock; rate: SourceRate; maxSources?: number }): SourceLimiter {
  const { clock } = options
  let rate: Rate = { ...options.rate, burst: options.rate.count }
  const table = createBucketTable(options.maxSources ?? defaultMaxSources)

  return {
    take(source) {
      const nowMs = clock.monotonicMs()
      const bucket = table.get(sourceNetwork(source), nowMs)
      const nextMs = bucket === undefined ? undefined : nextEmptyMs(rate, bucket.emptyMs, nowMs)
      if (bucket === undefined || nextMs === undefined) return false
      bucket.emptyMs = nextMs
      return true
    },
    isExhausted(source) {
      const nowMs = clock.monotonicMs()
      const bucket = table.peek(sourceNetwork(source))
      return bucket !== undefined && nextEmptyMs(rate, bucket.emptyMs, nowMs) === undefined
    },
    retryAfterSeconds(source) {
      const nowMs = clock.monotonicMs()
      const bucket = table.peek(sourceNetwork(source))
      return Math.max(1, Math.ceil(waitMs(rate, bucket?.emptyMs ?? nowMs, nowMs) / 1000))
    },
    reconfigure(next) {
      rate = { ...next, burst: next.count }
    },
  }
}
