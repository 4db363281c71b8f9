// `config check`: everything that is wrong with the file, at once, the policy included. Needs no network.

import { loadConfig } from '../config/config.ts'
import { configOption } from './command.ts'
import type { Command } from './command.ts'
import { printJson } from './io.ts'
import { configFile, printWarnings, refuseProblems } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption },
  run: async (input) => {
    const ports = await input.ports()
    const file = configFile(input)
    const loaded = await loadConfig(file, { extraChecks: (config) => ports.checkPolicy(config) })
    if (input.json) {
      printJson(
        input.io,
        loaded.ok
          ? { ok: true, file, problems: [], warnings: loaded.warnings }
          : { ok: false, file, problems: loaded.problems, warnings: [] },
      )
      return loaded.ok ? 0 : 2
    }
    if (!loaded.ok) throw refuseProblems(input.io, file, loaded.problems)
    printWarnings(input.io, loaded)
    const { agents, policy } = loaded.config
    input.io.out(
      `${file} is valid: ${agents.length} agents, ${policy.roles.length} roles, ${policy.bindings.length} bindings, ${policy.denies.length} denies\n`,
    )
    return 0
  },
}
