// The shape policy has once loaded: by principal, then agent, then operation, so that a decision looks at what
// concerns its caller and at nothing else, however many rules there are. Data and look-ups; it decides nothing.

import { type Operation, operationNames } from '../a2a/operations.ts'
import type { Condition } from './condition.ts'

/** Whose tasks a rule covers; one's own are always among them. */
export type Sharing = { readonly kind: 'self' | 'origin' | 'any' } | { readonly kind: 'group'; readonly group: string }

export interface Rule {
  /** role and position, `analyst#0` */
  readonly name: string
  readonly when: Condition | undefined
  readonly sharing: Sharing
  /** its binding also holds for an agent on its own account */
  readonly autonomous: boolean
  /** what it allows takes a person's approval, also where another rule allows it */
  readonly needsApproval: boolean
}

export interface Deny {
  readonly name: string
  readonly when: Condition | undefined
}

/** Lists by agent and operation; `any` holds for agents that no entry names. */
export interface AgentTable<T> {
  readonly byAgent: ReadonlyMap<string, OperationTable<T>>
  readonly any: OperationTable<T> | undefined
}
export interface OperationTable<T> {
  /** a bit for each operation with at least one entry */
  readonly mask: number
  readonly lists: readonly (readonly T[])[]
}

/** What policy says of one principal, group or wildcard. */
export interface Entry {
  readonly rules: AgentTable<Rule> | undefined
  readonly denies: AgentTable<Deny> | undefined
}

export interface CompiledPolicy {
  readonly entries: ReadonlyMap<string, Entry>
  /** `key:*` and the like, by the beginning they ask for */
  readonly wildcards: readonly { readonly prefix: string; readonly entry: Entry }[]
  /** denies that hold for everyone */
  readonly denies: AgentTable<Deny>
  /** keys of message.metadata that some condition reads */
  readonly metadataKeys: readonly string[]
}

const position: Readonly<Record<string, number>> = Object.freeze(
  Object.fromEntries(operationNames.map((name, index) => [name, index])),
)
export const allOperations: number = (1 << operationNames.length) - 1

function operationIndex(operation: Operation): number {
  return position[operation] ?? -1
}

/** 0 for what is no operation. */
export function bitOf(operation: Operation): number {
  const index = operationIndex(operation)
  return index < 0 ? 0 : 1 << index
}

export function forAgent<T>(table: AgentTable<T> | undefined, agent: string): OperationTable<T> | undefined {
  return table === undefined ? undefined : (table.byAgent.get(agent) ?? table.any)
}

const none: readonly never[] = Object.freeze([])

export function forOperation<T>(table: AgentTable<T> | undefined, agent: string, operation: Operation): readonly T[] {
  return forAgent(table, agent)?.lists[operationIndex(operation)] ?? none
}

/** Everything said of this principal: by its id, by its groups, and by wildcards. */
export function entriesOf(policy: CompiledPolicy, id: string, groups: readonly string[]): readonly Entry[] {
  const found: Entry[] = []
  // Ids and groups are kept apart: neither, whatever it reads like, ever gets what policy says of the other.
  const own = id.startsWith('group:') ? undefined : policy.entries.get(id)
  if (own !== undefined) found.push(own)
  for (const group of groups) {
    const entry = group.startsWith('group:') ? policy.entries.get(group) : undefined
    if (entry !== undefined) found.push(entry)
  }
  for (const { prefix, entry } of policy.wildcards) {
    if (prefix === 'group:' ? groups.length > 0 : id.startsWith(prefix)) found.push(entry)
  }
  return found
}

/** The same, each with the group that it is held by; '' for those of the principal itself. */
export function entriesByGroup(
  policy: CompiledPolicy,
  id: string,
  groups: readonly string[],
): readonly { readonly entry: Entry; readonly group: string }[] {
  const own = entriesOf(policy, id, []).map((entry) => ({ entry, group: '' }))
  const each = groups.flatMap((group) => {
    const entry = group.startsWith('group:') ? policy.entries.get(group) : undefined
    return entry === undefined ? [] : [{ entry, group }]
  })
  const any = groups.length === 0 ? undefined : policy.wildcards.find(({ prefix }) => prefix === 'group:')
  return [...own, ...each, ...(any === undefined ? [] : [{ entry: any.entry, group: 'group:*' }])]
}

/** Gathers lists by agent and operation, then folds those for every agent into each named one. */
export function buildTable<T>(
  items: readonly { readonly agents: readonly string[]; readonly operations: readonly string[]; readonly value: T }[],
  order: (left: T, right: T) => number,
): AgentTable<T> {
  const drafts = new Map<string, T[][]>()
  for (const { agents, operations, value } of items) {
    for (const agent of new Set(agents)) {
      const lists = drafts.get(agent) ?? operationNames.map((): T[] => [])
      drafts.set(agent, lists)
      for (const [index, name] of operationNames.entries()) {
        if (operations.includes('*') || operations.includes(name)) lists[index]?.push(value)
      }
    }
  }
  const everywhere = drafts.get('*')
  drafts.delete('*')
  const byAgent = new Map<string, OperationTable<T>>()
  for (const [agent, lists] of drafts) {
    byAgent.set(
      agent,
      finish(
        lists.map((list, index) => [...list, ...(everywhere?.[index] ?? [])]),
        order,
      ),
    )
  }
  return { byAgent, any: everywhere === undefined ? undefined : finish(everywhere, order) }
}

function finish<T>(lists: readonly (readonly T[])[], order: (left: T, right: T) => number): OperationTable<T> {
  const mask = lists.reduce((bits, list, index) => (list.length > 0 ? bits | (1 << index) : bits), 0)
  return { mask, lists: lists.map((list) => (list.length === 0 ? none : list.toSorted(order))) }
}
