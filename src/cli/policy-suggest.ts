// `policy suggest`: the least policy that the recorded calls needed, as the configuration with that policy in it. A
// person reads it before it is used: what nobody did in the range, nobody may do under it.

import { readFileSync } from 'node:fs'
import { proposePolicy } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { countOf, printable, printJson } from './io.ts'
import { requireRecords } from './ledger-at-hand.ts'
import { createVoice } from './policy-replay.ts'
import { rangeOptions, readRange } from './read-range.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { ...rangeOptions, 'data-dir': dataDirOption, config: configOption },
  details:
    'Writes the whole configuration to standard output, with its policy replaced and everything else as it is. Denies stay, and conditions of rules that allow today. Notes go to standard error.',
  run: async (input) => {
    const range = readRange(input)
    const loaded = await requireConfig(input, { withPolicy: true, secrets: 'unresolved' })
    const { state, exitCode } = await requireRecords(input)
    const voice = createVoice(input.io)
    const ports = await input.ports()
    const suggestion = await ports.suggestPolicy({ ...range, dataDir: state.dataDir, loaded, ...voice.hears })
    const { policy, calls, callers, notes, undecided } = suggestion
    if (input.json) printJson(input.io, suggestion)
    else {
      input.io.out(proposePolicy(readFileSync(loaded.file, 'utf8'), policy))
      const of = `${countOf(calls, 'call', 'calls')} of ${countOf(callers, 'caller or origin', 'callers and origins')}`
      input.io.err(`note: made from ${of}\n`)
      for (const note of notes) input.io.err(`note: ${printable(note)}\n`)
      for (const { reason, calls: left } of undecided)
        input.io.err(`note: ${printable(`${countOf(left, 'call was', 'calls were')} left out: ${reason}`)}\n`)
    }
    return voice.isDamaged() ? 3 : exitCode
  },
}
