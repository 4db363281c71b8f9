// The search index of the ledger in audit.db. It finds records and is never believed: whoever searches reads them
// again from the log. What cannot be used (damaged, of another format) is deleted and begun anew. Several processes
// may have it open: a batch is taken only if the log's mark still stands where the batch began.

import type { DatabaseSync } from 'node:sqlite'
import type { GroupPlace, IndexColumns } from '../audit/audit.ts'
import { Fault } from '../base/fault.ts'
import { auditIndexShape, logSpan } from './audit-index-schema.ts'
import { integer, text } from './columns.ts'
import { prepareFindRecords, type FindRecords } from './find-records.ts'
import { inTransaction, openDatabase } from './open-database.ts'
import { discardIndex } from './open-index.ts'
import { prepareWords } from './index-words.ts'

/** How far a log is indexed. */
export interface IndexedLog {
  readonly name: string
  /** of the key that its tasks and contexts are named under; '' when some rows were made without a key */
  readonly keyCheck: string
  /** index of the oldest record that has a row */
  readonly first: number
  /** index of the next record */
  readonly records: number
  /** of the last record that was indexed, and where it stands */
  readonly leafHash: string
  readonly place: GroupPlace
}

export interface IndexRow {
  readonly index: number
  readonly place: GroupPlace
  readonly columns: IndexColumns
}

export interface AuditIndex {
  logs(): readonly IndexedLog[]
  /** takes the rows, all or none: false when the log's mark is not at `from` any more (undefined: not there yet) */
  append(from: number | undefined, rows: readonly IndexRow[], mark: IndexedLog): boolean
  /** drops everything */
  clear(): void
  /** drops what is known of a log */
  forget(log: string): void
  /** drops rows below an index that the log no longer holds */
  prune(log: string, first: number): void
  /** sizes of segments that will not grow, by first index */
  segments(log: string): ReadonlyMap<number, number>
  noteSegment(log: string, first: number, bytes: number): void
  /** the group of these records lies elsewhere now */
  move(log: string, places: readonly { readonly index: number; readonly place: GroupPlace }[]): void
  readonly find: FindRecords
  /** rows of all logs */
  count(): number
  close(): void
}

/** Opens or creates the file. Throws a Fault when not even a new one can be used. */
export function openAuditIndex(path: string, onDiscarded: (why: string) => void = () => undefined): AuditIndex {
  try {
    return createAuditIndex(openAuditFile(path))
  } catch (error) {
    if (isBusy(error)) throw error
    discardIndex(path)
    const index = createAuditIndex(openAuditFile(path))
    onDiscarded(reasonOf(error))
    return index
  }
}

/** What SQLite says of a file that is damaged, or is none of ours: to be deleted and made again. */
export function isIndexDamage(error: unknown): boolean {
  const damage: readonly unknown[] = [1, 11, 26] // SQLITE_ERROR (a table is missing), SQLITE_CORRUPT, SQLITE_NOTADB
  return damage.includes(resultCode(error))
}

function isBusy(error: unknown): boolean {
  return resultCode(error instanceof Fault ? error.cause : error) === 5
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff // the rest says more of the same
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be read'
  return error.cause instanceof Error ? error.cause.message : error.message
}

export function openAuditFile(path: string): DatabaseSync {
  const database = openDatabase(path, auditIndexShape)
  // what is deleted is overwritten; a search that has to wait for another one's batch waits
  database.exec('PRAGMA secure_delete = ON; PRAGMA busy_timeout = 10000; PRAGMA journal_size_limit = 33554432')
  return database
}

