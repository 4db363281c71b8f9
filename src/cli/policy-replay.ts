// `policy replay`: who would gain and who would lose access under another policy, from the calls that were recorded.
// Exit 1 when anybody would.

import { resolve } from 'node:path'
import { loadConfig } from '../config/config.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, countOf, printable, printError, printJson, printTable, printWarning } from './io.ts'
import type { Io } from './io.ts'
import { requireRecords } from './ledger-at-hand.ts'
import type { ReplayChange, ReplayReport, Undecided } from './ports.ts'
import { rangeOptions, readRange } from './read-range.ts'
import { printWarnings, refuseProblems } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    against: { value: 'FILE', about: 'the configuration with the proposed policy; nothing else of it counts' },
    ...rangeOptions,
    'data-dir': dataDirOption,
    config: configOption,
  },
  details:
    'Reads the ledger, beside a running gateway or without one, and needs its key-encryption key. Without --from and --to: all that is recorded. Exit 1 when somebody would gain or lose access.',
  run: async (input) => {
    const range = readRange(input)
    const file = input.option('against')
    if (file === undefined) throw new CommandError(2, '--against is missing', 'write --against FILE')
    const path = resolve(input.io.cwd, file)
    const ports = await input.ports()
    const against = await loadConfig(path, {
      secrets: 'unresolved',
      extraChecks: (config) => ports.checkPolicy(config),
    })
    if (!against.ok) throw refuseProblems(input.io, path, against.problems)
    printWarnings(input.io, against)
    const { state, exitCode } = await requireRecords(input)
    const voice = createVoice(input.io)
    const report = await ports.replayPolicy({ ...state, ...range, against: against.config, ...voice.hears })
    if (input.json) printJson(input.io, report)
    else printReport(input.io, report)
    if (voice.isDamaged() || exitCode === 3) return 3
    return report.gains.length + report.losses.length === 0 ? 0 : 1
  },
}

/** Warnings, and whether a log could not be read to its end. */
export function createVoice(io: Io): {
  readonly hears: { warn(message: string, hint: string): void; damage(message: string, hint: string): void }
  isDamaged(): boolean
} {
  let isDamaged = false
  return {
    hears: {
      warn: (message, hint) => printWarning(io, message, hint),
      damage(message, hint) {
        isDamaged = true
        printError(io, message, hint)
      },
    },
    isDamaged: () => isDamaged,
  }
}

function printReport(io: Io, report: ReplayReport): void {
  const { decided, allowedAsBefore, refusedAsBefore, gains, losses, unlisted, undecided } = report
  const calls = countOf(decided, 'call', 'calls')
  io.out(`${calls} decided again: ${allowedAsBefore} allowed as before, ${refusedAsBefore} refused as before\n`)
  printChanges(io, 'would lose access', losses, unlisted.losses)
  printChanges(io, 'would gain access', gains, unlisted.gains)
  if (gains.length + losses.length === 0) io.out('nobody would gain or lose access\n')
  printUndecided(io, 'cannot be decided again', undecided)
}

function printChanges(io: Io, what: string, changes: readonly ReplayChange[], unlisted: number): void {
  if (changes.length === 0) return
  io.out(
    `\n${what}: ${countOf(
      changes.reduce((sum, { calls }) => sum + calls, unlisted),
      'call',
      'calls',
    )}\n`,
  )
  const rows = changes.map(({ caller, origin, agent, operation, calls, example, now }) => [
    String(calls),
    caller,
    origin === caller ? '' : origin,
    agent,
    operation,
    example.record,
    now,
  ])
  printTable(io, ['calls', 'caller', 'for', 'agent', 'operation', 'one of them', 'now'], rows)
  if (unlisted > 0) io.out(`and ${countOf(unlisted, 'call', 'calls')} of further callers\n`)
}

export function printUndecided(io: Io, what: string, undecided: readonly Undecided[]): void {
  const total = undecided.reduce((sum, { calls }) => sum + calls, 0)
  if (total === 0) return
  io.out(`\n${what}: ${countOf(total, 'call', 'calls')}\n`)
  for (const { calls, reason, example } of undecided) io.out(printable(`  ${calls}  ${reason} (${example})`) + '\n')
}
