// `audit reindex`: drops the search index and makes it again from the ledger. Nothing is lost by it.

import { createVoice } from './audit-search.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { countOf, printJson } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { 'data-dir': dataDirOption, config: configOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const voice = createVoice(input.io)
    const report = await (
      await input.ports()
    ).reindexLedger({
      ...state,
      ...voice.hears,
    })
    voice.endProgress()
    if (input.json) {
      printJson(input.io, report)
      return voice.exitCode()
    }
    const { records, logs, bytes, milliseconds } = report
    const seconds = (milliseconds / 1_000).toFixed(1)
    const of = `${countOf(records, 'record', 'records')} of ${countOf(logs, 'log', 'logs')}`
    input.io.out(`indexed ${of} in ${seconds} s, ${bytes} bytes\n`)
    return voice.exitCode()
  },
}
