// `audit search`: finds records by the index and reads them again from the ledger, which alone is believed. A row that
// does not say what its record says is left out, with a warning. The index is brought up to the ledger first, and made
// anew when it cannot be used.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  callNumber,
  createLedgerReader,
  findPseudonyms,
  toIndexColumns,
  type LedgerReader,
  type LedgerRecord,
} from '../audit/audit.ts'
import { Fault } from '../base/fault.ts'
import type { ReindexOptions, ReindexReport, SearchOptions, SearchQuery } from '../cli/ports.ts'
import {
  discardIndex,
  isIndexDamage,
  openAuditIndex,
  type AuditIndex,
  type FoundRecord,
  type RecordFilter,
} from '../store/store.ts'
import { indexLedger, type IndexingOptions } from './index-ledger.ts'
import { readableLogs, type ReadableLog, type Warn } from './readable-logs.ts'

/** A record that was found, and the name of its log. */
export interface SearchedRecord {
  readonly log: string
  readonly record: LedgerRecord
}

const pageSize = 500

const indexPath = (dataDir: string): string => join(dataDir, 'audit.db')

/** The latest records that match, at most `limit`, in order of time. */
export async function* searchLedger(
  options: SearchOptions & Pick<IndexingOptions, 'clock'>,
): AsyncGenerator<SearchedRecord> {
  const { query, limit, warn } = options
  const logs = await readableLogs(options, warn)
  const filters = await filtersFor(query, logs, warn)
  const records = new RecordReaders(logs, query, warn)
  try {
    const found = await withIndex(options, async (index) => {
      await indexLedger(index, logs, options)
      return await collect(index, filters, limit + 1, mustBeRead(query) ? records : undefined)
    })
    if (found.length > limit) {
      options.note(`there are more; these are the latest ${limit} (see --limit)`)
      found.pop()
    }
    for (const each of options.reverse ? found : found.toReversed()) {
      const record = await records.read(each)
      if (record !== undefined) yield { log: each.log, record }
    }
    records.warnOfLies()
  } finally {
    await records.close()
  }
}

/** `audit reindex`: drops the index and makes it from the ledger. */
export async function reindexLedger(options: ReindexOptions & Pick<IndexingOptions, 'clock'>): Promise<ReindexReport> {
  const startedMs = options.clock.monotonicMs()
  const logs = await readableLogs(options, options.warn)
  const records = await withIndex(options, async (index) => {
    index.clear()
    await indexLedger(index, logs, options)
    return index.count()
  })
  const { size: bytes } = await stat(indexPath(options.dataDir))
  return { records, logs: logs.length, bytes, milliseconds: Math.round(options.clock.monotonicMs() - startedMs) }
}

/** An index that turns out to be damaged is deleted and made again, once. */
async function withIndex<Result>(
  { dataDir, warn }: { readonly dataDir: string; readonly warn: Warn },
  work: (index: AuditIndex) => Promise<Result>,
): Promise<Result> {
  const path = indexPath(dataDir)
  const open = (): AuditIndex =>
    openAuditIndex(path, (why) => warn(`the search index could not be used and is made again: ${why}`, ''))
  const once = async (): Promise<Result> => {
    const index = open()
    try {
      return await work(index)
    } finally {
      index.close()
    }
  }
  try {
    return await once()
  } catch (error) {
    if (!isIndexDamage(error)) throw error
    discardIndex(path)
    warn(`the search index is damaged and is made again: ${error instanceof Error ? error.message : ''}`, '')
    return await once()
  }
}

/** What is asked for, as each log's index names it: none when no log can have it. */
async function filtersFor(query: SearchQuery, logs: readonly ReadableLog[], warn: Warn): Promise<RecordFilter[]> {
  const { caller, origin, task, context, call, ...plain } = query
  const common: RecordFilter = { ...plain, ...(call !== undefined && { call: callNumber(call) }) }
  const secret = Object.entries({ caller, origin, task, context }).find(([, value]) => value !== undefined)
  if (secret === undefined) return [common]
  const readable = logs.filter((log) => log.secret !== undefined)
  if (readable.length === 0 && logs.length > 0) throw needsKey(secret[0])
  const filters: RecordFilter[] = []
  for (const log of readable) {
    if (log.secret === undefined) continue
    const { keyEncryptionKey, names } = log.secret
    const mentions = [
      ...(task === undefined ? [] : [names.taskName(task)]),
      ...(context === undefined ? [] : [names.contextName(context)]),
    ]
    const named = { ...common, ...(mentions.length > 0 && { mentions }) }
    if (caller === undefined) filters.push(named)
    else
      for (const actor of await findPseudonyms({ ...log, keyEncryptionKey }, caller)) filters.push({ ...named, actor })
  }
  if (caller !== undefined && filters.length === 0)
    warn(`no log knows the caller ${caller}`, 'write it as records have it: user:corp/4f1c, key:ci')
  // of what every log has in common one look is enough
  return caller === undefined && task === undefined && context === undefined ? [common] : filters
}

