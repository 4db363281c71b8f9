// `admin bootstrap`: standard output holds the token and nothing else, so that it can be captured; it is shown once and
// opens one session with every right.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJson } from './io.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  details:
    'The token works once, within a quarter of an hour, and replaces the one before. Show it to the admin API:\n' +
    'curl -H "content-type: application/json" -d "{\\"token\\":\\"…\\"}" URL/api/v1/session/bootstrap',
  run: async (input) => {
    const state = await requireDataDir(input)
    const { token, expiresAtMs, url } = await changeState(input, state, 'admin.bootstrap', {})
    if (input.json) printJson(input.io, { token, expiresAt: new Date(expiresAtMs).toISOString(), url })
    else input.io.out(`${token}\n`)
    return 0
  },
}
