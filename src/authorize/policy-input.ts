// What policy sees of a call, and all it sees: plain JSON, so that a recorded call can be decided again later
// under another policy. Kinds, sizes and names of a message are here; of its words only short
// metadata whose key a condition of the policy names.

import { type Operation, operations } from '../a2a/operations.ts'
import { detach, type JsonValue } from '../base/strict-json.ts'
import type { Snapshot } from '../config/config.ts'
import type { CallerScope, MessageFacts, Owned, TaskOwner, Validated } from '../exchange/exchange.ts'
import { findContext, type CallContext } from './find-context.ts'
import type { NamedOwnership } from './ownership.ts'

export type Relation = 'self' | 'origin' | 'other' | 'none'

/** Something that the call names and that somebody may own. */
export type NamedThing = {
  readonly kind: 'task' | 'reference' | 'context' | 'pushConfig'
  /** null: nobody's, so far as the gateway knows */
  readonly owner: TaskOwner | null
  /** groups of the owner's caller and origin when it was made */
  readonly groups: readonly string[]
  /** a name that nobody holds may be used: fresh contexts */
  readonly mayBeNew: boolean
}

export type PolicyInput = {
  readonly v: 1
  readonly caller: {
    readonly id: string
    readonly method: string
    readonly groups: readonly string[]
    readonly display: string
  }
  readonly origin: { readonly id: string; readonly groups: readonly string[]; readonly display: string }
  readonly chain: readonly string[]
  /** the groups of each member of `chain` */
  readonly chainGroups: readonly (readonly string[])[]
  /** acts on its own account, which a binding must allow by name: the caller; the origin, being an agent */
  readonly autonomous: { readonly caller: boolean; readonly origin: boolean }
  readonly agent: { readonly name: string }
  readonly operation: Operation
  readonly message: MessageFacts & {
    /** of the keys that policy read then; null: there, but no short scalar. Absent where there are none. */
    readonly metadata?: Readonly<Record<string, string | null>>
  }
  readonly request: {
    readonly binding: string
    readonly version: string
    readonly source: string
    readonly timeMs: number
  }
  readonly inlinePush: boolean
  readonly task: { readonly known: boolean; readonly owner: Relation }
  readonly named: readonly NamedThing[]
  /** what credentials narrow the call to; absent when they do not */
  readonly scope?: CallerScope
}

/** Each reference costs a look-up, so their number is bounded. */
const maxReferences = 128 // bound: referenced tasks in a message

/** The input, or why none can be made of this call. */
export function gatherInput(
  call: Validated,
  ownership: NamedOwnership,
  metadataKeys: readonly string[] = nothing,
  context: CallContext = findContext(call, ownership),
): PolicyInput | string {
  const { caller, origin, message } = call
  if (message.referenceTaskIds.length > maxReferences) return `more than ${maxReferences} referenced tasks`
  // The stage before says that they are one; should they ever differ, only one of them would be what the agent reads.
  if (message.contextId !== '' && message.contextId !== call.contextId) return 'two contexts in one message'
  const named = nameThings(call, ownership, context)
  const first = named[0]
  return {
    v: 1,
    caller: { id: caller.id, method: caller.method, groups: caller.groups, display: caller.display },
    origin: { id: origin.id, groups: origin.groups, display: origin.display },
    chain: call.chain.map((member) => member.id),
    chainGroups: call.chain.map((member) => member.groups),
    autonomous: {
      caller: call.autonomous,
      origin: call.autonomous || isAgent(origin.id, call.snapshot.agentsByPrincipal),
    },
    agent: { name: call.agent.name },
    operation: call.operation,
    message: withMetadata(call, metadataKeys),
    request: { binding: call.binding, version: call.version, source: call.source, timeMs: call.receivedAtMs },
    inlinePush: call.inlinePush,
    task: taskFacts(first?.kind === 'task' ? first.owner : null, caller.id, origin.id),
    named,
    ...(call.scope && { scope: call.scope }),
  }
}

const maxMetadataLength = 256 // bound: characters of a metadata value that a condition reads

