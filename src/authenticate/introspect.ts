// Proves tokens that say nothing themselves: their issuer is asked (RFC 7662). Its yes is believed for ten seconds,
// and asked for again while a stream is open; no answer is a refusal, and is not kept. Unknown tokens have few turns,
// in all and per source, and a source that showed many bad ones must wait: a flood of rubbish here is none at the
// issuer, and takes no turns from tokens that were good a moment ago.

import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import { sourceNetwork } from '../base/source-network.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import type { IntrospectionConfig } from '../config/config.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { ownValue } from './compact-form.ts'
import type { Issuer } from './issuers.ts'
import { judgeClaims, type JudgeOptions, type ProvenToken } from './judge-claims.ts'
import { millisecondsOf } from './token-use.ts'
import { refuseInvalid } from './unauthenticated.ts'

/** Asks at the configured endpoint, with the gateway's own credential there; bounded in size and time. */
export type Introspect = (config: IntrospectionConfig, token: string) => Promise<{ status: number; body: Buffer }>

export interface Introspector {
  verify(shown: ShownToken, issuer: Issuer): ProvenToken | Refusal | Promise<ProvenToken | Refusal>
}

export interface ShownToken {
  readonly token: string
  readonly tokenHash: string
  readonly source: string
}

const believedMs = 10_000 // bound: the answer of an introspection is believed for
const askAgainMs = 5_000
/** with the second between two beats a stream ends within ten */
const maxStreamAgeMs = 9_000 // bound: age of an introspection by which a stream stays open
const retryMs = 1_000
const knownTokens = 16_384 // bound: introspected tokens in memory
const refusedTokens = 4_096
const refusedMs = 10_000
const unknownAtOnce = 16 // bound: introspections of unknown tokens at once, for one issuer
const unknownPerSource = 4 // bound: introspections of unknown tokens at once, of one source
const knownAtOnce = 64 // bound: introspections of known tokens at once, for one issuer
const badPerSource = 30 // bound: bad tokens of one source in a minute, before its unknown ones are not asked about
const sources = 4_096

interface Known {
  readonly issuer: Issuer
  token: ProvenToken | undefined
  askedAtMs: number
  attemptedAtMs: number
}

const openEntry = (issuer: Issuer, askedAtMs: number): Known => ({
  issuer,
  token: undefined,
  askedAtMs,
  attemptedAtMs: askedAtMs,
})

interface Turns {
  unknown: number
  known: number
}

interface Source {
  atOnce: number
  bad: number
  sinceMs: number
}

