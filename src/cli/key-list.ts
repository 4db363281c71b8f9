// `key list`: what keys there are and how long they live; no secret and nothing derived from one.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJsonLines, printTable } from './io.ts'
import { keyDocument } from './key-document.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const state = await requireDataDir(input)
    const keys = await changeState(input, state, 'key.list', {})
    const documents = keys.map((key) => keyDocument(key, systemClock.nowMs()))
    if (input.json) printJsonLines(input.io, documents)
    else {
      const rows = documents.map((key) => [
        key.id,
        key.name,
        key.status,
        key.createdAt,
        key.expiresAt ?? 'never',
        key.previousUntil ?? '-',
      ])
      printTable(input.io, ['ID', 'NAME', 'STATUS', 'CREATED', 'EXPIRES', 'OLD SECRET UNTIL'], rows)
    }
    return 0
  },
}
