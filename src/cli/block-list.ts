// `block list`: who and what is blocked now.

import { blockDocument } from './block-document.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption, type Command } from './command.ts'
import { printJsonLines, printTable } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const documents = (await changeState(input, state, 'block.list', {})).map(blockDocument)
    if (input.json) printJsonLines(input.io, documents)
    else {
      const rows = documents.map(({ kind, id, since, until, reason }) => [
        kind,
        id,
        since,
        until ?? 'further notice',
        reason,
      ])
      printTable(input.io, ['KIND', 'ID', 'SINCE', 'UNTIL', 'REASON'], rows)
    }
    return 0
  },
}
