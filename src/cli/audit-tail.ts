// `audit tail`: the latest records, one line each; with --json as events of OCSF. Callers are readable only where the
// key-encryption key is.

import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson } from './io.ts'
import { requireRecords } from './ledger-at-hand.ts'
import { formatRecord } from './record-line.ts'

export const command: Command = {
  arguments: [],
  options: {
    lines: { value: 'N', short: 'n', about: 'how many records to begin with (default: 10)' },
    follow: { short: 'f', about: 'go on as records are written' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const text = input.option('lines') ?? '10'
    if (!/^\d{1,9}$/.test(text)) throw new CommandError(2, `-n is not a number: ${JSON.stringify(text)}`, 'write -n 10')
    const follow = input.flag('follow')
    const { state, exitCode } = await requireRecords(input)
    const signal = follow ? input.io.stopSignal() : new AbortController().signal
    const records = (await input.ports()).tailLedger({ ...state, count: Number(text), follow, signal })
    for await (const record of records) {
      if (input.json) printJson(input.io, record.ocsf)
      else input.io.out(`${formatRecord(record)}\n`)
    }
    return exitCode
  },
}
