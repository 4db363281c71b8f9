// Approvals as approvers decide them: the same code behind the control socket, in a command that found no gateway and,
// for those who logged in, behind the admin API. Nobody approves a call that they are part of. A grant is recorded
// before it holds, a denial holds before it is recorded, and who was refused as an approver is recorded too.

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { isPartyTo, type Approval } from '../authorize/authorize.ts'
import type { Clock } from '../base/clock.ts'
import type { ApprovalAnswer, ApprovalDecision, ApprovalMethods, ApprovalSummary } from '../cli/ports.ts'
import type { Config } from '../config/config.ts'
import { findApprover, isNamed, type Approver } from './approvers.ts'
import type { State } from './state.ts'

export type ApprovalsState = Pick<State, 'approvals' | 'audit' | 'keyStore' | 'pepper'>

export interface ApprovalMethodsOptions {
  readonly clock: Clock
  /** what is in force */
  readonly config: () => Config
}

/** Of the tags that tie an approval to one request: who reads the disk cannot guess at messages by them. */
export function approvalKey(pepper: Buffer): KeyObject {
  return createSecretKey(createHmac('sha256', pepper).update('sallyport approval tags').digest())
}

export interface DecideApproval {
  readonly id: string
  readonly verdict: 'granted' | 'denied'
  readonly reason: string
}

export function createApprovalMethods(state: ApprovalsState, options: ApprovalMethodsOptions): ApprovalMethods {
  const decideByKey = async (
    verdict: DecideApproval['verdict'],
    decision: ApprovalDecision,
  ): Promise<ApprovalAnswer> => {
    const { id, reason, approver: key } = decision
    const config = options.config()
    const { approvers } = config.approvals
    const approver = findApprover(state, config, { key, clock: options.clock, patterns: approvers })
    if (approver !== undefined) return await decideApproval(state, options, { id, verdict, reason }, approver)
    const hint = approvers.length === 0 ? 'name approvers in approvals.approvers' : 'write --as file:KEYFILE'
    return await refuse(state, { id, by: '', why: 'this is no valid key of an approver', hint })
  }
  return {
    'approval.list': () => Promise.resolve(state.approvals.list().map(summarize)),
    'approval.grant': (decision) => decideByKey('granted', decision),
    'approval.deny': (decision) => decideByKey('denied', decision),
  }
}

/** By somebody whose identity was proven. */
export async function decideApproval(
  state: ApprovalsState,
  { clock, config }: ApprovalMethodsOptions,
  { id, verdict, reason }: DecideApproval,
  approver: Approver & { readonly groups?: readonly string[] },
): Promise<ApprovalAnswer> {
  const { approvers, use } = config().approvals
  const by = approver.id
  if (!isNamed(approvers, by, approver.groups))
    return await refuse(state, { id, by, why: `${by} is no approver`, hint: 'see approvals.approvers' })
  const waiting = state.approvals.get(id)
  if (waiting?.state !== 'pending')
    return await refuse(state, { id, by, why: 'no call waits under this id', hint: 'see: sallyport approval list' })
  if (isPartyTo(waiting, by))
    return await refuse(state, { id, by, why: `${by} is part of this call`, hint: 'somebody else has to decide' })
  const what = { id, by, credential: approver.credential, reason, rules: [...waiting.rules], agent: waiting.agent }
  const isGrant = verdict === 'granted'
  if (isGrant) await state.audit.administered('approval.grant', '', what)
  const expiresAtMs = isGrant ? clock.nowMs() + use : waiting.expiresAtMs
  const decided = state.approvals.decide(id, { state: verdict, by, expiresAtMs })
  if (!isGrant && decided !== undefined) await state.audit.administered('approval.deny', '', what)
  if (decided !== undefined) return { kind: 'done', approval: summarize(decided) }
  return await refuse(state, {
    id,
    by,
    why: 'somebody else has decided meanwhile',
    hint: 'see: sallyport approval list',
  })
}

async function refuse(
  { audit }: Pick<State, 'audit'>,
  { id, by, why, hint }: { id: string; by: string; why: string; hint: string },
): Promise<ApprovalAnswer> {
  await audit.administered('approval.refused', '', { id, by, why })
  return { kind: 'refused', why, hint }
}

function summarize({ tag: _tag, parts, rules, chain, ...approval }: Approval): ApprovalSummary {
  return { ...approval, rules: [...rules], chain: [...chain], parts: parts.map((part) => ({ ...part })) }
}
