// `key create NAME`: standard output holds the key and nothing else, so that it can be captured; it is shown once.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson } from './io.ts'
import { keyDocument } from './key-document.ts'
import { readDuration } from './read-duration.ts'
import { findState } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'the caller becomes key:NAME; several keys may share a name' }],
  options: {
    expires: { value: 'TIME', about: 'how long it lives, such as 30d (default: until revoked)' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  run: async (input) => {
    const [name = ''] = input.args
    const expires = input.option('expires')
    const expiresInMs = expires === undefined ? null : readDuration('--expires', expires)
    if (expiresInMs === 0) throw new CommandError(2, 'a key that expires at once is of no use', 'write --expires 30d')
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
      throw new CommandError(
        2,
        `${JSON.stringify(name)} cannot name a key`,
        'use lower-case letters, digits and hyphens, at most 63',
      )
    }
    const state = await findState(input)
    const created = await changeState(input, state, 'key.create', { name, expiresInMs })
    if (input.json) printJson(input.io, { key: created.key, ...keyDocument(created.summary, systemClock.nowMs()) })
    else input.io.out(`${created.key}\n`)
    return 0
  },
}
