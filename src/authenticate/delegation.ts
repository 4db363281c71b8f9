// On whose behalf: the origin where a chain of agents began, and the agents between it and the caller. A chain
// has a bound and no circle: an agent that is in it already may neither call again nor be called.
// RFC 8693 §4.1 (nested `act`, outermost is the latest); design invariant 6.

import type { AuthenticatedFields, CallerScope, Principal } from '../exchange/exchange.ts'

export interface Delegation {
  readonly origin: Principal
  /** oldest first, neither origin nor caller included */
  readonly chain: readonly Principal[]
  /** what the credentials of origin and chain narrow it to */
  readonly scope?: CallerScope | undefined
}

/** Most agents that may act one after another for an origin, the caller included. */
export const maxHops = 8 // bound: agents acting one after another for an origin

/** Why a delegation given to `callerId` must not be used; undefined when it may. */
export function findChainProblem(delegation: Delegation, callerId: string): string | undefined {
  if (delegation.chain.length + 1 > maxHops) return `more than ${maxHops} hops`
  if (delegation.origin.id === callerId) return 'the caller began this chain itself'
  const seen = new Set<string>([callerId, delegation.origin.id])
  for (const actor of delegation.chain) {
    if (seen.has(actor.id)) return `${actor.id} is in the chain twice`
    seen.add(actor.id)
  }
  return undefined
}

/** For after the route is known: why calling this agent would close a circle; undefined when it would not. */
export function findCycle(
  call: Pick<AuthenticatedFields, 'caller' | 'origin' | 'chain'>,
  agentName: string,
): string | undefined {
  const target = `agent:${agentName}`
  if (call.caller.id === target) return `${target} calls itself`
  if (call.origin.id === target || call.chain.some((actor) => actor.id === target))
    return `${target} is in the chain already`
  return undefined
}
