// Aliases tie principals of one person together, and policy knows each of them by the first. What names another of them
// would not mean what it reads like: a binding would give nothing, and a condition of a deny would never hold. Both are
// errors; a deny that names one holds for all and is none. docs/decisions/0007-aliases.md.

import type { ConfigPath, Finding } from './problem.ts'
import type { Config } from './schema.ts'

export function checkAliases(config: Config): Finding[] {
  return [...checkMembers(config), ...checkUses(config)]
}

function checkMembers({ aliases, agents }: Config): Finding[] {
  const found: Finding[] = []
  const names = new Set<string>()
  const members = new Map<string, string>()
  const acting = new Map(agents.flatMap((agent) => agent.principals.map((id) => [id, agent.name])))
  for (const [index, { name, principals }] of aliases.entries()) {
    if (names.has(name))
      found.push({ path: ['aliases', index, 'name'], message: 'another alias has this name', hint: 'give it another' })
    names.add(name)
    for (const [at, principal] of principals.entries()) {
      const path = ['aliases', index, 'principals', at]
      const of = members.get(principal)
      members.set(principal, name)
      if (/^(group|agent):|\*$/.test(principal)) {
        found.push({
          path,
          message: 'only single identities can be one person',
          hint: 'name a key, user, service account or SPIFFE id; identities of an agent stand in agents[].principals',
        })
      } else if (of !== undefined) {
        found.push({
          path,
          message: `this identity belongs to the alias ${of} already`,
          hint: 'every one must be unique',
        })
      } else if (acting.has(principal)) {
        found.push({
          path,
          message: `this identity acts as the agent ${acting.get(principal)}`,
          hint: 'it cannot be an agent and a person; make another key or account for one of them',
        })
      }
    }
  }
  return found
}

/** Names of what is known by another name, where they would silently mean nobody. */
function checkUses(config: Config): Finding[] {
  const canonical = new Map<string, string>()
  for (const { principals } of config.aliases)
    for (const principal of principals.slice(1)) canonical.set(principal, principals[0] ?? '')
  if (canonical.size === 0) return []
  const tell = (path: ConfigPath, id: string): Finding => ({
    path,
    message: `${id} is known as ${canonical.get(id)} by an alias`,
    hint: `name ${canonical.get(id)}`,
  })
  const inLists = [...listsOf(config)].flatMap(({ path, ids }) =>
    ids.flatMap((id, at) => (canonical.has(id) ? [tell([...path, at], id)] : [])),
  )
  const inConditions = [...conditionsOf(config)].flatMap(({ path, text }) => {
    const id = [...canonical.keys()].find((each) => text.includes(`"${each}"`) || text.includes(`'${each}'`))
    return id === undefined ? [] : [tell(path, id)]
  })
  return [...inLists, ...inConditions]
}

function* listsOf({
  policy,
  limits,
  approvals,
  audit,
}: Config): Iterable<{ path: ConfigPath; ids: readonly string[] }> {
  for (const [index, { callers }] of policy.bindings.entries())
    yield { path: ['policy', 'bindings', index, 'callers'], ids: callers }
  for (const [index, { callers }] of limits.entries())
    if (callers !== undefined) yield { path: ['limits', index, 'callers'], ids: callers }
  yield { path: ['approvals', 'approvers'], ids: approvals.approvers }
  yield { path: ['audit', 'erasure', 'approvers'], ids: audit.erasure.approvers }
}

function* conditionsOf({ policy }: Config): Iterable<{ path: ConfigPath; text: string }> {
  for (const [index, { rules }] of policy.roles.entries()) {
    for (const [at, { when }] of rules.entries())
      if (when !== undefined) yield { path: ['policy', 'roles', index, 'rules', at, 'when'], text: when }
  }
  for (const [index, { when }] of policy.denies.entries())
    if (when !== undefined) yield { path: ['policy', 'denies', index, 'when'], text: when }
}
