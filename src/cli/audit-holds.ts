// `audit holds`: the legal holds that are in force.

import { askState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { formatHold } from './hold-line.ts'
import { printable, printJsonLines } from './io.ts'
import { requireLedger } from './ledger-at-hand.ts'

export const command: Command = {
  arguments: [],
  options: { 'data-dir': dataDirOption, config: configOption },
  run: async (input) => {
    const state = await requireLedger(input)
    const request = { method: 'audit.holds', params: {} } as const
    const holds = await askState(input, state, request, (readings) => readings['audit.holds']())
    if (input.json) printJsonLines(input.io, holds)
    else for (const hold of holds) input.io.out(`${printable(formatHold(hold))}\n`)
    return 0
  },
}
