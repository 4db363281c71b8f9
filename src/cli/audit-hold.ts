// `audit hold NAME`: while it is in force nothing of its subject is erased or expires. It holds what is there and what
// is still to come, in every log of the data directory.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError } from './io.ts'
import { printHoldAnswer } from './hold-line.ts'
import { requireOwnLedger } from './ledger-at-hand.ts'
import { readSubject } from './read-subject.ts'

export const command: Command = {
  arguments: [{ name: 'NAME', about: 'name of the hold: lower-case letters, digits and hyphens' }],
  options: {
    subject: { value: 'ID', about: 'whom it is about: a principal, such as user:corp/4f1c' },
    all: { about: 'it is about everything' },
    reason: { value: 'TEXT', about: 'why, for the record' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  run: async (input) => {
    const [name = ''] = input.args
    const subject = input.option('subject') ?? null
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
      throw new CommandError(
        2,
        `${JSON.stringify(name)} cannot name a hold`,
        'use lower-case letters, digits and hyphens',
      )
    if (input.flag('all') === (subject !== null))
      throw new CommandError(2, 'either --subject or --all is needed', 'write --subject ID')
    if (subject !== null) readSubject(subject)
    const state = await requireOwnLedger(input)
    const reason = input.option('reason') ?? ''
    const answer = await changeState(input, state, 'audit.hold', { name, subject, reason })
    return printHoldAnswer(input, answer, 'held')
  },
}
