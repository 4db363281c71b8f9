// `key rotate NAME`: a new secret for the same key; the old one works on for the overlap, so that nobody is cut off.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson } from './io.ts'
import { keyDocument } from './key-document.ts'
import { readDuration } from './read-duration.ts'
import { requireDataDir } from './state.ts'

const maxOverlapMs = 7 * 86_400_000

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'name or id of the key' }],
  options: {
    overlap: { value: 'TIME', about: 'how long the old secret works on, at most 7d (default: 24h)' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  run: async (input) => {
    const [name = ''] = input.args
    const overlapMs = readDuration('--overlap', input.option('overlap') ?? '24h')
    if (overlapMs > maxOverlapMs)
      throw new CommandError(2, 'two secrets may live together for at most 7 days', 'write --overlap 7d or less')
    const state = await requireDataDir(input)
    const rotated = await changeState(input, state, 'key.rotate', { name, overlapMs })
    if (input.json) printJson(input.io, { key: rotated.key, ...keyDocument(rotated.summary, systemClock.nowMs()) })
    else input.io.out(`${rotated.key}\n`)
    return 0
  },
}
