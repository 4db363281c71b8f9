// `secret remove NAME`: its sealed value is gone from state.db. A running gateway that uses it goes on with what it has
// in memory; the next start and the next reload refuse the reference.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson, printWarning } from './io.ts'
import { checkSecretName } from './secret-name.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'as it was set' }],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const [name = ''] = input.args
    checkSecretName(name)
    const state = await requireDataDir(input)
    const change = await changeState(input, state, 'secret.remove', { name })
    if (!change.existed) throw new CommandError(1, `there is no stored secret ${name}`, 'see: sallyport secret list')
    if (input.json) printJson(input.io, { name, ...change })
    else input.io.out(`removed ${name}\n`)
    if (change.usedAt.length > 0)
      printWarning(
        input.io,
        `the configuration still names it at ${change.usedAt.join(', ')}`,
        'change the reference: the gateway will not start with it',
      )
    return 0
  },
}
