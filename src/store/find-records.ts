// Finds records in the search index, newest first, page by page. One filter drives each search: the one that is
// likely to leave the fewest, through its own index, which gives its rows in order of time; the others are looked
// at row by row. So no search sorts what it found, and a page costs what a page costs.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { GroupPlace, IndexColumns } from '../audit/audit.ts'
import { logSpan } from './audit-index-schema.ts'
import { bytes, integer, text, type Columns } from './columns.ts'
import type { WordRole } from './index-words.ts'

/** What a record must say. Pseudonyms and names of tasks are each log's own, so they say which log, too. */
export interface RecordFilter {
  /** a pseudonym, base64url */
  readonly actor?: string
  /** keyed names, each of which must be spoken of */
  readonly mentions?: readonly Buffer[]
  readonly agent?: string
  /** a word, or the beginning of one and `*` */
  readonly operation?: string
  readonly outcome?: string
  /** a word, or the beginning of one and `*` */
  readonly code?: string
  readonly kind?: string
  /** as in IndexColumns */
  readonly call?: number
  /** inclusive */
  readonly sinceMs?: number
  /** exclusive */
  readonly untilMs?: number
}

export interface FoundRecord {
  readonly log: string
  readonly index: number
  readonly place: GroupPlace
  readonly columns: Omit<IndexColumns, 'mentions'>
  /** orders records by time; a page that goes on after this one begins with it */
  readonly cursor: readonly [timeMs: number, id: number]
}

/** At most `limit` records, newest first, from behind the cursor on. */
export type FindRecords = (
  filter: RecordFilter,
  limit: number,
  after?: readonly [timeMs: number, id: number],
) => FoundRecord[]

const columns = `r.id, r.time, r.call, r.segment, r.offset, r.position, l.name AS log, coalesce(a.pseudonym, x'') AS actor,
  ${['kind', 'agent', 'operation', 'outcome', 'code', 'snapshot'].map((role) => `coalesce((SELECT word FROM word WHERE id = r.${role}), '') AS ${role}`).join(', ')}`
const joins = `LEFT JOIN actor a ON a.id = r.actor LEFT JOIN log l ON l.number = r.id / ${logSpan}`

/** One condition of a search: on a column, or on the table of mentions. */
interface Term {
  readonly column: 'mention' | 'call' | 'actor' | WordRole
  /** any of these will do */
  readonly values: readonly SQLInputValue[]
}

/** The first that is asked for drives. Numbers are 0 for none where the index leaves those out. */
const drivers: readonly Term['column'][] = ['mention', 'call', 'actor', 'code', 'agent', 'operation', 'outcome', 'kind']
const sparse: ReadonlySet<string> = new Set(['call', 'actor', 'agent', 'operation', 'code'])
/** beyond as many words that begin alike, time drives instead */
const maxBranches = 64

export function prepareFindRecords(database: DatabaseSync): FindRecords {
  const termsOf = prepareTerms(database)
  const prepared = new Map<string, StatementSync>()
  // a few dozen distinct texts: which filters are used decides, never their values
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql) ?? database.prepare(sql)
    prepared.set(sql, known)
    return known
  }
  return (filter, limit, after) => {
    const terms = termsOf(filter)
    if (terms === undefined) return []
    const range = [
      filter.sinceMs ?? -Number.MAX_SAFE_INTEGER,
      filter.untilMs ?? Number.MAX_SAFE_INTEGER,
      ...(after ?? [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]),
    ]
    const rows = branchesOf(terms).flatMap(({ sql, values }) => statement(sql).all(...values, ...range, limit))
    return rows.map(readRow).toSorted(newestFirst).slice(0, limit)
  }
}

function newestFirst(left: FoundRecord, right: FoundRecord): number {
  return right.cursor[0] - left.cursor[0] || right.cursor[1] - left.cursor[1]
}

