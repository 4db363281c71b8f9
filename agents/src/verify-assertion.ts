// Who is calling: every call must carry the gateway's signed assertion, made for this agent and not older than a
// minute. It protects the agent from anyone who reaches its port directly, and from an assertion made for
// another agent. It never says which check failed, and it never accepts any other credential.
// JWT of RFC 7519 with the actor claim of RFC 8693 §4.1; keys from the gateway's JWKS, fetched at the first call.

import {
  createRemoteJWKSet,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose'
import type { User } from '@a2a-js/sdk/server'

export interface Verification {
  readonly jwksUrl: string
  readonly issuer: string
}

export const assertionHeader = 'sallyport-caller-assertion'
const maxLifeSeconds = 60
const maxChain = 8

/** The caller, or why there is none: `refused` is the caller's fault, `unavailable` is ours. */
export type Verified =
  | { readonly kind: 'caller'; readonly user: User }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' }

export type VerifyAssertion = (token: string | undefined) => Promise<Verified>

export function createAssertionVerifier(audience: string, verification: Verification): VerifyAssertion {
  // read at the first call, not before: an agent may start before its gateway knows its own address
  let checks: ReturnType<typeof checksFor> | undefined
  return async (token) => {
    if (token === undefined || token === '') return { kind: 'refused' }
    try {
      const { keys, options } = (checks ??= checksFor(audience, verification))
      const { payload } = await jwtVerify(token, keys, options)
      const userName = scopeOf(payload, audience)
      return userName === undefined
        ? { kind: 'refused' }
        : { kind: 'caller', user: { isAuthenticated: true, userName } }
    } catch (error) {
      return { kind: isKeyTrouble(error) ? 'unavailable' : 'refused' }
    }
  }
}

function checksFor(audience: string, verification: Verification): { keys: JWTVerifyGetKey; options: JWTVerifyOptions } {
  return {
    keys: createRemoteJWKSet(new URL(verification.jwksUrl), { timeoutDuration: 5000, cacheMaxAge: 600_000 }),
    options: {
      issuer: verification.issuer,
      audience,
      algorithms: ['ES256'],
      typ: 'sallyport-assertion+jwt',
      clockTolerance: 5,
      maxTokenAge: maxLifeSeconds,
      requiredClaims: ['sub', 'aud', 'iat', 'exp', 'jti'],
    },
  }
}

/**
 * The name under which this agent keeps a caller's tasks: origin and caller, as the gateway keeps ownership.
 * Both are encoded, so that no origin can spell the separator and take another pair's name.
 */
function scopeOf(payload: JWTPayload, audience: string): string | undefined {
  const { sub, aud, iat, exp } = payload
  if (aud !== audience || sub === undefined || sub === '' || iat === undefined || exp === undefined) return undefined
  if (exp - iat > maxLifeSeconds || exp <= iat) return undefined
  const actors = actorsOf(payload['act'])
  if (actors === undefined) return undefined
  const owner = taskOwnerOf(payload['task_owner'])
  return owner === undefined
    ? `${encodeURIComponent(sub)}|${encodeURIComponent(actors[0] ?? sub)}`
    : `${encodeURIComponent(owner.origin)}|${encodeURIComponent(owner.caller)}`
}

/** Named where the gateway's policy shares another's task: the gateway has decided, so the task is looked up as its owner's. */
function taskOwnerOf(claim: unknown): { origin: string; caller: string } | undefined {
  if (typeof claim !== 'object' || claim === null || !('origin' in claim) || !('caller' in claim)) return undefined
  const { origin, caller } = claim
  return typeof origin === 'string' && typeof caller === 'string' ? { origin, caller } : undefined
}

/** The chain, newest first; undefined when it is not one. */
function actorsOf(claim: unknown): readonly string[] | undefined {
  const actors: string[] = []
  for (let act = claim; act !== undefined;) {
    if (typeof act !== 'object' || act === null || actors.length >= maxChain) return undefined
    const sub: unknown = 'sub' in act ? act.sub : undefined
    if (typeof sub !== 'string' || sub === '') return undefined
    actors.push(sub)
    act = 'act' in act ? act.act : undefined
  }
  return actors
}

/** The gateway's keys could not be had: not something the caller can mend. */
function isKeyTrouble(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true
  return !(error instanceof errors.JOSEError) || error.code === 'ERR_JOSE_GENERIC'
}
