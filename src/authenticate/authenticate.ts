// Door of authenticate: who calls, and on whose behalf. Takes the one credential of a request (never from the
// query, never from a cookie), proves it, ties it to a configured agent where one is named, and believes an
// assertion only beside that agent's own credential. Never says to the caller which check failed.
// RFC 6750, RFC 7519, RFC 8693; design invariants 5 and 6.

import type {
  Authenticated,
  AuthenticatedFields,
  Caller,
  PeerCertificate,
  Principal,
  Received,
} from '../exchange/exchange.ts'
import { createCertificateVerifier, namesCallers, type CertificateVerifier } from './verify-certificate.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { createApiKeyVerifier, type ApiKeyVerifier } from './verify-api-key.ts'
import {
  createServiceAccountVerifier,
  type ServiceAccountVerifier,
  type TokenReviewer,
} from './verify-service-account.ts'
import { createAssertionVerifier, type AssertionKeyReader, type AssertionVerifier } from './verify-assertion.ts'
import type { Introspect } from './introspect.ts'
import type { ProvenToken } from './judge-claims.ts'
import type { RevocationReader } from './revocations.ts'
import type { SpentTokens } from './spent-tokens.ts'
import { createTokenVerifier, type TokenVerifier } from './verify-token.ts'
import { checkSender } from './check-sender.ts'
import { isApiKey } from './api-key.ts'
import { readCredential, type Credential } from './credential.ts'
import { createDpopNonces } from './dpop-nonce.ts'
import { narrowScope } from './narrow-scope.ts'
import { refuseInvalid, withProofChallenge } from './unauthenticated.ts'
import type { Clock } from '../base/clock.ts'
import type { GrantReader } from './grants.ts'
import type { KeyReader } from './key-record.ts'
import type { KeyUseBook } from './key-use.ts'

export { administerKeys, type CreatedKey, type KeyAdministration, type KeyGrant } from './administer-keys.ts'
export { acceptsCaller, refuseUnaccepted } from './accept-caller.ts'
export { principalOf } from './claims.ts'
export { findCycle } from './delegation.ts'
export { describeIssuer, issuerOf, proofOf } from './origin-proof.ts'
export { narrowScope } from './narrow-scope.ts'
export { createGrantBook, isTerminal } from './grants.ts'
export type { GrantBook, GrantedCall, KeptGrant } from './grants.ts'
export { createApiKeyVerifier } from './verify-api-key.ts'
export { createKeyUseBook, type KeyUse, type KeyUseBook, type KeyUseStore } from './key-use.ts'
export type { TokenReviewer } from './verify-service-account.ts'
export { createRevocations, type Revocation, type Revocations, type RevocationStore } from './revocations.ts'
export { createSpentTokens, type SpentStore, type SpentTokens } from './spent-tokens.ts'
export type { Introspect } from './introspect.ts'
export type { KeyRecord, KeySecret, KeyStore } from './key-record.ts'
export type { AssertionKey, AssertionKeyReader } from './verify-assertion.ts'

export interface AuthenticatorOptions {
  readonly clock: Clock
  readonly keys: KeyReader
  /** secret of the HMAC over key secrets, at least 32 bytes */
  readonly pepper: Buffer
  /** hears of every use of a key */
  readonly keyUse?: Pick<KeyUseBook, 'used' | 'failed'> | undefined
  /** our own keys, by which assertions that we minted are known again */
  readonly assertionKeys: AssertionKeyReader
  /** for how long an agent may act by an assertion that it was given */
  readonly grants: GrantReader
  /** the configuration in force now: by it whoever an open stream is for is judged again */
  readonly inForce: () => Snapshot
  /** tokens and subjects that were revoked before their time */
  readonly revocations: RevocationReader
  /** one-time tokens that were taken */
  readonly spent: SpentTokens
  /** the one dialler: asks an issuer about a token */
  readonly introspect: Introspect
  /** the one dialler: gets a key set, bounded in size and time */
  readonly fetchJwks: (url: string) => Promise<Buffer>
  /** reads a key set given as `file:PATH` */
  readonly readJwks: (reference: string) => Promise<Buffer>
  /** the connection to a cluster as a snapshot has it; absent where there are none */
  readonly reviewerOf?: (snapshot: Snapshot, cluster: string) => TokenReviewer | undefined
}

/** What proves credentials. Made once; issuers and environment come from each request's snapshot. */
export interface Authenticator {
  readonly apiKeys: ApiKeyVerifier
  readonly tokens: TokenVerifier
  readonly serviceAccounts: ServiceAccountVerifier
  readonly assertions: AssertionVerifier
  readonly certificates: CertificateVerifier
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { revocations } = options
  return {
    apiKeys: createApiKeyVerifier(options),
    tokens: createTokenVerifier({
      ...options,
      revocations,
      nonces: createDpopNonces({ clock: options.clock, secret: options.pepper }),
    }),
    serviceAccounts: createServiceAccountVerifier({ ...options, reviewerOf: options.reviewerOf ?? (() => undefined) }),
    assertions: createAssertionVerifier({ ...options, revocations }),
    certificates: createCertificateVerifier(options),
  }
}

const assertionHeader = 'sallyport-caller-assertion'

/**
 * Who calls. Answers at once for an API key and for a token seen before; a promise only where a signature or a
 * key set must be waited for. May refuse AUTHN_MISSING or AUTHN_INVALID.
 */
export function authenticate(
  received: Received,
  authenticator: Authenticator,
): Authenticated | Refusal | Promise<Authenticated | Refusal> {
  const outcome = prove(received, authenticator)
  return outcome instanceof Promise
    ? outcome.then((settled) => sayHow(received, conclude(received, settled, authenticator)))
    : sayHow(received, conclude(received, outcome, authenticator))
}

