// `config check`: everything that is wrong with the file, at once, the policy included. Needs no network.

import { loadConfig, recordedAgents } from '../config/config.ts'
import type { LoadedConfig, Problem } from '../config/config.ts'
import { ageIdentityOption, configOption } from './command.ts'
import type { Command } from './command.ts'
import { countOf, printJson } from './io.ts'
import { ageIdentity, configFile, printWarnings, refuseProblems } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'age-identity': ageIdentityOption },
  run: async (input) => {
    const ports = await input.ports()
    const file = configFile(input)
    const loaded = await loadConfig(file, { ...ageIdentity(input), extraChecks: (config) => ports.checkPolicy(config) })
    if (input.json) {
      printJson(
        input.io,
        loaded.ok
          ? {
              ok: true,
              file,
              problems: [],
              warnings: [...loaded.warnings, ...warnOfNothing(loaded)],
              contentOf: recordedAgents(loaded.config),
            }
          : { ok: false, file, problems: loaded.problems, warnings: [] },
      )
      return loaded.ok ? 0 : 2
    }
    if (!loaded.ok) throw refuseProblems(input.io, file, loaded.problems)
    printWarnings(input.io, { file, warnings: [...loaded.warnings, ...warnOfNothing(loaded)] })
    const { agents, policy } = loaded.config
    const counts = [
      countOf(agents.length, 'agent', 'agents'),
      countOf(policy.roles.length, 'role', 'roles'),
      countOf(policy.bindings.length, 'binding', 'bindings'),
      countOf(policy.denies.length, 'deny', 'denies'),
    ]
    input.io.out(`${file} is valid: ${counts.join(', ')}\n`)
    const recorded = recordedAgents(loaded.config)
    if (recorded.requests.length > 0) input.io.out(`messages are recorded to: ${recorded.requests.join(', ')}\n`)
    if (recorded.answers.length > 0) input.io.out(`answers are recorded of: ${recorded.answers.join(', ')}\n`)
    return 0
  },
}

/** Valid, and yet useless: told here alone, since every file begins like that. */
function warnOfNothing({ config }: LoadedConfig): Problem[] {
  const place = { line: 0, column: 0, received: '' }
  if (config.agents.length === 0) {
    const hint = 'add one: sallyport agent add URL'
    return [{ ...place, path: 'agents', message: 'no agent is configured, so nothing can be called', hint }]
  }
  if (config.policy.bindings.length > 0) return []
  const hint = 'bind a role: sallyport policy bind ROLE CALLER'
  return [{ ...place, path: 'policy.bindings', message: 'nobody has a role, so nothing can be called', hint }]
}
