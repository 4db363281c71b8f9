// Proves an assertion that this gateway minted for an agent and that the agent now shows, beside its own
// credential, when it calls on: who began the chain and who stands between. Its audience must be that very
// agent, so one that leaks to another agent is worthless there. ES256 by our own keys alone, verified at once
// (docs/decisions/0002-assertion-signing.md). RFC 7519, RFC 8693 §4.1.

import { hash, verify, type KeyObject } from 'node:crypto'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Snapshot } from '../config/config.ts'
import type { Principal } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { ownValue, parseClaims, parseCompactForm } from './compact-form.ts'
import { findChainProblem, maxHops, type Delegation } from './delegation.ts'
import type { KeyReader } from './key-record.ts'
import { readScope } from './narrow-scope.ts'
import { refuseInvalid } from './unauthenticated.ts'

/** A public key of ours, by the id that assertions carry. */
export interface AssertionKey {
  readonly kid: string
  readonly publicKey: KeyObject
}

export interface AssertionVerifier {
  /** `agentId` is the caller, proven by its own credential. */
  verify(assertion: string, agentId: string, snapshot: Snapshot): Delegation | Refusal
  /** Whether nobody may act for this origin any more. Asked again on open streams. */
  isRevoked(originId: string, snapshot: Snapshot): boolean
}

/** What an assertion says once its signature has been verified. Times and audience are looked at on every use. */
interface Signed extends Delegation {
  readonly issuer: string
  readonly audience: string
  readonly issuedAtMs: number
  readonly expiresAtMs: number
}

const assertionType = 'sallyport-assertion+jwt'
/** groups of the origin travel along, so it may be longer than a token */
const maxLength = 12_288 // bound: an assertion
const skewMs = 5000 // bound: difference of clocks for an assertion
/** nobody is given a longer one, so a longer one is a bug or a forgery */
const maxLifeMs = 300_000
const maxNameLength = 1024
const cachedAssertions = 4096

export function createAssertionVerifier(options: {
  clock: Clock
  assertionKeys: readonly AssertionKey[]
  keys: KeyReader
}): AssertionVerifier {
  const { clock, assertionKeys, keys } = options
  const cache = createBoundedCache<Signed>(cachedAssertions)

  const read = (assertion: string): Signed | string => {
    const assertionHash = hash('sha256', assertion, 'latin1')
    const known = cache.get(assertionHash)
    if (known !== undefined) return known
    const signed = readSigned(assertion, assertionKeys)
    if (typeof signed !== 'string') cache.set(assertionHash, signed)
    return signed
  }

  const isDead = (principalId: string): boolean =>
    principalId.startsWith('key:') && clock.nowMs() >= keys.liveUntilMs(principalId.slice(4))

  const isRevoked = (originId: string, snapshot: Snapshot): boolean => {
    if (!originId.startsWith('agent:')) return isDead(originId)
    // an agent that began a chain lives as long as one of the identities that may act as it
    return (snapshot.agents.get(originId.slice(6))?.principals ?? []).every(isDead)
  }

  return {
    isRevoked,
    verify: (assertion, agentId, snapshot) => {
      if (assertion.length > maxLength) return refuseInvalid('assertion: too long')
      const signed = read(assertion)
      if (typeof signed === 'string') return refuseInvalid(`assertion: ${signed}`)
      const problem =
        findUseProblem(signed, agentId, snapshot.publicUrl, clock.nowMs()) ?? findChainProblem(signed, agentId)
      if (problem !== undefined) return refuseInvalid(`assertion: ${problem}`)
      return isRevoked(signed.origin.id, snapshot) ? refuseInvalid('assertion: its origin was revoked') : signed
    },
  }
}

function findUseProblem(signed: Signed, agentId: string, issuer: string, nowMs: number): string | undefined {
  if (signed.issuer !== issuer) return 'of another issuer'
  if (signed.audience !== agentId) return `for ${signed.audience}, shown by ${agentId}`
  if (nowMs >= signed.expiresAtMs + skewMs) return 'expired'
  if (signed.issuedAtMs > nowMs + skewMs) return 'issued in the future'
  return undefined
}

function readSigned(assertion: string, keys: readonly AssertionKey[]): Signed | string {
  const form = parseCompactForm(assertion)
  if (typeof form === 'string') return form
  if (form.type !== assertionType) return 'another type'
  if (form.algorithm !== 'ES256') return 'another algorithm'
  const key = keys.find((candidate) => candidate.kid === form.keyId)
  if (key === undefined) return 'unknown key'
  const isGenuine = verify(
    'sha256',
    Buffer.from(form.signedText, 'latin1'),
    { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
    form.signature,
  )
  if (!isGenuine) return 'signature'
  const claims = parseClaims(form.payload)
  return typeof claims === 'string' ? claims : readClaims(claims)
}

function readClaims(claims: JsonObject): Signed | string {
  const issuer = ownValue(claims, 'iss')
  const audience = ownValue(claims, 'aud')
  const issuedAt = ownValue(claims, 'iat')
  const expiresAt = ownValue(claims, 'exp')
  const origin = readPrincipal(ownValue(claims, 'sub'), ownValue(claims, 'groups'))
  const chain = readChain(ownValue(claims, 'act'))
  if (typeof issuer !== 'string' || typeof audience !== 'string') return 'without issuer or audience'
  if (typeof issuedAt !== 'number' || typeof expiresAt !== 'number') return 'without times'
  if (!((expiresAt - issuedAt) * 1000 <= maxLifeMs)) return 'lives too long'
  if (origin === undefined) return 'without a proper subject'
  if (typeof chain === 'string') return chain
  const scope = readScope(ownValue(claims, 'narrowed'))
  if (scope === 'malformed') return 'with a scope that is none'
  return { issuer, audience, issuedAtMs: issuedAt * 1000, expiresAtMs: expiresAt * 1000, origin, chain, scope }
}

function readPrincipal(id: JsonValue | undefined, claimedGroups: JsonValue | undefined): Principal | undefined {
  if (typeof id !== 'string' || id === '' || id.length > maxNameLength) return undefined
  if (claimedGroups === undefined) return { id, groups: [], display: id }
  if (!Array.isArray(claimedGroups)) return undefined
  const groups = claimedGroups.filter((group) => typeof group === 'string')
  return groups.length === claimedGroups.length ? { id, groups, display: id } : undefined
}

/** Nested `act`, outermost latest, as a list with the oldest first. */
function readChain(claimedActor: JsonValue | undefined): readonly Principal[] | string {
  const chain: Principal[] = []
  for (let actor = claimedActor; actor !== undefined; actor = ownValue(actor, 'act')) {
    if (!isJsonObject(actor)) return 'an actor that is not an object'
    const principal = readPrincipal(ownValue(actor, 'sub'), undefined)
    if (principal === undefined || !principal.id.startsWith('agent:')) return 'an actor that is not an agent'
    chain.unshift(principal)
    if (chain.length >= maxHops) return `more than ${maxHops} hops`
  }
  return chain
}
