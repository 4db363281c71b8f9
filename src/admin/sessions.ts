// Sessions of administrators who logged in. In memory alone: a restart ends them all, and nothing on disk opens one.
// The secret is 256 random bits and lives in a cookie; here only its hash is kept. Every login makes a new one, so
// that nobody can log another in under a session that he knows.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'

export interface Session {
  /** names the session, opens nothing */
  readonly id: string
  readonly principal: string
  /** as the provider calls the person, for people's eyes only */
  readonly display: string
  readonly groups: readonly string[]
  readonly via: 'login' | 'bootstrap'
  readonly createdAtMs: number
  readonly endsAtMs: number
  /** for pages of this session: what an unsafe request must show */
  readonly csrfToken: string
}

export interface NewSession extends Pick<Session, 'principal' | 'display' | 'groups' | 'via'> {
  readonly lifeMs: number
}

export interface Sessions {
  /** Undefined when there are too many. The oldest of the same person gives way to a new one. */
  open(request: NewSession): { readonly session: Session; readonly secret: string } | undefined
  /** The session of this secret, which counts as used; undefined when it has ended or never was. */
  use(secret: string): Session | undefined
  end(id: string): Session | undefined
  list(): readonly (Session & { readonly usedAtMs: number })[]
}

interface Entry {
  readonly session: Session
  readonly key: string
  /** by the clock that cannot be set back */
  readonly openedAt: number
  readonly lifeMs: number
  usedAt: number
  usedAtMs: number
}

const maxSessions = 500 // bound: sessions of administrators
const maxPerPrincipal = 10 // bound: sessions of one administrator

export function createSessions(options: { readonly clock: Clock; readonly idleMs: number }): Sessions {
  const { clock, idleMs } = options
  /** by the hash of the secret, oldest first */
  const entries = new Map<string, Entry>()

  const isOver = (entry: Entry): boolean => {
    const now = clock.monotonicMs()
    return now - entry.usedAt >= idleMs || now - entry.openedAt >= entry.lifeMs
  }
  const sweep = (): void => {
    for (const [key, entry] of entries) if (isOver(entry)) entries.delete(key)
  }

  return {
    open({ lifeMs, ...who }) {
      sweep()
      const own = [...entries.values()].filter(({ session }) => session.principal === who.principal)
      const [oldest] = own
      if (own.length >= maxPerPrincipal && oldest !== undefined) entries.delete(oldest.key)
      if (entries.size >= maxSessions) return undefined
      const secret = randomBytes(32).toString('base64url')
      const createdAtMs = clock.nowMs()
      const session: Session = {
        ...who,
        id: randomBytes(9).toString('hex'),
        createdAtMs,
        endsAtMs: createdAtMs + lifeMs,
        csrfToken: randomBytes(32).toString('base64url'),
      }
      const key = keyOf(secret)
      const openedAt = clock.monotonicMs()
      entries.set(key, { session, key, openedAt, lifeMs, usedAt: openedAt, usedAtMs: createdAtMs })
      return { session, secret }
    },
    use(secret) {
      const entry = entries.get(keyOf(secret))
      if (entry === undefined) return undefined
      if (isOver(entry)) {
        entries.delete(entry.key)
        return undefined
      }
      entry.usedAt = clock.monotonicMs()
      entry.usedAtMs = clock.nowMs()
      return entry.session
    },
    end(id) {
      const entry = [...entries.values()].find(({ session }) => session.id === id)
      if (entry === undefined || !entries.delete(entry.key) || isOver(entry)) return undefined
      return entry.session
    },
    list() {
      sweep()
      return [...entries.values()].map(({ session, usedAtMs }) => ({ ...session, usedAtMs }))
    },
  }
}

const keyOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** In a time that says nothing of where they differ. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
