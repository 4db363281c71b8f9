// A dead agent must not cost every caller a timeout. After a number of failures in a row its circuit opens:
// calls are refused at once until the cooldown ends, then one trial call decides.

import type { Clock } from '../base/clock.ts'

export interface Breaker {
  /** false: refuse at once. True takes the trial place of a half-open circuit. */
  admit(): boolean
  succeeded(): void
  failed(): void
  readonly isOpen: boolean
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
      failuresInARow = 0
      trialUntilMs = 0
    },
    failed() {
      failuresInARow += 1
      trialUntilMs = 0
      if (isOpen()) openUntilMs = clock.monotonicMs() + bounds.cooldown
    },
    get isOpen() {
      return isOpen()
    },
    reconfigure(next) {
      bounds = next
    },
  }
}
