// Door of discover: what is here, for those who may know. The directory lists only agents on which the caller may
// do something; cards are fetched from the agents within bounds and rebuilt; a card that cannot be used is an
// unavailable agent, never a passed-through document.

import type { Clock } from '../base/clock.ts'
import { decodeUtf8, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import { cardJsonBounds, frameCard, rebuildCard } from '../a2a/card.ts'
import { acceptedMethods, allowedExtensions, type AgentConfig, type Snapshot } from '../config/config.ts'
import type { Discovering, HeaderRecord, PublicDocument, ReceivedFields } from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { entityTagOf, isHeldBy } from './entity-tag.ts'
import { answerHealth } from './grpc-health.ts'

/** Where the answer of a discovery goes: recorded first, then sent. */
export interface DiscoveryAnswer {
  readonly facts: { agent: string; operation: string; binding: string }
  answer(status: number, headers: HeaderRecord, body: string): Promise<undefined>
}

export interface DiscoveryParts {
  readonly clock: Clock
  /** one bounded GET of an agent's card, over the dialler */
  readonly fetchCard: (agent: AgentConfig, snapshot: Snapshot) => Promise<Buffer>
  readonly jwks: () => string
  readonly cards: Map<string, CachedCard>
}

export interface CachedCard {
  readonly card: Promise<JsonObject | Refusal>
  readonly fetchedMs: number
  readonly digest: string
}

const cardLifeMs = 60_000 // bound: a card is kept for
/** a failed fetch is remembered briefly, so that a dead agent is not asked by every caller */
const failureLifeMs = 2_000 // bound: a card that could not be had is not asked for again for
const json = { 'content-type': 'application/json' }

/** The card of an agent as callers see it. */
function cardOf(agent: AgentConfig, snapshot: Snapshot, parts: DiscoveryParts): Promise<JsonObject | Refusal> {
  const nowMs = parts.clock.monotonicMs()
  const cached = parts.cards.get(agent.name)
  if (cached !== undefined && cached.digest === snapshot.digest && nowMs - cached.fetchedMs < cardLifeMs)
    return cached.card
  const card = fetchCard(agent, snapshot, parts)
  // names come from the configuration, so this map is bounded by it
  parts.cards.set(agent.name, { card, fetchedMs: nowMs, digest: snapshot.digest })
  void card.then((result) => {
    // unless a newer configuration has put another card there meanwhile
    if (!isRefusal(result) || parts.cards.get(agent.name)?.card !== card) return
    const fetchedMs = parts.clock.monotonicMs() - cardLifeMs + failureLifeMs
    parts.cards.set(agent.name, { card, fetchedMs, digest: snapshot.digest })
  })
  return card
}

async function fetchCard(agent: AgentConfig, snapshot: Snapshot, parts: DiscoveryParts): Promise<JsonObject | Refusal> {
  let bytes: Buffer
  try {
    bytes = await parts.fetchCard(agent, snapshot)
  } catch (error) {
    return refuse('FORWARD_UNAVAILABLE', `the card could not be fetched: ${String(error)}`)
  }
  const text = decodeUtf8(bytes)
  if (text === undefined) return refuse('RELEASE_INVALID_ANSWER', 'the card is not UTF-8')
  const parsed = parseStrictJson(text, cardJsonBounds)
  if (!parsed.ok) return refuse('RELEASE_INVALID_ANSWER', `the card is not strict JSON: ${parsed.reason}`)
  const accepted = acceptedMethods(snapshot.config, agent)
  const { http2 } = snapshot.config.gateway
  const offers = { extensions: allowedExtensions(snapshot.config, agent), http2 }
  const card = rebuildCard(parsed.value, frameCard(snapshot.publicUrl, agent, accepted, offers))
  return typeof card === 'string' ? refuse('RELEASE_INVALID_ANSWER', card) : card
}

/** Documents that anyone may read. */
export async function discoverPublic(
  request: ReceivedFields,
  document: PublicDocument,
  call: DiscoveryAnswer,
  parts: DiscoveryParts,
): Promise<Refusal | undefined> {
  // the gateway's own documents say nothing of anybody and leave no record
  if (document.kind === 'jwks') {
    request.reply.send(
      200,
      { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=300' },
      parts.jwks(),
    )
    return undefined
  }
  if (document.kind === 'grpc-health') return await answerHealth(request, document)
  if (document.kind === 'security-txt') {
    const contact = request.snapshot.config.gateway.securityContact
    if (contact === undefined) return refuse('ROUTE_NOT_FOUND', 'no security contact is configured')
    const body = securityText(contact, request.snapshot, parts.clock)
    request.reply.send(200, { 'content-type': 'text/plain; charset=utf-8' }, body)
    return undefined
  }
  return await answerCard(document.agent, request, call, parts, 'public, max-age=60')
}

export async function discover(
  discovering: Discovering,
  isVisible: (agent: AgentConfig) => boolean,
  call: DiscoveryAnswer,
  parts: DiscoveryParts,
): Promise<Refusal | undefined> {
  const { target, snapshot } = discovering
  if (target.kind === 'card') return await answerCard(target.agent, discovering, call, parts, 'private, max-age=60')
  call.facts.operation = 'ListAgents'
  const visible = snapshot.config.agents.filter(isVisible)
  const agents = visible.map((agent) => {
    const url = `${snapshot.publicUrl}/agents/${agent.name}`
    return { name: agent.name, url, card: `${url}/.well-known/agent-card.json` }
  })
  return await call.answer(200, { ...json, 'cache-control': 'private, no-store' }, JSON.stringify({ agents }))
}

async function answerCard(
  agent: AgentConfig,
  { snapshot, headers: asked }: Pick<ReceivedFields, 'snapshot' | 'headers'>,
  call: DiscoveryAnswer,
  parts: DiscoveryParts,
  cacheControl: string,
): Promise<Refusal | undefined> {
  call.facts.agent = agent.name
  call.facts.operation = 'GetAgentCard'
  call.facts.binding = 'HTTP+JSON'
  const card = await cardOf(agent, snapshot, parts)
  if (isRefusal(card)) return card
  const text = JSON.stringify(card)
  const etag = entityTagOf(text)
  const headers = { 'cache-control': cacheControl, vary: 'authorization, x-api-key', etag }
  if (isHeldBy(asked.get('if-none-match'), etag)) return await call.answer(304, headers, '')
  return await call.answer(200, { ...json, ...headers }, text)
}

/** RFC 9116. */
function securityText(contact: string, snapshot: Snapshot, clock: Clock): string {
  const expires = new Date(clock.nowMs() + 30 * 86_400_000).toISOString()
  return `Contact: ${contact}\nExpires: ${expires}\nCanonical: ${snapshot.publicUrl}/.well-known/security.txt\n`
}
