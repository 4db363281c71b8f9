// Remembers what was shown, so that it is taken once. Bounded per caller and in all; at a bound it closes for the
// caller concerned, never for the others, and forgets nothing early: a caller whose memory had to be given up is
// refused until everything that it could have shown before is too old.

import type { Clock } from '../base/clock.ts'

export interface ReplayGuard {
  /** 'fresh' once for each id of an owner; 'full' when it cannot be remembered for this owner */
  take(owner: string, id: string): 'fresh' | 'seen' | 'full'
  readonly size: number
}

export interface ReplayGuardOptions {
  readonly clock: Clock
  /** after that nobody accepts what was shown, whether seen or not */
  readonly keepMs: number
  readonly maxPerOwner?: number
  readonly maxInAll?: number
}

interface Owner {
  /** id → until when it is kept, oldest first */
  readonly seen: Map<string, number>
  /** everything is refused until then */
  closedUntilMs: number
}

const defaultPerOwner = 65_536 // bound: DPoP proofs of one caller in memory
const defaultInAll = 262_144 // bound: DPoP proofs of one issuer's callers in memory

export function createReplayGuard(options: ReplayGuardOptions): ReplayGuard {
  const { clock, keepMs, maxPerOwner = defaultPerOwner, maxInAll = defaultInAll } = options
  const owners = new Map<string, Owner>()
  let size = 0
  let sweepAtMs = -Infinity

  const dropOld = (owner: Owner, nowMs: number): void => {
    for (const [id, untilMs] of owner.seen) {
      if (untilMs > nowMs) break
      owner.seen.delete(id)
      size--
    }
  }

  const sweep = (nowMs: number): void => {
    for (const [name, owner] of owners) {
      dropOld(owner, nowMs)
      if (owner.seen.size === 0 && owner.closedUntilMs <= nowMs) owners.delete(name)
    }
    sweepAtMs = nowMs + keepMs
  }

  /** Gives up the memory of whoever has most of it, and closes for that one. */
  const closeHeaviest = (nowMs: number): void => {
    let heaviest: Owner | undefined
    for (const owner of owners.values()) if (owner.seen.size > (heaviest?.seen.size ?? 0)) heaviest = owner
    if (heaviest === undefined) return
    size -= heaviest.seen.size
    heaviest.seen.clear()
    heaviest.closedUntilMs = nowMs + keepMs
  }

  return {
    get size() {
      return size
    },
    take(name, id) {
      const nowMs = clock.monotonicMs()
      if (nowMs >= sweepAtMs) sweep(nowMs)
      const owner = owners.get(name) ?? { seen: new Map<string, number>(), closedUntilMs: -Infinity }
      if (owner.closedUntilMs > nowMs) return 'full'
      dropOld(owner, nowMs)
      if (owner.seen.has(id)) return 'seen'
      if (owner.seen.size >= maxPerOwner) return 'full'
      owners.set(name, owner)
      if (size >= maxInAll) closeHeaviest(nowMs)
      if (owner.closedUntilMs > nowMs) return 'full'
      owner.seen.set(id, nowMs + keepMs)
      size++
      return 'fresh'
    },
  }
}
