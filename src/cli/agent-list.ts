// `agent list`: the agents of the configuration, in its order.

import { buildSnapshot } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJsonLines, printTable } from './io.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const { publicUrl, config } = buildSnapshot((await requireConfig(input)).config)
    // port 0 is chosen when the gateway starts: this command cannot know it
    const isChosenLater = config.gateway.publicUrl === undefined && config.gateway.listen.endsWith(':0')
    const agents = config.agents.map((agent) => ({
      name: agent.name,
      url: agent.url,
      publicUrl: isChosenLater ? null : `${publicUrl}/agents/${agent.name}`,
      discovery: agent.discovery,
      hosts: agent.hosts,
      principals: agent.principals,
    }))
    if (input.json) printJsonLines(input.io, agents)
    else
      printTable(
        input.io,
        ['NAME', 'AGENT', 'SERVED AT', 'DISCOVERY'],
        agents.map((agent) => [agent.name, agent.url, agent.publicUrl ?? 'a free port', agent.discovery]),
      )
    return 0
  },
}