function createAuditIndex(database: DatabaseSync): AuditIndex {
  const log = prepareLogs(database)
  const writeRow = prepareRowWriter(database)
  const dropRows = database.prepare('DELETE FROM record WHERE id >= ? AND id < ?')
  const dropMentions = database.prepare('DELETE FROM mention WHERE record >= ? AND record < ?')
  const dropSegments = database.prepare('DELETE FROM segment WHERE log = ? AND first < ?')
  const listSegments = database.prepare('SELECT first, bytes FROM segment WHERE log = ?')
  const putSegment = database.prepare('INSERT OR REPLACE INTO segment VALUES (?, ?, ?)')
  const moveRow = database.prepare('UPDATE record SET segment = ?, offset = ?, position = ? WHERE id = ?')
  const countRows = database.prepare('SELECT count(*) AS rows FROM record')
  const ofLog = (name: string, work: (number: number) => void): void =>
    inTransaction(database, () => {
      const number = log.numberOf(name)
      if (number !== undefined) work(number)
    })
  const drop = (number: number, below: number): void => {
    const from = number * logSpan
    const count = dropRows.run(from, from + below).changes
    if (count > 0) dropMentions.run(from, from + below)
    dropSegments.run(number, below)
  }

  return {
    logs: () => log.list(),
    append(from, rows, mark) {
      let isTaken = false
      inTransaction(database, () => {
        isTaken = log.recordsOf(mark.name) === from
        if (!isTaken) return
        const number = log.mark(mark)
        const write = writeRow(number)
        for (const row of rows) write(row)
      })
      return isTaken
    },
    clear: () =>
      inTransaction(database, () => {
        for (const table of ['mention', 'record', 'segment', 'log', 'actor', 'word'])
          database.exec(`DELETE FROM ${table}`)
      }),
    forget: (name) =>
      ofLog(name, (number) => {
        drop(number, logSpan)
        log.drop(number)
      }),
    prune: (name, first) =>
      ofLog(name, (number) => {
        drop(number, first)
        log.prune(number, first)
      }),
    segments(name) {
      const number = log.numberOf(name)
      const rows = number === undefined ? [] : listSegments.all(number)
      return new Map(rows.map((row) => [integer(row, 'first'), integer(row, 'bytes')]))
    },
    noteSegment: (name, first, bytes) => ofLog(name, (number) => void putSegment.run(number, first, bytes)),
    move: (name, places) =>
      ofLog(name, (number) => {
        for (const { index, place } of places)
          moveRow.run(place.segment, place.offset, index - place.index, number * logSpan + index)
      }),
    find: prepareFindRecords(database),
    count: () => integer(countRows.get() ?? {}, 'rows'),
    close: () => database.close(),
  }
}

interface Logs {
  list(): IndexedLog[]
  numberOf(name: string): number | undefined
  recordsOf(name: string): number | undefined
  /** writes how far a log is indexed; returns its number */
  mark(mark: IndexedLog): number
  prune(number: number, first: number): void
  drop(number: number): void
}

function prepareLogs(database: DatabaseSync): Logs {
  const list = database.prepare('SELECT * FROM log ORDER BY number')
  const find = database.prepare('SELECT number, records FROM log WHERE name = ?')
  // a number is never given twice while rows of its log may be left
  const put = database.prepare(`
    INSERT INTO log VALUES ((SELECT coalesce(max(number) + 1, 0) FROM log), ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET key_check = excluded.key_check, records = excluded.records, leaf = excluded.leaf,
      segment = excluded.segment, offset = excluded.offset, group_index = excluded.group_index
    RETURNING number`)
  const prune = database.prepare('UPDATE log SET first = ? WHERE number = ?')
  const drop = database.prepare('DELETE FROM log WHERE number = ?')
  const found = (name: string, column: string): number | undefined => {
    const row = find.get(name)
    return row && integer(row, column)
  }
  return {
    list: () =>
      list.all().map((row) => ({
        name: text(row, 'name'),
        keyCheck: text(row, 'key_check'),
        first: integer(row, 'first'),
        records: integer(row, 'records'),
        leafHash: text(row, 'leaf'),
        place: {
          segment: integer(row, 'segment'),
          offset: integer(row, 'offset'),
          index: integer(row, 'group_index'),
        },
      })),
    numberOf: (name) => found(name, 'number'),
    recordsOf: (name) => found(name, 'records'),
    mark: ({ name, keyCheck, first, records, leafHash, place }) =>
      integer(
        put.get(name, keyCheck, first, records, leafHash, place.segment, place.offset, place.index) ?? {},
        'number',
      ),
    prune: (number, first) => void prune.run(first, number),
    drop: (number) => void drop.run(number),
  }
}

/** Names are looked up anew for every batch: another process may have dropped some. */
function prepareRowWriter(database: DatabaseSync): (log: number) => (row: IndexRow) => void {
  const insert = database.prepare('INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const mention = database.prepare('INSERT OR IGNORE INTO mention VALUES (?, ?, ?)')
  const prepared = prepareWords(database)
  return (log) => {
    const { numberOf, actorOf } = prepared.remember()
    return ({ index, place, columns }) => {
      const id = log * logSpan + index
      const { timeMs, kind, call, actor, agent, operation, outcome, code, snapshot, mentions } = columns
      insert.run(
        id,
        timeMs,
        numberOf('kind', kind),
        call,
        actorOf(actor),
        numberOf('agent', agent),
        numberOf('operation', operation),
        numberOf('outcome', outcome),
        numberOf('code', code),
        numberOf('snapshot', snapshot),
        place.segment,
        place.offset,
        index - place.index,
      )
      for (const name of mentions) mention.run(name, timeMs, id)
    }
  }
}
