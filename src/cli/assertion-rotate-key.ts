// `assertion rotate-key`: a new key that signs what agents are told about callers. It is published at once and signs
// when every agent that caches key sets can have it; the old one stays published until its last assertion has ended.
// With --now the old key is given up on the spot, for a key that may have leaked.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printable, printJson } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    now: { about: 'give the present key up at once: agents refuse calls until they have fetched the new one' },
    reason: { value: 'TEXT', about: 'why, for the record' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const state = await requireDataDir(input)
    const now = input.flag('now')
    const rotated = await changeState(input, state, 'assertion.rotate-key', {
      now,
      reason: input.option('reason') ?? '',
    })
    const signsFrom = new Date(rotated.signsFromMs).toISOString()
    if (input.json) printJson(input.io, { kid: rotated.kid, signsFrom, retiring: rotated.retiring })
    else {
      input.io.out(printable(`new key  ${rotated.kid}  signs from ${signsFrom}`) + '\n')
      input.io.out(printable(`old key  ${rotated.retiring}${now ? '  given up' : ''}`) + '\n')
    }
    return 0
  },
}
