// `audit export`: the records of a range in one file per log, with everything that is needed to verify elsewhere that
// none is missing. That it was exported is recorded before a file gets its name.

import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, parse, resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, countOf, printable, printJsonLines, printWarning } from './io.ts'
import { requireRecords } from './ledger-at-hand.ts'
import type { ExportedFile, ExportQuery } from './ports.ts'
import { readTime } from './read-time.ts'
import { recordTaken } from './record-taken.ts'

const filters = ['caller', 'agent', 'operation', 'outcome', 'code', 'kind'] as const

export const command: Command = {
  arguments: [],
  options: {
    from: { value: 'TIME', about: 'from this time on, or from this index: RFC 3339, a date (UTC), 24h, 17' },
    to: { value: 'TIME', about: 'before this time, or this index' },
    caller: { value: 'ID', about: 'only of this caller; the others are given by hash alone' },
    agent: { value: 'NAME', about: 'only of this agent' },
    operation: { value: 'NAME', about: 'only of this operation' },
    outcome: { value: 'OUTCOME', about: 'only of this outcome' },
    code: { value: 'CODE', about: 'only with this code of a refusal' },
    kind: { value: 'KIND', about: 'only of this kind' },
    'with-events': { about: 'with everything that the records say, decrypted; needs the key-encryption key' },
    out: { value: 'FILE', about: 'the file to write; with several logs, -LOG is put into its name; or a folder' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  details:
    'Records that do not match stand in the file by their hashes, so that the number of all between the two checkpoints is proven. Verify it by: sallyport audit verify-export FILE --key VKEY',
  run: async (input) => {
    const query = readQuery(input)
    const out = input.option('out')
    if (out === undefined) throw new CommandError(2, '--out is missing', 'write --out FILE')
    const { state, exitCode } = await requireRecords(input)
    const place = placeOf(resolve(input.io.cwd, out))
    const warn = (message: string, hint: string): void => printWarning(input.io, message, hint)
    const pathOf = (log: string): string => `${place.pathOf(log)}.partial`
    const asked = { ...state, query, queryText: queryText(input), withEvents: input.flag('with-events'), pathOf, warn }
    const partial = await (await input.ports()).exportLedger(asked)
    if (partial.length === 0)
      throw new CommandError(1, 'no published record lies in that range', 'see: sallyport audit tail')
    try {
      const files = partial.map((each) => ({ ...each, path: place.nameOf(each.log, partial.length) }))
      const inTheWay = files.find(({ path }) => existsSync(path))
      if (inTheWay !== undefined)
        throw new CommandError(2, `${inTheWay.path} is there already`, 'name another file: --out FILE')
      for (const file of files) await recordTaken(input, state, { action: 'audit.export', what: takenOf(file, asked) })
      for (const [at, file] of files.entries()) renameSync(partial[at]?.path ?? '', file.path)
      report(input, files)
    } finally {
      for (const { path } of partial) rmSync(path, { force: true })
    }
    return exitCode
  },
}

function readQuery(input: Input): ExportQuery {
  const query: { -readonly [Name in keyof ExportQuery]: ExportQuery[Name] } = {}
  for (const flag of ['from', 'to'] as const) {
    const text = input.option(flag)
    if (text === undefined) continue
    if (/^\d{1,15}$/.test(text)) query[`${flag}Index`] = Number(text)
    else query[`${flag}Ms`] = readTime(`--${flag}`, text, systemClock.nowMs())
  }
  for (const name of filters) {
    const value = input.option(name)
    if (value !== undefined) query[name] = value
  }
  refuseReversed(query)
  return query
}

function refuseReversed({ fromIndex, toIndex, fromMs, toMs }: ExportQuery): void {
  const isReversed = (from: number | undefined, to: number | undefined): boolean =>
    from !== undefined && to !== undefined && from > to
  if (isReversed(fromIndex, toIndex) || isReversed(fromMs, toMs))
    throw new CommandError(2, '--from lies behind --to', 'change them round')
}

/** The question, as it was asked. */
function queryText(input: Input): string {
  const words = ['from', 'to', ...filters].flatMap((flag) => {
    const value = input.option(flag)
    return value === undefined ? [] : [`--${flag} ${/^[\w.:/@*+-]+$/.test(value) ? value : JSON.stringify(value)}`]
  })
  return [...words, ...(input.flag('with-events') ? ['--with-events'] : [])].join(' ')
}

interface ExportPlace {
  /** while it is written */
  pathOf(log: string): string
  nameOf(log: string, logs: number): string
}

function placeOf(out: string): ExportPlace {
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === true) {
    const pathOf = (log: string): string => join(out, `${log}.export.jsonl`)
    return { pathOf, nameOf: pathOf }
  }
  const { dir, name, ext } = parse(out)
  if (!existsSync(dir)) throw new CommandError(2, `there is no folder ${dir}`, 'check --out')
  const pathOf = (log: string): string => join(dir, `${name}-${log}${ext}`)
  return { pathOf, nameOf: (log, logs) => (logs === 1 ? out : pathOf(log)) }
}

function takenOf(
  file: ExportedFile,
  asked: { queryText: string; withEvents: boolean },
): Record<string, string | number | boolean> {
  const { origin, fromSize, toSize, population, matching, sha256 } = file
  const { queryText: query, withEvents } = asked
  return { query, log: origin, from: fromSize, to: toSize, population, matching, withEvents, sha256 }
}

function report(input: Input, files: readonly ExportedFile[]): void {
  if (input.json) return printJsonLines(input.io, files)
  for (const { path, origin, fromSize, toSize, matching, unreadable } of files) {
    const shown = countOf(matching, 'record matches', 'records match')
    input.io.out(`${printable(path)}: records ${fromSize} to ${toSize - 1} of ${printable(origin)}; ${shown}\n`)
    if (unreadable === 0) continue
    const gone = countOf(unreadable, 'event', 'events')
    printWarning(input.io, `${gone} could not be read: erased, expired, or of another key`, '')
  }
}
