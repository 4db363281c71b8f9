// Whose messages and answers are recorded: the first rule of audit.content that names an agent is the one for it.
// Read by what records, by the record of a start or reload, and by `config check`; nobody else decides it.

import type { Config } from './schema.ts'

export type ContentRule = Config['audit']['content'][number]

export function contentRuleOf(rules: readonly ContentRule[], agent: string): ContentRule | undefined {
  return rules.find((rule) => rule.agents.includes(agent) || rule.agents.includes('*'))
}

/** Names of agents, in the order of the configuration. */
export function recordedAgents({ audit, agents }: Pick<Config, 'audit' | 'agents'>): {
  readonly requests: readonly string[]
  readonly answers: readonly string[]
} {
  const recorded = (what: 'requests' | 'answers'): string[] =>
    agents.map(({ name }) => name).filter((name) => contentRuleOf(audit.content, name)?.[what] === true)
  return { requests: recorded('requests'), answers: recorded('answers') }
}
