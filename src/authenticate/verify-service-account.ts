// Proves a Kubernetes service account's token: the cluster that issued it is asked (TokenReview), for our audience and
// no other. Which cluster that is follows from what the token claims, which is a choice among those configured and
// proves nothing. An answer is believed for at most ten seconds, and asked for again in the background while a stream
// of its caller is open, so that a deleted pod is gone within that time. No answer is a refusal, and is not kept.
// A token that is not even shaped like one of a configured cluster's is never shown to anybody; a flood of well-shaped
// rubbish is bounded per source, so that it takes no turns from others. Kubernetes API: authentication.k8s.io/v1.

import { hash } from 'node:crypto'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import type { ClusterConfig, Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { ownValue, parseClaims, parseCompactForm } from './compact-form.ts'
import { createSourceTurns } from './source-turns.ts'
import { createLocalVerifier } from './verify-locally.ts'
import { parseAccount } from './describe-account.ts'
import { judgeReview } from './judge-review.ts'
import { refuseInvalid } from './unauthenticated.ts'

/** What a cluster's API server says of a token; throws when it says nothing that can be used. */
export interface TokenReviewer {
  /** `status` of a TokenReview, unjudged; urgent is what an open stream waits for */
  reviewToken(token: string, audiences: readonly string[], isUrgent: boolean): Promise<JsonObject>
  /** the keys by which the cluster signs */
  keySet(): Promise<Buffer>
}

export interface ServiceAccountVerifier {
  /** undefined: not a token of any configured cluster, so somebody else's to prove */
  verify(token: string, snapshot: Snapshot, source: string): Caller | Refusal | Promise<Caller | Refusal> | undefined
}

export interface ServiceAccountOptions {
  readonly clock: Clock
  /** the connection to a cluster; one and the same for all snapshots that say the same of it */
  readonly reviewerOf: (snapshot: Snapshot, cluster: string) => TokenReviewer | undefined
  /** gets a key set that is given as a URL, or as a file */
  readonly fetchJwks: (url: string) => Promise<Buffer>
  readonly readJwks: (reference: string) => Promise<Buffer>
}

/** What a token claims of itself, before anybody has proven anything. */
interface Claimed {
  readonly token: string
  readonly claims: JsonObject
  readonly cluster: ClusterConfig
  readonly audiences: readonly string[]
}

/** What came of a question. */
interface Reviewed {
  readonly outcome: Caller | Refusal
  /** monotonic, when it was asked: what happens while it is on its way is not known by the answer */
  readonly askedAtMs: number
  /** false where the API server said nothing */
  readonly isAnswer: boolean
}

/** A token that was proven under a configuration: found again without being read. */
interface Warm {
  readonly session: Session
  readonly digest: string
}

const knownTokens = 16_384 // bound: reviewed service account tokens in memory
const refusedTokens = 4_096
const refusedMs = 1_000
const retryMs = 1_000

export function createServiceAccountVerifier(options: ServiceAccountOptions): ServiceAccountVerifier {
  const { clock, reviewerOf } = options
  const sessions = createBoundedCache<Session>(knownTokens)
  const warm = createBoundedCache<Warm>(knownTokens)
  const refused = createBoundedCache<{ readonly untilMs: number; readonly why: string }>(refusedTokens)
  const flights = new Map<string, Promise<Reviewed>>()
  const turns = createSourceTurns()
  /** tokens that are no cluster's, so that those of other issuers are read once only */
  const others = createBoundedCache<object>(knownTokens)
  const local = createLocalVerifier(options)

  const review = async (claimed: Claimed, key: string, reviewer: TokenReviewer): Promise<Reviewed> => {
    const session = sessions.get(key)
    const askedAtMs = clock.monotonicMs()
    const refuse = (why: string, isAnswer: boolean): Reviewed => {
      return { outcome: refuseInvalid(`service account: ${why}`), askedAtMs, isAnswer }
    }
    let status: JsonObject
    try {
      status = await reviewer.reviewToken(claimed.token, claimed.audiences, session !== undefined)
    } catch (error) {
      return refuse(`${claimed.cluster.name} gave no answer: ${textOf(error)}`, false)
    }
    const judged = judgeReview(status, claimed.cluster.name, claimed.audiences)
    if (typeof judged === 'string') {
      sessions.delete(key)
      session?.end()
      refused.set(key, { untilMs: askedAtMs + refusedMs, why: judged })
      return refuse(judged, true)
    }
    if (session?.confirm(judged, askedAtMs) === true) return { outcome: session.caller, askedAtMs, isAnswer: true }
    session?.end()
    const fresh = new Session({
      clock,
      cacheMs: claimed.cluster.cache,
      askedAtMs,
      reviewer,
      ask: (by) => fly(claimed, key, by),
      describe: (isRevoked, isOver) => ({ ...judged, expiresAtMs: expiryOf(claimed.claims), isRevoked, isOver }),
    })
    sessions.set(key, fresh)
    return { outcome: fresh.caller, askedAtMs, isAnswer: true }
  }

  /** One question for one token at a time, whoever asks. */
  function fly(claimed: Claimed, key: string, reviewer: TokenReviewer): Promise<Reviewed> {
    const flying = flights.get(key)
    if (flying !== undefined) return flying
    const flight = review(claimed, key, reviewer).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }

  const proveAnew = (
    claimed: Claimed,
    key: string,
    reviewer: TokenReviewer,
    source: string,
  ): Promise<Reviewed> | Refusal => {
    const earlier = refused.get(key)
    if (earlier !== undefined && clock.monotonicMs() < earlier.untilMs)
      return refuseInvalid(`service account: ${earlier.why} (again)`)
    // whom an API server has vouched for does not wait behind whom it has not
    if (sessions.get(key) !== undefined) return fly(claimed, key, reviewer)
    return (
      flights.get(key) ??
      turns.take(source, () => fly(claimed, key, reviewer)) ??
      refuseInvalid('service account: too many tokens of this source wait for a review')
    )
  }

  const proveClaimed = (
    claimed: Claimed,
    tokenHash: string,
    snapshot: Snapshot,
    source: string,
  ): Caller | Refusal | Promise<Caller | Refusal> => {
    const { cluster, claims } = claimed
    if (clock.nowMs() >= expiryOf(claims)) return refuseInvalid('service account: expired')
    const reviewer = reviewerOf(snapshot, cluster.name)
    if (reviewer === undefined) return refuseInvalid(`service account: no connection to ${cluster.name}`)
    if (cluster.mode === 'jwks') return local.verify(claimed.token, claims, cluster, reviewer)
    // what one configuration said of a cluster says nothing about another one
    const key = `${tokenHash} ${JSON.stringify(cluster)}`
    const keep = (): Caller | undefined => {
      const session = sessions.get(key)
      if (session === undefined || !session.isFresh()) return undefined
      // a cluster that was taken out and put back has another connection
      session.use(reviewer)
      warm.set(tokenHash, { session, digest: snapshot.digest })
      return session.caller
    }
    const known = keep()
    if (known !== undefined) return known
    const proving = proveAnew(claimed, key, reviewer, source)
    if (!(proving instanceof Promise)) return proving
    return proving.then(({ outcome }) => {
      keep()
      return outcome
    })
  }

  return {
    verify(token, snapshot, source) {
      const { kubernetes } = snapshot.config.identity
      if (kubernetes.length === 0) return undefined
      const tokenHash = hash('sha256', token, 'latin1')
      const found = warm.get(tokenHash)
      if (
        found?.digest === snapshot.digest &&
        found.session.isFresh() &&
        clock.nowMs() < found.session.caller.expiresAtMs
      )
        return found.session.caller
      const otherKey = `${snapshot.digest} ${tokenHash}`
      if (others.get(otherKey) !== undefined) return undefined
      const claimed = readClaimed(token, kubernetes)
      if (claimed === undefined) {
        others.set(otherKey, {})
        return undefined
      }
      return isRefusal(claimed) ? claimed : proveClaimed(claimed, tokenHash, snapshot, source)
    },
  }
}

/** One token that an API server vouched for, and for how long that may still be believed. */
class Session {
  readonly caller: Caller
  readonly #parts: SessionParts
  #reviewer: TokenReviewer
  #confirmedAtMs: number
  #attemptedAtMs: number
  #isOver = false

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#reviewer = parts.reviewer
    this.#confirmedAtMs = this.#attemptedAtMs = parts.askedAtMs
    this.caller = parts.describe(
      () => this.#isRevoked(),
      () => this.#isKnownToBeOver(),
    )
  }

  isFresh(): boolean {
    return !this.#isOver && this.#ageMs() < this.#parts.cacheMs
  }

  /** Asks by this connection from now on. */
  use(reviewer: TokenReviewer): void {
    this.#reviewer = reviewer
  }

  /** The API server said so again. False when it speaks of somebody else now. */
  confirm({ id, evidence }: Pick<Caller, 'id' | 'evidence'>, askedAtMs: number): boolean {
    if (this.#isOver || id !== this.caller.id || evidence?.['podUid'] !== this.caller.evidence?.['podUid']) return false
    this.#confirmedAtMs = Math.max(this.#confirmedAtMs, askedAtMs)
    return true
  }

  end(): void {
    this.#isOver = true
  }

  /**
   * Asked about every second while a stream of this caller is open. Asks the API server again long before what it
   * said is too old, and says yes as soon as it is: no answer is not a permission.
   */
  #isRevoked(): boolean {
    if (this.#isOver) return true
    this.#askInTime()
    return this.#ageMs() > maxAgeMs
  }

  /** For what outlives its call: nobody can be asked about a token that has expired, so what was said before counts. */
  #isKnownToBeOver(): boolean {
    if (!this.#isOver && this.#parts.clock.nowMs() < this.caller.expiresAtMs) this.#askInTime()
    return this.#isOver
  }

  #askInTime(): void {
    const { cacheMs, clock } = this.#parts
    const nowMs = clock.monotonicMs()
    if (this.#ageMs() >= cacheMs / 2 && nowMs - this.#attemptedAtMs >= Math.min(retryMs, cacheMs / 4)) {
      this.#attemptedAtMs = nowMs
      void this.#ask()
    }
  }

  /** Never rejects: what comes of it is seen at the next beat. It may have been forgotten by the cache, and lives on. */
  async #ask(): Promise<void> {
    const { outcome, askedAtMs, isAnswer } = await this.#parts.ask(this.#reviewer)
    if (isRefusal(outcome)) this.#isOver ||= isAnswer
    else if (!this.confirm(outcome, askedAtMs)) this.end()
  }

  #ageMs(): number {
    return this.#parts.clock.monotonicMs() - this.#confirmedAtMs
  }
}

