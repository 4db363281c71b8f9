// How an agent hears who calls: by the gateway's assertion in a header of its own, by the same as a bearer token, or by
// a token that its own identity provider gave for it. Agents outside can be told as little as possible: pairwise names,
// no groups. What an assertion then leaves out is known to the gateway by the grant alone, and it says so (`partial`).

import type { Clock } from '../base/clock.ts'
import type { AgentConfig } from '../config/config.ts'
import type { Admitted, TaskOwner } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { actorGroupsOf, actorsOf, type AssertionSigner, type MintRequest } from './mint-assertion.ts'
import type { Upstream } from './upstream.ts'

export interface Identifying {
  readonly clock: Clock
  readonly signer: AssertionSigner
}

/** One header field: its name and value. A promise only where somebody else has to be asked. */
export function identify(
  admitted: Admitted,
  upstream: Upstream,
  { clock, signer }: Identifying,
): readonly string[] | Promise<readonly string[] | Refusal> {
  const { as } = admitted.agent.assertion
  const about = describe(admitted, upstream, clock)
  if (upstream.exchanger === undefined) {
    const assertion = signer.mint(about)
    return as === 'bearer' ? asBearer(assertion) : ['sallyport-caller-assertion', assertion]
  }
  const { subject, groups, actors, actorGroups, taskOwner, scope } = about
  const who = JSON.stringify([subject, groups, actors, actorGroups, taskOwner, scope])
  const token = upstream.exchanger.tokenFor(who, () => signer.mint(about))
  if (typeof token === 'string') return asBearer(token)
  return token.then((given) => (isRefusal(given) ? given : asBearer(given)))
}

const asBearer = (token: string): readonly string[] => ['authorization', `Bearer ${token}`]

/** Whether this agent is told less than everything. */
export function isToldLess({ assertion }: AgentConfig): boolean {
  return assertion.subject === 'pairwise' || assertion.claims === 'minimal'
}

function describe(admitted: Admitted, upstream: Upstream, clock: Clock): MintRequest {
  const { origin, caller, taskOwner, agent } = admitted
  const isShared = taskOwner !== undefined && (taskOwner.caller !== caller.id || taskOwner.origin !== origin.id)
  const { exchange } = agent.assertion
  const common = {
    issuer: admitted.snapshot.publicUrl,
    audienceAgent: agent.name,
    // what goes to the provider is for the provider: it cannot show it to the agent, nor here
    ...(exchange && { audience: exchange.subjectAudience ?? exchange.tokenUrl }),
    call: admitted.call,
    operation: admitted.operation,
    nowMs: clock.nowMs(),
  }
  const actors = actorsOf(admitted)
  if (!isToldLess(agent)) {
    const { groups, id: subject } = origin
    const actorGroups = actorGroupsOf(admitted)
    const { scope } = admitted
    return { ...common, subject, groups, actors, actorGroups, ...(isShared && { taskOwner }), scope }
  }
  const { rename } = upstream
  const named = rename ?? ((id: string): string => id)
  return {
    ...common,
    subject: named(origin.id),
    groups: [],
    actors: actors.map(named),
    // whose a shared task is: as names that say nothing, or not at all
    ...(isShared && rename && { taskOwner: renamed(taskOwner, rename) }),
    isPartial: true,
  }
}

function renamed({ caller, origin }: TaskOwner, rename: (id: string) => string): TaskOwner {
  return { caller: rename(caller), origin: rename(origin) }
}
