// From the configuration's policy to its index, once, when a configuration is loaded. What is wrong is told all
// at once and nothing of a faulty policy is used; what could silently mean "nobody" or "everybody" is refused.

import type { PolicyConfig, Snapshot } from '../config/config.ts'
import { compileCondition, type Condition } from './condition.ts'
import {
  type AgentTable,
  buildTable,
  type CompiledPolicy,
  type Deny,
  type Entry,
  type Rule,
  type Sharing,
} from './policy-index.ts'

export type { CompiledPolicy } from './policy-index.ts'

export interface PolicyProblem {
  /** from the root of the configuration, `['policy', 'roles', 0, …]` */
  readonly path: (string | number)[]
  readonly message: string
  readonly hint: string
  /** within a condition, both from 1 */
  readonly line?: number
  readonly column?: number
}

export type PolicyResult =
  | { readonly ok: true; readonly policy: CompiledPolicy }
  | { readonly ok: false; readonly problems: PolicyProblem[] }

type Role = PolicyConfig['roles'][number]
type Item<T> = { readonly agents: readonly string[]; readonly operations: readonly string[]; readonly value: T }

/** What compiling gathers: problems, and each condition once, however many rules share its text. */
interface Work {
  readonly agents: ReadonlySet<string>
  readonly problems: PolicyProblem[]
  readonly conditions: Map<string, Condition>
}

const maxMetadataKeys = 64 // bound: keys of message.metadata that a policy reads

/** `identities`: of each canonical id everything that proves to be it; a deny of any holds for all. */
export function compilePolicy(
  policy: PolicyConfig,
  agents: readonly string[],
  identities: Snapshot['identities'] = new Map(),
): PolicyResult {
  const work: Work = { agents: new Set(agents), problems: [], conditions: new Map() }
  const roles = new Map<string, readonly Item<Rule>[]>()
  for (const [index, role] of policy.roles.entries()) {
    if (roles.has(role.name))
      report(work, ['roles', index, 'name'], `the role ${role.name} is defined twice`, 'give it another name')
    roles.set(role.name, compileRole(role, index, work))
  }
  const bound = bind(policy, roles, work)
  const denied = compileDenies(policy, work).map((deny) => widenDeny(deny, identities))
  const metadataKeys = new Set([...work.conditions.values()].flatMap((condition) => [...condition.metadataKeys]))
  if (metadataKeys.size > maxMetadataKeys) {
    const message = `the conditions read ${metadataKeys.size} keys of message.metadata, at most ${maxMetadataKeys}`
    report(work, [], message, 'every one of them is recorded with each call')
  }
  if (work.problems.length > 0) return { ok: false, problems: work.problems }
  return { ok: true, policy: assemble(bound, denied, [...metadataKeys].toSorted()) }
}

function compileRole(role: Role, roleIndex: number, work: Work): readonly Item<Rule>[] {
  return role.rules.map((rule, index) => {
    const path = ['roles', roleIndex, 'rules', index]
    checkAgents(rule.agents, path, work)
    const when = compileWhen(rule.when, [...path, 'when'], work)
    const value: Rule = {
      name: `${role.name}#${index}`,
      when,
      sharing: sharingOf(rule.owner),
      autonomous: false,
      needsApproval: rule.requireApproval,
    }
    return { agents: rule.agents, operations: rule.operations, value }
  })
}

function sharingOf(owner: string): Sharing {
  if (owner === 'origin' || owner === 'any') return { kind: owner }
  return owner.startsWith('group:') ? { kind: 'group', group: owner } : { kind: 'self' }
}

interface Grant {
  readonly role: string
  readonly autonomous: boolean
}
interface Bound {
  readonly grants: ReadonlyMap<string, readonly Grant[]>
  readonly roles: ReadonlyMap<string, readonly Item<Rule>[]>
}

function bind(policy: PolicyConfig, roles: Bound['roles'], work: Work): Bound {
  const grants = new Map<string, Grant[]>()
  for (const [index, binding] of policy.bindings.entries()) {
    if (!roles.has(binding.role)) {
      const known = [...roles.keys()].slice(0, 20).join(', ')
      const hint = known === '' ? 'define it under policy.roles' : `roles: ${known}`
      report(work, ['bindings', index, 'role'], `there is no role ${binding.role}`, hint)
    }
    for (const caller of binding.callers) {
      const list = grants.get(caller) ?? []
      list.push({ role: binding.role, autonomous: binding.autonomous })
      grants.set(caller, list)
    }
  }
  return { grants, roles }
}

interface CompiledDeny extends Item<Deny> {
  readonly callers: readonly string[] | undefined
}