type Proving = Caller | Refusal | Promise<Caller | Refusal>

function prove(received: Received, { apiKeys, serviceAccounts, tokens, certificates }: Authenticator): Proving {
  const { peer, snapshot } = received
  const problem = peer?.problem()
  // whatever else is presented: this connection was opened by somebody who must not be here any more
  if (problem !== undefined) return refuseInvalid(`client certificate: ${problem}`)
  const credential = readCredential(received.headers)
  if (isRefusal(credential)) {
    // a certificate speaks for itself only where nothing else was presented: what is wrong is never made up for by it
    const isAlone = peer !== undefined && credential.code === 'AUTHN_MISSING'
    if (!isAlone || !namesCallers(snapshot.config.identity.mtls)) return credential
    return certificates.verify(peer, snapshot)
  }
  if (isApiKey(credential.token)) return apiKeys.verify(credential.token, snapshot, received.source)
  // a cluster binds its tokens to no key, so one that is shown by a proof is not for it to judge
  const account =
    credential.scheme === 'bearer' ? serviceAccounts.verify(credential.token, snapshot, received.source) : undefined
  if (account !== undefined) return account
  const proven = tokens.verify(credential.token, snapshot, received.source)
  return proven instanceof Promise
    ? proven.then((settled) => proveSender(received, credential, settled))
    : proveSender(received, credential, proven)
}

function proveSender(received: Received, credential: Credential, token: ProvenToken | Refusal): Proving {
  if (isRefusal(token)) return token
  const caller = asBound(token, received)
  const problem = checkSender(received, credential, token)
  if (problem instanceof Promise) return problem.then((settled) => settled ?? spend(token, caller))
  return problem ?? spend(token, caller)
}

/** Last, so that nobody but its sender uses up a token that is good once. */
function spend(token: ProvenToken, caller: Caller): Proving {
  if (token.spend === undefined) return caller
  return token
    .spend()
    .then((outcome) =>
      outcome === 'fresh'
        ? caller
        : refuseInvalid(outcome === 'spent' ? 'token: shown before' : 'token: too many to remember'),
    )
}

/** How the token is bound, which checkSender sees to; to a certificate: it ends with it, on open streams too. */
function asBound({ caller, confirmation }: ProvenToken, { peer }: Received): Caller {
  if (confirmation === undefined) return caller
  if (confirmation.x5t === undefined) return { ...caller, senderConstrained: 'dpop' }
  const isRevoked = (): boolean => caller.isRevoked() || peer?.problem() !== undefined
  return { ...caller, senderConstrained: 'mtls', isRevoked }
}

/** A refusal names the ways of showing a token that the configuration asks for: the same ones whatever failed. */
function sayHow(received: Received, outcome: Authenticated | Refusal): Authenticated | Refusal {
  if (!isRefusal(outcome)) return outcome
  const isProofWanted = received.snapshot.config.identity.jwt.some(
    ({ senderConstraint: by }) => by === 'dpop' || by === 'any',
  )
  return isProofWanted ? withProofChallenge(outcome) : outcome
}

const nobodyBetween: readonly Principal[] = Object.freeze([])

function conclude(received: Received, found: Caller | Refusal, authenticator: Authenticator): Authenticated | Refusal {
  if (isRefusal(found)) return found
  const { snapshot } = received
  const proven = onConnection(found, received.peer)
  const agent = snapshot.agentsByPrincipal.get(proven.id)
  const chain = nobodyBetween
  const originIsRevoked = (): boolean => proven.isRevoked()
  const assertion = received.headers.get(assertionHeader)
  if (agent === undefined) {
    const caller = asPerson(proven, snapshot)
    if (assertion !== undefined) return refuseInvalid('an assertion from a caller that is not a configured agent')
    return mint(received, {
      caller,
      origin: caller,
      chain,
      autonomous: false,
      scope: proven.scope,
      originIsRevoked,
    })
  }
  const caller = asAgent(proven, agent)
  if (assertion === undefined)
    return mint(received, { caller, origin: caller, chain, autonomous: true, scope: caller.scope, originIsRevoked })
  const { assertions } = authenticator
  const delegation = assertions.verify(assertion, caller.id, snapshot)
  if (isRefusal(delegation)) return delegation
  const { origin, delegated } = delegation
  return mint(received, {
    caller,
    origin,
    chain: delegation.chain,
    delegated,
    autonomous: false,
    scope: narrowScope(caller.scope, delegation.scope),
    originIsRevoked: () => assertions.hasEnded(delegation, caller.id),
  })
}

/** A call does not outlive the certificate of its connection, whichever credential it came with. */
function onConnection(proven: Caller, peer: PeerCertificate | undefined): Caller {
  if (peer === undefined || proven.method === 'mtls') return proven
  return { ...proven, isRevoked: () => proven.isRevoked() || peer.problem() !== undefined }
}

/** The identity that acts as an agent is known by the agent's name from here on. */
function asAgent(proven: Caller, agent: AgentConfig): Caller {
  return { ...proven, id: `agent:${agent.name}`, principal: proven.id, display: agent.name }
}

/** Whose principals an alias ties together is known by the first of them, whichever was shown. */
function asPerson(proven: Caller, { aliases }: Snapshot): Caller {
  const id = aliases.get(proven.id)
  if (id === undefined || id === proven.id) return proven
  return { ...proven, id, principal: proven.id, evidence: { ...proven.evidence, principal: proven.id } }
}

/** The only place where a call becomes authenticated. */
function mint(received: Received, fields: AuthenticatedFields): Authenticated {
  return Object.assign(received, fields) as Authenticated
}
