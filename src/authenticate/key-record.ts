// What is kept of an API key: never the key, only an HMAC of its secret under a pepper that lies elsewhere.
// Records are immutable; a store replaces the whole record, durably, before the change is seen.

import type { CallerScope } from '../exchange/exchange.ts'

export interface KeySecret {
  /** HMAC-SHA256(pepper, secret), 32 bytes */
  readonly hmac: Buffer
  /** until when this secret is good; Infinity for the latest, the end of the overlap for the one before it */
  readonly notAfterMs: number
  /** the administrator who made, imported or rotated to it and has seen it; absent where nobody has a name */
  readonly madeBy?: string
}

export interface KeyRecord {
  /** 12 base62 digits, public */
  readonly id: string
  /** DNS label; the principal is `key:<name>`, and several keys may share it */
  readonly name: string
  readonly environment: string
  /** one, or two while a rotation overlaps; the latest first */
  readonly secrets: readonly KeySecret[]
  readonly createdAtMs: number
  /** Infinity when the key does not expire */
  readonly expiresAtMs: number
  readonly revokedAtMs: number | undefined
  /** what it narrows its caller's policy to; undefined: to nothing less */
  readonly scope: CallerScope | undefined
  /** networks that it may be shown from; undefined: from anywhere, an empty list: from nowhere */
  readonly networks: readonly string[] | undefined
}

export interface KeyReader {
  find(id: string): KeyRecord | undefined
  /** When the last key of this name that is not revoked expires: -Infinity where there is none. Without a search. */
  liveUntilMs(name: string): number
}

export interface KeyStore extends KeyReader {
  list(): readonly KeyRecord[]
  /** Writes a new or changed record. It is on disk before this returns, and in force from then on. */
  save(record: KeyRecord): void
}
