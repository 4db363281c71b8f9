// Door of audit. Wraps the walk: every call leaves its decision, and every allowed one its completion, in the
// ledger. Nothing here decides anything; what cannot be recorded is counted and said as soon as it can be.
// Refusals of callers nobody knows have a budget of their own and are folded into counts beyond it (invariant 2).

import type { JsonObject } from '../base/strict-json.ts'
import { operations } from '../a2a/operations.ts'
import type { Clock } from '../base/clock.ts'
import type { Admitted, Claim, Receipt } from '../exchange/exchange.ts'
import type { Refusal, RefusalCode } from '../refusal/refusal.ts'
import { createFolder, type Folder } from './fold-refusals.ts'
import type { RecordedContent } from './content.ts'
import type { Ledger, NewRecord } from './ledger.ts'
import { isCallOpened, type CutCall, type OpenCalls } from './open-calls.ts'
import type { OpenFold } from './open-folds.ts'

export { claimedOrigin, confirmBegun, forgetOrigin, ledgerIdentity, openLedger } from './ledger.ts'
export { dropGivenUp, formatSucceeds, readSuccession, removeSuccession, writeSuccession } from './succession.ts'
export type { Succession } from './succession.ts'
export { readClaimedEnd } from './last-checkpoint.ts'
export type { Ledger, LedgerIdentity, NewRecord } from './ledger.ts'
export { ownOperation } from './encode-record.ts'
export { formatOrigin, isLogName, parseOrigin } from './log-origin.ts'
export { segmentIndices } from './group-source.ts'
export { segmentName } from './segment.ts'
export { toOcsf } from './ocsf.ts'
export { createLedgerReader, readLedger } from './read-ledger.ts'
export type { GroupPlace, LedgerReader, LedgerRecord } from './read-ledger.ts'
export { verifyLedger } from './verify-ledger.ts'
export type { RetentionRules } from './expire.ts'
export { createHoldBook, type Hold } from './holds.ts'
export type { WitnessRequirement } from './verify-witnessed.ts'
export { createWitnessing, readLogOrigin } from './witnessing.ts'
export { findWitnessProblems } from './witness-settings.ts'
export type { Witnessing, WitnessingStatus } from './witnessing.ts'
export type { WitnessPort } from './ask-witness.ts'
export { callNumber, createSearchNames, toIndexColumns } from './index-columns.ts'
export type { IndexColumns, SearchNames } from './index-columns.ts'
export { findPseudonyms, findSubjectLines, opensLog } from './find-subject.ts'
export { foreseeErasure, foreseeRetention, foreseeVouchedMs } from './foresee-retention.ts'
export { formatReceipt, parseReceipt } from './receipt.ts'
export { compileContentRules, findContentProblems } from './content.ts'
export type { ContentList, ContentRules, RecordedContent } from './content.ts'
export { createOpenCalls } from './open-calls.ts'
export { findCutOff } from './cut-calls.ts'
export { recordsWritten } from './count-records.ts'
export { openFields, readRecordAt } from './disclose.ts'
export { exportLog } from './export-bundle.ts'
export { describeFilter } from './export-filter.ts'
export { nodeFiles } from './files.ts'
export { fileBounds } from './file-bounds.ts'
export { replaceFile } from './replace-file.ts'
export { parseRecordName } from './find-record.ts'
export { formatRecordProof, proveRecord, readLogKeys } from './prove.ts'
export type { RecordProof } from './prove.ts'
export { readCosigners, readVerifiers } from './trusted-keys.ts'
export type { TrustedKeys } from './trusted-keys.ts'
export { keysInExport, verifyExport } from './verify-bundle.ts'
export { keysInProof, verifyProof } from './verify-proof.ts'
export { verifyReceipt } from './verify-receipt.ts'
export type { ReceiptEvidence } from './verify-receipt.ts'

/** What is known of a call when it is decided; grows along the walk. Empty strings where nothing is known. */
export interface CallFacts {
  readonly call: string
  readonly receivedAtMs: number
  readonly snapshotDigest: string
  readonly source: string
  caller: string
  origin: string
  chain: readonly string[]
  authentication: string
  credential: string
  /** more about the credential: a token's id, a pod's; never a secret */
  evidence?: Readonly<Record<string, string>> | undefined
  /** an agent on its own account */
  autonomous?: boolean
  /** the call with which the agent was given the assertion that it shows */
  grantedBy?: string
  /** the mark of a message that is sent for the first time, by which it is known again (docs/duplicates.md) */
  sent?: JsonObject
  /** the call whose message this one repeats, and whose answer it is given */
  repeats?: string
  /** the agent has done nothing for the message, which may be sent again */
  unsent?: boolean
  /** which message in its context this is, where a limit asks */
  turn?: JsonObject
  /** tasks of which the call has shown that they are over */
  finished?: JsonObject[]
  agent: string
  operation: string
  binding: string
  /** of the A2A protocol */
  version: string
  tenant: string
  task: string
  context: string
  requestBytes: number
  /** base64url SHA-256 of the body's original bytes, '' when there is none; only ever committed to */
  requestHash: string
  /** the span of this call as a traceparent, '' when it is in no trace */
  trace: string
  /** the traceparent that the caller sent, if it is one; the call is in that trace only if the ids are the same */
  callerTrace?: string | undefined
}

