// `key create NAME`: standard output holds the key and nothing else, so that it can be captured; it is shown once.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJson } from './io.ts'
import { keyDocument } from './key-document.ts'
import { grantDetails, grantOptions, readGrant, warnOfUnknownAgents } from './key-grant.ts'
import { findState } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'the caller becomes key:NAME; several keys may share a name' }],
  options: { ...grantOptions, config: configOption, 'data-dir': dataDirOption },
  details: grantDetails,
  run: async (input) => {
    const request = readGrant(input)
    const state = await findState(input)
    warnOfUnknownAgents(input, state, request)
    const created = await changeState(input, state, 'key.create', request)
    if (input.json) printJson(input.io, { key: created.key, ...keyDocument(created.summary, systemClock.nowMs()) })
    else input.io.out(`${created.key}\n`)
    return 0
  },
}
