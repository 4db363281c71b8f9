// `audit release NAME`: the hold is over. What it kept expires with the next run of retention, and may be erased.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError } from './io.ts'
import { printHoldAnswer } from './hold-line.ts'
import { requireOwnLedger } from './ledger-at-hand.ts'

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'name of the hold' }],
  options: {
    reason: { value: 'TEXT', about: 'why, for the record' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const [name = ''] = input.args
    const reason = input.option('reason') ?? ''
    if (reason === '') throw new CommandError(2, 'the release of a hold needs a reason', 'write --reason TEXT')
    const state = await requireOwnLedger(input)
    const answer = await changeState(input, state, 'audit.release', { name, reason })
    return printHoldAnswer(input, answer, 'released')
  },
}
