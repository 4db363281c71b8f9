// `audit begin-anew`: the way out when a log cannot be gone on with (docs/ledger.md). The old log is set aside whole,
// nothing is deleted, and the new one says in its second record what it succeeds. A log that opens is left alone.

import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printable, printJson } from './io.ts'
import { readRole, roleOption } from './read-role.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    role: roleOption,
    reason: { value: 'TEXT', about: 'why, for the record; must be given' },
    'although-it-opens': { about: 'also a log that opens: one that a witness has seen larger, or otherwise' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  details: `
a backup that reaches the last checkpoint is the better way out. the old log stays in set-aside/ below the data
directory, as evidence; whoever kept a checkpoint of it will ask for it.`,
  run: async (input) => {
    const role = readRole(input)
    const reason = input.option('reason')
    if (reason === undefined) throw new CommandError(2, '--reason is missing', "write --reason 'what happened'")
    const state = await requireDataDir(input)
    const report = await (
      await input.ports()
    ).beginAnew({ ...state, role, reason, althoughItOpens: input.flag('although-it-opens') })
    if (report.kind === 'sound') {
      const message = `the log ${report.origin} opens: there is no reason to begin a new one`
      throw new CommandError(
        1,
        message,
        'does it verify? sallyport audit verify; did a witness refuse it? --although-it-opens',
      )
    }
    const { origin, abandoned } = report
    if (input.json) {
      printJson(input.io, { origin, role, abandoned })
      return 0
    }
    const { size, root, movedTo, fault, earlierReason } = abandoned
    const extent = size === undefined ? 'no checkpoint could be read' : `last checkpoint: size ${size}, root ${root}`
    const lines = [
      `set aside  ${abandoned.origin}  ${extent}`,
      `because    ${fault}`,
      `lies in    ${movedTo === '' ? 'nowhere: nothing was left of it' : movedTo}`,
      `begun      ${origin}`,
      ...(earlierReason === undefined ? [] : [`finished   a try that was cut short; its reason: ${earlierReason}`]),
    ]
    for (const line of lines) input.io.out(`${printable(line)}\n`)
    return 0
  },
}