function compileDenies(policy: PolicyConfig, work: Work): readonly CompiledDeny[] {
  const names = new Set<string>()
  return policy.denies.map((deny, index) => {
    const path = ['denies', index]
    if (names.has(deny.name))
      report(work, [...path, 'name'], `the deny ${deny.name} is defined twice`, 'give it another name')
    names.add(deny.name)
    checkAgents(deny.agents, path, work)
    // An empty list of a deny would switch it off without a word.
    for (const field of ['agents', 'operations', 'callers'] as const) {
      if (deny[field]?.length === 0) {
        report(
          work,
          [...path, field],
          'an empty list makes this deny never apply',
          `leave ${field} out to mean all, or remove the deny`,
        )
      }
    }
    const when = compileWhen(deny.when, [...path, 'when'], work)
    return { agents: deny.agents, operations: deny.operations, callers: deny.callers, value: { name: deny.name, when } }
  })
}

/** Names every canonical id of which the deny names an identity; by a wildcard only persons: `key:*` means no agent. */
function widenDeny(deny: CompiledDeny, identities: Snapshot['identities']): CompiledDeny {
  const { callers } = deny
  if (callers === undefined) return deny
  const names = (id: string): boolean => callers.includes(id)
  const matches = (id: string): boolean => names(id) || callers.includes(`${id.slice(0, id.indexOf(':'))}:*`)
  const more = [...identities].filter(([id, all]) => all.some(id.startsWith('agent:') ? names : matches))
  return { ...deny, callers: [...callers, ...more.map(([id]) => id)] }
}

function checkAgents(agents: readonly string[], path: (string | number)[], work: Work): void {
  for (const [index, agent] of agents.entries()) {
    if (agent === '*' || work.agents.has(agent)) continue
    const known = [...work.agents].slice(0, 20).join(', ')
    report(
      work,
      [...path, 'agents', index],
      `there is no agent ${agent}`,
      known === '' ? 'no agents are configured' : `agents: ${known}`,
    )
  }
}

function compileWhen(source: string | undefined, path: (string | number)[], work: Work): Condition | undefined {
  if (source === undefined) return undefined
  const known = work.conditions.get(source)
  if (known !== undefined) return known
  const result = compileCondition(source)
  if (result.ok) {
    work.conditions.set(source, result.condition)
    return result.condition
  }
  const { message, hint, line, column } = result.problem
  const text = `${message} (line ${line}, column ${column} of the condition)`
  work.problems.push({ path: ['policy', ...path], message: text, hint, line, column })
  return undefined
}

function report(work: Work, path: (string | number)[], message: string, hint: string): void {
  work.problems.push({ path: ['policy', ...path], message, hint })
}

function assemble(
  { grants, roles }: Bound,
  denied: readonly CompiledDeny[],
  metadataKeys: readonly string[],
): CompiledPolicy {
  const tables = new Map<string, AgentTable<Rule>>()
  const rules = new Map<string, AgentTable<Rule>>()
  for (const [principal, granted] of grants) {
    // Principals with the same roles share one table: a thousand callers of one role cost one.
    const keys = new Set(granted.map((grant) => `${grant.role} ${grant.autonomous}`))
    const key = [...keys].toSorted().join('\n')
    const table = tables.get(key) ?? buildTable(itemsOf(granted, roles), unconditionalFirst)
    tables.set(key, table)
    rules.set(principal, table)
  }
  const byPrincipal = new Map<string, CompiledDeny[]>()
  for (const deny of denied) {
    for (const caller of new Set(deny.callers)) {
      const list = byPrincipal.get(caller)
      if (list === undefined) byPrincipal.set(caller, [deny])
      else list.push(deny)
    }
  }
  const entries = new Map<string, Entry>()
  for (const principal of new Set([...rules.keys(), ...byPrincipal.keys()])) {
    const denies = byPrincipal.get(principal)
    entries.set(principal, {
      rules: rules.get(principal),
      denies: denies === undefined ? undefined : buildTable(denies, unconditionalFirst),
    })
  }
  const everyone = buildTable(
    denied.filter((deny) => deny.callers === undefined),
    unconditionalFirst,
  )
  return { entries, wildcards: takeWildcards(entries), denies: everyone, metadataKeys }
}

function itemsOf(granted: readonly Grant[], roles: Bound['roles']): readonly Item<Rule>[] {
  const distinct = new Map(granted.map((grant) => [`${grant.role} ${grant.autonomous}`, grant]))
  return [...distinct.values()].flatMap(({ role, autonomous }) =>
    (roles.get(role) ?? []).map((item) => ({ ...item, value: { ...item.value, autonomous } })),
  )
}

function takeWildcards(entries: Map<string, Entry>): CompiledPolicy['wildcards'] {
  const wildcards: { prefix: string; entry: Entry }[] = []
  for (const [principal, entry] of entries) {
    if (!principal.endsWith(':*')) continue
    wildcards.push({ prefix: principal.slice(0, -1), entry })
    entries.delete(principal)
  }
  return wildcards
}

/** Without a condition first, so that most decisions never evaluate one. */
function unconditionalFirst(left: Rule | Deny, right: Rule | Deny): number {
  return Number(left.when !== undefined) - Number(right.when !== undefined)
}