export type Outcome = 'completed' | 'aborted' | 'failed'

/** Milliseconds since the call's head arrived; a step that was never reached is left out. */
export interface Timings {
  /** the request was read and admitted */
  readonly received?: number
  /** the agent was called */
  readonly forwarded?: number
  /** the agent's answer was there, or the head of its stream */
  readonly answered?: number
}

/** How an allowed call ended. */
export interface Completion {
  readonly outcome: Outcome
  /** HTTP status sent to the caller; 0 when none was */
  readonly status: number
  readonly code: RefusalCode | ''
  /** why a stream ended, or what went wrong: private */
  readonly detail: string
  readonly events: number
  readonly answerBytes: number
  /** base64url SHA-256 of the answer's body as sent, pings left out; '' when none was; only ever committed to */
  readonly answerHash: string
  readonly durationMs: number
  readonly timings: Timings
  /** what a rule of the configuration wants kept of the answer, redacted */
  readonly content?: RecordedContent | undefined
  readonly claims: readonly Claim[]
}

export interface AuditTrail {
  /** an allowed call, before its effect; durable when it resolves */
  allowed(facts: CallFacts, admitted: Admitted, claims: readonly Claim[], content?: RecordedContent): Promise<Receipt>
  /** a refused call of someone we know; durable when it resolves. "Slow down" is folded beyond a budget. */
  refused(facts: CallFacts, refusal: Refusal, policyInput?: JsonObject): Promise<Receipt>
  /** a refused call of someone we do not know: recorded one by one within a budget, then folded */
  refusedUnknown(facts: CallFacts, refusal: Refusal): Promise<Receipt>
  /** an allowed discovery request (directory, card); of unknown callers within the same budget */
  discovered(facts: CallFacts, status: number): Promise<Receipt>
  completed(facts: CallFacts, completion: Completion): Promise<Receipt>
  /** claims of an event in mid-stream, before the event is passed on */
  claimed(facts: CallFacts, claims: readonly Claim[]): Promise<Receipt>
  /** what an earlier run of the process did not live to say of calls and folds; what cannot be written stays open */
  settle(calls: readonly CutCall[], folds?: readonly OpenFold[]): Promise<void>
  /** the value of Sallyport-Record-Signature */
  signReceipt(receipt: Receipt): Promise<string>
  /** keys, reloads, starts and stops */
  administered(action: string, subject: string, event: JsonObject): Promise<Receipt>
  /** closes an open fold, then the ledger */
  close(): Promise<void>
  readonly unrecorded: number
}

export interface AuditOptions {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly snapshotDigest: () => string
  /** single records of unknown callers, and of known ones told to slow down, per minute before folding begins */
  readonly unknownPerMinute: number
  /** remembers the calls that have no completion yet, for the next start; absent where no calls are carried */
  readonly openCalls?: OpenCalls
}

/** Ids of calls whose completion could not be written: enough to find them, never without bound. */
const maxRememberedCalls = 1_000 // bound: ids kept of calls whose end could not be recorded

const settledAtOnce = 256

