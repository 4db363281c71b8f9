// A dead agent must not cost every caller a timeout. After a number of failures in a row its circuit opens:
// calls are refused at once until the cooldown ends, then one trial call decides. Health checks tell whether the agent
// is there, as calls do, but neither open nor close a circuit.

import type { Clock } from '../base/clock.ts'

export interface Breaker {
  /** false: refuse at once. True takes the trial place of a half-open circuit. */
  admit(): boolean
  succeeded(): void
  failed(): void
  /** what a health check found */
  checked(isUp: boolean): void
  readonly isOpen: boolean
  /** whether the agent was there when a call or a check last asked; true before the first */
  readonly isUp: boolean
  /** takes up other bounds; what it has seen of the agent stays */
  reconfigure(bounds: BreakerBounds): void
}

export interface BreakerBounds {
  readonly failures: number
  /** milliseconds */
  readonly cooldown: number
}

export function createBreaker(clock: Clock, initial: BreakerBounds): Breaker {
  let bounds = initial
  let failuresInARow = 0
  let openUntilMs = 0
  let trialUntilMs = 0
  let isUp = true
  const isOpen = (): boolean => failuresInARow >= bounds.failures
  return {
    admit() {
      if (!isOpen()) return true
      const nowMs = clock.monotonicMs()
      if (nowMs < openUntilMs || nowMs < trialUntilMs) return false
      // a trial that never reports back must not close the door for ever
      trialUntilMs = nowMs + bounds.cooldown
      return true
    },
    succeeded() {
      isUp = true
      failuresInARow = 0
      trialUntilMs = 0
    },
    failed() {
      isUp = false
      failuresInARow += 1
      trialUntilMs = 0
      if (isOpen()) openUntilMs = clock.monotonicMs() + bounds.cooldown
    },
    checked(found) {
      isUp = found
    },
    get isOpen() {
      return isOpen()
    },
    get isUp() {
      return isUp
    },
    reconfigure(next) {
      bounds = next
    },
  }
}
