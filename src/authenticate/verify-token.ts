// Proves a JSON Web Token of a configured issuer. The issuer is picked by what the token claims, everything
// else comes from that issuer's configuration: algorithms, keys, audience, bounds. Signature and registered
// claims are jose's; the form before and the bounds after are ours. Proven tokens are remembered by their
// hash, bound to issuer and key, and their times are looked at on every call. RFC 7519, RFC 8725, RFC 9068.

import { hash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { JwtIssuerConfig, Snapshot } from '../config/config.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { ownValue, parseClaims, parseCompactForm, type UnverifiedToken } from './compact-form.ts'
import { createIntrospector, type Introspect } from './introspect.ts'
import { createIssuers, type Issuer, type IssuersOptions } from './issuers.ts'
import { judgeClaims, type JudgeOptions, type ProvenToken } from './judge-claims.ts'
import { selectKey, type VerificationKey } from './key-set.ts'
import { quote, refuseInvalid } from './unauthenticated.ts'

export interface TokenVerifier {
  /** Fetches key sets in the background before they age; to be called from time to time. */
  refresh(snapshot: Snapshot): void
  /** Whether the token is good; whether who shows it may is `checkSender`'s to say. `source`: where it came from. */
  verify(token: string, snapshot: Snapshot, source: string): Proving
}

type Proving = ProvenToken | Refusal | Promise<ProvenToken | Refusal>

export type TokenVerifierOptions = IssuersOptions & JudgeOptions & { readonly introspect: Introspect }

/** Everything about a token that is known before its signature is looked at. */
interface Claimed {
  readonly token: string
  readonly tokenHash: string
  readonly form: UnverifiedToken
  readonly claims: JsonObject
}

interface Proven {
  readonly token: ProvenToken
  readonly issuer: Issuer
  readonly key: VerificationKey
}

/** A signature that did not hold, kept for a short time so that repeating it costs no cryptography. */
interface Rejected {
  readonly issuer: Issuer
  readonly untilMs: number
}

const provenTokens = 16_384 // bound: proven tokens in memory
const rejectedTokens = 1024
const rejectedMs = 10_000

export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { clock } = options
  const issuers = createIssuers(options)
  const proven = createBoundedCache<Proven>(provenTokens)
  const rejected = createBoundedCache<Rejected>(rejectedTokens)
  const introspector = createIntrospector(options)

  const prove = async (claimed: Claimed, issuer: Issuer): Promise<ProvenToken | Refusal> => {
    const key = await findKey(issuer, claimed.form)
    if (typeof key === 'string') return refuseInvalid(`token: ${key}`)
    const problem = await verifySignatureAndClaims(claimed.token, key, issuer.config, clock.nowMs())
    if (problem === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') {
      rejected.set(claimed.tokenHash, { issuer, untilMs: clock.nowMs() + rejectedMs })
    }
    if (problem !== undefined) return refuseInvalid(`token: ${problem}`)
    const isWithdrawn = (): boolean => !issuer.source.holds(key)
    const token = judgeClaims(claimed.claims, issuer, { method: 'jwt', isWithdrawn }, options)
    if (typeof token === 'string') return refuseInvalid(`token: ${token}`)
    proven.set(claimed.tokenHash, { token, issuer, key })
    return token
  }

  const readAnew = (token: string, tokenHash: string, snapshot: Snapshot): Proving => {
    const form = parseCompactForm(token)
    if (typeof form === 'string') return refuseInvalid(`token: ${form}`)
    const claims = parseClaims(form.payload)
    if (typeof claims === 'string') return refuseInvalid(`token: ${claims}`)
    const claimedIssuer = ownValue(claims, 'iss')
    if (typeof claimedIssuer !== 'string') return refuseInvalid('token: without issuer')
    const issuer = issuers.find(snapshot, claimedIssuer, ownValue(claims, 'aud'))
    if (issuer === undefined) return refuseInvalid(`token: unknown issuer ${quote(claimedIssuer)}`)
    if (!issuer.types.has(form.type ?? 'none')) return refuseInvalid(`token: type ${quote(form.type ?? 'none')}`)
    if (!issuer.algorithms.has(form.algorithm)) return refuseInvalid(`token: algorithm ${quote(form.algorithm)}`)
    const earlier = rejected.get(tokenHash)
    if (earlier !== undefined && earlier.issuer === issuer && clock.nowMs() < earlier.untilMs)
      return refuseInvalid('token: signature (again)')
    return prove({ token, tokenHash, form, claims }, issuer)
  }

  return {
    refresh: (snapshot) => issuers.refresh(snapshot),
    verify: (token, snapshot, source) => {
      const tokenHash = hash('sha256', token, 'latin1')
      const known = proven.get(tokenHash)
      if (known === undefined) {
        const asked = isReadable(token) ? undefined : issuers.findByOpaque(snapshot, token)
        if (asked !== undefined) return introspector.verify({ token, tokenHash, source }, asked)
        return readAnew(token, tokenHash, snapshot)
      }
      const { issuer, key } = known
      if (clock.nowMs() >= known.token.caller.expiresAtMs + issuer.config.clockSkew)
        return refuseInvalid('token: expired')
      if (known.token.isRevoked()) return refuseInvalid('token: revoked')
      const isStillGood =
        issuers.has(snapshot, issuer) && issuer.source.current() !== undefined && issuer.source.holds(key)
      return isStillGood ? known.token : readAnew(token, tokenHash, snapshot)
    },
  }
}

/** What begins like the header of a JSON Web Token is one, good or not, and never shown to an issuer that may not be its own. */
function isReadable(token: string): boolean {
  return token.startsWith('eyJ') && token.includes('.')
}

async function findKey(issuer: Issuer, form: UnverifiedToken): Promise<VerificationKey | string> {
  const { source } = issuer
  const keys = await source.wait()
  if (keys === undefined)
    return `the key set of ${issuer.config.name} cannot be had: ${source.problem ?? 'tried a moment ago'}`
  let key = selectKey(keys, form.keyId, form.algorithm)
  if (key === 'unknown') key = selectKey((await source.refetch()) ?? [], form.keyId, form.algorithm)
  return typeof key === 'string' ? `${key} key ${quote(form.keyId ?? '')}` : key
}

/** jose's code for what is wrong; undefined when signature, audience, issuer and times hold. */
async function verifySignatureAndClaims(
  token: string,
  key: VerificationKey,
  config: JwtIssuerConfig,
  nowMs: number,
): Promise<string | undefined> {
  try {
    await jwtVerify(token, key.key, {
      algorithms: config.algorithms,
      issuer: config.issuer,
      audience: config.audience,
      requiredClaims: ['exp'],
      clockTolerance: config.clockSkew / 1000,
      currentDate: new Date(nowMs),
    })
    return undefined
  } catch (error) {
    if (error instanceof errors.JWTClaimValidationFailed) return `${error.code} ${error.claim}`
    if (error instanceof errors.JOSEError) return error.code
    throw error // not the token's fault: the walk denies and records it
  }
}
