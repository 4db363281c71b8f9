// Why a call would be allowed or refused: the decision itself, asked aloud. The same code decides; this only
// makes up the input that a call would have brought and writes down what was looked at. No I/O.

import { type Operation, operations } from '../a2a/operations.ts'
import type { Snapshot } from '../config/config.ts'
import type { MessageFacts } from '../exchange/exchange.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { type Consideration, decide } from './decide.ts'
import { isAgent, type NamedThing, type PolicyInput, type Relation, taskFacts } from './policy-input.ts'

interface Asked {
  readonly id: string
  readonly groups?: readonly string[]
  readonly display?: string
}

/** A call that might be made; what is left out is as in the plainest call. */
export interface PolicyQuery {
  readonly caller: Asked & { readonly method?: string }
  /** on whose behalf a configured agent calls; without one a caller acts on its own account */
  readonly origin?: Asked
  readonly chain?: readonly Asked[]
  readonly agent: string
  readonly operation: Operation
  readonly message?: Partial<PolicyInput['message']>
  readonly request?: Partial<PolicyInput['request']>
  readonly inlinePush?: boolean
  /** whose the task is; its own where the operation names one, none otherwise */
  readonly task?: Relation
}

export type ExplanationStep = Consideration

export interface Explanation {
  readonly allowed: boolean
  /** undefined when allowed */
  readonly code: RefusalCode | undefined
  readonly allowedBy: readonly string[]
  /** rules that ask for a person's approval first */
  readonly approvals: readonly string[]
  /** one sentence, for people */
  readonly because: string
  readonly steps: readonly ExplanationStep[]
}

/** `agents` are the configuration's: who acts as an agent is known by its name, and on its own account, as in a call. */
export function explain(
  policy: CompiledPolicy,
  query: PolicyQuery,
  agents: Snapshot['agentsByPrincipal'],
): Explanation {
  const steps: ExplanationStep[] = []
  if (query.origin !== undefined && !isAgent(query.caller.id, agents)) {
    const because = `${query.caller.id} is no configured agent, and nobody else acts on another's behalf`
    return { allowed: false, code: 'AUTHN_INVALID', allowedBy: [], approvals: [], because, steps }
  }
  const decision = decide(policy, inputOf(query, agents), (step) => steps.push(step))
  if (!decision.allowed)
    return { allowed: false, code: decision.code, allowedBy: [], approvals: [], because: decision.detail, steps }
  const { allowedBy, approvals } = decision
  const asked = approvals.length === 0 ? '' : `, once a person has approved it (${approvals.join(', ')})`
  return {
    allowed: true,
    code: undefined,
    allowedBy,
    approvals,
    because: `allowed by ${allowedBy.join(' and ')}${asked}`,
    steps,
  }
}

const emptyMessage: MessageFacts = Object.freeze({
  messageId: '',
  taskId: '',
  contextId: '',
  role: '',
  parts: [],
  referenceTaskIds: [],
  extensions: [],
  metadataKeys: [],
})

function inputOf(query: PolicyQuery, agents: Snapshot['agentsByPrincipal']): PolicyInput {
  const acting = agents.get(query.caller.id)
  const asked = acting === undefined ? query.caller : { ...query.caller, id: `agent:${acting.name}` }
  const caller = { method: 'api-key', ...withDefaults(asked) }
  const origin = withDefaults(query.origin ?? asked)
  const chain = (query.chain ?? []).map(withDefaults)
  const autonomous = query.origin === undefined && isAgent(caller.id, agents)
  const named = nameTask(query, caller.id, origin.id)
  return {
    v: 1,
    caller,
    origin,
    chain: chain.map((member) => member.id),
    chainGroups: chain.map((member) => member.groups),
    autonomous: { caller: autonomous, origin: autonomous || isAgent(origin.id, agents) },
    agent: { name: query.agent },
    operation: query.operation,
    message: { ...emptyMessage, ...query.message },
    request: { binding: 'JSONRPC', version: '1.0', source: '127.0.0.1', timeMs: 0, ...query.request },
    inlinePush: query.inlinePush ?? false,
    task: taskFacts(named[0]?.owner ?? null, caller.id, origin.id),
    named,
  }
}

function withDefaults(asked: Asked): { id: string; groups: readonly string[]; display: string } {
  return { groups: [], display: asked.id, ...asked }
}

/** The owner's, as the task is: those that others made are theirs alone. */
function touchesPushConfig({ operation, inlinePush }: PolicyQuery): boolean {
  return (
    inlinePush === true ||
    operation === 'CreateTaskPushNotificationConfig' ||
    operation === 'GetTaskPushNotificationConfig' ||
    operation === 'DeleteTaskPushNotificationConfig'
  )
}

function nameTask(query: PolicyQuery, callerId: string, originId: string): readonly NamedThing[] {
  const relation = query.task ?? (operations[query.operation].namesTask ? 'self' : undefined)
  if (relation === undefined) return []
  const owners: Record<Relation, NamedThing['owner']> = {
    self: { caller: callerId, origin: originId },
    origin: { caller: 'another caller', origin: originId },
    other: { caller: 'another caller', origin: 'another origin' },
    none: null,
  }
  const named = (kind: NamedThing['kind']): NamedThing => ({
    kind,
    owner: owners[relation],
    groups: [],
    mayBeNew: false,
  })
  return touchesPushConfig(query) ? [named('task'), named('pushConfig')] : [named('task')]
}
