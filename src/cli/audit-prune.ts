// `audit prune`: removes what audit.retention lets go, from every log of the data directory; the ledger still
// verifies. Exit 1 when a legal hold on everything forbids it, or when only a clock that has jumped would let more go.

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
    'although-the-clock-jumped': { about: 'the clock is right, though ahead of what the ledger vouches for' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const state = await requireOwnLedger(input)
    const dryRun = input.flag('dry-run')
    const althoughClockJumped = input.flag('although-the-clock-jumped')
    const request = { method: 'audit.prune', params: { dryRun, althoughClockJumped } } as const
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
    if (answer.clockAheadMs > 0 && !input.json) {
      const what = `the clock is ${Math.ceil(answer.clockAheadMs / 3_600_000)} h ahead of what the ledger vouches for`
      throw new CommandError(
        1,
        `${what}: what is due by that alone stays`,
        'if it is right: --although-the-clock-jumped',
      )
    }
    return answer.heldBy === '' && answer.clockAheadMs === 0 ? 0 : 1
  },
}

function describe(log: PrunedLog, done: string): string {
  const held = log.heldBodies === 0 ? '' : `; ${countOf(log.heldBodies, 'body is', 'bodies are')} held`
  const what = `${countOf(log.bodies, 'body', 'bodies')} and ${countOf(log.records, 'record', 'records')}`
  return `${log.origin}  ${done} ${what}, ${log.freedBytes} bytes${held}`
}
