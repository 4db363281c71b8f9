// Who somebody is by the configuration, once, for everybody who has to compare people: under which names a principal is
// known, whether a list names it, and whose API keys only an admin may make.

import type { Config } from './schema.ts'
import type { Snapshot } from './config.ts'

type Names = Pick<Snapshot, 'agentsByPrincipal' | 'aliases' | 'identities'>

/** Every name of this somebody, its own first: as the agent that it acts as, as the first of its alias, as all members. */
export function identitiesOf(principal: string, { agentsByPrincipal, aliases, identities }: Names): readonly string[] {
  const agent = agentsByPrincipal.get(principal)
  const known = agent === undefined ? (aliases.get(principal) ?? principal) : `agent:${agent.name}`
  return [...new Set([principal, known, ...(identities.get(known) ?? [])])]
}

/** Whether two principals are one somebody. */
export function isSamePerson(one: string, other: string, names: Names): boolean {
  const known = new Set(identitiesOf(one, names))
  return identitiesOf(other, names).some((id) => known.has(id))
}

/** Patterns are those of the policy: a principal, or all of a kind. */
export function isNamed(patterns: readonly string[], id: string, groups: readonly string[] = []): boolean {
  const [kind = ''] = id.split(':')
  return patterns.some(
    (pattern) =>
      (!pattern.startsWith('group:') && (pattern === id || pattern === `${kind}:*`)) || groups.includes(pattern),
  )
}

/** Why a key of this name is more than a caller's: who makes it could approve, or be an agent or a known person. */
export function findReservation({ approvals, audit, agents, aliases }: Config, keyName: string): string | undefined {
  const id = `key:${keyName}`
  if (isNamed(approvals.approvers, id)) return `${id} may approve (approvals.approvers)`
  if (isNamed(audit.erasure.approvers, id)) return `${id} may approve (audit.erasure.approvers)`
  const agent = agents.find(({ principals }) => principals.includes(id))
  if (agent !== undefined) return `${id} acts as the agent ${agent.name}`
  const alias = aliases.find(({ principals }) => principals.includes(id))
  return alias === undefined ? undefined : `${id} belongs to the alias ${alias.name}`
}