export function createAuditTrail(options: AuditOptions): AuditTrail {
  const { ledger, clock, openCalls } = options
  const lost = { count: 0, sinceMs: 0, codes: new Map<string, number>(), calls: [] as string[] }
  /** which gap each call was counted in, and the last one that is said */
  const gaps = { of: new WeakMap<CallFacts, number>(), current: 1, said: 0 }
  /** a flood that is folded gets one receipt many times: it is signed once */
  const signatures = new WeakMap<Receipt, Promise<string>>()
  /** What the folder writes is counted call by call, not by itself: see refusedUnknown. */
  const appendUncounted = async (record: NewRecord): Promise<Receipt> => {
    const receipt = await ledger.append(record)
    // at once: what is open is written down between two turns of the event loop
    if (isCallOpened(record)) openCalls?.began(record.call, receipt.index)
    else if (record.kind === 'completion') openCalls?.ended(record.call)
    if (lost.count > 0 || lost.calls.length > 0) await appendGap()
    return receipt
  }
  const fold = (code: 'AUTHN_FLOOD' | 'LIMIT_RATE'): Folder =>
    createFolder({ clock, perMinute: options.unknownPerMinute, code, append: appendUncounted })
  const unknownCallers = fold('AUTHN_FLOOD')
  const slowedCallers = fold('LIMIT_RATE')
  openCalls?.watchFolds(() => [...unknownCallers.pending(), ...slowedCallers.pending()])

  /** Every record of a call passes here; what could not be recorded is said as soon as something can be. */
  const append = async (record: NewRecord, facts?: CallFacts): Promise<Receipt> => {
    try {
      return await appendUncounted(record)
    } catch (error) {
      noteLoss(record.code, facts, record.kind === 'completion' ? record.call : '')
      throw error
    }
  }
  const noteLoss = (code: string, facts: CallFacts | undefined, completed = ''): void => {
    if (lost.count === 0) lost.sinceMs = clock.nowMs()
    // a call that is refused because its decision was lost loses that refusal too, and is one call
    if (facts === undefined || (gaps.of.get(facts) ?? 0) <= gaps.said) {
      lost.count += 1
      lost.codes.set(code, (lost.codes.get(code) ?? 0) + 1)
      if (facts !== undefined) gaps.of.set(facts, gaps.current)
    }
    if (completed !== '' && lost.calls.length < maxRememberedCalls) lost.calls.push(completed)
  }
  const appendGap = async (): Promise<void> => {
    const { count, sinceMs, codes, calls } = lost
    const event = { gap: { count, sinceMs, codes: Object.fromEntries(codes), completionsLost: calls } }
    lost.count = 0
    lost.codes = new Map()
    lost.calls = []
    const gap = gaps.current
    gaps.current += 1
    try {
      await ledger.append(administrative('unrecorded-refusals', '', event))
      gaps.said = Math.max(gaps.said, gap)
      for (const call of calls) openCalls?.ended(call)
    } catch {
      // still failing: keep counting from where we were, so that nothing is dropped silently
      lost.count += count
      lost.sinceMs = sinceMs
      for (const [code, times] of codes) lost.codes.set(code, (lost.codes.get(code) ?? 0) + times)
      lost.calls = [...calls, ...lost.calls].slice(0, maxRememberedCalls)
    }
  }
  /** Within the folder's budget by itself, beyond it as one of the fold that is open. */
  const appendOrFold = (
    folder: Folder,
    who: string,
    code: string,
    record: () => NewRecord,
    facts: CallFacts,
  ): Promise<Receipt> => {
    const folded = folder.take(who, code)
    if (folded === undefined) return append(record(), facts)
    return folded.catch((error: unknown) => {
      noteLoss(code, facts)
      throw error
    })
  }
  const administrative = (action: string, subject: string, event: JsonObject): NewRecord => ({
    kind: action === 'started' || action === 'stopped' ? 'lifecycle' : 'administration',
    call: '',
    timeMs: clock.nowMs(),
    snapshot: options.snapshotDigest(),
    subject,
    agent: '',
    operation: action,
    outcome: 'done',
    code: '',
    sensitive: {},
    event: { action, ...event },
  })

  const cutRecord = ({ call, agent, operation, caller, origin, task }: CutCall): NewRecord => ({
    ...administrative('', caller, {}),
    kind: 'completion',
    call,
    agent,
    operation,
    outcome: 'failed',
    event: { caller, origin, task, cut: true, detail: 'the gateway ended before the call did' },
  })

  return {
    allowed: (facts, admitted, claims, content) =>
      append(
        callRecord('decision', 'allowed', facts, '', {
          rules: [...admitted.allowedBy],
          input: admitted.policyInput,
          ...agentContextMember(admitted),
          ...claimsMember(claims),
          ...content,
        }),
        facts,
      ),
    refused: (facts, refusal, policyInput) => {
      const record = (): NewRecord =>
        callRecord('decision', 'refused', facts, refusal.code, {
          detail: refusal.detail,
          ...(policyInput && { input: policyInput }),
        })
      // all other refusals of a known caller are bounded by its rate
      const isSlowed = refusal.code === 'LIMIT_RATE'
      return isSlowed ? appendOrFold(slowedCallers, facts.caller, refusal.code, record, facts) : append(record(), facts)
    },
    refusedUnknown: (facts, refusal) =>
      appendOrFold(
        unknownCallers,
        facts.source,
        refusal.code,
        () => callRecord('decision', 'refused', facts, refusal.code, { detail: refusal.detail }),
        facts,
      ),
    discovered: (facts, status) => {
      const record = (): NewRecord => callRecord('decision', 'allowed', facts, '', { status })
      if (facts.caller !== '') return append(record(), facts)
      return appendOrFold(unknownCallers, facts.source, facts.operation, record, facts)
    },
    completed: (facts, completion) =>
      append(
        {
          ...callRecord('completion', completion.outcome, facts, completion.code, {
            status: completion.status,
            detail: completion.detail,
            events: completion.events,
            requestBytes: facts.requestBytes,
            answerBytes: completion.answerBytes,
            durationMs: completion.durationMs,
            timings: { ...completion.timings },
            ...(facts.unsent === true && { unsent: true }),
            ...(facts.finished && { finished: facts.finished }),
            ...claimsMember(completion.claims),
            ...completion.content,
          }),
          timeMs: clock.nowMs(),
          sensitive: completion.answerHash === '' ? {} : { answer: completion.answerHash },
        },
        facts,
      ),
    claimed: (facts, claims) =>
      append({ ...callRecord('ownership', 'done', facts, '', claimsMember(claims)), timeMs: clock.nowMs() }, facts),
    async settle(calls, folds = []) {
      for (const { call, index } of calls) openCalls?.began(call, index)
      for (let at = 0; at < calls.length; at += settledAtOnce) {
        const batch = calls.slice(at, at + settledAtOnce)
        await Promise.allSettled(batch.map((call) => append(cutRecord(call))))
      }
      for (const fold of folds) await (fold.code === 'LIMIT_RATE' ? slowedCallers : unknownCallers).adopt(fold)
    },
    signReceipt(receipt) {
      const known = signatures.get(receipt)
      if (known !== undefined) return known
      const signature = ledger.signReceipt(receipt)
      signatures.set(receipt, signature)
      return signature
    },
    administered: (action, subject, event) => append(administrative(action, subject, event)),
    async close() {
      await Promise.all([unknownCallers.close(), slowedCallers.close()])
      await append(administrative('stopped', '', {})).catch(() => undefined)
      // what was written before stands, and says at worst too much
      await openCalls?.close().catch(() => undefined)
      await ledger.close()
    },
    get unrecorded() {
      return lost.count
    },
  }
}

