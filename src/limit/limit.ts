// Door of limit: how often, and how many streams at once. Every limit that concerns a call must have room; a call
// that is refused takes nothing from any. Where no limit of the configuration names a rate or a number of
// streams for a caller, the defaults do. Fields: draft-ietf-httpapi-ratelimit-headers-10.

import { operations } from '../a2a/operations.ts'
import type { Admitted, AdmittedFields, Authenticated, Authorized } from '../exchange/exchange.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Limiter } from './limiter.ts'

export { createBackoff, type Backoff } from './backoff.ts'
export { createLimiter } from './limiter.ts'
export type { Limiter, TaskCounts } from './limiter.ts'
export { createSourceLimiter } from './source-limiter.ts'
export type { SourceLimiter } from './source-limiter.ts'

/**
 * Right after authentication, before a body is read or a policy is asked: a caller whose allowance is used up costs
 * no more than this. Takes nothing; what is refused later is charged by itself.
 */
export function guard(authenticated: Authenticated, limiter: Limiter): Refusal | undefined {
  const taken = limiter.guard(authenticated.caller)
  return taken === undefined || taken.ok ? undefined : refuse(taken.code, taken.detail, { headers: taken.headers })
}

/**
 * By now the call is allowed. May refuse LIMIT_RATE and LIMIT_STREAMS, both with retry-after, LIMIT_OPEN_TASKS and
 * LIMIT_TURNS. What was taken for a stream is given back by `releasePermit`, which may be called any number of times.
 * A message that `isRepeated` reaches no agent: it is held against rates and streams, and not against tasks and turns, so
 * that whoever lost an answer learns of its task also when that was the last one allowed.
 */
export function limit(authorized: Authorized, limiter: Limiter, isRepeated = never): Admitted | Refusal {
  const { caller, agent, operation, tenant, taskId, agentContextId: contextId } = authorized
  const { streams, carriesMessage } = operations[operation]
  const taken = limiter.take(
    caller,
    agent.name,
    streams,
    carriesMessage ? { tenant, taskId, contextId, isRepeated } : undefined,
  )
  if (!taken.ok) return refuse(taken.code, taken.detail, { headers: taken.headers })
  const fields: AdmittedFields = {
    releasePermit: taken.release,
    taskOpened: taken.opened,
    countsTurns: taken.countsTurns,
    limitHeaders: taken.headers,
  }
  // The one mint of Admitted. The call's own object grows; it is not copied.
  return Object.assign(authorized, fields) as Admitted
}

const never = (): boolean => false
