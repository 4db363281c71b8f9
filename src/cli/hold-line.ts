// One legal hold, as people read it.

import type { Input } from './command.ts'
import { CommandError, printable, printJson } from './io.ts'
import type { ExitCode } from './io.ts'
import type { HoldAnswer, HoldSummary } from './ports.ts'

export function formatHold({ name, subject, reason, sinceMs }: HoldSummary): string {
  const what = subject ?? 'everything'
  return [name, what, `since ${new Date(sinceMs).toISOString()}`, reason].filter((word) => word !== '').join('  ')
}

export function printHoldAnswer(input: Input, answer: HoldAnswer, done: string): ExitCode {
  if (answer.kind === 'refused') {
    if (!input.json) throw new CommandError(1, answer.why, answer.hint)
    printJson(input.io, answer)
    return 1
  }
  if (input.json) printJson(input.io, answer.hold)
  else input.io.out(`${printable(`${done}  ${formatHold(answer.hold)}`)}\n`)
  return 0
}
