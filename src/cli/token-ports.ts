// What the commands of tokens ask of whoever holds the data directory. Types only; all of it crosses the control
// socket as plain JSON.

export interface TokenMethods {
  /** in force when it is answered, also on open streams within a second */
  'token.revoke'(params: TokenRevocationRequest): Promise<TokenRevocation>
  /** those in force, oldest first */
  'token.revocations'(params: Record<string, never>): Promise<readonly TokenRevocation[]>
}

export type TokenRevocationRequest =
  | { readonly kind: 'token'; readonly issuer: string; readonly jti: string }
  /** `beforeMs`: tokens issued before this; null for now */
  | { readonly kind: 'subject'; readonly subject: string; readonly beforeMs: number | null }

export interface TokenRevocation {
  readonly kind: 'token' | 'subject'
  /** short name; null for a subject, whose id holds it */
  readonly issuer: string | null
  /** the token's `jti`, or the subject's principal id */
  readonly id: string
  readonly beforeMs: number
  /** when every token that it speaks of has expired, and the entry ends */
  readonly untilMs: number
}