/** With the second between two beats a stream ends within ten, whatever the API server does. */
const maxAgeMs = 9_000 // bound: age of a review of a token by which a stream stays open

interface SessionParts {
  readonly clock: Clock
  readonly cacheMs: number
  readonly askedAtMs: number
  readonly reviewer: TokenReviewer
  readonly ask: (reviewer: TokenReviewer) => Promise<Reviewed>
  readonly describe: (isRevoked: () => boolean, isOver: () => boolean) => Caller
}

/**
 * The token's cluster by what it claims, undefined when that is none. All of it is the sender's word: it chooses whom
 * we ask, and what is not even worth asking.
 */
function readClaimed(token: string, clusters: readonly ClusterConfig[]): Claimed | Refusal | undefined {
  const form = parseCompactForm(token)
  if (typeof form === 'string') return undefined
  const claims = parseClaims(form.payload)
  if (typeof claims === 'string') return undefined
  const named = clusters.filter(({ issuer }) => issuer === ownValue(claims, 'iss'))
  if (named.length === 0) return undefined
  const claimedAudience = ownValue(claims, 'aud')
  const claimedList = Array.isArray(claimedAudience) ? claimedAudience : [claimedAudience]
  const fitting = named.flatMap((cluster) => {
    const audiences = audiencesOf(cluster).filter((audience) => claimedList.includes(audience))
    return audiences.length === 0 ? [] : [{ cluster, audiences }]
  })
  const [only, another] = fitting
  if (only === undefined) return refuseInvalid('service account: for another audience')
  if (another !== undefined) return refuseInvalid('service account: for the audiences of two clusters')
  const subject = ownValue(claims, 'sub')
  const isShaped =
    typeof ownValue(claims, 'exp') === 'number' &&
    isJsonObject(ownValue(claims, 'kubernetes.io')) &&
    typeof subject === 'string' &&
    parseAccount(subject) !== undefined
  if (!isShaped) return refuseInvalid('service account: not shaped like the token of one')
  return { token, claims, cluster: only.cluster, audiences: audiencesOf(only.cluster) }
}

function audiencesOf({ audience }: ClusterConfig): readonly string[] {
  return typeof audience === 'string' ? [audience] : audience
}

function expiryOf(claims: JsonObject): number {
  const seconds = ownValue(claims, 'exp')
  return typeof seconds === 'number' ? seconds * 1_000 : -Infinity
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
