// `block caller ID`, `block agent NAME` and their undoing: the same but for whom they are about.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption, type Command } from './command.ts'
import { blockDocument, readBlocked } from './block-document.ts'
import { doubtParty } from './doubt-party.ts'
import { CommandError, printable, printJson, printWarning } from './io.ts'
import { readDuration } from './read-duration.ts'
import { requireDataDir } from './state.ts'

type Kind = 'caller' | 'agent'

const argumentOf: Readonly<Record<Kind, Command['arguments'][number]>> = {
  caller: { name: 'ID', about: 'a principal or group as records have it, such as key:ci or group:corp/analysts' },
  agent: { name: 'NAME', about: 'name of the agent' },
}
const reasonOption = { value: 'TEXT', about: 'why, for the record' }

export function blockCommand(kind: Kind, details: string): Command {
  return {
    arguments: [argumentOf[kind]],
    options: {
      reason: reasonOption,
      for: { value: 'TIME', about: 'how long, such as 2h (default: until it is unblocked)' },
      config: configOption,
      'data-dir': dataDirOption,
    },
    details,
    run: async (input) => {
      const id = readBlocked(kind, input.args[0] ?? '')
      const given = input.option('for')
      const forMs = given === undefined ? null : readDuration('--for', given)
      if (forMs === 0) throw new CommandError(2, 'a block of no time is of no use', 'write --for 2h')
      const state = await requireDataDir(input)
      const request = { kind, id, reason: input.option('reason') ?? '', forMs }
      const document = blockDocument(await changeState(input, state, 'block.add', request))
      if (input.json) printJson(input.io, document)
      else
        input.io.out(
          `${printable(`blocked ${kind} ${id}${document.until === null ? '' : ` until ${document.until}`}`)}\n`,
        )
      const keys = id.startsWith('key:') ? await changeState(input, state, 'key.list', {}) : []
      const found = doubtParty({ kind, id }, { config: state.loaded?.config, keys: keys.map(({ name }) => name) })
      if (found !== undefined) printWarning(input.io, found.message, found.hint)
      return 0
    },
  }
}

export function unblockCommand(kind: Kind): Command {
  return {
    arguments: [argumentOf[kind]],
    options: { reason: reasonOption, config: configOption, 'data-dir': dataDirOption },
    details: 'A block ends by the very id that it was made with: see block list.',
    run: async (input) => {
      const id = readBlocked(kind, input.args[0] ?? '')
      const state = await requireDataDir(input)
      const request = { kind, id, reason: input.option('reason') ?? '' }
      const document = blockDocument(await changeState(input, state, 'block.remove', request))
      if (input.json) printJson(input.io, document)
      else input.io.out(`${printable(`unblocked ${kind} ${id}`)}\n`)
      return 0
    },
  }
}