export function createIntrospector(options: JudgeOptions & { readonly introspect: Introspect }): Introspector {
  const { clock, introspect } = options
  const known = createBoundedCache<Known>(knownTokens)
  const refused = createBoundedCache<{ readonly issuer: Issuer; readonly untilMs: number }>(refusedTokens)
  const bySource = createBoundedCache<Source>(sources)
  const byIssuer = new WeakMap<Issuer, Turns>()
  const flights = new WeakMap<Issuer, Map<string, Promise<ProvenToken | Refusal>>>()

  const ask = async ({ token, tokenHash }: ShownToken, issuer: Issuer): Promise<ProvenToken | Refusal> => {
    const { introspection } = issuer.config
    if (introspection === undefined) return refuseInvalid('token: nobody to ask')
    // counted from before the question: what happens while it is on its way is not yet known by the answer
    const askedAtMs = clock.monotonicMs()
    let claims: JsonObject | string
    try {
      const answer = await introspect(introspection, token)
      claims = readAnswer(answer)
    } catch (error) {
      claims = error instanceof Error ? error.message : 'the request failed'
    }
    if (typeof claims === 'string') return refuseInvalid(`token: ${issuer.config.name} gave no answer: ${claims}`)
    const before = known.get(tokenHash)
    let entry: Known = before?.issuer === issuer ? before : openEntry(issuer, askedAtMs)
    const isWithdrawn = (): boolean => isOver(entry, { token, tokenHash, source: '' })
    const proven =
      findAnswerProblem(claims, issuer, clock) ??
      judgeClaims(claims, issuer, { method: 'introspection', isWithdrawn }, options)
    if (typeof proven === 'string') {
      entry.token = undefined
      known.delete(tokenHash)
      refused.set(tokenHash, { issuer, untilMs: askedAtMs + refusedMs })
      return refuseInvalid(`token: ${proven}`)
    }
    if (entry.token !== undefined && entry.token.caller.id !== proven.caller.id) {
      // somebody else now: what is open under this token ends
      entry.token = undefined
      entry = openEntry(issuer, askedAtMs)
    }
    entry.token = proven
    entry.askedAtMs = askedAtMs
    known.set(tokenHash, entry)
    return proven
  }

  /** One question for one token at a time. */
  const fly = (shown: ShownToken, issuer: Issuer): Promise<ProvenToken | Refusal> => {
    const ofIssuer = flights.get(issuer) ?? new Map<string, Promise<ProvenToken | Refusal>>()
    flights.set(issuer, ofIssuer)
    const flying = ofIssuer.get(shown.tokenHash)
    if (flying !== undefined) return flying
    const flight = ask(shown, issuer).finally(() => ofIssuer.delete(shown.tokenHash))
    ofIssuer.set(shown.tokenHash, flight)
    return flight
  }

  /** Asked about every second while a stream of this token is open: no answer is not a permission. */
  const isOver = (entry: Known, shown: ShownToken): boolean => {
    if (entry.token === undefined) return true
    const nowMs = clock.monotonicMs()
    const ageMs = nowMs - entry.askedAtMs
    if (ageMs >= askAgainMs && nowMs - entry.attemptedAtMs >= retryMs) {
      entry.attemptedAtMs = nowMs
      // never rejects: what comes of it is seen at the next beat
      void fly(shown, entry.issuer)
    }
    return ageMs > maxStreamAgeMs
  }

  const turnsOf = (issuer: Issuer): Turns => {
    const turns = byIssuer.get(issuer) ?? { unknown: 0, known: 0 }
    byIssuer.set(issuer, turns)
    return turns
  }

  const askAboutKnown = async (shown: ShownToken, issuer: Issuer): Promise<ProvenToken | Refusal> => {
    const turns = turnsOf(issuer)
    if (turns.known >= knownAtOnce) return refuseInvalid('token: too many are asked about')
    turns.known++
    return await fly(shown, issuer).finally(() => turns.known--)
  }

  const askAboutUnknown = async (shown: ShownToken, issuer: Issuer): Promise<ProvenToken | Refusal> => {
    const network = sourceNetwork(shown.source)
    const source = bySource.get(network) ?? { atOnce: 0, bad: 0, sinceMs: clock.monotonicMs() }
    if (clock.monotonicMs() - source.sinceMs >= 60_000) Object.assign(source, { bad: 0, sinceMs: clock.monotonicMs() })
    const turns = turnsOf(issuer)
    if (source.bad >= badPerSource) return refuseInvalid('token: its source showed too many bad ones')
    if (source.atOnce >= unknownPerSource || turns.unknown >= unknownAtOnce)
      return refuseInvalid('token: too many are asked about')
    bySource.set(network, source)
    turns.unknown++
    source.atOnce++
    try {
      const outcome = await fly(shown, issuer)
      // no answer is nobody's fault
      if (isRefusal(outcome) && refused.get(shown.tokenHash)?.issuer === issuer) source.bad++
      return outcome
    } finally {
      turns.unknown--
      source.atOnce--
    }
  }

  return {
    verify(shown, issuer) {
      const entry = known.get(shown.tokenHash)
      const nowMs = clock.monotonicMs()
      if (entry !== undefined && entry.issuer === issuer && entry.token !== undefined) {
        const { token, askedAtMs } = entry
        if (clock.nowMs() >= token.caller.expiresAtMs + issuer.config.clockSkew) return refuseInvalid('token: expired')
        if (token.isRevoked()) return refuseInvalid('token: revoked')
        return nowMs - askedAtMs < believedMs ? token : askAboutKnown(shown, issuer)
      }
      const earlier = refused.get(shown.tokenHash)
      if (earlier !== undefined && earlier.issuer === issuer && nowMs < earlier.untilMs)
        return refuseInvalid('token: not active (again)')
      // who shows the same token at the same time waits for the same answer
      return flights.get(issuer)?.get(shown.tokenHash) ?? askAboutUnknown(shown, issuer)
    },
  }
}

function readAnswer({ status, body }: { status: number; body: Buffer }): JsonObject | string {
  if (status !== 200) return `status ${status}`
  const text = decodeUtf8(body)
  const parsed = text === undefined ? undefined : parseStrictJson(text, { maxDepth: 16, maxNodes: 2000 })
  return parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : 'not a strict JSON object'
}

/** What signature and registered claims are to a token that can be read. */
function findAnswerProblem(answer: JsonObject, { config }: Issuer, clock: Clock): string | undefined {
  if (ownValue(answer, 'active') !== true) return 'not active'
  const issuer = ownValue(answer, 'iss')
  if (issuer !== undefined && issuer !== config.issuer) return 'of another issuer'
  const claimed = ownValue(answer, 'aud')
  const audiences = Array.isArray(claimed) ? claimed : [claimed]
  const configured = typeof config.audience === 'string' ? [config.audience] : config.audience
  if (!configured.some((audience) => audiences.includes(audience))) return 'for another audience'
  const nowMs = clock.nowMs()
  const expiresAtMs = millisecondsOf(answer, 'exp')
  if (expiresAtMs === undefined || nowMs >= expiresAtMs + config.clockSkew) return 'expired, or without exp'
  const notBefore = ownValue(answer, 'nbf')
  if (notBefore !== undefined && !(typeof notBefore === 'number' && notBefore * 1000 <= nowMs + config.clockSkew))
    return 'not yet valid'
  const type = ownValue(answer, 'token_type')
  const isForKey = typeof type === 'string' && type.toLowerCase() === 'dpop'
  return isForKey && ownValue(answer, 'cnf') === undefined ? 'bound to a key that is not named' : undefined
}
