// `key list`: what keys there are and how long they live; no secret and nothing derived from one.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { countOf, printJsonLines, printTable } from './io.ts'
import { keyDocument, type KeyDocument } from './key-document.ts'
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
        key.lastUsed === null ? 'never' : `${key.lastUsed} ${key.lastNetwork ?? ''}`,
        describeTries(key),
        describeScope(key),
      ])
      const head = [
        'ID',
        'NAME',
        'STATUS',
        'CREATED',
        'EXPIRES',
        'OLD SECRET UNTIL',
        'LAST USED',
        'TURNED AWAY',
        'ONLY',
      ]
      printTable(input.io, head, rows)
    }
    return 0
  },
}

/** Tries that named this key in vain. */
function describeTries({ wrongSecrets, wrongSecretsSince, wrongNetworks }: KeyDocument): string {
  const told = [
    ...(wrongSecrets > 0
      ? [`${countOf(wrongSecrets, 'wrong secret', 'wrong secrets')} since ${wrongSecretsSince}`]
      : []),
    ...(wrongNetworks > 0 ? [`${wrongNetworks} from elsewhere`] : []),
  ]
  return told.join(', ') || '-'
}

function describeScope({ agents, operations, networks }: KeyDocument): string {
  const lists = { agents, operations, networks }
  const told = Object.entries(lists).flatMap(([name, list]) =>
    list === null ? [] : [`${name}: ${list.join(' ') || 'none'}`],
  )
  return told.join('; ') || '-'
}
