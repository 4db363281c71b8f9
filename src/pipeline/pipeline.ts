// The walk, on one page. Read downwards: each stage takes the type that only the stage before can produce, and
// returns either the next type or a refusal. Audit wraps the whole of it: whatever happens, a record is left, and
// whatever is thrown denies. Nothing is forwarded that has no record (invariant 2).

import { Fault } from '../base/fault.ts'
import type { Discovering, Exchanging, Received, Routed } from '../exchange/exchange.ts'
import { authenticate, findCycle, narrowScope, refuseUnaccepted } from '../authenticate/authenticate.ts'
import { authorize, findBlockedAgent, findBlockedParty, maySeeAgent } from '../authorize/authorize.ts'
import type { AgentConfig } from '../config/config.ts'
import { exchangeToken, type ExchangeParts, type HopToken } from '../delegate/delegate.ts'
import { discover, discoverPublic } from '../discover/discover.ts'
import { guard, limit } from '../limit/limit.ts'
import type { Unreadable } from '../listen/listen.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { findPublicDocument, route } from '../route/route.ts'
import { negotiateExtensions, validate } from '../validate/validate.ts'
import { openCall, refuseUnreadable, type Call } from './call.ts'
import { carry } from './carry.ts'
import type { WalkParts } from './parts.ts'

export { createDuplicateBook } from './duplicates.ts'
export { createHeartbeat } from './heartbeat.ts'
export { createTaskLister } from './list-tasks.ts'
export type { CallTrace, Rules, Tracing, WalkParts } from './parts.ts'

/** Takes one request from socket to ledger. Never rejects. */
export async function walk(received: Received, parts: WalkParts): Promise<void> {
  const call = openCall(received, parts)
  try {
    const refusal = await takeSteps(received, call, parts)
    if (refusal !== undefined) await call.refuse(refusal)
  } catch (error) {
    // a disk or store that fails is the world's doing: try again later. Anything else is ours.
    const isFault = error instanceof Fault
    if (!isFault) parts.onBug(error)
    await call.refuse(refuse(isFault ? 'AUDIT_UNAVAILABLE' : 'GATEWAY_INTERNAL', describe(error)))
  }
}

async function takeSteps(received: Received, call: Call, parts: WalkParts): Promise<Refusal | undefined> {
  const rules = parts.rulesOf(received.snapshot)

  const document = findPublicDocument(received)
  const withheld = document?.kind === 'public-card' ? findBlockedAgent(document.agent.name, parts.blocks) : undefined
  if (withheld !== undefined) return withheld
  if (document !== undefined) return await marked(discoverPublic(received, document, call, parts.discovery), call)

  const authenticated = await authenticate(received, rules.authenticator)
  call.mark('authenticate')
  if (isRefusal(authenticated)) return authenticated
  call.knowsCaller(authenticated)

  const overdue = guard(authenticated, parts.limiter)
  call.mark('guard')
  if (overdue !== undefined) return overdue

  const blocked = findBlockedParty(authenticated, received.snapshot, parts.blocks)
  if (blocked !== undefined) return blocked

  const isVisibleTo: ExchangeParts['isVisible'] = (agent, who) => maySeeAgent(rules.policy, who, agent)
  // a token is good for one agent: others are not there for it
  const only = authenticated.delegated?.onlyAgent
  const isVisible = (agent: AgentConfig): boolean =>
    (only === undefined || only === agent.name) && isVisibleTo(agent, authenticated)
  const routing = route(authenticated, isVisible)
  const routed = routing instanceof Promise ? await routing : routing
  call.mark('route')
  if (isRefusal(routed)) return routed
  if (isExchanging(routed)) return await marked(exchange(routed, call, parts, isVisibleTo), call)
  // only now: who may not know of the agent has been told that there is none
  const unaccepted = refuseUnaccepted(routed, routed.snapshot)
  if (unaccepted !== undefined) return unaccepted
  if (isDiscovering(routed)) {
    const { target } = routed
    const unavailable = target.kind === 'card' ? findBlockedAgent(target.agent.name, parts.blocks) : undefined
    const isListed = (agent: AgentConfig): boolean =>
      isVisible(agent) && findBlockedAgent(agent.name, parts.blocks) === undefined
    return unavailable ?? (await marked(discover(routed, isListed, call, parts.discovery), call))
  }
  call.knowsAgent(routed)
  const cycle = findCycle(routed, routed.agent.name)
  if (cycle !== undefined) return refuse('AUTHZ_DENIED', cycle)

  const validated = await validate(routed, call.knowsBody)
  call.mark('validate')
  if (isRefusal(validated)) return validated
  call.knowsOperation(validated)

  const authorized = authorize(validated, rules.policy, { ownership: parts.ownership, approvals: parts.approvals })
  call.mark('authorize')
  if (isRefusal(authorized)) return authorized

  // only now, so that it tells nobody of an agent who may not know of it
  const unavailable = findBlockedAgent(authorized.agent.name, parts.blocks)
  if (unavailable !== undefined) return unavailable

  const extensions = negotiateExtensions(authorized, parts.declaredExtensions?.(authorized.agent, received.snapshot))
  if (isRefusal(extensions)) return extensions
  Object.assign(authorized, { extensions })

  if (rules.access !== undefined) {
    const denied = await rules.access.review(authorized)
    call.mark('review')
    if (denied !== undefined) return denied
  }

  const admitted = limit(authorized, parts.limiter, () => parts.duplicates.isRepeated(authorized))
  call.mark('limit')
  if (isRefusal(admitted)) return admitted

  try {
    return await carry(admitted, call, parts)
  } finally {
    admitted.releasePermit()
  }
}

function exchange(
  exchanging: Exchanging,
  call: Call,
  { clock, rulesOf, blocks }: WalkParts,
  isVisibleTo: ExchangeParts['isVisible'],
): Promise<Refusal | undefined> {
  // a token would be of no use where somebody in it, or the agent, is blocked: none is made
  const isVisible: ExchangeParts['isVisible'] = (agent, who) =>
    findBlockedParty(who, exchanging.snapshot, blocks) === undefined &&
    findBlockedAgent(agent.name, blocks) === undefined &&
    isVisibleTo(agent, who)
  const { authenticator, forwarder } = rulesOf(exchanging.snapshot)
  const { verifySubject } = authenticator.assertions
  const mint = (token: HopToken): string => forwarder.signer.mintToken(token)
  return exchangeToken(exchanging, { clock, verifySubject, narrowScope, isVisible, findCycle, mint }, call)
}

/** An answer leaves its mark when it is recorded; a refusal has only this. */
async function marked(discovering: Promise<Refusal | undefined>, call: Call): Promise<Refusal | undefined> {
  const refusal = await discovering
  if (refusal !== undefined) call.mark('discover')
  return refusal
}

const isExchanging = (routed: Routed | Discovering | Exchanging): routed is Exchanging => routed.target.kind === 'token'

const isDiscovering = (routed: Routed | Discovering | Exchanging): routed is Discovering =>
  routed.target.kind === 'card' || routed.target.kind === 'directory'

/** A request that could not be read at all: recorded, answered, done. */
export async function walkUnreadable(unreadable: Unreadable, parts: WalkParts): Promise<void> {
  await refuseUnreadable(unreadable, parts)
}

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)
