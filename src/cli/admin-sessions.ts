// `admin sessions`: who is logged in at the admin API of the running gateway; no secret and nothing derived from one.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printable, printJsonLines, printTable } from './io.ts'
import { requireDataDir } from './state.ts'

const timeOf = (ms: number): string => new Date(ms).toISOString()

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const sessions = (await changeState(input, state, 'admin.sessions', {})).map(
      ({ createdAtMs, usedAtMs, endsAtMs, ...session }) => ({
        ...session,
        createdAt: timeOf(createdAtMs),
        usedAt: timeOf(usedAtMs),
        endsAt: timeOf(endsAtMs),
      }),
    )
    if (input.json) printJsonLines(input.io, sessions)
    else {
      const rows = sessions.map(({ id, principal, display, roles, usedAt, endsAt }) =>
        [id, principal, display, roles.length === 0 ? 'none' : roles.join(' '), usedAt, endsAt].map(printable),
      )
      printTable(input.io, ['ID', 'PRINCIPAL', 'SHOWN AS', 'ROLES', 'USED', 'ENDS'], rows)
    }
    return 0
  },
}