/** What the agent saw for the context, where that is not what its caller called it. */
function agentContextMember({ operation, contextId, agentContextId }: Admitted): JsonObject {
  const isSeen = operations[operation].carriesMessage && agentContextId !== contextId
  return isSeen ? { agentContext: agentContextId } : {}
}

// claims are plain data already; the index is rebuilt from them when it is lost
function claimsMember(claims: readonly Claim[]): JsonObject {
  return claims.length === 0
    ? {}
    : { claims: claims.map((claim) => ({ ...claim, owner: { ...claim.owner }, groups: [...claim.groups] })) }
}

/** Only what is there: a commitment to nothing says nothing. */
function sensitiveFields(facts: CallFacts): Record<string, string> {
  const { caller, origin, source, task, context, requestHash } = facts
  const fields: Record<string, string> = { source }
  if (caller !== '') fields['caller'] = caller
  if (origin !== '' && origin !== caller) fields['origin'] = origin
  if (task !== '') fields['task'] = task
  if (context !== '') fields['context'] = context
  if (requestHash !== '') fields['request'] = requestHash
  return fields
}

function callRecord(
  kind: 'decision' | 'completion' | 'ownership',
  outcome: NewRecord['outcome'],
  facts: CallFacts,
  code: string,
  event: JsonObject,
): NewRecord {
  const isDecision = kind === 'decision'
  return {
    kind,
    call: facts.call,
    timeMs: facts.receivedAtMs,
    snapshot: facts.snapshotDigest,
    subject: facts.caller === '' ? 'anonymous' : facts.caller,
    agent: facts.agent,
    operation: facts.operation,
    outcome,
    code,
    // a completion is tied to its decision by the call's id and need not commit to the same values again
    sensitive: isDecision ? sensitiveFields(facts) : {},
    event: isDecision
      ? {
          caller: facts.caller,
          origin: facts.origin,
          chain: [...facts.chain],
          authentication: facts.authentication,
          credential: facts.credential,
          ...(facts.evidence && { evidence: { ...facts.evidence } }),
          ...(facts.autonomous === true && { autonomous: true }),
          ...(facts.grantedBy !== undefined && { grantedBy: facts.grantedBy }),
          ...(facts.sent && { sent: facts.sent }),
          ...(facts.turn && { turn: facts.turn }),
          ...(facts.repeats !== undefined && { repeats: facts.repeats }),
          source: facts.source,
          binding: facts.binding,
          version: facts.version,
          tenant: facts.tenant,
          task: facts.task,
          context: facts.context,
          requestBytes: facts.requestBytes,
          trace: facts.trace,
          ...(facts.callerTrace !== undefined && { callerTrace: facts.callerTrace }),
          ...event,
        }
      : { caller: facts.caller, origin: facts.origin, task: facts.task, ...event },
  }
}
