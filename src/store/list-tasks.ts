// Pages through the tasks of one owner, latest status first, from where the last page ended. A page costs the
// same whether its owner has ten tasks or a hundred thousand, and counts nobody else's. Totals of a context or since
// a time are counted, which takes as long as they are large: this runs off the event loop. A2A 1.0.1 §3.1.4.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { unfinishedStates } from '../a2a/shape.ts'
import { invariant } from '../base/invariant.ts'
import type { TaskOwner } from '../exchange/exchange.ts'
import { integer, text, type Columns } from './columns.ts'

export interface TaskFilter {
  readonly contextId?: string
  readonly status?: string
  /** only tasks that may still change; instead of `status` */
  readonly unfinished?: boolean
  /** only tasks whose status is of this time or later */
  readonly afterMs?: number
  readonly limit: number
  /** of the last task of the page before; the caller of this is to have checked that it is one of ours */
  readonly cursor?: string
}

export interface TaskListing {
  readonly taskId: string
  readonly contextId: string
  readonly state: string
  readonly timestampMs: number
  readonly createdAtMs: number
  /** what a page begins with that follows this task */
  readonly cursor: string
}

export interface TaskPage {
  readonly rows: readonly TaskListing[]
  /** of all tasks that match, on whatever page */
  readonly total: number
  /** undefined on the last page */
  readonly nextCursor: string | undefined
}

export type ListTasks = (agent: string, tenant: string, owner: TaskOwner, filter: TaskFilter) => TaskPage

export function prepareListTasks(database: DatabaseSync): ListTasks {
  const findOwner = database.prepare(
    `SELECT o.id FROM owner o JOIN scope s ON s.id = o.scope WHERE s.agent = ? AND s.tenant = ? AND o.caller = ? AND o.origin = ?`,
  )
  const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  // A handful of distinct texts: which filters are used decides, never their values.
  const statement = (sql: string): ReturnType<DatabaseSync['prepare']> => {
    const known = prepared.get(sql) ?? database.prepare(sql)
    prepared.set(sql, known)
    return known
  }

  const rowsOf = (owner: number, filter: TaskFilter): Columns[] => {
    const { where, values } = conditionsOf(owner, filter)
    const after = filter.cursor === undefined ? undefined : parseCursor(filter.cursor)
    return statement(
      `SELECT id, task_id, context_id, state, timestamp_ms, created_at_ms FROM task WHERE ${where}
       ${after === undefined ? '' : 'AND (timestamp_ms, id) < (?, ?)'} ORDER BY timestamp_ms DESC, id DESC LIMIT ?`,
    ).all(...values, ...(after ?? []), filter.limit + 1)
  }
  const totalOf = (owner: number, filter: TaskFilter): number => {
    const { where, values } = conditionsOf(owner, filter)
    return integer(statement(countOf(where, filter)).get(...values) ?? {}, 'total')
  }

  return (agent, tenant, owner, filter) => {
    const found = findOwner.get(agent, tenant, owner.caller, owner.origin)
    if (found === undefined) return { rows: [], total: 0, nextCursor: undefined }
    const ownerId = integer(found, 'id')
    // one look for each state: asked for several at once, SQLite would walk past everything that is finished
    const filters = filter.unfinished === true ? unfinishedStates.map((status) => ({ ...filter, status })) : [filter]
    const rows = filters.flatMap((each) => rowsOf(ownerId, each))
    if (filters.length > 1) rows.sort(latestFirst)
    const page = rows.slice(0, filter.limit).map(readListing)
    const nextCursor = rows.length > filter.limit ? page.at(-1)?.cursor : undefined
    const total = filters.reduce((sum, each) => sum + totalOf(ownerId, each), 0)
    return { rows: page, total, nextCursor }
  }
}

function latestFirst(left: Columns, right: Columns): number {
  const later = integer(right, 'timestamp_ms') - integer(left, 'timestamp_ms')
  return later === 0 ? integer(right, 'id') - integer(left, 'id') : later
}

function readListing(row: Columns): TaskListing {
  return {
    taskId: text(row, 'task_id'),
    contextId: text(row, 'context_id'),
    state: text(row, 'state'),
    timestampMs: integer(row, 'timestamp_ms'),
    createdAtMs: integer(row, 'created_at_ms'),
    cursor: `${integer(row, 'timestamp_ms')}:${integer(row, 'id')}`,
  }
}

function conditionsOf(owner: number, filter: TaskFilter): { where: string; values: SQLInputValue[] } {
  const where = ['owner = ?']
  const values: SQLInputValue[] = [owner]
  const add = (condition: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return
    where.push(condition)
    values.push(value)
  }
  add('context_id = ?', filter.contextId)
  add('state = ?', filter.status)
  add('timestamp_ms >= ?', filter.afterMs)
  return { where: where.join(' AND '), values }
}

function countOf(where: string, filter: TaskFilter): string {
  const isKept = filter.contextId === undefined && filter.afterMs === undefined
  return isKept
    ? `SELECT coalesce(sum(tasks), 0) AS total FROM task_count WHERE ${where}`
    : `SELECT count(*) AS total FROM task WHERE ${where}`
}

function parseCursor(cursor: string): [number, number] {
  const [timestampMs = NaN, id = NaN] = cursor.split(':').map(Number)
  invariant(Number.isSafeInteger(timestampMs) && Number.isSafeInteger(id), 'a cursor that is not ours')
  return [timestampMs, id]
}
