// Why a call would be allowed or refused: the decision itself, asked aloud. The same code decides; this only
// makes up the input that a call would have brought and writes down what was looked at. No I/O.

import { type Operation, operations } from '../a2a/operations.ts'
import type { MessageFacts } from '../exchange/exchange.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { type Consideration, decide } from './decide.ts'
import { type NamedThing, type PolicyInput, type Relation, taskFacts } from './policy-input.ts'

interface Asked {
  readonly id: string
  readonly groups?: readonly string[]
  readonly display?: string
}

/** A call that might be made; what is left out is as in the plainest call. */
export interface PolicyQuery {
  readonly caller: Asked & { readonly method?: string }
  /** the caller itself when left out */
  readonly origin?: Asked
  readonly chain?: readonly Asked[]
  readonly agent: string
  readonly operation: Operation
  /** the caller is an agent without an assertion, known by another id than agent:… */
  readonly autonomous?: boolean
  readonly message?: Partial<MessageFacts>
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
  /** one sentence, for people */
  readonly because: string
  readonly steps: readonly ExplanationStep[]
}

export function explain(policy: CompiledPolicy, query: PolicyQuery): Explanation {
  const steps: ExplanationStep[] = []
  const decision = decide(policy, inputOf(query), (step) => steps.push(step))
  if (!decision.allowed) return { allowed: false, code: decision.code, allowedBy: [], because: decision.detail, steps }
  const because = `allowed by ${decision.allowedBy.join(' and ')}`
  return { allowed: true, code: undefined, allowedBy: decision.allowedBy, because, steps }
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

function inputOf(query: PolicyQuery): PolicyInput {
  const caller = { method: 'api-key', ...withDefaults(query.caller) }
  const origin = withDefaults(query.origin ?? query.caller)
  const chain = (query.chain ?? []).map(withDefaults)
  const autonomous = query.autonomous ?? false
  const named = nameTask(query, caller.id, origin.id)
  return {
    v: 1,
    caller,
    origin,
    chain: chain.map((member) => member.id),
    chainGroups: chain.map((member) => member.groups),
    autonomous: { caller: autonomous, origin: autonomous || origin.id.startsWith('agent:') },
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

function nameTask(query: PolicyQuery, callerId: string, originId: string): readonly NamedThing[] {
  const relation = query.task ?? (operations[query.operation].namesTask ? 'self' : undefined)
  if (relation === undefined) return []
  const owners: Record<Relation, NamedThing['owner']> = {
    self: { caller: callerId, origin: originId },
    origin: { caller: 'another caller', origin: originId },
    other: { caller: 'another caller', origin: 'another origin' },
    none: null,
  }
  return [{ kind: 'task', owner: owners[relation], groups: [], mayBeNew: false }]
}
