// `token revocations`: which tokens and subjects are revoked, and for how long that is kept.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJsonLines } from './io.ts'
import { requireDataDir } from './state.ts'
import { describeRevocation, revocationDocument } from './token-revocation.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const documents = (await changeState(input, state, 'token.revocations', {})).map(revocationDocument)
    if (input.json) printJsonLines(input.io, documents)
    else if (documents.length === 0) input.io.out('nothing is revoked\n')
    else for (const each of documents) input.io.out(`${describeRevocation(each)}\n`)
    return 0
  },
}
