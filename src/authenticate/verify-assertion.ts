// Proves an assertion that this gateway minted for an agent and that the agent now shows, beside its own
// credential, when it calls on: who began the chain and who stands between. Its audience must be that very
// agent, so one that leaks to another agent is worthless there. Agents believe it for its 60 seconds; here it counts
// for as long as the grant that it names lasts (grants.ts), and not a moment after. ES256 by our own keys alone,
// verified at once (docs/decisions/0002-assertion-signing.md). RFC 7519, RFC 8693 §4.1.

import { hash, verify, type KeyObject } from 'node:crypto'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Snapshot } from '../config/config.ts'
import type { Delegated, Principal } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { ownValue, parseClaims, parseCompactForm } from './compact-form.ts'
import { findChainProblem, maxHops, type Delegation } from './delegation.ts'
import type { GrantReader } from './grants.ts'
import type { KeyReader } from './key-record.ts'
import { hasLapsed } from './origin-proof.ts'
import { readScope } from './narrow-scope.ts'
import type { RevocationReader } from './revocations.ts'
import { refuseInvalid } from './unauthenticated.ts'

/** A public key of ours, by the id that assertions carry. */
export interface AssertionKey {
  readonly kid: string
  readonly publicKey: KeyObject
}

/** Our public keys, those that signed before among them for as long as they count. */
export interface AssertionKeyReader {
  find(kid: string): AssertionKey | undefined
}

/** On whose behalf, and what comes with that. */
export interface ProvenDelegation extends Delegation {
  readonly delegated: Delegated
  readonly issuedAtMs: number
}

export interface AssertionVerifier {
  /** `agentId` is the caller, proven by its own credential. */
  verify(assertion: string, agentId: string, snapshot: Snapshot): ProvenDelegation | Refusal
  /** The same for the subject of a token request: a token that came of one is no subject again. */
  verifySubject(this: void, assertion: string, agentId: string, snapshot: Snapshot): ProvenDelegation | Refusal
  /**
   * Whether its grant has ended, or nobody may act for this origin, or through these agents, under the configuration
   * in force. Asked again on open streams.
   */
  hasEnded(delegation: ProvenDelegation, agentId: string): boolean
}

/** What an assertion says once its signature has been verified. All of it is looked at on every use. */
interface Signed extends Delegation {
  readonly kind: Kind
  readonly keyId: string
  /** the agent that a token was issued to; '' of an assertion */
  readonly client: string
  readonly expiresAtMs: number
  readonly issuer: string
  readonly audience: string
  readonly issuedAtMs: number
  readonly call: string
  /** tells the agent less than there is: on whose behalf is known by the grant */
  readonly isPartial: boolean
}

/** What an agent is given with a call, and what it gets for one hop at /token: never one in the place of the other. */
type Kind = 'assertion' | 'token'
const kinds: Readonly<Record<string, Kind>> = {
  'sallyport-assertion+jwt': 'assertion',
  'sallyport-exchange+jwt': 'token',
}
/** groups of the origin travel along, so it may be longer than a token */
const maxLength = 12_288 // bound: an assertion
const skewMs = 5000 // bound: difference of clocks for an assertion
/** nobody is given a longer one, so a longer one is a bug or a forgery */
const maxLifeMs = 300_000
const maxNameLength = 1024
const cachedAssertions = 4096

