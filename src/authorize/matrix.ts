// Who may do what, without a call to ask about: for each principal and agent what policy says of every operation, and
// on which conditions. It reads the same index as a decision and decides nothing; a condition stays a condition.

import { type Operation, operationNames } from '../a2a/operations.ts'
import type { Snapshot } from '../config/config.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { type Deny, entriesOf, type Entry, forOperation, type Rule, type Sharing } from './policy-index.ts'

/** Whose call: its own; or, of one that may act as an agent, somebody else's, who needs rules of his own. */
export type Account = 'own' | 'for others'

export interface MatrixCell {
  /** no rule; a deny without condition; rules or denies with conditions, or an approval; a rule without, and no deny */
  readonly state: 'none' | 'deny' | 'conditional' | 'allow'
  /** those that could allow; none where a deny without condition takes everything */
  readonly rules: readonly {
    readonly name: string
    readonly when: string
    readonly owner: string
    readonly approval: boolean
  }[]
  readonly denies: readonly { readonly name: string; readonly when: string }[]
}

export interface MatrixRow {
  readonly who: string
  readonly account: Account
  readonly agent: string
  /** operations without a rule are left out */
  readonly cells: Readonly<Partial<Record<Operation, MatrixCell>>>
}

interface Asked {
  readonly id: string
  readonly groups: readonly string[]
}

/** Everybody whom policy names, by id, group or kind. */
export function principalsOf(policy: CompiledPolicy): readonly string[] {
  return [...policy.entries.keys(), ...policy.wildcards.map(({ prefix }) => `${prefix}*`)].toSorted()
}

/** One row for each of `who`, each account and each agent, in this order. */
export function buildMatrix(
  policy: CompiledPolicy,
  who: readonly Asked[],
  agents: readonly string[],
  identities: Snapshot['agentsByPrincipal'],
): readonly MatrixRow[] {
  return who.flatMap((asked) => {
    const acting = identities.get(asked.id)
    const id = acting === undefined ? asked.id : `agent:${acting.name}`
    // a group, or a kind, stands for somebody in it of whom nothing else is known
    const isGroup = id.startsWith('group:')
    const entries = entriesOf(policy, isGroup ? '' : id, isGroup ? [id, ...asked.groups] : asked.groups)
    const accounts: readonly Account[] = id.startsWith('agent:') ? ['own', 'for others'] : ['own']
    return accounts.flatMap((account) =>
      agents.map((agent) => ({
        who: id,
        account,
        agent,
        cells: cellsOf(policy, entries, agent, id.startsWith('agent:') && account === 'own'),
      })),
    )
  })
}

function cellsOf(
  policy: CompiledPolicy,
  entries: readonly Entry[],
  agent: string,
  onOwnAccount: boolean,
): MatrixRow['cells'] {
  const cells: Partial<Record<Operation, MatrixCell>> = {}
  for (const operation of operationNames) {
    const held = entries.flatMap((entry) => forOperation(entry.rules, agent, operation))
    const giving = held.filter((rule) => rule.autonomous || !onOwnAccount)
    if (giving.length === 0) continue
    const tables = [policy.denies, ...entries.map((entry) => entry.denies)]
    cells[operation] = judge({
      giving,
      // whoever's account it is: decide.ts, approvalsFor
      asking: held.filter((rule) => rule.needsApproval),
      denies: tables.flatMap((table) => forOperation(table, agent, operation)),
    })
  }
  return cells
}

function judge({
  giving,
  asking,
  denies,
}: {
  readonly giving: readonly Rule[]
  readonly asking: readonly Rule[]
  readonly denies: readonly Deny[]
}): MatrixCell {
  const certain = denies.filter((deny) => deny.when === undefined)
  if (certain.length > 0) return { state: 'deny', rules: [], denies: distinct(certain.map(describeDeny)) }
  const isOpen = giving.some((rule) => rule.when === undefined)
  return {
    state: isOpen && denies.length === 0 && asking.length === 0 ? 'allow' : 'conditional',
    rules: distinct([...giving, ...asking].map(describeRule)),
    denies: distinct(denies.map(describeDeny)),
  }
}

function describeRule({ name, when, sharing, needsApproval }: Rule): MatrixCell['rules'][number] {
  return { name, when: when?.source ?? '', owner: ownerOf(sharing), approval: needsApproval }
}

function describeDeny({ name, when }: Deny): MatrixCell['denies'][number] {
  return { name, when: when?.source ?? '' }
}

/** As it is written in a rule. */
export function ownerOf(sharing: Sharing): string {
  return sharing.kind === 'group' ? sharing.group : sharing.kind
}

/** The same rule can come by an id and by a group. */
function distinct<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [item.name, item])).values()]
}
