// Door of authorize: may this caller, on this origin's behalf, do this to this agent and to these tasks? Default
// deny. It never says more to a caller than a missing task would (invariant 4): what is foreign, and not shared
// by policy, is answered exactly like what does not exist. A2A 1.0.1 §3.3.2, §13.1; design, "Who is who".

import type { JsonObject } from '../base/strict-json.ts'
import type { Authorized, AuthorizedFields, Validated } from '../exchange/exchange.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { decide } from './decide.ts'
import type { OwnershipReader } from './ownership.ts'
import { gatherInput, type PolicyInput } from './policy-input.ts'

export { compilePolicy } from './compile-policy.ts'
export type { CompiledPolicy } from './compile-policy.ts'
export { decideAgain, maySeeAgent } from './decide.ts'
export { explain } from './explain.ts'
export type { OwnershipReader } from './ownership.ts'

/** A refusal that carries what policy saw, for the record only. */
export interface AuthorizationRefusal extends Refusal {
  readonly policyInput: JsonObject | undefined
}

/**
 * By now the caller is proven and the request is in its one form. May refuse ROUTE_AGENT_UNKNOWN (nothing is
 * allowed to this caller here), AUTHZ_DENIED and AUTHZ_TASK_NOT_FOUND. Anything thrown denies.
 */
export function authorize(
  validated: Validated,
  policy: CompiledPolicy,
  ownership: OwnershipReader,
): Authorized | AuthorizationRefusal {
  let policyInput: JsonObject | undefined
  try {
    const input = gatherInput(validated, ownership, policy.metadataKeys)
    if (typeof input === 'string') return { ...refuse('AUTHZ_DENIED', input), policyInput: undefined }
    policyInput = asJson(input)
    const decision = decide(policy, input)
    if (!decision.allowed) return { ...refuse(decision.code, decision.detail), policyInput }
    const task = input.named.find((thing) => thing.kind === 'task')
    const fields: AuthorizedFields = { allowedBy: decision.allowedBy, policyInput, taskOwner: task?.owner ?? undefined }
    // The one mint of Authorized: every check above has passed. The call's own object grows; it is not copied.
    return Object.assign(validated, fields) as Authorized
  } catch (error) {
    return { ...refuse('AUTHZ_DENIED', `authorization failed: ${describe(error)}`), policyInput }
  }
}

/** PolicyInput holds strings, numbers, booleans, null, lists and records only: it is JSON by construction. */
function asJson(input: PolicyInput): JsonObject {
  return input as unknown as JsonObject
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'something that is not an Error was thrown'
}
