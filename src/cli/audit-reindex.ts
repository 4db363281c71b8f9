// `audit reindex`: drops the search index and makes it again from the ledger. Nothing is lost by it.

import { createProgress } from './audit-search.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { countOf, printJson, printWarning } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { 'data-dir': dataDirOption, config: configOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const progress = createProgress(input.io)
    const report = await (
      await input.ports()
    ).reindexLedger({
      ...state,
      warn: (message, hint) => printWarning(input.io, message, hint),
      onProgress: progress.show,
    })
    progress.end()
    if (input.json) {
      printJson(input.io, report)
      return 0
    }
    const { records, logs, bytes, milliseconds } = report
    const seconds = (milliseconds / 1_000).toFixed(1)
    const of = `${countOf(records, 'record', 'records')} of ${countOf(logs, 'log', 'logs')}`
    input.io.out(`indexed ${of} in ${seconds} s, ${bytes} bytes\n`)
    return 0
  },
}
