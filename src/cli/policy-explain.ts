// `policy explain`: which rule allows or denies a caller, and why the others do not. Exit 1 when the answer is no.

import { isOperation, operationNames } from '../a2a/operations.ts'
import { suggestWord } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { beyondPolicyNote } from './matrix-notes.ts'
import { CommandError, printable, printJson } from './io.ts'
import type { PolicyExplanation, PolicyQuery, PolicyStep } from './ports.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    caller: { value: 'ID', about: 'key:ci, user:corp/4f1c, agent:planner …' },
    group: { value: 'ID', multiple: true, about: 'a group of the caller; may be given again' },
    origin: { value: 'ID', about: 'on whose behalf an agent calls (default: its own account)' },
    'origin-group': { value: 'ID', multiple: true, about: 'a group of the origin; may be given again' },
    agent: { value: 'NAME', about: 'the agent called' },
    operation: { value: 'NAME', about: `${operationNames[0]}, ${operationNames[2]} …` },
    config: configOption,
    'data-dir': dataDirOption,
  },
  details:
    'conditions are evaluated for a message without parts; what narrows a credential (scopes, networks, blocks) is not looked at; exit 1 when denied',
  run: async (input) => {
    const agent = need(input, 'agent')
    const operation = need(input, 'operation')
    if (!isOperation(operation)) {
      throw new CommandError(
        2,
        `there is no operation ${JSON.stringify(operation)}`,
        suggestWord(operation, operationNames),
      )
    }
    const query: PolicyQuery = {
      caller: need(input, 'caller'),
      groups: input.list('group'),
      origin: input.option('origin'),
      originGroups: input.list('origin-group'),
      agent,
      operation,
    }
    const { config } = await requireConfig(input, { withPolicy: true, secrets: 'unresolved' })
    const names = config.agents.map((candidate) => candidate.name)
    if (!names.includes(agent))
      throw new CommandError(2, `no agent is named ${JSON.stringify(agent)}`, suggestWord(agent, names))
    const explanation = (await input.ports()).explainPolicy(config, query)
    if (input.json) printJson(input.io, { ...query, ...explanation })
    else input.io.out(formatExplanation(query, explanation))
    return explanation.allowed ? 0 : 1
  },
}

function need(input: Input, name: string): string {
  const value = input.option(name)
  if (value === undefined) throw new CommandError(2, `--${name} is missing`, 'see: sallyport policy explain --help')
  return value
}

function formatExplanation(query: PolicyQuery, explanation: PolicyExplanation): string {
  const verdict = explanation.allowed ? 'allowed' : 'denied'
  const lines = [
    `${verdict}: ${query.caller} ${query.operation} on ${query.agent}`,
    `because ${explanation.reason}`,
    ...explanation.steps.map(formatStep),
    beyondPolicyNote,
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function formatStep(step: PolicyStep): string {
  const words = { matched: 'matches', 'not-matched': 'does not match', error: 'errors' }
  return `  ${step.effect.padEnd(5)}  ${step.rule}  ${words[step.outcome]}: ${step.detail}`
}
