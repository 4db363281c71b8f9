// How much one administrator may ask of the admin API: enough for every page and every script, and never so much that
// a loop fills the ledger. A window of a minute for each; whoever has no window yet gets one while there is room.

import type { Clock } from '../base/clock.ts'

const perMinute = 600 // bound: calls of one administrator in a minute
const maxCounted = 10_000 // bound: administrators counted
const windowMs = 60_000

/** Counts one call; otherwise whole seconds until there is room. */
export type TakeCall = (principal: string) => 'taken' | number

export function createAllowance(clock: Clock): TakeCall {
  const windows = new Map<string, { since: number; count: number }>()
  return (principal) => {
    const now = clock.monotonicMs()
    let window = windows.get(principal)
    if (window === undefined || now - window.since >= windowMs) {
      if (windows.size >= maxCounted) windows.clear()
      window = { since: now, count: 0 }
      windows.set(principal, window)
    }
    if (window.count >= perMinute) return Math.max(1, Math.ceil((windowMs - (now - window.since)) / 1_000))
    window.count += 1
    return 'taken'
  }
}