export function createAssertionVerifier(options: {
  clock: Clock
  assertionKeys: AssertionKeyReader
  grants: GrantReader
  keys: KeyReader
  revocations: RevocationReader
  inForce: () => Snapshot
}): AssertionVerifier {
  const { clock, assertionKeys, grants, keys, revocations, inForce } = options
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

  const isNobody = (principalId: string, givenAtMs: number, snapshot: Snapshot): boolean => {
    // an agent or a person in a chain lives as long as one of the identities that prove to be it
    const identities = snapshot.identities.get(principalId) ?? (principalId.startsWith('agent:') ? [] : [principalId])
    if (identities.every(isDead)) return true
    // by which of them it was given is not known
    return identities.some((id) => revocations.isOriginRevoked(id, givenAtMs))
  }

  const isRevoked = ({ origin, chain, issuedAtMs, delegated }: ProvenDelegation, snapshot: Snapshot): boolean => {
    const { originProof } = delegated
    const token = originProof?.token
    return (
      (token !== undefined && revocations.isTokenRevoked(token.issuer, token.id)) ||
      (originProof !== undefined && hasLapsed(originProof, keys, clock.nowMs(), snapshot)) ||
      isNobody(origin.id, issuedAtMs, snapshot) ||
      chain.some((actor) => isNobody(actor.id, issuedAtMs, snapshot))
    )
  }

  const findProblem = (signed: Signed, agentId: string, snapshot: Snapshot): string | undefined => {
    // remembered ones too: a key that is gone proves nothing any more
    if (assertionKeys.find(signed.keyId) === undefined) return 'signed by a key that has expired'
    if (signed.issuer !== snapshot.publicUrl) return 'of another issuer'
    if (signed.kind === 'token') {
      if (signed.client !== agentId) return `issued to ${signed.client}, shown by ${agentId}`
      if (clock.nowMs() >= signed.expiresAtMs + skewMs) return 'expired'
    } else if (signed.audience !== agentId) return `for ${signed.audience}, shown by ${agentId}`
    return signed.issuedAtMs > clock.nowMs() + skewMs ? 'issued in the future' : undefined
  }

  const verifyAny = (
    assertion: string,
    agentId: string,
    snapshot: Snapshot,
    mayBeToken: boolean,
  ): ProvenDelegation | Refusal => {
    if (assertion.length > maxLength) return refuseInvalid('assertion: too long')
    const signed = read(assertion)
    if (typeof signed === 'string') return refuseInvalid(`assertion: ${signed}`)
    if (signed.kind === 'token' && !mayBeToken) return refuseInvalid('assertion: a token in the place of one')
    const problem = findProblem(signed, agentId, snapshot)
    if (problem !== undefined) return refuseInvalid(`assertion: ${problem}`)
    const grant = grants.find(signed.call, agentId.slice('agent:'.length))
    if (grant === undefined) return refuseInvalid(`assertion: neither call ${signed.call} nor a task of it is open`)
    const { call, kind, audience, issuedAtMs } = signed
    // what tells its agent less is of no use after a restart, which kept nobody's name
    const delegation = signed.isPartial ? grant.delegation : signed
    if (delegation === undefined) return refuseInvalid('assertion: on whose behalf it was is not known any more')
    const { origin, chain, scope } = delegation
    const chainProblem = findChainProblem(delegation, agentId)
    if (chainProblem !== undefined) return refuseInvalid(`assertion: ${chainProblem}`)
    const onlyAgent = kind === 'token' ? audience.slice('agent:'.length) : undefined
    const { deadlineMs, originProof } = grant
    const proven = { origin, chain, scope, issuedAtMs, delegated: { call, deadlineMs, onlyAgent, originProof } }
    return isRevoked(proven, snapshot) ? refuseInvalid('assertion: somebody in it was revoked') : proven
  }

  return {
    hasEnded: (delegation, agentId) =>
      grants.find(delegation.delegated.call, agentId.slice('agent:'.length)) === undefined ||
      isRevoked(delegation, inForce()),
    verify: (assertion, agentId, snapshot) => verifyAny(assertion, agentId, snapshot, true),
    verifySubject: (assertion, agentId, snapshot) => verifyAny(assertion, agentId, snapshot, false),
  }
}

function readSigned(assertion: string, keys: AssertionKeyReader): Signed | string {
  const form = parseCompactForm(assertion)
  if (typeof form === 'string') return form
  const kind = form.type !== undefined && Object.hasOwn(kinds, form.type) ? kinds[form.type] : undefined
  if (kind === undefined) return 'another type'
  if (form.algorithm !== 'ES256') return 'another algorithm'
  const key = form.keyId === undefined ? undefined : keys.find(form.keyId)
  if (key === undefined) return 'unknown key'
  const isGenuine = verify(
    'sha256',
    Buffer.from(form.signedText, 'latin1'),
    { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
    form.signature,
  )
  if (!isGenuine) return 'signature'
  const claims = parseClaims(form.payload)
  return typeof claims === 'string' ? claims : readClaims(claims, key.kid, kind)
}

function readClaims(claims: JsonObject, keyId: string, kind: Kind): Signed | string {
  const issuer = ownValue(claims, 'iss')
  const audience = ownValue(claims, 'aud')
  const issuedAt = ownValue(claims, 'iat')
  const expiresAt = ownValue(claims, 'exp')
  const origin = readPrincipal(ownValue(claims, 'sub'), ownValue(claims, 'groups'))
  const partial = ownValue(claims, 'partial')
  const isPartial = partial === true
  const chain = isPartial ? [] : readChain(ownValue(claims, 'act'))
  const call = ownValue(claims, 'call')
  const scope = readScope(ownValue(claims, 'narrowed'))
  if (typeof issuer !== 'string' || typeof audience !== 'string') return 'without issuer or audience'
  if (typeof issuedAt !== 'number' || typeof expiresAt !== 'number') return 'without times'
  if (!((expiresAt - issuedAt) * 1000 <= maxLifeMs)) return 'lives too long'
  if (origin === undefined) return 'without a proper subject'
  if (typeof call !== 'string') return 'without the call that it was given with'
  if (partial !== undefined && !isPartial) return 'partial in a manner that is not known'
  if (typeof chain === 'string') return chain
  if (scope === 'malformed') return 'a scope that cannot be read'
  const times = { issuedAtMs: issuedAt * 1000, expiresAtMs: expiresAt * 1000 }
  const signed = { kind, keyId, issuer, audience, ...times, call, origin, scope, isPartial }
  if (kind === 'assertion') return { ...signed, client: '', chain }
  // the agent that it was issued to is the latest actor, and no part of the chain before it
  const client = ownValue(claims, 'client_id')
  if (typeof client !== 'string' || chain.at(-1)?.id !== client) return 'issued to another than its latest actor'
  return audience.startsWith('agent:') ? { ...signed, client, chain: chain.slice(0, -1) } : 'for no agent'
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
    const principal = readPrincipal(ownValue(actor, 'sub'), ownValue(actor, 'groups'))
    if (principal === undefined || !principal.id.startsWith('agent:')) return 'an actor that is not an agent'
    chain.unshift(principal)
    if (chain.length > maxHops) return `more than ${maxHops} hops`
  }
  return chain
}
