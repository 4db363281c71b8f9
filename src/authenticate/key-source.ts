// Keeps one issuer's key set: fresh for a while, refreshed ahead of its end, stale for a bounded time when the
// issuer cannot be reached, one fetch at a time. An unknown key id may cause a fetch, but a flood of them
// causes no more than one in half a minute.

import type { Clock } from '../base/clock.ts'
import { parseKeySet, type VerificationKey } from './key-set.ts'

export type KeySet = readonly VerificationKey[]

export interface KeySource {
  /** The keys, when they can be used without waiting. May begin a refresh. */
  current(): KeySet | undefined
  /** The keys, after a fetch where one is needed and allowed. */
  wait(): Promise<KeySet | undefined>
  /** Fetches in the background what is missing or will soon have aged; to be called from time to time. */
  refresh(): void
  /** For a key id that is not in the set: fetches anew unless that was done a short time ago. */
  refetch(): Promise<KeySet | undefined>
  /** Whether the set still has this key: one that was withdrawn signs nothing more. */
  holds(key: VerificationKey): boolean
  /** what went wrong at the last fetch */
  readonly problem: string | undefined
}

export interface KeySourceOptions {
  readonly load: () => Promise<Buffer>
  readonly clock: Clock
  /** how long a set is used without asking again */
  readonly freshMs: number
}

/** How long a set is used after it was loaded, when every attempt to load it again fails. */
const staleMs = 3_600_000 // bound: a key set that cannot be fetched again is used for
/** the part of its time after which a set is fetched again */
const aheadOfEnd = 0.8
const retryMs = 5000
const refetchMs = 30_000 // bound: between two fetches for an unknown kid

export function createKeySource(options: KeySourceOptions): KeySource {
  return new CachedKeySource(options)
}

class CachedKeySource implements KeySource {
  problem: string | undefined
  readonly #options: KeySourceOptions
  #keys: KeySet | undefined
  #identities: ReadonlySet<string> = new Set()
  #loadedAtMs = -Infinity
  #attemptedAtMs = -Infinity
  #refetchedAtMs = -Infinity
  #inFlight: Promise<void> | undefined

  constructor(options: KeySourceOptions) {
    this.#options = options
  }

  current(): KeySet | undefined {
    const { freshMs } = this.#options
    const ageMs = this.#now() - this.#loadedAtMs
    if (ageMs < freshMs * aheadOfEnd) return this.#keys
    if (ageMs >= staleMs) return undefined
    // Past its time a set is used only while the issuer fails to give a newer one; after mere silence we ask first.
    if (ageMs >= freshMs && this.problem === undefined) return undefined
    if (this.#mayAttempt(retryMs)) void this.#load()
    return this.#keys
  }

  refresh(): void {
    const ageMs = this.#now() - this.#loadedAtMs
    if (ageMs >= this.#options.freshMs * aheadOfEnd && this.#mayAttempt(retryMs)) void this.#load()
  }

  async wait(): Promise<KeySet | undefined> {
    const keys = this.current()
    if (keys !== undefined) return keys
    if (this.#inFlight !== undefined || this.#mayAttempt(retryMs)) await this.#load()
    return this.#usable()
  }

  async refetch(): Promise<KeySet | undefined> {
    // counted by itself: a key that the issuer added right after a regular fetch is found at its first token
    const nowMs = this.#now()
    if (this.#inFlight !== undefined) await this.#load()
    else if (nowMs - this.#refetchedAtMs >= refetchMs) {
      this.#refetchedAtMs = nowMs
      await this.#load()
    }
    return this.#usable()
  }

  holds(key: VerificationKey): boolean {
    return this.#identities.has(key.identity)
  }

  #usable(): KeySet | undefined {
    return this.#now() - this.#loadedAtMs < staleMs ? this.#keys : undefined
  }

  #mayAttempt(sinceLastMs: number): boolean {
    return this.#inFlight === undefined && this.#now() - this.#attemptedAtMs >= sinceLastMs
  }

  #load(): Promise<void> {
    this.#inFlight ??= this.#fetch().finally(() => {
      this.#inFlight = undefined
    })
    return this.#inFlight
  }

  /** Never rejects: what goes wrong is kept as the problem, and the set before it goes on within its bounds. */
  async #fetch(): Promise<void> {
    this.#attemptedAtMs = this.#now()
    try {
      const keys = parseKeySet(await this.#options.load())
      if (typeof keys === 'string') {
        this.problem = keys
        return
      }
      this.#keys = keys
      this.#identities = new Set(keys.map((key) => key.identity))
      this.#loadedAtMs = this.#now()
      this.problem = undefined
    } catch (error) {
      this.problem = error instanceof Error ? error.message : 'the fetch failed'
    }
  }

  #now(): number {
    return this.#options.clock.monotonicMs()
  }
}
