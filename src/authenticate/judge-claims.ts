// What claims make of a token, once their issuer has vouched for them by its signature or by its answer: whom it
// names, for how long, by which party, bound to what. The one place where a token becomes a caller.

import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Caller } from '../exchange/exchange.ts'
import type { BoundToken } from './check-sender.ts'
import { principalOf } from './claims.ts'
import { readConfirmation, type Confirmation } from './confirmation.ts'
import type { Issuer } from './issuers.ts'
import type { RevocationReader } from './revocations.ts'
import type { SpentTokens } from './spent-tokens.ts'
import { findLifeProblem, findUseProblem, millisecondsOf, readTokenId } from './token-use.ts'

export interface ProvenToken extends BoundToken {
  readonly caller: Caller
  /** Whether the token or its subject has been revoked, apart from what its issuer says. */
  readonly isRevoked: () => boolean
  /** For a token that is good once: takes it. To be asked last, when all else is good. */
  readonly spend: (() => Promise<'fresh' | 'spent' | 'full'>) | undefined
}

export interface JudgeOptions {
  readonly clock: Clock
  readonly revocations: RevocationReader
  readonly spent: SpentTokens
}

/**
 * The token, or what the bounds of this issuer refuse. `isWithdrawn` is asked on open streams too: whether what
 * vouched for it does so no more. INVARIANT: whoever vouches has been verified, and so have `iss`, `aud` and `exp`.
 */
export function judgeClaims(
  claims: JsonObject,
  issuer: Issuer,
  how: { readonly method: 'jwt' | 'introspection'; readonly isWithdrawn: () => boolean },
  { clock, revocations, spent }: JudgeOptions,
): ProvenToken | string {
  const { config, proofs } = issuer
  const problem = findUseProblem(claims, config) ?? findLifeProblem(claims, config, clock.nowMs())
  if (problem !== undefined) return problem
  const principal = principalOf(claims, config)
  if (typeof principal === 'string') return principal
  const confirmation = readConfirmation(claims)
  if (typeof confirmation === 'string') return confirmation
  const tokenId = readTokenId(claims)
  if (tokenId === null) return 'jti is not a name'
  if (tokenId === undefined && config.oneTime) return 'good once, and without jti'
  const expiresAtMs = millisecondsOf(claims, 'exp') ?? -Infinity
  const issuedAtMs = millisecondsOf(claims, 'iat') ?? -Infinity
  const isRevoked = (): boolean =>
    (tokenId !== undefined && revocations.isTokenRevoked(config.name, tokenId)) ||
    revocations.isSubjectRevoked(principal.id, issuedAtMs)
  if (isRevoked()) return 'revoked'
  return {
    caller: {
      ...principal,
      method: how.method,
      credential: config.name,
      evidence: evidenceOf(tokenId, confirmation),
      expiresAtMs,
      isRevoked: () => how.isWithdrawn() || isRevoked(),
    },
    isRevoked,
    confirmation,
    config,
    owner: principal.id,
    proofs,
    spend:
      config.oneTime && tokenId !== undefined
        ? () => spent.spend(config.name, tokenId, expiresAtMs + config.clockSkew)
        : undefined,
  }
}

/** What the record says of a token: by what it can be revoked, and what it was bound to. */
function evidenceOf(tokenId: string | undefined, bound: Confirmation | undefined): Caller['evidence'] {
  if (tokenId === undefined && bound === undefined) return undefined
  return {
    ...(tokenId !== undefined && { jti: tokenId }),
    ...(bound?.jkt !== undefined && { jkt: bound.jkt }),
    ...(bound?.x5t !== undefined && { 'x5t#S256': bound.x5t }),
  }
}
