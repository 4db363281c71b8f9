// Approvals as approvers decide them: the same code behind the control socket, in a command that found no gateway and,
// for those who logged in, behind the admin API. Nobody approves a call that they are part of. A grant is recorded
// before it holds, a denial holds before it is recorded, and who was refused as an approver is recorded too.

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Approval } from '../authorize/authorize.ts'
import type { Clock } from '../base/clock.ts'
import type { ApprovalAnswer, ApprovalDecision, ApprovalMethods, ApprovalSummary } from '../cli/ports.ts'
import { buildSnapshot, type Config } from '../config/config.ts'
import { findKeyHolder, findOwnHand, judgeApprover, type Person } from './approvers.ts'
import type { State } from './state.ts'

export type ApprovalsState = Pick<State, 'approvals' | 'audit' | 'blocks' | 'keyStore' | 'pepper'>

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
    const snapshot = buildSnapshot(config)
    const holder = findKeyHolder(state, snapshot, { key, clock: options.clock })
    const judging = { snapshot, nowMs: options.clock.nowMs(), patterns: approvers }
    // who shows a key is told nothing of it before it is an approver's
    if (holder !== undefined && typeof judgeApprover(state, holder, judging) !== 'string')
      return await decideApproval(state, options, { id, verdict, reason }, holder)
    const hint = approvers.length === 0 ? 'name approvers in approvals.approvers' : 'write --as file:KEYFILE'
    return await refuse(state, { id, by: '', why: 'this is no valid key of an approver', hint })
  }
  return {
    'approval.list': () => Promise.resolve(state.approvals.list().map(summarize)),
    'approval.grant': (decision) => decideByKey('granted', decision),
    'approval.deny': (decision) => decideByKey('denied', decision),
  }
}

/** By somebody whose identity was proven, by a key or a login. */
export async function decideApproval(
  state: ApprovalsState,
  { clock, config }: ApprovalMethodsOptions,
  { id, verdict, reason }: DecideApproval,
  person: Person,
): Promise<ApprovalAnswer> {
  const { approvers, use } = config().approvals
  const judging = { snapshot: buildSnapshot(config()), nowMs: clock.nowMs(), patterns: approvers }
  const approver = judgeApprover(state, person, judging)
  if (typeof approver === 'string')
    return await refuse(state, { id, by: person.id, why: approver, hint: 'see approvals.approvers' })
  const { id: by, decidedAs: as } = approver
  const waiting = state.approvals.get(id)
  if (waiting?.state !== 'pending')
    return await refuse(state, { id, by, why: 'no call waits under this id', hint: 'see: sallyport approval list' })
  const own = findOwnHand(state, waiting, by, judging)
  if (own !== undefined) return await refuse(state, { id, by, why: own, hint: 'somebody else has to decide' })
  const what = { id, by, credential: approver.credential, reason, rules: [...waiting.rules], agent: waiting.agent }
  const isGrant = verdict === 'granted'
  if (isGrant) await state.audit.administered('approval.grant', '', what)
  const expiresAtMs = isGrant ? clock.nowMs() + use : waiting.expiresAtMs
  const decided = state.approvals.decide(id, { state: verdict, by, as, expiresAtMs })
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

function summarize({ tag: _tag, decidedAs: _as, parts, rules, chain, ...approval }: Approval): ApprovalSummary {
  return { ...approval, rules: [...rules], chain: [...chain], parts: parts.map((part) => ({ ...part })) }
}