function withMetadata({ message, metadata }: Validated, keys: readonly string[]): PolicyInput['message'] {
  if (metadata === undefined || keys.length === 0) return message
  const there = keys.filter((key) => Object.hasOwn(metadata, key))
  if (there.length === 0) return message
  // not by assignment: a key may be `__proto__`
  return { ...message, metadata: Object.fromEntries(there.map((key) => [key, metadataText(metadata[key])])) }
}

/** Fractions and large numbers would be rounded, and compare as something that was not sent. */
export function metadataText(value: JsonValue | undefined): string | null {
  if (typeof value === 'string') return value.length <= maxMetadataLength ? detach(value) : null
  const isExact = typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value))
  return isExact ? String(value) : null
}

/** A chain that an agent began is on that agent's own account, however many hops it has gone since. */
export function isAgent(id: string, agents: Snapshot['agentsByPrincipal']): boolean {
  return id.startsWith('agent:') || agents.has(id)
}

export function taskFacts(owner: TaskOwner | null, callerId: string, originId: string): PolicyInput['task'] {
  return { known: owner !== null, owner: relationOf(owner, callerId, originId) }
}

/** `self` is the same caller for the same origin: neither alone is enough. */
export function relationOf(owner: TaskOwner | null, callerId: string, originId: string): Relation {
  if (owner === null) return 'none'
  if (owner.origin !== originId) return 'other'
  return owner.caller === callerId ? 'self' : 'origin'
}

function nameThings(call: Validated, ownership: NamedOwnership, context: CallContext): readonly NamedThing[] {
  const { tenant, taskId, contextId, message, operation } = call
  const agent = call.agent.name
  if (taskId === '' && contextId === '' && isPlain(call)) return nothing
  const things: NamedThing[] = []
  const task = taskId === '' ? undefined : ownership.task(agent, tenant, taskId)
  if (taskId !== '' || operations[operation].namesTask) things.push(thing('task', task, false))
  if (touchesPushConfig(call)) things.push(thing('pushConfig', ownerOfPushConfig(call, task, ownership), false))
  const references = new Set(message.referenceTaskIds)
  // The stage before says that message.taskId is the task named; should they ever differ, both must be owned.
  if (message.taskId !== '') references.add(message.taskId)
  references.delete(taskId)
  for (const id of references) things.push(thing('reference', ownership.task(agent, tenant, id), false))
  // A list is answered from the caller's own tasks alone: a context id there finds nothing of others.
  if (operation === 'ListTasks') return things
  // One's own, fresh, or that of a task that is referred to. The one of the task comes with the task.
  if (context.id !== '' && context.task === 'none') things.push(thing('context', context.owned, true))
  return things
}

const nothing: readonly never[] = Object.freeze([])

/** A configuration inside a send that begins a task is its owner's, as the task will be. */
function touchesPushConfig({ operation, taskId, configId, inlinePush }: Validated): boolean {
  return taskId !== '' && (configId !== '' || inlinePush || operation === 'CreateTaskPushNotificationConfig')
}

/**
 * One that the gateway never saw made is the task owner's: it came inside the task's first message, or from the
 * agent. So is one without an id, since agents give it one that they can have given before: the task's own, mostly.
 */
function ownerOfPushConfig(call: Validated, task: Owned | undefined, ownership: NamedOwnership): Owned | undefined {
  const { agent, tenant, taskId, configId } = call
  const known = configId === '' ? undefined : ownership.pushConfig(agent.name, tenant, taskId, configId)
  return known ?? task
}

function isPlain(call: Validated): boolean {
  const { message } = call
  const namesNothing = message.taskId === '' && message.contextId === '' && message.referenceTaskIds.length === 0
  return namesNothing && !operations[call.operation].namesTask
}

function thing(kind: NamedThing['kind'], owned: Owned | undefined, mayBeNew: boolean): NamedThing {
  return { kind, owner: owned?.owner ?? null, groups: owned?.groups ?? noGroups, mayBeNew }
}

const noGroups: readonly string[] = Object.freeze([])
