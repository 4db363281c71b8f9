// Tokens of issuers whose tokens are good for one request: each is taken once, also over a restart. An id is on disk
// before its request goes on; those that come together share one write.

import { hash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'

/** Keeps ids over restarts. */
export interface SpentStore {
  /** id → until when it must be kept, of those that must */
  load(nowMs: number): ReadonlyMap<string, number>
  /** Writes all of them, and forgets those that ended. They are on disk before this returns. */
  save(spent: ReadonlyMap<string, number>, nowMs: number): void
}

export interface SpentTokens {
  /** 'fresh' once for each token of an issuer; rejects where it cannot be written down */
  spend(issuer: string, tokenId: string, untilMs: number): Promise<'fresh' | 'spent' | 'full'>
}

const maxSpent = 100_000 // bound: one-time tokens that were taken and have not expired

export function createSpentTokens(options: {
  readonly clock: Clock
  readonly store: SpentStore
  readonly max?: number
}): SpentTokens {
  const { clock, store, max = maxSpent } = options
  const spent = new Map(store.load(clock.nowMs()))
  let waiting: Batch | undefined

  const forgetEnded = (): void => {
    const nowMs = clock.nowMs()
    for (const [id, untilMs] of spent) if (untilMs <= nowMs) spent.delete(id)
  }

  const write = (batch: Batch): void => {
    waiting = undefined
    try {
      store.save(batch.ids, clock.nowMs())
      batch.settled.resolve()
    } catch (error) {
      batch.settled.reject(error)
    }
  }

  return {
    async spend(issuer, tokenId, untilMs) {
      const id = hash('sha256', JSON.stringify([issuer, tokenId]), 'base64url')
      // taken from here on, whether or not the disk takes it too: in doubt it was shown
      if (spent.has(id)) return 'spent'
      if (spent.size >= max) forgetEnded()
      if (spent.size >= max) return 'full'
      spent.set(id, untilMs)
      if (waiting === undefined) {
        const batch: Batch = { ids: new Map(), settled: Promise.withResolvers<void>() }
        waiting = batch
        setImmediate(() => write(batch))
      }
      waiting.ids.set(id, untilMs)
      await waiting.settled.promise
      return 'fresh'
    },
  }
}

interface Batch {
  readonly ids: Map<string, number>
  readonly settled: PromiseWithResolvers<void>
}
