// `agent add URL`: writes an agent into the configuration, keeping its comments. The card is fetched first, to see
// that an agent is there and to learn its name and the paths at which it answers; the origin stays the one that was
// given. The file is written only if it stays valid.

import { addAgent, configSchema } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { fetchCard } from './fetch-card.ts'
import { CommandError, printable, printJson } from './io.ts'
import { placeAgent } from './place-agent.ts'
import type { AgentPlaces } from './place-agent.ts'
import { reportEdit } from './report-edit.ts'
import type { ItemArguments } from './report-edit.ts'
import { configFile } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'URL', about: 'base URL of the agent, where its card lies; its paths come from the card' }],
  options: {
    name: { value: 'NAME', about: 'DNS label; served at /agents/NAME (default: from the card)' },
    'rest-url': { value: 'URL', about: 'HTTP+JSON base URL (default: from the card)' },
    'grpc-url': { value: 'URL', about: 'gRPC endpoint: https://HOST:PORT, or http://HOST:PORT without TLS' },
    'card-url': { value: 'URL', about: 'where the card lies (default: URL/.well-known/agent-card.json)' },
    'no-fetch': { about: 'do not fetch the card; needs --name' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  run: async (input) => {
    const [url = ''] = input.args
    const restUrl = input.option('rest-url')
    const grpcUrl = input.option('grpc-url')
    const cardUrl = input.option('card-url')
    for (const given of [url, restUrl, grpcUrl, cardUrl]) if (given !== undefined) checkUrl(given)
    const asGiven = {
      url,
      ...(restUrl !== undefined && { restUrl }),
      ...(grpcUrl !== undefined && { grpcUrl }),
      ...(cardUrl !== undefined && { cardUrl }),
    }
    const { name, notes, ...places } = input.flag('no-fetch')
      ? { name: nameWithoutCard(input), notes: [], ...asGiven }
      : await readCard(input, asGiven)
    const file = configFile(input)
    const ports = await input.ports()
    const edit = await addAgent(
      file,
      { name, ...places },
      { secrets: 'unresolved', extraChecks: (config) => ports.checkPolicy(config) },
    )
    await reportEdit(input, file, edit, itemArguments)
    for (const note of notes) input.io.err(`note: ${printable(note)}\n`)
    if (input.json) printJson(input.io, { name, ...places, file })
    else
      input.io.out(
        `added ${name} (${[places.url, places.restUrl, places.grpcUrl].filter(Boolean).join(', ')}) to ${file}\n`,
      )
    return 0
  },
}

const itemArguments: ItemArguments = {
  name: { argument: '--name', hint: 'choose a name: --name NAME' },
  url: { argument: 'URL' },
  restUrl: { argument: '--rest-url' },
  grpcUrl: { argument: '--grpc-url' },
  cardUrl: { argument: '--card-url' },
}

/** Checked before anything is fetched, by the schema that will judge the file. */
function checkUrl(url: string): void {
  if (configSchema.safeParse({ agents: [{ name: 'probe', url }] }).success) return
  throw new CommandError(
    2,
    `${JSON.stringify(url)} is not a URL that an agent can have`,
    'write http://HOST:PORT or https://HOST without userinfo or fragment',
  )
}

function nameWithoutCard(input: Input): string {
  const given = input.option('name')
  if (given === undefined) throw new CommandError(2, 'without its card the agent has no name', 'add --name NAME')
  return given
}

async function readCard(
  input: Input,
  given: AgentPlaces,
): Promise<AgentPlaces & { readonly name: string; readonly notes: readonly string[] }> {
  const facts = await fetchCard(input, { url: given.url, cardUrl: given.cardUrl, loaded: undefined, name: undefined })
  const name = input.option('name') ?? toLabel(facts.name)
  if (name === '') throw new CommandError(2, 'the name on the card makes no DNS label', 'add --name NAME')
  const { places, notes } = placeAgent(given.url, facts, given.grpcUrl)
  return { name, notes, ...places, ...(given.restUrl !== undefined && { restUrl: given.restUrl }) }
}

/** "My Calculator (v2)" → "my-calculator-v2" */
function toLabel(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
}
