// `agent inspect NAME|URL`: what an agent's card says. A name is looked up in the configuration; a URL needs none.
// What the card says is the agent's own word: shown, never believed.

import { suggestWord } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { fetchCard } from './fetch-card.ts'
import { CommandError, printable, printJson, printWarning } from './io.ts'
import { compareWithCard } from './place-agent.ts'
import type { AgentTarget, CardFacts } from './ports.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'AGENT', about: 'name in the configuration, or URL' }],
  options: {
    'card-url': { value: 'URL', about: 'where the card lies (default: URL/.well-known/agent-card.json)' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  run: async (input) => {
    const target = await findTarget(input)
    const facts = await fetchCard(input, target)
    const configured = target.loaded?.config.agents.find((agent) => agent.name === target.name)
    for (const difference of configured === undefined ? [] : compareWithCard(configured, facts))
      printWarning(input.io, difference, '')
    if (input.json) printJson(input.io, facts)
    else input.io.out(formatFacts(facts))
    return 0
  },
}

async function findTarget(input: Input): Promise<AgentTarget> {
  const [agent = ''] = input.args
  const cardUrl = input.option('card-url')
  if (/^https?:\/\//.test(agent)) return { url: agent, cardUrl, loaded: undefined, name: undefined }
  const loaded = await requireConfig(input)
  const found = loaded.config.agents.find((candidate) => candidate.name === agent)
  if (found !== undefined) return { url: found.url, cardUrl: cardUrl ?? found.cardUrl, loaded, name: found.name }
  const names = loaded.config.agents.map((candidate) => candidate.name)
  throw new CommandError(
    2,
    `no agent is named ${JSON.stringify(agent)}`,
    suggestWord(agent, names) || 'add it: sallyport agent add URL',
  )
}

function formatFacts(facts: CardFacts): string {
  const lines = [
    `card           ${facts.cardUrl}`,
    `name           ${facts.name}`,
    `version        ${facts.version}`,
    `description    ${facts.description}`,
    `protocol       ${facts.protocolVersions.join(', ') || '-'}`,
    `streaming      ${facts.streaming ? 'yes' : 'no'}`,
    `push           ${facts.pushNotifications ? 'yes' : 'no'}`,
    `signed         ${facts.signed ? 'yes, not verified' : 'no'}`,
    `security       ${facts.securitySchemes.join(', ') || 'none'}`,
    ...facts.interfaces.map((face) => `interface      ${face.binding} ${face.version} ${face.url}`),
    ...facts.skills.map((skill) => `skill          ${skill.id}: ${skill.description || skill.name}`),
  ]
  return `${lines.map(printable).join('\n')}\n`
}
