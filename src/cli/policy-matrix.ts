// `policy matrix`: who may do what, as a table, as JSON or as one HTML file.

import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isSystemError } from '../base/system-error.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJsonLines } from './io.ts'
import { beyondPolicyNote } from './matrix-notes.ts'
import { formatMatrixPage } from './matrix-page.ts'
import { formatMatrix } from './matrix-table.ts'
import { configFile, requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    caller: { value: 'ID', about: 'show this caller instead of all whom the policy names' },
    group: { value: 'ID', multiple: true, about: 'a group of --caller; may be given again' },
    html: { value: 'FILE', about: 'write one HTML file instead; it must not be there yet' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  details:
    'yes: allowed; if N: on the condition N below; no: denied whatever rules say; -: no rule. A caller with a group has what both have.',
  run: async (input) => {
    const { config } = await requireConfig(input, { withPolicy: true, secrets: 'unresolved' })
    const caller = input.option('caller')
    const groups = input.list('group')
    if (caller === undefined && groups.length > 0)
      throw new CommandError(2, '--group is of a caller', 'name the caller: --caller ID')
    const all = (await input.ports()).policyMatrix(config, caller === undefined ? [] : [{ id: caller, groups }])
    // the asked caller comes first, and may be named by the policy too
    const rows = caller === undefined ? all : all.slice(0, countOfAsked(all, config.agents.length))
    const html = input.option('html')
    if (html !== undefined) {
      const file = resolve(input.io.cwd, html)
      writeNew(file, formatMatrixPage(rows, `who may do what: ${configFile(input)}`))
      if (input.json) printJsonLines(input.io, [{ file }])
      else input.io.out(`wrote ${file}\n`)
    } else if (input.json) printJsonLines(input.io, rows)
    else if (rows.length === 0) input.io.out('the policy names nobody: nothing is allowed\n')
    else input.io.out(`${formatMatrix(rows, input.io.columns)}${beyondPolicyNote}\n`)
    return 0
  },
}

function countOfAsked(rows: readonly { readonly who: string }[], agents: number): number {
  return rows[0]?.who.startsWith('agent:') === true ? 2 * agents : agents
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST')
      throw new CommandError(2, `${file} is there already`, 'name another file: --html FILE')
    throw error
  }
}
