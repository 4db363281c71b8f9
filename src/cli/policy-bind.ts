// `policy bind ROLE CALLER`: writes a binding into the configuration, keeping its comments; the running process takes
// it up at once. The file is written only if it stays valid.

import { bindRole } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJson } from './io.ts'
import { reportEdit } from './report-edit.ts'
import { configFile } from './state.ts'

export const command: Command = {
  arguments: [
    { name: 'ROLE', about: 'a role of the policy' },
    { name: 'CALLER', about: 'key:ci, user:corp/4f1c, agent:planner, group:corp/analysts …' },
  ],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const [role = '', caller = ''] = input.args
    const file = configFile(input)
    const ports = await input.ports()
    const edit = await bindRole(file, role, caller, {
      secrets: 'unresolved',
      extraChecks: (config) => ports.checkPolicy(config),
    })
    const hint = caller.includes(':') ? 'see: sallyport policy bind --help' : `did you mean key:${caller}`
    const argument = { argument: 'CALLER', hint }
    await reportEdit(input, file, edit, { '': argument, 'callers[0]': argument, role: { argument: 'ROLE' } })
    const changed = edit.ok && edit.changed
    if (input.json) printJson(input.io, { role, caller, file, changed })
    else input.io.out(changed ? `bound ${role} to ${caller} in ${file}\n` : `nothing to do: ${caller} has ${role}\n`)
    return 0
  },
}
