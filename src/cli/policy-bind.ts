// `policy bind ROLE CALLER`: writes a binding into the configuration, keeping its comments; the running process takes
// it up at once. The file is written only if it stays valid.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { bindRole } from '../config/config.ts'
import type { LoadedConfig } from '../config/config.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { printable, printJson } from './io.ts'
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
    if (edit.ok) await noteMissingKey(input, edit.loaded, caller)
    if (input.json) printJson(input.io, { role, caller, file, changed })
    else input.io.out(changed ? `bound ${role} to ${caller} in ${file}\n` : `nothing to do: ${caller} has ${role}\n`)
    return 0
  },
}

/** A binding may come before its key; a misspelt one never gets any. Only told, and only where keys can be read. */
async function noteMissingKey(input: Input, loaded: LoadedConfig, caller: string): Promise<void> {
  const name = /^key:([^*]+)$/.exec(caller)?.[1]
  const given = input.option('data-dir')
  const dataDir = given === undefined ? loaded.dataDir : resolve(input.io.cwd, given)
  if (name === undefined || !existsSync(dataDir)) return
  try {
    const keys = await changeState(input, { dataDir, loaded }, 'key.list', {})
    if (keys.some((key) => key.name === name && key.revokedAtMs === null)) return
    input.io.err(`note: there is no live key of that name; make one: sallyport key create ${printable(name)}\n`)
  } catch {
    // The binding is written; that nobody could look at the keys is no failure of it.
  }
}
