// Tokens that count no more although they have not expired: one by its id, or all that a subject was given before a
// time. Looked up at every call and at every beat of an open stream, so in memory; an entry is on disk before it is
// in force here, and ends when every token that it speaks of must have expired.

import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'

export interface Revocation {
  readonly kind: 'token' | 'subject'
  /** the issuer's short name, for a token; '' for a subject, whose id holds it */
  readonly issuer: string
  /** the token's `jti`, or the subject's principal id */
  readonly id: string
  /** of a subject: tokens issued before this are revoked; of a token: when it was revoked */
  readonly beforeMs: number
  readonly revokedAtMs: number
  /** when the entry may be forgotten */
  readonly untilMs: number
}

/** Keeps entries over restarts. */
export interface RevocationStore {
  list(): readonly Revocation[]
  /** Writes a new or changed entry. It is on disk before this returns. */
  save(revocation: Revocation): void
  /** Forgets entries that ended. */
  drop(endedBeforeMs: number): void
}

export interface RevocationReader {
  isTokenRevoked(issuer: string, tokenId: string): boolean
  /** Whether what this subject was given at this time is revoked. */
  isSubjectRevoked(subject: string, issuedAtMs: number): boolean
  /**
   * Whether an agent may not act for this origin any more by what it was given at this time. By which token the origin
   * called is not known here, so everything counts that was given before the revocation.
   */
  isOriginRevoked(origin: string, givenAtMs: number): boolean
}

export interface Revocations extends RevocationReader {
  /** In force when it returns. An entry that is there already is never made weaker. */
  revoke(revocation: Revocation): Revocation
  /** Those in force, oldest first. */
  list(): readonly Revocation[]
}

const maxEntries = 100_000 // bound: revoked tokens and subjects

export function createRevocations(options: { readonly clock: Clock; readonly store: RevocationStore }): Revocations {
  const { clock, store } = options
  const entries = new Map<string, Revocation>()
  for (const entry of store.list()) entries.set(keyOf(entry.kind, entry.issuer, entry.id), entry)

  const find = (key: string): Revocation | undefined => {
    const entry = entries.get(key)
    return entry !== undefined && clock.nowMs() < entry.untilMs ? entry : undefined
  }

  const forgetEnded = (): void => {
    const nowMs = clock.nowMs()
    let isAny = false
    for (const [key, { untilMs }] of entries) {
      if (untilMs > nowMs) continue
      entries.delete(key)
      isAny = true
    }
    if (isAny) store.drop(nowMs)
  }

  const isSubject = (subject: string, isHit: (entry: Revocation) => boolean): boolean => {
    if (entries.size === 0) return false
    const entry = find(keyOf('subject', '', subject))
    return entry !== undefined && isHit(entry)
  }

  return {
    isTokenRevoked: (issuer, tokenId) => entries.size > 0 && find(keyOf('token', issuer, tokenId)) !== undefined,
    isSubjectRevoked: (subject, issuedAtMs) => isSubject(subject, ({ beforeMs }) => issuedAtMs < beforeMs),
    isOriginRevoked: (origin, givenAtMs) => isSubject(origin, ({ revokedAtMs }) => givenAtMs < revokedAtMs),
    revoke(revocation) {
      forgetEnded()
      const key = keyOf(revocation.kind, revocation.issuer, revocation.id)
      const known = entries.get(key)
      if (known === undefined && entries.size >= maxEntries) {
        const hint = 'revoke whole subjects rather than single tokens, or take the issuer out of the configuration'
        throw new Fault('CONTROL_FAILED', `${maxEntries} revocations are in force`, { hint })
      }
      const entry = {
        ...revocation,
        beforeMs: Math.max(revocation.beforeMs, known?.beforeMs ?? -Infinity),
        revokedAtMs: Math.max(revocation.revokedAtMs, known?.revokedAtMs ?? -Infinity),
        untilMs: Math.max(revocation.untilMs, known?.untilMs ?? -Infinity),
      }
      store.save(entry)
      entries.set(key, entry)
      return entry
    },
    list: () => [...entries.values()].filter((entry) => clock.nowMs() < entry.untilMs),
  }
}

/** No issuer's name and no kind holds a space. */
function keyOf(kind: Revocation['kind'], issuer: string, id: string): string {
  return `${kind} ${issuer} ${id}`
}
