// `audit erase`: destroys the keys of a subject in every log, for good, and says what it cannot reach. Where the
// configuration names approvers, it takes two of them: the first leaves a request, the second approves it.

import { askState, changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, countOf, printable, printJson, printWarning } from './io.ts'
import type { ExitCode } from './io.ts'
import { requireOwnLedger } from './ledger-at-hand.ts'
import type { EraseAnswer, EraseRequest } from './ports.ts'
import { readApproverKey } from './read-approver-key.ts'
import { readSubject } from './read-subject.ts'

export const command: Command = {
  arguments: [],
  options: {
    subject: { value: 'ID', about: 'whom: a principal, such as user:corp/4f1c or key:ci' },
    reason: { value: 'TEXT', about: 'why, for the record; it stays readable, so name nobody in it' },
    'dry-run': { about: 'say what would be erased, and change nothing' },
    as: { value: 'REFERENCE', about: 'API key of an approver: file:PATH or env:NAME' },
    approve: { value: 'REQUEST', about: 'carry out what another approver has asked for' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  details: `
What was recorded about the subject can then be read by nobody, in no copy of the data directory that is made
later; the ledger still verifies. A subject that comes back is a new one. Under a legal hold nothing is erased.`,
  run: async (input) => {
    const request = readRequest(input)
    const state = await requireOwnLedger(input)
    const { subject, dryRun } = request
    const answer =
      dryRun && subject !== null
        ? await askState(input, state, { method: 'audit.erase', params: request }, (readings) =>
            readings['audit.erase']({ subject }),
          )
        : await changeState(input, state, 'audit.erase', request)
    return printAnswer(input, answer)
  },
}

function readRequest(input: Input): EraseRequest {
  const subject = input.option('subject') ?? null
  const approve = input.option('approve') ?? null
  const reason = input.option('reason') ?? ''
  const dryRun = input.flag('dry-run')
  if ((subject === null) === (approve === null))
    throw new CommandError(2, 'either --subject or --approve is needed', 'write --subject ID --reason TEXT')
  if (subject !== null && reason === '' && !dryRun)
    throw new CommandError(2, 'an erasure needs a reason', 'write --reason TEXT')
  if (approve !== null && dryRun)
    throw new CommandError(2, '--dry-run goes with --subject', 'write --subject ID --dry-run')
  if (subject !== null) readSubject(subject)
  const as = input.option('as')
  const approver = as === undefined ? null : readApproverKey(input, as)
  return { subject, reason, dryRun, approver, approve }
}

function printAnswer(input: Input, answer: EraseAnswer): ExitCode {
  if (answer.kind === 'refused') {
    if (!input.json) throw new CommandError(1, answer.why, answer.hint)
    printJson(input.io, answer)
    return 1
  }
  if (input.json) printJson(input.io, answer)
  else for (const line of describe(answer)) input.io.out(`${printable(line)}\n`)
  return answer.kind === 'pending' ? 0 : judge(input, answer)
}

/** Who hears "erased" must be able to rely on it: nobody found, or a log left out, is not that. */
function judge(
  { io }: Input,
  { kind, logs, missed = [] }: Exclude<EraseAnswer, { kind: 'refused' | 'pending' }>,
): ExitCode {
  const hasFound = logs.some(({ keys }) => keys > 0)
  if (!hasFound)
    printWarning(
      io,
      `no log that is written here knows the subject: nothing ${kind === 'erased' ? 'was' : 'would be'} erased`,
      'write it as records have it, see: sallyport audit search --caller ID',
    )
  for (const log of missed) printWarning(io, `not reached: ${log}`, 'what it says of the subject stays readable')
  return hasFound && missed.length === 0 ? 0 : 1
}

function describe(answer: Exclude<EraseAnswer, { kind: 'refused' }>): string[] {
  if (answer.kind === 'pending')
    return [
      `waits for a second approver until ${new Date(answer.expiresAtMs).toISOString()}: ${answer.id}`,
      `they write: sallyport audit erase --approve ${answer.id} --as file:KEYFILE`,
    ]
  const done = answer.kind === 'erased' ? 'erased' : 'would erase'
  return [
    ...answer.logs.map(({ origin, keys, months, record }) => {
      const where = record === null ? '' : `, record #${record}`
      return `${origin}  ${done} ${countOf(keys, 'key', 'keys')}${months.length === 0 ? '' : ` (${months.join(', ')})`}${where}`
    }),
    ...(answer.kind === 'erased' ? [`index of owners  ${countOf(answer.ownershipRows, 'row', 'rows')} removed`] : []),
    'not reached:',
    ...answer.unreachable.map((copy) => `  ${copy}`),
  ]
}
