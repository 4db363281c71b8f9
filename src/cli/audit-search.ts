// `audit search`: records that match, over all logs, in order of time. Finds by an index that it brings up to the ledger
// itself; what it prints was read from the ledger.

import { systemClock } from '../base/clock.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, countOf, printError, printJson, printWarning } from './io.ts'
import type { ExitCode, Io } from './io.ts'
import { requireRecords } from './ledger-at-hand.ts'
import type { SearchOptions, SearchQuery } from './ports.ts'
import { readTime } from './read-time.ts'
import { formatRecord } from './record-line.ts'

const maxResults = 10_000 // bound: records that one search gives

const outcomes = ['allowed', 'refused', 'completed', 'aborted', 'failed', 'done']
const kinds = ['decision', 'completion', 'ownership', 'administration', 'lifecycle', 'folded', 'subject-key']

export const command: Command = {
  arguments: [],
  options: {
    caller: { value: 'ID', about: 'who called: user:corp/4f1c, key:ci; `anonymous` for callers nobody knows' },
    origin: { value: 'ID', about: 'on whose behalf; reads every record that fits the rest' },
    agent: { value: 'NAME', about: 'which agent' },
    task: { value: 'ID', about: 'records that speak of this task' },
    context: { value: 'ID', about: 'records that speak of this context' },
    operation: { value: 'NAME', about: "SendMessage, key.create, …; 'key.*' for all that begin so" },
    outcome: { value: 'OUTCOME', about: `one of ${outcomes.join(', ')}` },
    code: { value: 'CODE', about: "code of a refusal; 'AUTHN_*' for all that begin so" },
    kind: { value: 'KIND', about: `one of ${kinds.join(', ')}` },
    call: { value: 'ID', about: 'everything about one call' },
    since: { value: 'TIME', about: 'from this time on: RFC 3339, a date (UTC), or how far back: 24h' },
    until: { value: 'TIME', about: 'before this time' },
    limit: { value: 'N', about: 'the latest N that match (default: 100)' },
    reverse: { about: 'newest first' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  details:
    'All that is given must fit. Callers, tasks and contexts are found only where the key-encryption key is. The first search indexes the ledger, later ones what came since; `audit reindex` makes the index anew.',
  run: async (input) => {
    const query = readQuery(input)
    const limit = readLimit(input)
    const { state, exitCode } = await requireRecords(input)
    const voice = createVoice(input.io)
    const records = (await input.ports()).searchLedger({
      ...state,
      query,
      limit,
      reverse: input.flag('reverse'),
      ...voice.hears,
    })
    for await (const record of records) {
      voice.endProgress()
      if (input.json) printJson(input.io, record.ocsf)
      else input.io.out(`${formatRecord(record)}\n`)
    }
    voice.endProgress()
    return exitCode === 0 ? voice.exitCode() : exitCode
  },
}

interface Voice {
  readonly hears: Pick<SearchOptions, 'warn' | 'damage' | 'note' | 'onProgress'>
  readonly endProgress: () => void
  /** 3 once something could not be read */
  readonly exitCode: () => ExitCode
}

/** What is said beside results. Where a person looks: how far indexing has come, on one line that goes away. */
export function createVoice(io: Io): Voice {
  let isShown = false
  let exitCode: ExitCode = 0
  const endProgress = (): void => {
    if (isShown) io.err('\r\u001b[K')
    isShown = false
  }
  return {
    hears: {
      warn: (message, hint) => {
        endProgress()
        printWarning(io, message, hint)
      },
      damage: (message, hint) => {
        endProgress()
        exitCode = 3
        printError(io, message, hint)
      },
      note: (message) => {
        endProgress()
        io.err(`note: ${message}\n`)
      },
      onProgress: (records) => {
        if (!io.color) return
        isShown = true
        io.err(`\rindexed ${countOf(records, 'record', 'records')}`)
      },
    },
    endProgress,
    exitCode: () => exitCode,
  }
}

function readQuery(input: Input): SearchQuery {
  const nowMs = systemClock.nowMs()
  const query: { -readonly [Name in keyof SearchQuery]: SearchQuery[Name] } = {}
  for (const name of ['caller', 'origin', 'agent', 'task', 'context', 'call'] as const) {
    const value = input.option(name)
    if (value !== undefined) query[name] = value
  }
  for (const [name, known] of [
    ['outcome', outcomes],
    ['kind', kinds],
  ] as const) {
    const value = input.option(name)
    if (value === undefined) continue
    if (!known.includes(value))
      throw new CommandError(2, `there is no ${name} ${JSON.stringify(value)}`, `one of ${known.join(', ')}`)
    query[name] = value
  }
  for (const name of ['operation', 'code'] as const) {
    const value = input.option(name)
    if (value === undefined) continue
    if (value.slice(0, -1).includes('*'))
      throw new CommandError(2, `--${name} may have a * at its end only: ${JSON.stringify(value)}`)
    query[name] = value
  }
  for (const [flag, name] of [
    ['since', 'sinceMs'],
    ['until', 'untilMs'],
  ] as const) {
    const value = input.option(flag)
    if (value !== undefined) query[name] = readTime(`--${flag}`, value, nowMs)
  }
  if (query.sinceMs !== undefined && query.untilMs !== undefined && query.sinceMs > query.untilMs)
    throw new CommandError(2, '--since is later than --until', 'change them round')
  return query
}

function readLimit(input: Input): number {
  const text = input.option('limit') ?? '100'
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= maxResults) return limit
  throw new CommandError(
    2,
    `--limit is not a number from 1 to ${maxResults}: ${JSON.stringify(text)}`,
    'narrow the search by --since and --until',
  )
}
