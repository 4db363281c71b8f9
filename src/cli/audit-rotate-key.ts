// `audit rotate-key`: a new signing key for a log; the old one signs beside it for the overlap, so that whoever keeps
// the old verifier key has time to fetch the new one. Recorded in the log itself, in clear.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printable, printJson } from './io.ts'
import { readDuration } from './read-duration.ts'
import { readRole, roleOption } from './read-role.ts'
import { requireDataDir } from './state.ts'

const maxOverlapMs = 30 * 86_400_000

export const command: Command = {
  arguments: [],
  options: {
    role: roleOption,
    overlap: { value: 'TIME', about: 'how long the old key signs on beside the new one, at most 30d (default: 7d)' },
    reason: { value: 'TEXT', about: 'why, for the record' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const role = readRole(input)
    const overlapMs = readDuration('--overlap', input.option('overlap') ?? '7d')
    if (overlapMs > maxOverlapMs)
      throw new CommandError(2, 'two signing keys may be valid together for at most 30 days', 'write --overlap 30d')
    const state = await requireDataDir(input)
    const reason = input.option('reason') ?? ''
    const rotated = await changeState(input, state, 'ledger.rotate-key', { role, overlapMs, reason })
    const retiresAt = new Date(rotated.retiresAtMs).toISOString()
    if (input.json) {
      const { origin, vkey, retiring } = rotated
      printJson(input.io, { origin, vkey, retiring, retiresAt })
    } else {
      input.io.out(printable(`new key  ${rotated.vkey}`) + '\n')
      input.io.out(printable(`old key  ${rotated.retiring}  signs beside it until ${retiresAt}`) + '\n')
    }
    return 0
  },
}
