// `secret set NAME`: stores a secret for references `secret:NAME`, sealed. The value comes from standard input and is
// never printed, logged or recorded; arguments would be seen by every user of the machine.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson, printWarning } from './io.ts'
import { checkSecretName, tellUse } from './secret-name.ts'
import { findState } from './state.ts'

const maxValueBytes = 32 * 1024

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'what references call it: secret:NAME' }],
  options: { config: configOption, 'data-dir': dataDirOption },
  details:
    'The value is read from standard input, without one newline at its end:\n\n  sallyport secret set crm < crm-token.txt',
  run: async (input) => {
    const [name = ''] = input.args
    checkSecretName(name)
    const text = await input.io.readInput?.(maxValueBytes + 2)
    const value = text?.replace(/\r?\n$/, '')
    if (value === undefined || Buffer.byteLength(value) > maxValueBytes)
      throw new CommandError(2, `a stored secret has at most ${maxValueBytes} bytes`, 'keep what is larger in a file')
    if (value === '')
      throw new CommandError(2, 'standard input is empty', `pipe the value: sallyport secret set ${name} < FILE`)
    const state = await findState(input)
    const change = await changeState(input, state, 'secret.set', { name, value: Buffer.from(value).toString('base64') })
    if (input.json) printJson(input.io, { name, ...change })
    else {
      input.io.out(`${change.existed ? 'replaced' : 'stored'} ${name}\n`)
      if (change.usedAt.length === 0) input.io.out(`write secret:${name} where the configuration needs it\n`)
      tellUse(input.io, change)
    }
    if (change.notTakenUp === undefined) return 0
    printWarning(
      input.io,
      `it is stored, but the running gateway goes on with what it had: ${change.notTakenUp}`,
      'see: sallyport config check',
    )
    return 1
  },
}
