// What `approval grant` and `approval deny` have in common: who decides is proven by an API key, never by being able
// to run the command.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printable, printJson } from './io.ts'
import { readApproverKey } from './read-approver-key.ts'
import { findState } from './state.ts'

export function approvalCommand(method: 'approval.grant' | 'approval.deny'): Command {
  return {
    arguments: [{ name: 'ID', about: 'of the request, as the refused caller was told it' }],
    options: {
      as: { value: 'REFERENCE', about: 'API key of an approver: file:PATH or env:NAME' },
      reason: { value: 'TEXT', about: 'why, for the record' },
      config: configOption,
      'data-dir': dataDirOption,
    },
    run: async (input) => {
      const [id = ''] = input.args
      const as = input.option('as')
      if (as === undefined) throw new CommandError(2, 'an approver has to say who they are', 'write --as file:KEYFILE')
      const approver = readApproverKey(input, as)
      const state = await findState(input)
      const answer = await changeState(input, state, method, { id, approver, reason: input.option('reason') ?? '' })
      if (answer.kind === 'refused') {
        if (!input.json) throw new CommandError(1, answer.why, answer.hint)
        printJson(input.io, answer)
        return 1
      }
      const { approval } = answer
      const until = new Date(approval.expiresAtMs).toISOString()
      const text =
        approval.state === 'granted'
          ? `granted: ${approval.caller} may make this call of ${approval.agent} once, until ${until}`
          : `denied: ${approval.caller} is refused this call of ${approval.agent} until ${until}`
      if (input.json) printJson(input.io, answer)
      else input.io.out(`${printable(text)}\n`)
      return 0
    },
  }
}