function needsKey(what: string): Fault {
  return new Fault('KEY_UNREADABLE', `searching by ${what} needs the key-encryption key of the ledger`, {
    hint: 'name the configuration that refers to it (--config FILE), or put it beside the data directory as DIR.kek',
  })
}

/** Newest first. With `records`, only those whose body says so: they have to be read for that. */
async function collect(
  index: AuditIndex,
  filters: readonly RecordFilter[],
  limit: number,
  records: RecordReaders | undefined,
): Promise<FoundRecord[]> {
  const found: FoundRecord[] = []
  const size = records === undefined ? limit : pageSize
  let after: FoundRecord['cursor'] | undefined
  for (;;) {
    const page = filters
      .flatMap((filter) => index.find(filter, size, after))
      .toSorted((left, right) => right.cursor[0] - left.cursor[0] || right.cursor[1] - left.cursor[1])
      .slice(0, size)
    for (const each of page) {
      if (records === undefined || (await records.read(each)) !== undefined) found.push(each)
      if (found.length === limit) return found
    }
    if (page.length < size) return found
    after = page.at(-1)?.cursor
  }
}

/** Reads the records that rows speak of, and holds the rows to them. */
class RecordReaders {
  readonly #logs: ReadonlyMap<string, ReadableLog>
  readonly #query: SearchQuery
  readonly #warn: Warn
  readonly #readers = new Map<string, LedgerReader>()
  readonly #lies = new Set<number>()

  constructor(logs: readonly ReadableLog[], query: SearchQuery, warn: Warn) {
    this.#logs = new Map(logs.map((log) => [log.name, log]))
    this.#query = query
    this.#warn = warn
  }

  /** Undefined when the row lies, or the record does not match after all. */
  async read(found: FoundRecord): Promise<LedgerRecord | undefined> {
    const log = this.#logs.get(found.log)
    const record = log && (await this.#fetch(log, found))
    if (log === undefined || record === undefined || !isBorneOut(found, record) || !this.#speaksOfNames(record, log)) {
      this.#lies.add(found.cursor[1])
      return undefined
    }
    return this.#isMatch(record) ? record : undefined
  }

  async #fetch(log: ReadableLog, { place, index }: FoundRecord): Promise<LedgerRecord | undefined> {
    let reader = this.#readers.get(log.name)
    if (reader === undefined) {
      const { secret } = log
      reader = createLedgerReader(log.dir, { ...(secret && { keyEncryptionKey: secret.keyEncryptionKey }) })
      this.#readers.set(log.name, reader)
    }
    try {
      return await reader.readAt(place, index)
    } catch (error) {
      // a wrong place reads like damage; which of both it is, `audit verify` says
      if (error instanceof Fault && error.code === 'LEDGER_CORRUPT') return undefined
      throw error
    }
  }

  /** What the index cannot know for sure, or at all. */
  #isMatch({ envelope, event }: LedgerRecord): boolean {
    const { call, origin } = this.#query
    if (!isOfCaller(this.#query, event)) return false
    return (call === undefined || envelope.call === call) && (origin === undefined || event?.['origin'] === origin)
  }

  /** Of a record whose body is gone nothing can be said against it. */
  #speaksOfNames(record: LedgerRecord, { secret }: ReadableLog): boolean {
    const { task, context } = this.#query
    if (record.event === undefined || secret === undefined) return true
    const wanted = [task && secret.names.taskName(task), context && secret.names.contextName(context)]
    const { mentions } = toIndexColumns(record, secret.names)
    return wanted.every((name) => !name || mentions.some((mention) => mention.equals(name)))
  }

  warnOfLies(): void {
    const count = this.#lies.size
    if (count === 0) return
    const what = count === 1 ? '1 row of the search index does' : `${count} rows of the search index do`
    this.#warn(
      `${what} not fit the ledger and ${count === 1 ? 'was' : 'were'} left out`,
      'run sallyport audit reindex; if that does not help, sallyport audit verify',
    )
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close()
  }
}

const mustBeRead = ({ origin, caller }: SearchQuery): boolean => origin !== undefined || caller !== undefined

/**
 * As an export chooses: the actor of an act upon a key is that key, and it called nobody. Of a record whose body is gone
 * the pseudonym alone speaks, and of callers nobody knows there is no more.
 */
function isOfCaller({ caller }: SearchQuery, event: LedgerRecord['event']): boolean {
  return caller === undefined || caller === 'anonymous' || event === undefined || event['caller'] === caller
}

/** A row names the actor or, once that was erased, none; everything else stands in the envelope. */
function isBorneOut(found: FoundRecord, record: LedgerRecord): boolean {
  const { mentions: _, actor: __, ...expected } = toIndexColumns(record, undefined)
  const { actor } = found.columns
  if (actor !== '' && actor !== record.envelope.actor) return false
  return Object.entries(expected).every(([name, value]) => Reflect.get(found.columns, name) === value)
}