/** One statement for each value of the driving filter. */
export function branchesOf(terms: readonly Term[]): { sql: string; values: SQLInputValue[] }[] {
  const driver = drivers
    .map((column) => terms.find((term) => term.column === column && term.values.length <= maxBranches))
    .find((term) => term !== undefined)
  const others = terms.filter((term) => term !== driver)
  const conditions = others.map(conditionOf)
  const given = others.flatMap(({ values }) => values)
  return driver === undefined
    ? [{ sql: selectOf(conditions, undefined), values: given }]
    : driver.values.map((value) => ({ sql: selectOf(conditions, driver.column), values: [value, ...given] }))
}

function selectOf(conditions: readonly string[], driver: Term['column'] | undefined): string {
  const [table, time, id] =
    driver === 'mention'
      ? ['mention m CROSS JOIN record r ON r.id = m.record', 'm.time', 'm.record']
      : ['record r', 'r.time', 'r.id']
  const drive = driver === undefined ? [] : [driver === 'mention' ? 'm.name = ?' : `r.${driver} = ?`]
  if (driver !== undefined && sparse.has(driver)) drive.push(`r.${driver} <> 0`)
  const where = [...drive, ...conditions, `${time} >= ?`, `${time} < ?`, `(${time}, ${id}) < (?, ?)`]
  return `SELECT ${columns} FROM ${table} ${joins} WHERE ${where.join(' AND ')} ORDER BY ${time} DESC, ${id} DESC LIMIT ?`
}

/** The plus keeps SQLite from driving by this column. */
function conditionOf({ column, values }: Term): string {
  const list = values.map(() => '?').join(', ')
  if (column !== 'mention') return `+r.${column} IN (${list})`
  return `EXISTS (SELECT 1 FROM mention o WHERE o.name IN (${list}) AND o.time = r.time AND o.record = r.id)`
}

/** Undefined when nothing can match: a word that no record has. */
function prepareTerms(database: DatabaseSync): (filter: RecordFilter) => Term[] | undefined {
  const findWord = database.prepare('SELECT id FROM word WHERE role = ? AND word = ?')
  const findWords = database.prepare('SELECT id FROM word WHERE role = ? AND substr(word, 1, length(?)) = ?')
  const findActor = database.prepare('SELECT id FROM actor WHERE pseudonym = ?')
  const numbers = (rows: readonly Columns[]): number[] => rows.map((row) => integer(row, 'id'))
  const wordTerm = (role: WordRole, wanted: string): Term => {
    const beginning = wanted.endsWith('*') ? wanted.slice(0, -1) : undefined
    const rows = beginning === undefined ? findWord.all(role, wanted) : findWords.all(role, beginning, beginning)
    return { column: role, values: numbers(rows) }
  }
  return (filter) => {
    const terms: Term[] = (filter.mentions ?? []).map((name) => ({ column: 'mention', values: [name] }))
    if (filter.call !== undefined) terms.push({ column: 'call', values: [filter.call] })
    if (filter.actor !== undefined)
      terms.push({ column: 'actor', values: numbers(findActor.all(Buffer.from(filter.actor, 'base64url'))) })
    for (const role of ['code', 'agent', 'operation', 'outcome', 'kind'] as const) {
      const wanted = filter[role]
      if (wanted !== undefined) terms.push(wordTerm(role, wanted))
    }
    return terms.some((term) => term.values.length === 0) ? undefined : terms
  }
}

function readRow(row: Columns): FoundRecord {
  const id = integer(row, 'id')
  const index = id % logSpan
  const timeMs = integer(row, 'time')
  return {
    log: typeof row['log'] === 'string' ? row['log'] : '',
    index,
    place: {
      segment: integer(row, 'segment'),
      offset: integer(row, 'offset'),
      index: index - integer(row, 'position'),
    },
    columns: {
      timeMs,
      call: integer(row, 'call'),
      actor: bytes(row, 'actor').toString('base64url'),
      kind: text(row, 'kind'),
      agent: text(row, 'agent'),
      operation: text(row, 'operation'),
      outcome: text(row, 'outcome'),
      code: text(row, 'code'),
      snapshot: text(row, 'snapshot'),
    },
    cursor: [timeMs, id],
  }
}
