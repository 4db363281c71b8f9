// A proof that who shows a token holds the key that it is bound to, made for this very request: one method, one URL,
// one token, one time. Its key comes with it and proves nothing by itself; it is the token that names the key.
// RFC 9449 §4.2, §4.3, §8, §9, §11.1; RFC 7638.

import { hash } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import type { JwtIssuerConfig } from '../config/config.ts'
import { ownValue, parseClaims, parseProofForm } from './compact-form.ts'
import type { DpopNonces } from './dpop-nonce.ts'
import { readKey, type VerificationKey } from './key-set.ts'
import { createReplayGuard } from './replay-guard.ts'
import { proofAlgorithms, quote } from './unauthenticated.ts'

export interface ProofVerifier {
  verify(proof: string, asked: ProofRequest): Promise<ProofProblem | undefined>
}

/** What the proof must be for. */
export interface ProofRequest {
  readonly method: string
  readonly url: string
  readonly token: string
  /** thumbprint of the key that the token is bound to */
  readonly jkt: string
  /** whose proofs are counted together */
  readonly owner: string
}

export interface ProofProblem {
  readonly why: string
  /** to be told to the sender, who is to make another proof with it */
  readonly nonce?: string
}

const maxProofLength = 4096 // bound: a DPoP proof
const maxIdLength = 256 // bound: the id of a DPoP proof
const knownKeys = 4096
const privateMembers = ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth'] as const

/** For one issuer's tokens. What it remembers begins now: proofs made before are refused. */
export function createProofVerifier(options: {
  readonly clock: Clock
  readonly config: Pick<JwtIssuerConfig, 'dpop' | 'clockSkew'>
  readonly nonces: DpopNonces
}): ProofVerifier {
  const { clock, nonces } = options
  const { dpop, clockSkew } = options.config
  const beganMs = Math.floor(clock.nowMs() / 1000) * 1000
  const replays = createReplayGuard({ clock, keepMs: dpop.proofAge + 2 * clockSkew })
  const keys = createBoundedCache<ProofKey>(knownKeys)

  const findTimeProblem = (claims: JsonObject): string | undefined => {
    const issuedAt = ownValue(claims, 'iat')
    if (typeof issuedAt !== 'number') return 'without iat'
    const issuedAtMs = issuedAt * 1000
    const nowMs = clock.nowMs()
    if (issuedAtMs > nowMs + clockSkew) return 'made in the future'
    if (issuedAtMs < nowMs - dpop.proofAge - clockSkew) return 'too old'
    // whether it was shown before is not known
    return issuedAtMs < beganMs ? 'made before this gateway began to watch' : undefined
  }

  return {
    async verify(proof, asked) {
      if (proof.length > maxProofLength) return { why: 'too long' }
      const form = parseProofForm(proof)
      if (typeof form === 'string') return { why: form }
      if (form.type !== 'dpop+jwt') return { why: `type ${quote(form.type ?? '')}` }
      const key = findKey(form.key, keys)
      if (typeof key === 'string') return { why: key }
      if (!proofAlgorithms.includes(form.algorithm) || !key.algorithms.includes(form.algorithm))
        return { why: `algorithm ${quote(form.algorithm)}` }
      if (key.thumbprint !== asked.jkt) return { why: 'another key than the token’s' }
      const claims = parseClaims(form.payload)
      if (typeof claims === 'string') return { why: claims }
      const id = ownValue(claims, 'jti')
      if (typeof id !== 'string' || id === '' || id.length > maxIdLength) return { why: 'without jti' }
      const problem = findPurposeProblem(claims, asked) ?? findTimeProblem(claims)
      if (problem !== undefined) return { why: problem }
      if (!(await isSigned(proof, key, form.algorithm))) return { why: 'signature' }
      const nonce = ownValue(claims, 'nonce')
      if (dpop.nonce && !(typeof nonce === 'string' && nonces.isFresh(nonce)))
        return { why: 'without a fresh nonce', nonce: nonces.current() }
      const taken = replays.take(asked.owner, hash('sha256', `${asked.jkt} ${id}`, 'base64url'))
      return taken === 'fresh' ? undefined : { why: taken === 'seen' ? 'seen before' : 'too many to remember' }
    },
  }
}

interface ProofKey extends VerificationKey {
  readonly thumbprint: string
}

function findKey(
  claimed: JsonObject[string] | undefined,
  known: ReturnType<typeof createBoundedCache<ProofKey>>,
): ProofKey | string {
  if (claimed === undefined || !isJsonObject(claimed)) return 'without a key'
  for (const name of privateMembers) if (Object.hasOwn(claimed, name)) return 'its key is not a public one'
  const thumbprint = thumbprintOf(claimed)
  if (thumbprint === undefined) return 'a key of no known type'
  // all that the key says of itself and that we listen to
  const whole = JSON.stringify([
    thumbprint,
    ...['alg', 'use', 'key_ops', 'kid'].map((name) => ownValue(claimed, name) ?? null),
  ])
  const found = known.get(whole)
  if (found !== undefined) return found
  const key = readKey(claimed)
  if (key === undefined) return 'a key that is not usable'
  const proofKey = { ...key, thumbprint }
  known.set(whole, proofKey)
  return proofKey
}

/** The members that make the key, in the order of RFC 7638 §3.2. */
const thumbprintMembers: ReadonlyMap<string, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
])

function thumbprintOf(jwk: JsonObject): string | undefined {
  const type = ownValue(jwk, 'kty')
  const names = typeof type === 'string' ? thumbprintMembers.get(type) : undefined
  if (names === undefined) return undefined
  const members: [string, string][] = []
  for (const name of names) {
    const value = ownValue(jwk, name)
    if (typeof value !== 'string') return undefined
    members.push([name, value])
  }
  return hash('sha256', JSON.stringify(Object.fromEntries(members)), 'base64url')
}

function findPurposeProblem(claims: JsonObject, asked: ProofRequest): string | undefined {
  if (ownValue(claims, 'htm') !== asked.method) return 'for another method'
  const url = ownValue(claims, 'htu')
  if (typeof url !== 'string' || !isSameUrl(url, asked.url)) return 'for another URL'
  return ownValue(claims, 'ath') === hash('sha256', asked.token, 'base64url') ? undefined : 'for another token'
}

/** Query and fragment are left out on both sides. */
function isSameUrl(claimed: string, asked: string): boolean {
  const [one, other] = [URL.parse(claimed), URL.parse(asked)]
  if (one === null || other === null || `${one.username}${one.password}` !== '') return false
  return one.origin === other.origin && one.pathname === other.pathname && /^https?:$/.test(one.protocol)
}

async function isSigned(proof: string, key: VerificationKey, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(proof, key.key, { algorithms: [algorithm] })
    return true
  } catch (error) {
    if (error instanceof errors.JOSEError) return false
    throw error // not the proof's fault: the walk denies and records it
  }
}
