// `agent add URL`: writes an agent into the configuration, keeping its comments. The card is fetched first, to see
// that an agent is there and to learn its name; the file is written only if it stays valid.

import { addAgent, configSchema } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { fetchCard } from './fetch-card.ts'
import { CommandError, printJson } from './io.ts'
import { reportEdit } from './report-edit.ts'
import { configFile } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'URL', about: 'base URL of the agent' }],
  options: {
    name: { value: 'NAME', about: 'DNS label; served at /agents/NAME (default: from the card)' },
    'card-url': { value: 'URL', about: 'where the card lies (default: URL/.well-known/agent-card.json)' },
    'no-fetch': { about: 'do not fetch the card; needs --name' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  run: async (input) => {
    const [url = ''] = input.args
    const cardUrl = input.option('card-url')
    const card = cardUrl === undefined ? {} : { cardUrl }
    // Checked before anything is fetched, by the schema that will judge the file.
    const probe = configSchema.safeParse({ agents: [{ name: 'probe', url, ...card }] })
    if (!probe.success)
      throw new CommandError(
        2,
        `${JSON.stringify(cardUrl ?? url)} is not a URL that an agent can have`,
        'write http://HOST:PORT or https://HOST without userinfo or fragment',
      )
    const name = await chooseName(input, url)
    const file = configFile(input)
    const ports = await input.ports()
    const edit = await addAgent(file, { name, url, ...card }, { extraChecks: (config) => ports.checkPolicy(config) })
    await reportEdit(input, file, edit)
    if (input.json) printJson(input.io, { name, url, ...card, file })
    else input.io.out(`added ${name} (${url}) to ${file}\n`)
    return 0
  },
}

async function chooseName(input: Input, url: string): Promise<string> {
  const given = input.option('name')
  if (input.flag('no-fetch')) {
    if (given === undefined) throw new CommandError(2, 'without its card the agent has no name', 'add --name NAME')
    return given
  }
  const facts = await fetchCard(input, { url, cardUrl: input.option('card-url'), loaded: undefined, name: undefined })
  const label = given ?? toLabel(facts.name)
  if (label === '') throw new CommandError(2, 'the name on the card makes no DNS label', 'add --name NAME')
  return label
}

/** "My Calculator (v2)" → "my-calculator-v2" */
function toLabel(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
}
