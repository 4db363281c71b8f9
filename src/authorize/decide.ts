// The decision itself, pure: the same policy and input give the same answer, now or from a record years later.
// Denies come first and always win; caller and origin both need a rule that allows; members of the chain between
// can only narrow. A task that is not the caller's, and that no rule shares, is answered as a missing one is.

import type { Operation } from '../a2a/operations.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { AgentConfig } from '../config/config.ts'
import type { AuthenticatedFields, Principal } from '../exchange/exchange.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import { type Condition, isMet } from './condition.ts'
import { Frame, NotRecorded } from './condition-value.ts'
import {
  type CompiledPolicy,
  type Deny,
  type Entry,
  allOperations,
  bitOf,
  entriesOf,
  forAgent,
  forOperation,
  type Rule,
} from './policy-index.ts'
import { type NamedThing, type PolicyInput, relationOf, taskFacts } from './policy-input.ts'
import { scopeMask } from './scope.ts'

export type Decision =
  | {
      readonly allowed: true
      readonly allowedBy: readonly string[]
      /** rules that ask for a person's approval of this call; empty: it may go on */
      readonly approvals: readonly string[]
      /** whether they are asked for hangs on what this input does not hold: only of recorded calls */
      readonly notRecorded?: boolean
    }
  | {
      readonly allowed: false
      readonly code: RefusalCode
      readonly detail: string
      /** a condition that might have allowed reads what this input does not hold: only of recorded calls */
      readonly notRecorded?: boolean
    }

/** One thing that was looked at on the way to a decision, for those who ask why. */
export interface Consideration {
  readonly kind: 'deny' | 'rule' | 'ownership'
  /** whose: a principal's id; '' where it concerns everyone */
  readonly subject: string
  readonly name: string
  readonly operation: Operation
  readonly outcome: 'applies' | 'does not apply' | 'errs'
  readonly because: string
}
export type Observer = (consideration: Consideration) => void

type Refused = Extract<Decision, { allowed: false }>

export function decide(policy: CompiledPolicy, input: PolicyInput, observe?: Observer): Decision {
  const round = startRound(policy, input, input.task, observe)
  const given = round.callerEntries.reduce(
    (bits, entry) => bits | (forAgent(entry.rules, input.agent.name)?.mask ?? 0),
    0,
  )
  if ((given & round.scope) === 0) {
    const within = given === 0 ? '' : ' within the scope of the credential'
    return refused('ROUTE_AGENT_UNKNOWN', `no rule gives ${input.caller.id} anything on ${input.agent.name}${within}`)
  }
  const foreign = input.named.filter((thing) => relationTo(input, thing) !== 'self')
  const decision = decideAll(round, foreignThings(input))
  if (decision.allowed || foreign.every((thing) => thing.owner === null && thing.mayBeNew)) return decision
  // Foreign is missing (invariant 4): the answer is the one policy gives for a task that does not exist, whatever
  // the true reason. The same work is done for tasks that are missing, so that time tells no more than words.
  const missing = decideAll(startRound(policy, input, taskFacts(null, '', '')), [])
  if (!missing.allowed) return { ...missing, detail: `${missing.detail}; ${decision.detail}` }
  return { ...refused('AUTHZ_TASK_NOT_FOUND', decision.detail), ...(decision.notRecorded && { notRecorded: true }) }
}

/** Decides a recorded input under this policy. Throws when the record is of another format. */
export function decideAgain(policy: CompiledPolicy, recorded: JsonObject): Decision {
  const input = readRecorded(recorded)
  try {
    // whatever is wrong with it inside throws and denies
    return decide(policy, input)
  } catch (error) {
    return refused('AUTHZ_DENIED', `authorization failed: ${textOf(error)}`)
  }
}

/** What authorize() wrote. Throws when the record is of another format. */
export function readRecorded(recorded: JsonObject): PolicyInput {
  if (recorded['v'] !== 1) throw new Error('the recorded input has an unknown format')
  return recorded as unknown as PolicyInput
}

/** What a call names that rules have to share: not its own, and not a name that is still free. */
export function foreignThings(input: PolicyInput): readonly NamedThing[] {
  return input.named.filter((thing) => relationTo(input, thing) !== 'self' && (thing.owner !== null || !thing.mayBeNew))
}

