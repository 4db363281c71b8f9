// Proves a JSON Web Token of a configured issuer. The issuer is picked by what the token claims, everything
// else comes from that issuer's configuration: algorithms, keys, audience, bounds. Signature and registered
// claims are jose's; the form before and the bounds after are ours. Proven tokens are remembered by their
// hash, bound to issuer and key, and their times are looked at on every call. RFC 7519, RFC 8725, RFC 9068.

import { hash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { JwtIssuerConfig, Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { principalOf } from './claims.ts'
import { findLifeProblem, findUseProblem, millisecondsOf, readTokenId } from './token-use.ts'
import { ownValue, parseClaims, parseCompactForm, type UnverifiedToken } from './compact-form.ts'
import type { BoundToken } from './check-sender.ts'
import { readConfirmation, type Confirmation } from './confirmation.ts'
import { createIssuers, type Issuer, type IssuersOptions } from './issuers.ts'
import { selectKey, type VerificationKey } from './key-set.ts'
import { quote, refuseInvalid } from './unauthenticated.ts'

export interface TokenVerifier {
  /** Fetches key sets in the background before they age; to be called from time to time. */
  refresh(snapshot: Snapshot): void
  /** Whether the token is good; whether who shows it may is `checkSender`'s to say. */
  verify(token: string, snapshot: Snapshot): ProvenToken | Refusal | Promise<ProvenToken | Refusal>
}

export interface ProvenToken extends BoundToken {
  readonly caller: Caller
}

export type TokenVerifierOptions = IssuersOptions

/** Everything about a token that is known before its signature is looked at. */
interface Claimed {
  readonly token: string
  readonly tokenHash: string
  readonly form: UnverifiedToken
  readonly claims: JsonObject
}

interface Proven extends ProvenToken {
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

  const prove = async (claimed: Claimed, issuer: Issuer): Promise<ProvenToken | Refusal> => {
    const key = await findKey(issuer, claimed.form)
    if (typeof key === 'string') return refuseInvalid(`token: ${key}`)
    const problem = await verifySignatureAndClaims(claimed.token, key, issuer.config, clock.nowMs())
    if (problem === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') {
      rejected.set(claimed.tokenHash, { issuer, untilMs: clock.nowMs() + rejectedMs })
    }
    if (problem !== undefined) return refuseInvalid(`token: ${problem}`)
    const confirmation = readConfirmation(claimed.claims)
    if (typeof confirmation === 'string') return refuseInvalid(`token: ${confirmation}`)
    const caller = describeCaller(claimed.claims, issuer, { key, confirmation, nowMs: clock.nowMs() })
    if (typeof caller === 'string') return refuseInvalid(`token: ${caller}`)
    const { config, proofs } = issuer
    const token: Proven = { caller, confirmation, config, owner: caller.id, proofs, issuer, key }
    proven.set(claimed.tokenHash, token)
    return token
  }

  const readAnew = (token: string, tokenHash: string, snapshot: Snapshot): Promise<ProvenToken | Refusal> | Refusal => {
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
    verify: (token, snapshot) => {
      const tokenHash = hash('sha256', token, 'latin1')
      const known = proven.get(tokenHash)
      if (known === undefined) return readAnew(token, tokenHash, snapshot)
      const { caller, issuer, key } = known
      if (clock.nowMs() >= caller.expiresAtMs + issuer.config.clockSkew) return refuseInvalid('token: expired')
      const isStillGood =
        issuers.has(snapshot, issuer) && issuer.source.current() !== undefined && issuer.source.holds(key)
      return isStillGood ? known : readAnew(token, tokenHash, snapshot)
    },
  }
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

/** The caller, or what the bounds of this issuer refuse. INVARIANT: signature and registered claims were verified. */
function describeCaller(
  claims: JsonObject,
  { config, source }: Issuer,
  known: { readonly key: VerificationKey; readonly confirmation: Confirmation | undefined; readonly nowMs: number },
): Caller | string {
  const { key, confirmation, nowMs } = known
  const problem = findUseProblem(claims, config) ?? findLifeProblem(claims, config, nowMs)
  if (problem !== undefined) return problem
  const principal = principalOf(claims, config)
  if (typeof principal === 'string') return principal
  const jti = readTokenId(claims)
  if (jti === null) return 'jti is not a name'
  return {
    ...principal,
    method: 'jwt',
    credential: config.name,
    evidence: evidenceOf(jti, confirmation),
    expiresAtMs: millisecondsOf(claims, 'exp') ?? -Infinity,
    isRevoked: () => !source.holds(key),
  }
}

/** What the record says of a token: by what it can be revoked, and what it was bound to. */
function evidenceOf(jti: string | undefined, bound: Confirmation | undefined): Caller['evidence'] {
  if (jti === undefined && bound === undefined) return undefined
  return {
    ...(jti !== undefined && { jti }),
    ...(bound?.jkt !== undefined && { jkt: bound.jkt }),
    ...(bound?.x5t !== undefined && { 'x5t#S256': bound.x5t }),
  }
}
