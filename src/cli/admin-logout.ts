// `admin logout ID`: ends a session of the admin API at once; the answer is no when there is none of this id.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'ID', about: 'id of the session, as `admin sessions` lists it' }],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const [id = ''] = input.args
    const { ended } = await changeState(input, state, 'admin.logout', { id })
    if (!ended) throw new CommandError(1, 'there is no session of this id', 'see: sallyport admin sessions')
    if (input.json) printJson(input.io, { ended: id })
    else input.io.out('ended\n')
    return 0
  },
}
