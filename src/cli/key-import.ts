// `key import NAME`: takes a whole key from standard input, so that an existing secret moves between installations of
// one environment without being changed everywhere. Never from the command line, where others can read it.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson } from './io.ts'
import { keyDocument } from './key-document.ts'
import { grantDetails, grantOptions, readGrant, warnOfUnknownAgents } from './key-grant.ts'
import { findState } from './state.ts'

const maxBytes = 512 // bound: a key on standard input

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'the caller becomes key:NAME; several keys may share a name' }],
  options: { ...grantOptions, config: configOption, 'data-dir': dataDirOption },
  details: `The key is read from standard input: sallyport key import ci <key.txt\n${grantDetails}`,
  run: async (input) => {
    const request = readGrant(input)
    const key = (await input.io.readInput?.(maxBytes))?.trim()
    if (key === undefined || key === '' || /\s/.test(key))
      throw new CommandError(2, 'standard input does not hold one API key', 'sallyport key import ci <key.txt')
    const state = await findState(input)
    warnOfUnknownAgents(input, state, request)
    const summary = await changeState(input, state, 'key.import', { ...request, key })
    const document = keyDocument(summary, systemClock.nowMs())
    if (input.json) printJson(input.io, document)
    else input.io.out(`imported ${document.id} (${document.principal})\n`)
    return 0
  },
}
