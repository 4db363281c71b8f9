// The generic cell rate algorithm: one number per key says when its bucket will be empty again. Pure arithmetic
// on milliseconds that are given to it; it keeps nothing.

export interface Rate {
  readonly count: number
  readonly periodMs: number
  /** calls at once, from an unused bucket */
  readonly burst: number
}

/** When the bucket would be empty after one more call, or undefined when that call is too early. */
export function nextEmptyMs(rate: Rate, emptyMs: number, nowMs: number): number | undefined {
  const next = Math.max(emptyMs, nowMs) + rate.periodMs / rate.count
  return next - nowMs <= capacityMs(rate) ? next : undefined
}

/** How long until one more call is taken; 0 when it would be now. */
export function waitMs(rate: Rate, emptyMs: number, nowMs: number): number {
  const next = Math.max(emptyMs, nowMs) + rate.periodMs / rate.count
  return Math.max(0, next - nowMs - capacityMs(rate))
}

/** How many calls would be taken now. */
export function remaining(rate: Rate, emptyMs: number, nowMs: number): number {
  const usedMs = Math.max(0, emptyMs - nowMs)
  return Math.max(0, Math.floor((capacityMs(rate) - usedMs) / (rate.periodMs / rate.count)))
}

/** A ten-thousandth of a call more than the bucket, so that rounding never takes the last call away. */
function capacityMs(rate: Rate): number {
  return ((rate.burst + 0.0001) * rate.periodMs) / rate.count
}
