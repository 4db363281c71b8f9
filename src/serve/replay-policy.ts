// `policy replay`: decides recorded calls again under a proposed policy, and under nothing else: identities, agents and
// owners are as they were recorded. What differs is counted by who and what, with one record of each to look at; what
// cannot be decided again is counted by its reason, never guessed.

import { compilePolicy, decide, type CompiledPolicy, type Decision, type PolicyInput } from '../authorize/authorize.ts'
import { Fault } from '../base/fault.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { ReplayChange, ReplayOptions, ReplayReport, Undecided } from '../cli/ports.ts'
import { buildSnapshot, type Config } from '../config/config.ts'
import { readDecisions, type RecordedDecision } from './read-decisions.ts'

const maxGroups = 10_000 // bound: kinds of calls that a replay lists

export async function replayPolicy(options: ReplayOptions): Promise<ReplayReport> {
  const policy = compileFor(options.against)
  const agents = new Set(options.against.agents.map(({ name }) => name))
  const gains = createGroups()
  const losses = createGroups()
  const undecided = createUndecided()
  const counts = { allowedAsBefore: 0, refusedAsBefore: 0 }
  for await (const recorded of readDecisions(options)) {
    const { input } = recorded
    const before = 'missing' in input ? undefined : judgeBefore(recorded)
    if ('missing' in input) undecided.add(input.missing, recorded)
    else if (before === undefined)
      undecided.add(`it was refused by something else than policy: ${recorded.code}`, recorded)
    else {
      const now = judgeNow(policy, agents, input)
      if ('missing' in now) undecided.add(now.missing, recorded)
      else if (now.access > before.access) gains.add(recorded, input, before.words, now.words)
      else if (now.access < before.access && !before.isRefused) losses.add(recorded, input, before.words, now.words)
      else if (!before.isRefused) counts.allowedAsBefore += 1
      else counts.refusedAsBefore += 1
    }
  }
  const changed = gains.total() + losses.total()
  return {
    decided: counts.allowedAsBefore + counts.refusedAsBefore + changed,
    ...counts,
    gains: gains.list(),
    losses: losses.list(),
    unlisted: { gains: gains.unlisted(), losses: losses.unlisted() },
    undecided: undecided.list(),
  }
}

export function compileFor(config: Config): CompiledPolicy {
  const compiled = compilePolicy(
    config.policy,
    config.agents.map(({ name }) => name),
    buildSnapshot(config).identities,
  )
  if (!compiled.ok) throw new Fault('CONFIG_INVALID', compiled.problems[0]?.message ?? 'the policy is invalid')
  return compiled.policy
}

interface Judged {
  /** 0 none, 1 with a person's approval, 2 without; comparable */
  readonly access: number
  readonly words: string
}

const codesOfPolicy: ReadonlySet<string> = new Set(['AUTHZ_DENIED', 'AUTHZ_TASK_NOT_FOUND', 'ROUTE_AGENT_UNKNOWN'])

const namesIn = (rules: JsonValue | undefined): string[] =>
  Array.isArray(rules) ? rules.filter((rule) => typeof rule === 'string') : []

/** Undefined when it was not policy that refused. */
function judgeBefore({
  outcome,
  code,
  event,
}: RecordedDecision): (Judged & { readonly isRefused: boolean }) | undefined {
  const { rules } = event
  const detail = typeof event['detail'] === 'string' ? event['detail'] : ''
  if (outcome === 'allowed') {
    const names = namesIn(rules)
    const isApproved = names.some((name) => name.startsWith('approval:'))
    return { access: isApproved ? 1 : 2, words: `allowed by ${names.join(' and ')}`, isRefused: false }
  }
  // policy let it pass if a person would, and nobody has, or somebody would not
  const isAsked =
    code === 'AUTHZ_APPROVAL_REQUIRED' || (code === 'AUTHZ_DENIED' && / denied the approval \S+$/.test(detail))
  if (!isAsked && !codesOfPolicy.has(code)) return undefined
  return { access: isAsked ? 1 : 0, words: `${code}: ${detail}`, isRefused: true }
}

function judgeNow(
  policy: CompiledPolicy,
  agents: ReadonlySet<string>,
  input: PolicyInput,
): Judged | { readonly missing: string } {
  let decision: Decision
  try {
    const { name } = input.agent
    if (!agents.has(name)) return { access: 0, words: `there is no agent ${name} in the proposed configuration` }
    decision = decide(policy, input)
  } catch {
    return { missing: 'what was recorded of it is not complete' }
  }
  if (decision.allowed && decision.notRecorded !== true) {
    const { allowedBy, approvals } = decision
    const asked = approvals.length === 0 ? '' : `, once a person has approved it (${approvals.join(', ')})`
    return { access: approvals.length === 0 ? 2 : 1, words: `allowed by ${allowedBy.join(' and ')}${asked}` }
  }
  if (decision.allowed || decision.notRecorded === true)
    return { missing: 'the proposed policy reads metadata that was not recorded' }
  return { access: 0, words: `${decision.code}: ${decision.detail}` }
}

interface Groups {
  add(recorded: RecordedDecision, input: PolicyInput, before: string, now: string): void
  /** most calls first */
  list(): readonly ReplayChange[]
  total(): number
  unlisted(): number
}

function createGroups(): Groups {
  const groups = new Map<string, ReplayChange>()
  let total = 0
  let unlisted = 0
  return {
    add(recorded, input, before, now) {
      total += 1
      const [caller, origin, agent, operation] = [input.caller.id, input.origin.id, input.agent.name, input.operation]
      const key = JSON.stringify([caller, origin, agent, operation])
      const known = groups.get(key)
      if (known !== undefined) groups.set(key, { ...known, calls: known.calls + 1 })
      else if (groups.size >= maxGroups) unlisted += 1
      else {
        const { record, time, call } = recorded
        groups.set(key, { caller, origin, agent, operation, calls: 1, example: { record, time, call }, before, now })
      }
    },
    list: () => [...groups.values()].toSorted((a, b) => b.calls - a.calls),
    total: () => total,
    unlisted: () => unlisted,
  }
}

/** Counts by reason. Reasons are ours and hold codes of refusals at most: there are few. */
export function createUndecided(): {
  add(reason: string, recorded: RecordedDecision): void
  list(): readonly Undecided[]
} {
  const reasons = new Map<string, Undecided>()
  return {
    add(reason, { calls, record }) {
      const known = reasons.get(reason) ?? { reason, calls: 0, example: record }
      reasons.set(reason, { ...known, calls: known.calls + calls })
    },
    list: () => [...reasons.values()].toSorted((a, b) => b.calls - a.calls),
  }
}
