// `audit prune`: removes what audit.retention lets go, from every log of the data directory; the ledger still
// verifies. Exit 1 when a legal hold on everything forbids it.

import { askState, changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, countOf, printable, printJson } from './io.ts'
import { requireOwnLedger } from './ledger-at-hand.ts'
import type { PrunedLog } from './ports.ts'

export const command: Command = {
  arguments: [],
  options: {
    'dry-run': { about: 'say what would go, and change nothing' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const state = await requireOwnLedger(input)
    const dryRun = input.flag('dry-run')
    const request = { method: 'audit.prune', params: { dryRun } } as const
    const answer = dryRun
      ? await askState(input, state, request, (readings) => readings['audit.prune'](request.params))
      : await changeState(input, state, 'audit.prune', request.params)
    if (answer.heldBy !== '' && !input.json) {
      const hint = `when it may be released: sallyport audit release ${answer.heldBy} --reason TEXT`
      throw new CommandError(1, `legal hold ${answer.heldBy} is on everything: nothing expires`, hint)
    }
    if (input.json) printJson(input.io, answer)
    else
      for (const log of answer.logs) input.io.out(`${printable(describe(log, dryRun ? 'would remove' : 'removed'))}\n`)
    return answer.heldBy === '' ? 0 : 1
  },
}

function describe(log: PrunedLog, done: string): string {
  const held = log.heldBodies === 0 ? '' : `; ${countOf(log.heldBodies, 'body is', 'bodies are')} held`
  const what = `${countOf(log.bodies, 'body', 'bodies')} and ${countOf(log.records, 'record', 'records')}`
  return `${log.origin}  ${done} ${what}, ${log.freedBytes} bytes${held}`
}
