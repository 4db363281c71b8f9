// Brings the search index up to the ledgers, which are the truth: whoever searches pays for it, never a call. What the
// index says of a log that is gone, was put back from a backup or was indexed under another key is dropped and made
// again; records that expired are dropped; segments that were rewritten are looked through for where records lie now.

import { createLedgerReader, toIndexColumns, type GroupPlace, type LedgerRecord } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { AuditIndex, IndexedLog, IndexRow } from '../store/store.ts'
import { segmentSizes, type ReadableLog, type Warn } from './readable-logs.ts'

export interface IndexingOptions {
  readonly clock: Clock
  /** hears where a log cannot be read any further */
  readonly damage: Warn
  /** hears how many records were indexed, once it takes long */
  readonly onProgress: (records: number) => void
}

const rowsAtOnce = 5_000 // bound: rows of the search index in one transaction
const silentMs = 1_000

/** Indexes what came since the last time; returns how many records that was. */
export async function indexLedger(
  index: AuditIndex,
  logs: readonly ReadableLog[],
  options: IndexingOptions,
): Promise<number> {
  const startedMs = options.clock.monotonicMs()
  let records = 0
  const count = (rows: number): void => {
    records += rows
    if (options.clock.monotonicMs() - startedMs > silentMs) options.onProgress(records)
  }
  const names = new Set(logs.map((log) => log.name))
  for (const { name } of index.logs()) if (!names.has(name)) index.forget(name)
  for (const log of logs) {
    // false: another process is indexing the same log, and came first with a batch
    while (!(await indexLog(index, log, count, options.damage)));
  }
  return records
}

async function indexLog(
  index: AuditIndex,
  log: ReadableLog,
  count: (rows: number) => void,
  damage: Warn,
): Promise<boolean> {
  const sizes = await segmentSizes(log)
  const mark = await settle(index, log, sizes)
  const reader = createLedgerReader(log.dir, {
    from: mark?.records ?? sizes.keys().next().value ?? 0,
    ...(mark && { place: mark.place }),
    ...(log.secret && { keyEncryptionKey: log.secret.keyEncryptionKey }),
  })
  let rows: IndexRow[] = []
  let from = mark?.records
  let last: LedgerRecord | undefined
  const flush = (): boolean => {
    if (last === undefined || rows.length === 0) return true
    const first = mark?.first ?? rows[0]?.index ?? 0
    if (!index.append(from, rows, markOf(log, last, first))) return false
    count(rows.length)
    from = last.index + 1
    rows = []
    return true
  }
  try {
    for await (const record of reader.read()) {
      rows.push({ index: record.index, place: record.place, columns: toIndexColumns(record, log.secret?.names) })
      last = record
      if (rows.length === rowsAtOnce && !flush()) return false
    }
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'LEDGER_CORRUPT') throw error
    damage(
      `${log.name} can be searched before record ${reader.next} only: ${error.message}`,
      'run sallyport audit verify',
    )
  } finally {
    await reader.close()
  }
  return flush() && noteSizes(index, log, sizes)
}

function markOf(log: ReadableLog, last: LedgerRecord, first: number): IndexedLog {
  const { name, secret } = log
  const { leafHash, place } = last
  return { name, keyCheck: secret?.names.keyCheck ?? '', first, records: last.index + 1, leafHash, place }
}

/** Drops from the index what the log does not bear out any more; returns how far the rest reaches. */
async function settle(
  index: AuditIndex,
  log: ReadableLog,
  sizes: ReadonlyMap<number, number>,
): Promise<IndexedLog | undefined> {
  const mark = index.logs().find(({ name }) => name === log.name)
  if (mark === undefined) return undefined
  const isOtherKey = log.secret !== undefined && log.secret.names.keyCheck !== mark.keyCheck
  const place = isOtherKey ? undefined : await findLast(log, mark)
  if (place === undefined) {
    index.forget(log.name)
    return undefined
  }
  const [oldest = 0] = sizes.keys()
  if (oldest > mark.first) index.prune(log.name, oldest)
  for (const [first, bytes] of index.segments(log.name)) {
    const now = sizes.get(first)
    if (now === undefined || now === bytes) continue
    const isFound = await findAgain(index, log, first, [...sizes.keys()])
    if (isFound) index.noteSegment(log.name, first, now)
  }
  return { ...mark, place }
}

/** Where the last indexed record stands; undefined when the log does not have it. */
async function findLast(log: ReadableLog, mark: IndexedLog): Promise<GroupPlace | undefined> {
  const index = mark.records - 1
  const reader = createLedgerReader(log.dir, { from: index })
  try {
    const record = (await reader.readAt(mark.place, index).catch(ignoreDamage)) ?? (await firstOf(reader))
    return record?.index === index && record.leafHash === mark.leafHash ? record.place : undefined
  } finally {
    await reader.close()
  }
}

async function firstOf(reader: ReturnType<typeof createLedgerReader>): Promise<LedgerRecord | undefined> {
  try {
    for await (const record of reader.read()) return record
  } catch (error) {
    ignoreDamage(error)
  }
  return undefined
}

/** A place that is none any more reads like damage. */
function ignoreDamage(error: unknown): undefined {
  if (error instanceof Fault && error.code === 'LEDGER_CORRUPT') return undefined
  throw error
}

/** A segment was rewritten without the bodies that expired: its records lie elsewhere in it. False: it is damaged. */
async function findAgain(index: AuditIndex, log: ReadableLog, first: number, all: readonly number[]): Promise<boolean> {
  const end = all.find((each) => each > first) ?? Infinity
  const reader = createLedgerReader(log.dir, { from: first })
  let places: { index: number; place: GroupPlace }[] = []
  try {
    for await (const record of reader.read()) {
      if (record.index >= end) break
      places.push({ index: record.index, place: record.place })
      if (places.length < rowsAtOnce) continue
      index.move(log.name, places)
      places = []
    }
    index.move(log.name, places)
    return true
  } catch (error) {
    return ignoreDamage(error) ?? false
  } finally {
    await reader.close()
  }
}

/** All but the last segment are there to stay; a size that differs later says that one was rewritten. */
function noteSizes(index: AuditIndex, log: ReadableLog, sizes: ReadonlyMap<number, number>): true {
  const known = index.segments(log.name)
  for (const [first, bytes] of [...sizes].slice(0, -1)) {
    if (!known.has(first)) index.noteSegment(log.name, first, bytes)
  }
  return true
}
