// When each API key was last used and from where, and how often somebody was turned away who named it: kept in
// memory on the way of a call, written down later and in batches. Of an address only its surroundings are kept. What
// is lost by a crash is a minute of it; nothing is ever decided by it.

import type { Clock } from '../base/clock.ts'
import { surroundingNetwork } from '../base/networks.ts'

export interface KeyUse {
  /** undefined: never */
  readonly lastUsedMs: number | undefined
  /** /24 of IPv4, /48 of IPv6, 'unknown'; '' when it was never used */
  readonly network: string
  /** tries with this id and a secret that is not its own, and since when */
  readonly wrongSecrets: number
  readonly wrongSinceMs: number | undefined
  /** tries with its secret from a network that it is not for */
  readonly wrongNetworks: number
}

/** Why a key was turned away, for the metric. */
export type KeyFailure = 'malformed' | 'unknown' | 'wrong-secret' | 'environment' | 'revoked' | 'expired' | 'network'

export interface KeyUseStore {
  load(): ReadonlyMap<string, KeyUse>
  /** May be lost in a power cut, but never half of it. */
  save(uses: ReadonlyMap<string, KeyUse>): void
}

export interface KeyUseBook {
  /** A call was proven by this key. */
  used(id: string, source: string): void
  /** Somebody was turned away; `id` where a key with it exists. */
  failed(why: KeyFailure, id: string | undefined): void
  of(id: string): KeyUse
  readonly failures: ReadonlyMap<KeyFailure, number>
  /** Writes some of what has changed; true while more waits. Throws what the store throws. */
  flush(): boolean
}

type Entry = { -readonly [Member in keyof KeyUse]: KeyUse[Member] } & { source: string; writtenMs: number }

/** What a key's use is worth writing down for. */
const freshMs = 60_000 // bound: a use of a key is written down after at most
const batch = 500 // bound: uses of keys written down at once

const unused: KeyUse = Object.freeze({
  lastUsedMs: undefined,
  network: '',
  wrongSecrets: 0,
  wrongSinceMs: undefined,
  wrongNetworks: 0,
})

export function createKeyUseBook(options: { clock: Clock; store: KeyUseStore }): KeyUseBook {
  const { clock, store } = options
  const entries = new Map<string, Entry>()
  const changed = new Set<string>()
  for (const [id, use] of store.load()) entries.set(id, { ...use, source: '', writtenMs: use.lastUsedMs ?? -Infinity })
  const failures = new Map<KeyFailure, number>()

  /** Only ids that exist come here, so there are as many as there are keys. */
  const entryOf = (id: string): Entry => {
    const known = entries.get(id)
    if (known !== undefined) return known
    const made: Entry = { ...unused, source: '', writtenMs: -Infinity }
    entries.set(id, made)
    return made
  }

  return {
    used(id, source) {
      const nowMs = clock.nowMs()
      const entry = entryOf(id)
      entry.lastUsedMs = nowMs
      if (source !== entry.source) {
        entry.source = source
        const network = surroundingNetwork(source)
        if (network !== entry.network) {
          entry.network = network
          changed.add(id)
        }
      }
      if (nowMs - entry.writtenMs >= freshMs) changed.add(id)
    },
    failed(why, id) {
      failures.set(why, (failures.get(why) ?? 0) + 1)
      if (id === undefined || (why !== 'wrong-secret' && why !== 'network')) return
      const entry = entryOf(id)
      changed.add(id)
      if (why === 'network') entry.wrongNetworks += 1
      else {
        entry.wrongSecrets += 1
        entry.wrongSinceMs ??= clock.nowMs()
      }
    },
    of: (id) => entries.get(id) ?? unused,
    failures,
    flush() {
      if (changed.size === 0) return false
      const ids = [...changed].slice(0, batch)
      store.save(new Map(ids.map((id) => [id, entryOf(id)])))
      for (const id of ids) {
        const entry = entryOf(id)
        entry.writtenMs = entry.lastUsedMs ?? -Infinity
        changed.delete(id)
      }
      return changed.size > 0
    },
  }
}