/** The first deny that applies to this call, whether any rule allows it or not. */
export function findApplyingDeny(
  policy: CompiledPolicy,
  input: PolicyInput,
): { readonly name: string; readonly notRecorded: boolean } | undefined {
  let name = ''
  const round = startRound(policy, input, input.task, (step) => {
    if (step.kind === 'deny' && step.outcome !== 'does not apply') name = step.name
  })
  const operations = input.inlinePush
    ? ([input.operation, 'CreateTaskPushNotificationConfig'] as const)
    : [input.operation]
  for (const operation of operations) {
    forgetConditions(round)
    const denied = findDeny(round, operation)
    if (denied !== undefined) return { name, notRecorded: denied.notRecorded === true }
  }
  return undefined
}

type Who = Pick<Principal, 'id' | 'groups'>
/** Who asks, for whom, and what credentials narrow that to. */
type Caller = { readonly caller: Who; readonly origin: Who } & Pick<AuthenticatedFields, 'scope'>

/** Whether a listing may show this agent: both have some rule here that no unconditional deny takes away. */
export function mayDoAnything(policy: CompiledPolicy, { caller, origin, scope }: Caller, agent: string): boolean {
  const left = scopeMask(scope, agent)
  return (
    (openOperations(policy, caller, agent) & left) !== 0 &&
    (caller.id === origin.id || (openOperations(policy, origin, agent) & left) !== 0)
  )
}

/** Whether this caller may read the agent's card. */
export function maySeeAgent(policy: CompiledPolicy, caller: Caller, agent: AgentConfig): boolean {
  if (agent.discovery !== 'public') return mayDoAnything(policy, caller, agent.name)
  return scopeMask(caller.scope, agent.name) !== 0
}

function openOperations(policy: CompiledPolicy, who: Who, agent: string): number {
  const entries = entriesOf(policy, who.id, who.groups)
  let open = 0
  // asked for every call: no lists are built here
  for (const entry of entries) open |= forAgent(entry.rules, agent)?.mask ?? 0
  open = withoutDenied(open, policy.denies, agent)
  for (const entry of entries) open = withoutDenied(open, entry.denies, agent)
  return open
}

function withoutDenied(open: number, denies: Entry['denies'], agent: string): number {
  const lists = forAgent(denies, agent)?.lists
  if (lists === undefined) return open
  let left = open
  for (let index = 0; index < lists.length; index += 1) {
    const first = lists[index]?.[0]
    if (first !== undefined && first.when === undefined) left &= allOperations & ~(1 << index)
  }
  return left
}

/** What one pass over policy needs; conditions met before are not evaluated again. */
interface Round {
  readonly policy: CompiledPolicy
  readonly input: PolicyInput
  readonly task: PolicyInput['task']
  /** operations on this agent that credentials leave, as bits */
  readonly scope: number
  readonly callerEntries: readonly Entry[]
  readonly originEntries: readonly Entry[] | undefined
  readonly observe: Observer | undefined
  frame: Frame | undefined
  outcomes: Map<Condition, boolean | string> | undefined
  /** conditions that read what was not recorded */
  unrecorded: Set<Condition> | undefined
}

function startRound(policy: CompiledPolicy, input: PolicyInput, task: PolicyInput['task'], observe?: Observer): Round {
  const { caller, origin } = input
  const callerEntries = entriesOf(policy, caller.id, caller.groups)
  const originEntries = origin.id === caller.id ? undefined : entriesOf(policy, origin.id, origin.groups)
  const scope = scopeMask(input.scope, input.agent.name)
  return {
    policy,
    input,
    task,
    scope,
    callerEntries,
    originEntries,
    observe,
    frame: undefined,
    outcomes: undefined,
    unrecorded: undefined,
  }
}

/** The call's own operation, and for a send with a push configuration in it that one too. */
function decideAll(round: Round, others: readonly NamedThing[]): Decision {
  const { input } = round
  const decision = decideOne(round, input.operation, others)
  if (!decision.allowed || !input.inlinePush) return decision
  const push = decideOne(round, 'CreateTaskPushNotificationConfig', others)
  if (!push.allowed) return { ...push, detail: `inline push configuration: ${push.detail}` }
  const approvals = [...new Set([...decision.approvals, ...push.approvals])]
  const notRecorded = decision.notRecorded === true || push.notRecorded === true
  return {
    allowed: true,
    allowedBy: [...decision.allowedBy, ...push.allowedBy],
    approvals,
    ...(notRecorded && { notRecorded }),
  }
}

