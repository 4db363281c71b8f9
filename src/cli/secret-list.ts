// `secret list`: names, times and where they are used; never a value.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJsonLines, printTable } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const secrets = await changeState(input, state, 'secret.list', {})
    const documents = secrets.map(({ name, setAtMs, usedAt }) => ({
      name,
      setAt: new Date(setAtMs).toISOString(),
      usedAt,
    }))
    if (input.json) printJsonLines(input.io, documents)
    else if (documents.length === 0) input.io.out('no secrets are stored\n')
    else {
      const rows = documents.map(({ name, setAt, usedAt }) => [name, setAt, usedAt.join(', ')])
      printTable(input.io, ['NAME', 'SET', 'USED AT'], rows)
    }
    return 0
  },
}
