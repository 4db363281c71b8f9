// The one-time token that opens a first session when nobody can log in yet. It is made on request of whoever may use
// the control socket, shown once, and kept as a hash in memory: for a quarter of an hour, for one use, one at a time.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'

export interface Bootstrap {
  /** Replaces the one before. `announce` is waited for before the token holds. */
  make(
    announce: (expiresAtMs: number) => Promise<unknown>,
  ): Promise<{ readonly token: string; readonly expiresAtMs: number }>
  /** Uses the token up, before anything is waited for: of two that come at once one gets it. */
  take(token: string): 'taken' | 'wrong' | 'expired' | 'none'
  /** whether there is one to be used */
  readonly isOpen: boolean
}

const lifeMs = 900_000 // bound: life of a bootstrap token

/** A session that was opened by a token is for setting things up. */
export const bootstrapSessionMs = 3_600_000 // bound: life of a session that a bootstrap token opened

export function createBootstrap(clock: Clock): Bootstrap {
  let waiting: { readonly hash: Buffer; readonly endsAt: number } | undefined
  const isExpired = (endsAt: number): boolean => clock.monotonicMs() >= endsAt
  return {
    async make(announce) {
      const token = `spb_${randomBytes(32).toString('base64url')}`
      const expiresAtMs = clock.nowMs() + lifeMs
      await announce(expiresAtMs)
      waiting = { hash: hashOf(token), endsAt: clock.monotonicMs() + lifeMs }
      return { token, expiresAtMs }
    },
    take(token) {
      if (waiting === undefined) return 'none'
      const { hash, endsAt } = waiting
      if (isExpired(endsAt)) {
        waiting = undefined
        return 'expired'
      }
      if (!timingSafeEqual(hashOf(token), hash)) return 'wrong'
      waiting = undefined
      return 'taken'
    },
    get isOpen() {
      return waiting !== undefined && !isExpired(waiting.endsAt)
    },
  }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
