// Lets the agent that is called act on for its caller, for as long as the call is open or a task of it. Only an agent
// that has an identity at the gateway can ever show what it was given, so for all others there is nothing to keep.

import { proofOf } from '../authenticate/authenticate.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { WalkParts } from './parts.ts'

const nothing = (): void => undefined

/** Returns what ends it with the call. */
export function openGrant(admitted: Admitted, { clock, grants }: Pick<WalkParts, 'clock' | 'grants'>): () => void {
  const { agent, caller, origin, chain, scope, delegated, snapshot } = admitted
  if (agent.principals.length === 0) return nothing
  const longest = clock.nowMs() + snapshot.config.delegation.maxLife
  return grants.open({
    call: admitted.call,
    agent: agent.name,
    delegation: { origin, chain: caller.id === origin.id ? [] : [...chain, caller], scope },
    // passing it on makes it last no longer
    deadlineMs: Math.min(longest, delegated?.deadlineMs ?? longest),
    originProof: caller.id === origin.id ? proofOf(caller, snapshot) : delegated?.originProof,
  })
}