/** Each operation gets its own variables; conditions of the one before say nothing about it. */
function forgetConditions(round: Round): void {
  round.frame = undefined
  round.outcomes = undefined
  round.unrecorded = undefined
}

function decideOne(round: Round, operation: Operation, others: readonly NamedThing[]): Decision {
  forgetConditions(round)
  const { input, callerEntries, originEntries } = round
  if ((round.scope & bitOf(operation)) === 0)
    return refused('AUTHZ_DENIED', `${operation} on ${input.agent.name} is outside of the scope of a credential`)
  const denied = findDeny(round, operation)
  if (denied !== undefined) return denied
  const callerOnOwn = input.autonomous.caller || (originEntries === undefined && input.autonomous.origin)
  const byCaller = allow(round, operation, input.caller, callerEntries, callerOnOwn, others)
  if (typeof byCaller === 'object') return byCaller
  if (originEntries === undefined)
    return { allowed: true, allowedBy: [byCaller], ...approvalsFor(round, operation, [callerEntries]) }
  const byOrigin = allow(round, operation, input.origin, originEntries, input.autonomous.origin, others)
  if (typeof byOrigin === 'object') return byOrigin
  return {
    allowed: true,
    allowedBy: [byCaller, byOrigin],
    ...approvalsFor(round, operation, [callerEntries, originEntries]),
  }
}

const noApprovals: { readonly approvals: readonly string[] } = Object.freeze({ approvals: Object.freeze([]) })

/**
 * Rules of caller or origin that ask for an approval here, whichever rule it was that allowed. Like a deny, one whose
 * condition errs asks.
 */
function approvalsFor(
  round: Round,
  operation: Operation,
  held: readonly (readonly Entry[])[],
): { readonly approvals: readonly string[]; readonly notRecorded?: boolean } {
  let asking: string[] | undefined
  let isCertain = false
  for (const entries of held) {
    for (const entry of entries) {
      for (const rule of forOperation(entry.rules, round.input.agent.name, operation)) {
        if (!rule.needsApproval || evaluate(round, operation, rule) === false) continue
        isCertain ||= !isUnrecorded(round, rule)
        asking ??= []
        if (!asking.includes(rule.name)) asking.push(rule.name)
      }
    }
  }
  if (asking === undefined) return noApprovals
  return { approvals: asking, ...(!isCertain && { notRecorded: true }) }
}

function findDeny(round: Round, operation: Operation): Refused | undefined {
  const { policy, input, callerEntries, originEntries } = round
  const everyone = denyIn(round, operation, '', policy.denies)
  if (everyone !== undefined) return everyone
  const members: [string, readonly Entry[]][] = [[input.caller.id, callerEntries]]
  if (originEntries !== undefined) members.push([input.origin.id, originEntries])
  for (const [index, id] of input.chain.entries())
    members.push([id, entriesOf(policy, id, input.chainGroups[index] ?? [])])
  for (const [id, entries] of members) {
    for (const entry of entries) {
      const denied = entry.denies === undefined ? undefined : denyIn(round, operation, id, entry.denies)
      if (denied !== undefined) return denied
    }
  }
  return undefined
}

/** A deny whose condition errs denies. */
function denyIn(
  round: Round,
  operation: Operation,
  subject: string,
  table: CompiledPolicy['denies'],
): Refused | undefined {
  for (const deny of forOperation(table, round.input.agent.name, operation)) {
    const outcome = evaluate(round, operation, deny)
    round.observe?.(consider('deny', subject, deny, operation, outcome))
    if (outcome === false) continue
    const why = typeof outcome === 'string' ? `, its condition erred: ${outcome}` : ''
    const denied = refused('AUTHZ_DENIED', `denied by ${deny.name}${subject === '' ? '' : ` for ${subject}`}${why}`)
    return isUnrecorded(round, deny) ? { ...denied, notRecorded: true } : denied
  }
  return undefined
}

