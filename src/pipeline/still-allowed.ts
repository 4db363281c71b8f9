// A stream may be open for an hour, and configuration changes meanwhile. What was allowed under one snapshot is
// asked again under the next one: agent, identities and policy must still say yes. It only ever narrows: what is not
// known any more, or was too large to be kept, is not allowed. Design, invariant 7.

import { acceptsCaller, describeIssuer, issuerOf } from '../authenticate/authenticate.ts'
import { decideAgain } from '../authorize/authorize.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Snapshot } from '../config/config.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { expiryGraceMs } from './expiry-grace.ts'
import type { WalkParts } from './parts.ts'

/** Policy's view of a call is some hundred bytes; a message of thousands of parts is not kept for an hour. */
const maxInputLength = 32 * 1024 // bound: what policy saw of a call, kept while its stream is open

/** Whether a call is still allowed, and by which rules it is. */
export interface Permission {
  (): boolean
  /** for how long it may go on after its credential expired, by the policy that was asked last */
  graceMs(this: void): number
}

/** To be asked at every beat; decides anew only when another configuration is in force than the time before. */
export function watchPermission(admitted: Admitted, parts: Pick<WalkParts, 'snapshot' | 'rulesOf'>): Permission {
  // as text: small, and nothing in it keeps the body alive that it was cut from
  const text = JSON.stringify(admitted.policyInput)
  const recorded = text.length <= maxInputLength ? text : undefined
  let judged = admitted.snapshot.digest
  let isAllowed = true
  // nothing of a cluster's RBAC changes with our configuration, so it is asked again and again by itself
  let rights = parts.rulesOf(admitted.snapshot).access?.watch(admitted)
  const isApproved = admitted.approval !== undefined
  let grace = expiryGraceMs(admitted.allowedBy, admitted.snapshot.config)
  const isHeld = (): boolean => {
    const now = parts.snapshot()
    if (now.digest === judged || !isAllowed) return isAllowed && rights?.isHeld() !== false
    judged = now.digest
    isAllowed = false
    isAllowed =
      recorded !== undefined && areConfigured(admitted, now) && isStillDecided(JSON.parse(recorded) as JsonObject, now) // written by ourselves a moment ago
    if (!isAllowed) return false
    const agent = now.agents.get(admitted.agent.name) ?? admitted.agent
    rights = parts.rulesOf(now).access?.watch({ ...admitted, agent }, rights?.confirmedAtMs)
    return rights?.isHeld() !== false
  }
  return Object.assign(isHeld, { graceMs: () => grace })

  function isStillDecided(input: JsonObject, now: Snapshot): boolean {
    const decision = decideAgain(parts.rulesOf(now).policy, input)
    grace = decision.allowed ? expiryGraceMs(decision.allowedBy, now.config) : 0
    // what a person has approved stays approved; what has come to need it was not
    return decision.allowed && (decision.approvals.length === 0 || isApproved)
  }
}

/** Whether agent, caller, origin and the agents between are to this configuration what they were when the stream began. */
function areConfigured({ agent, caller, origin, chain, snapshot: then }: Admitted, now: Snapshot): boolean {
  const agentNow = now.agents.get(agent.name)
  return (
    agentNow !== undefined &&
    acceptsCaller(agentNow, caller) &&
    (caller.method !== 'mtls' || isSameIssuer(issuerOf(caller.evidence?.['subject'] ?? '') ?? '', then, now)) &&
    ((caller.method !== 'jwt' && caller.method !== 'introspection' && caller.method !== 'service-account') ||
      isSameIssuer(caller.credential, then, now)) &&
    isSamePrincipal(caller.id, then, now) &&
    (caller.principal === undefined || isKnownAs(caller.principal, caller.id, now)) &&
    (origin.id === caller.id || isSamePrincipal(origin.id, then, now)) &&
    chain.every(({ id }) => isSamePrincipal(id, then, now))
  )
}

function isSamePrincipal(id: string, then: Snapshot, now: Snapshot): boolean {
  if (id.startsWith('agent:')) {
    const name = id.slice(6)
    const identities = then.agents.get(name)?.principals ?? []
    // which of them it was is not known here: each must still be this agent
    return now.agents.has(name) && identities.every((identity) => now.agentsByPrincipal.get(identity)?.name === name)
  }
  // who acts as an agent from now on, or belongs to an alias, is known by another name
  if (now.agentsByPrincipal.has(id) || (now.aliases.get(id) ?? id) !== id) return false
  // which member it was that began a chain is not known here: each must still be this person
  if (then.identities.get(id)?.every((member) => now.aliases.get(member) === id) === false) return false
  const issuer = issuerOf(id)
  return issuer === undefined || isSameIssuer(issuer, then, now)
}

/** Whether what the caller's credential proved still makes it who it was. */
function isKnownAs(principal: string, id: string, now: Snapshot): boolean {
  const agent = now.agentsByPrincipal.get(principal)
  return (agent === undefined ? now.aliases.get(principal) : `agent:${agent.name}`) === id
}

/** An issuer that changed has other keys or other bounds: what it proved before must be proven anew. */
function isSameIssuer(name: string, then: Snapshot, now: Snapshot): boolean {
  const before = describeIssuer(name, then)
  return before !== undefined && before === describeIssuer(name, now)
}
