// Door of authorize: may this caller, on this origin's behalf, do this to this agent and to these tasks? Default
// deny. It never says more to a caller than a missing task would (invariant 4): what is foreign, and not shared
// by policy, is answered exactly like what does not exist. A2A 1.0.1 §3.3.2, §13.1; design, "Who is who".

import type { JsonObject } from '../base/strict-json.ts'
import type { ApprovalGrant, Authorized, AuthorizedFields, Validated } from '../exchange/exchange.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { describeRequest, tagOf, type Approval, type ApprovalRules } from './approval.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { decide } from './decide.ts'
import { findContext } from './find-context.ts'
import type { NamedOwnership } from './ownership.ts'
import { gatherInput, type PolicyInput } from './policy-input.ts'

export { isPartyTo } from './approval.ts'
export type { Approval, ApprovalBook, ApprovalRequest, ApprovalRules, ApprovalState, DecidedAs } from './approval.ts'
export {
  findBlockedAgent,
  findBlockedParty,
  findBlockedPerson,
  type Block,
  type BlockBook,
  type BlockReader,
} from './blocks.ts'
export { compilePolicy } from './compile-policy.ts'
export type { CompiledPolicy } from './compile-policy.ts'
export type { Decision } from './decide.ts'
export { decide, decideAgain, maySeeAgent, readRecorded } from './decide.ts'
export { explain } from './explain.ts'
export { buildMatrix, principalsOf } from './matrix.ts'
export type { PolicyInput } from './policy-input.ts'
export { metadataText } from './policy-input.ts'
export { createSuggestion } from './suggest.ts'
export { createAccessAuthority } from './review-access.ts'
export type { AccessAuthority } from './review-access.ts'
export type { AccessReviewer } from './access-answers.ts'
export type { NamedOwnership, OwnershipReader } from './ownership.ts'

/** A refusal that carries what policy saw, for the record only. */
export interface AuthorizationRefusal extends Refusal {
  readonly policyInput: JsonObject | undefined
}

export interface AuthorizeSources {
  readonly ownership: NamedOwnership
  readonly approvals: ApprovalRules
}

/**
 * By now the caller is proven and the request is in its one form. May refuse ROUTE_AGENT_UNKNOWN (nothing is
 * allowed to this caller here), AUTHZ_DENIED, AUTHZ_TASK_NOT_FOUND, AUTHZ_APPROVAL_REQUIRED and, for a context that is
 * not the task's, VALIDATE_PARAMS. Anything thrown denies.
 */
export function authorize(
  validated: Validated,
  policy: CompiledPolicy,
  { ownership, approvals }: AuthorizeSources,
): Authorized | AuthorizationRefusal {
  let policyInput: JsonObject | undefined
  try {
    const context = findContext(validated, ownership)
    const input = gatherInput(validated, ownership, policy.metadataKeys, context)
    if (typeof input === 'string') return { ...refuse('AUTHZ_DENIED', input), policyInput: undefined }
    policyInput = asJson(input)
    const decision = decide(policy, input)
    if (!decision.allowed) return { ...refuse(decision.code, decision.detail), policyInput }
    // only now: who may not use the task is told that it is missing. Policy has not refused it, and cannot decide it again.
    if (context.task === 'other')
      return { ...refuse('VALIDATE_PARAMS', elsewhere, { hint: elsewhere }), policyInput: undefined }
    const task = input.named.find((thing) => thing.kind === 'task')
    const taskOwner = task?.owner ?? undefined
    const agentContextId = context.id
    let fields: AuthorizedFields = { allowedBy: decision.allowedBy, policyInput, agentContextId, taskOwner }
    if (decision.approvals.length > 0) {
      const approval = findApproval(validated, decision.approvals, approvals)
      if (isRefusal(approval)) return { ...approval, policyInput }
      fields = { ...fields, allowedBy: [...fields.allowedBy, `approval:${approval.id}`], approval }
    }
    // The one mint of Authorized: every check above has passed. The call's own object grows; it is not copied.
    return Object.assign(validated, fields) as Authorized
  } catch (error) {
    return { ...refuse('AUTHZ_DENIED', `authorization failed: ${describe(error)}`), policyInput }
  }
}

const elsewhere = 'message.contextId: not the context of the task'

/** The grant that this very call may use, or the refusal that says a person has to decide. */
function findApproval(call: Validated, rules: readonly string[], approvals: ApprovalRules): ApprovalGrant | Refusal {
  const { book, key } = approvals
  const tag = tagOf(call, key)
  const found = book.find(tag)
  // who granted it has to be believed now as well; otherwise somebody is asked anew
  const stands = (granted: Approval): boolean => approvals.findLapse(granted, call.snapshot) === undefined
  const known = found?.state === 'granted' && !stands(found) ? undefined : found
  // a rule that has come since asks for itself
  const isOfTheseRules = known !== undefined && rules.every((rule) => known.rules.includes(rule))
  if (known?.state === 'denied' && isOfTheseRules)
    return refuse('AUTHZ_DENIED', `${known.decidedBy} denied the approval ${known.id}`)
  if (known?.state === 'granted' && isOfTheseRules) {
    const { id, decidedBy } = known
    return { id, decidedBy, take: () => stands(known) && book.take(id), giveBack: () => book.giveBack(id) }
  }
  const asked =
    known?.state === 'pending' && isOfTheseRules
      ? known
      : book.request(describeRequest(call, tag, rules), call.snapshot.config.approvals.wait)
  const names = rules.join(', ')
  if (asked === undefined) return refuse('AUTHZ_APPROVAL_REQUIRED', `${names} ask for approval; too many calls wait`)
  return refuse('AUTHZ_APPROVAL_REQUIRED', `${names} ask for approval: ${asked.id}`, {
    metadata: { approval: asked.id, expires: new Date(asked.expiresAtMs).toISOString() },
  })
}

/** PolicyInput holds strings, numbers, booleans, null, lists and records only: it is JSON by construction. */
function asJson(input: PolicyInput): JsonObject {
  return input as unknown as JsonObject
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'something that is not an Error was thrown'
}
