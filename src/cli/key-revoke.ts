// `key revoke NAME|ID`: in force when the command returns, also in the running process and on open streams. Takes the
// leaked key itself too, and never repeats it.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJsonLines } from './io.ts'
import { keyDocument } from './key-document.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'name (all of its keys), id, or the leaked key itself' }],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const [name = ''] = input.args
    const state = await requireDataDir(input)
    const revoked = await changeState(input, state, 'key.revoke', { name })
    const documents = revoked.map((key) => keyDocument(key, systemClock.nowMs()))
    if (input.json) printJsonLines(input.io, documents)
    else if (documents.length === 0) input.io.out('nothing to do: revoked before\n')
    else for (const key of documents) input.io.out(`revoked ${key.id} (${key.principal})\n`)
    return 0
  },
}