/** The name of the first rule that allows, provided that rules which allow cover everything named; or why not. */
function allow(
  round: Round,
  operation: Operation,
  who: Who,
  entries: readonly Entry[],
  onOwnAccount: boolean,
  others: readonly NamedThing[],
): string | Refused {
  const { input, observe } = round
  let first = ''
  let erred = ''
  let notRecorded = false
  let uncovered = others
  for (const entry of entries) {
    for (const rule of forOperation(entry.rules, input.agent.name, operation)) {
      if (onOwnAccount && !rule.autonomous) {
        observe?.({
          ...consider('rule', who.id, rule, operation, false),
          because: 'its binding is not for agents on their own account',
        })
        continue
      }
      // A rule whose condition errs does not match.
      const outcome = evaluate(round, operation, rule)
      observe?.(consider('rule', who.id, rule, operation, outcome))
      if (typeof outcome === 'string') erred = `; the condition of ${rule.name} erred: ${outcome}`
      if (isUnrecorded(round, rule)) notRecorded = true
      if (outcome !== true) continue
      if (first === '') first = rule.name
      uncovered = uncovered.filter((thing) => !isShared(rule, thing, who, input))
      if (uncovered.length === 0) return first
    }
  }
  if (first === '') {
    const account = onOwnAccount ? ' on its own account' : ''
    const detail = `no rule allows ${who.id}${account} to ${operation} on ${input.agent.name}${erred}`
    return { ...refused('AUTHZ_DENIED', detail), ...(notRecorded && { notRecorded }) }
  }
  const kinds = [
    ...new Set(uncovered.map((thing) => `${thing.owner === null ? 'unknown' : 'foreign'} ${thing.kind}`)),
  ].join(', ')
  observe?.({ kind: 'ownership', subject: who.id, name: first, operation, outcome: 'does not apply', because: kinds })
  const detail = `${kinds} not shared with ${who.id} by ${first}`
  return { ...refused('AUTHZ_TASK_NOT_FOUND', detail), ...(notRecorded && { notRecorded }) }
}

/** Whether this rule, held by `who`, reaches a thing that is not this caller's for this origin. */
export function isShared(rule: Rule, thing: NamedThing, who: Who, input: PolicyInput): boolean {
  // a webhook is its maker's: whoever could put another in its place would read along, or silence it
  if (thing.owner === null || thing.kind === 'pushConfig') return false
  const { sharing } = rule
  if (sharing.kind === 'any') return true
  if (sharing.kind === 'origin') return thing.owner.origin === input.origin.id
  if (sharing.kind === 'group') return thing.groups.includes(sharing.group) && who.groups.includes(sharing.group)
  return false
}

function relationTo(input: PolicyInput, thing: NamedThing): ReturnType<typeof relationOf> {
  return relationOf(thing.owner, input.caller.id, input.origin.id)
}

/** True, false, or the text of the error. */
function evaluate(round: Round, operation: Operation, { when }: Rule | Deny): boolean | string {
  if (when === undefined) return true
  round.outcomes ??= new Map()
  const known = round.outcomes.get(when)
  if (known !== undefined) return known
  let outcome: boolean | string
  try {
    outcome = isMet(when, (round.frame ??= new Frame(round.input, operation, round.task)))
  } catch (error) {
    outcome = textOf(error)
    if (error instanceof NotRecorded) (round.unrecorded ??= new Set()).add(when)
  }
  round.outcomes.set(when, outcome)
  return outcome
}

function isUnrecorded(round: Round, { when }: Rule | Deny): boolean {
  return when !== undefined && round.unrecorded?.has(when) === true
}

function consider(
  kind: 'deny' | 'rule',
  subject: string,
  { name, when }: Rule | Deny,
  operation: Operation,
  outcome: boolean | string,
): Consideration {
  const text = when === undefined ? 'it has no condition' : `when: ${when.source}`
  if (typeof outcome === 'string')
    return { kind, subject, name, operation, outcome: 'errs', because: `${outcome} (${text})` }
  return { kind, subject, name, operation, outcome: outcome ? 'applies' : 'does not apply', because: text }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : 'something that is not an Error was thrown'
}

function refused(code: RefusalCode, detail: string): Refused {
  return { allowed: false, code, detail }
}
