// Entry of the thread that writes index.db. Rows gather here and go to disk in one transaction when told to commit;
// one that fails changes nothing, keeps its rows, and is tried again with the next commit. It also answers what
// takes longer than a look-up by key: pages of ListTasks, and the ids that the filter begins with.

import { setPriority } from 'node:os'
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { TaskOwner } from '../exchange/exchange.ts'
import { integer, text } from './columns.ts'
import { expireRows, kindOf, type ExpiryCursor, type ExpiryRound, type OwnershipRetention } from './expired-rows.ts'
import { FilterPart, hashOf } from './id-filter.ts'
import { prepareListTasks, type TaskFilter, type TaskPage } from './list-tasks.ts'
import { inTransaction, openDatabase } from './open-database.ts'
import { configIdOf } from './ownership-rows.ts'
import { indexShape } from './ownership-schema.ts'
import { readRows, type Field } from './row-message.ts'
import { prepareRowWriter } from './write-ownership.ts'

export type ToWriter =
  | { readonly kind: 'rows'; readonly fields: readonly Field[] }
  /** everything posted before, then these marks */
  | { readonly kind: 'commit'; readonly applied: readonly (readonly [origin: string, records: number])[] }
  | {
      readonly kind: 'list'
      readonly request: number
      readonly agent: string
      readonly tenant: string
      readonly owner: TaskOwner
      readonly filter: TaskFilter
    }
  | { readonly kind: 'filter'; readonly seed: number }
  /** everything committed of this subject becomes nobody's */
  | { readonly kind: 'forget'; readonly request: number; readonly subject: string }
  /** what has expired leaves, of some rows from here on */
  | {
      readonly kind: 'expire'
      readonly request: number
      readonly rules: OwnershipRetention
      readonly nowMs: number
      readonly from: ExpiryCursor
    }
  | { readonly kind: 'close' }

export type FromWriter =
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly problem: string }
  | { readonly kind: 'page'; readonly request: number; readonly page: TaskPage }
  | { readonly kind: 'noPage'; readonly request: number; readonly problem: string }
  | { readonly kind: 'forgotten'; readonly request: number; readonly rows: number }
  | { readonly kind: 'expired'; readonly request: number; readonly round: ExpiryRound }
  | { readonly kind: 'filter'; readonly bits: Uint8Array<ArrayBuffer> }

/** Large enough for the leaves that a transaction touches; checkpoints are rarer, so that each page is copied once. */
const tuning =
  'PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432; PRAGMA temp_store = MEMORY'

/** Calls come first: on a busy core this thread takes what they leave (Linux counts niceness by thread). */
const niceness = 15

function serve(port: MessagePort, path: string): void {
  try {
    setPriority(niceness)
  } catch {
    // not allowed here: the index is written all the same
  }
  const database = openDatabase(path, indexShape)
  database.exec(tuning)
  const writer = prepareRowWriter(database)
  const listTasks = prepareListTasks(database)
  let waiting: (readonly Field[])[] = []
  const reply = (message: FromWriter, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

  const commit = (applied: Extract<ToWriter, { kind: 'commit' }>['applied']): void => {
    try {
      inTransaction(database, () => {
        for (const fields of waiting) readRows(fields, writer)
        for (const [origin, records] of applied) writer.setApplied(origin, records)
      })
      waiting = []
      reply({ kind: 'committed' })
    } catch (error) {
      writer.forgetNumbers()
      reply({ kind: 'failed', problem: messageOf(error) })
    }
  }
  const list = ({ request, agent, tenant, owner, filter }: Extract<ToWriter, { kind: 'list' }>): void => {
    try {
      reply({ kind: 'page', request, page: listTasks(agent, tenant, owner, filter) })
    } catch (error) {
      reply({ kind: 'noPage', request, problem: messageOf(error) })
    }
  }

  const forget = ({ request, subject }: Extract<ToWriter, { kind: 'forget' }>): void => {
    try {
      let rows = 0
      // what goes is overwritten, and the log that still has it is emptied
      database.exec('PRAGMA secure_delete = ON')
      inTransaction(database, () => {
        rows = writer.forgetSubject(subject)
      })
      writer.forgetNumbers()
      database.exec('PRAGMA secure_delete = OFF')
      const emptied = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {}
      if (integer(emptied, 'busy') !== 0) throw new Error('somebody else reads it, so that its log keeps the name')
      reply({ kind: 'forgotten', request, rows })
    } catch (error) {
      writer.forgetNumbers()
      reply({ kind: 'noPage', request, problem: messageOf(error) })
    }
  }

  const expire = ({ request, rules, nowMs, from }: Extract<ToWriter, { kind: 'expire' }>): void => {
    try {
      let round: ExpiryRound | undefined
      inTransaction(database, () => {
        round = expireRows(database, rules, { nowMs, from })
      })
      if (round !== undefined) reply({ kind: 'expired', request, round })
    } catch (error) {
      reply({ kind: 'noPage', request, problem: messageOf(error) })
    }
  }

  port.on('message', (message: ToWriter) => {
    if (message.kind === 'rows') waiting.push(message.fields)
    else if (message.kind === 'commit') commit(message.applied)
    else if (message.kind === 'list') list(message)
    else if (message.kind === 'forget') forget(message)
    else if (message.kind === 'expire') expire(message)
    else if (message.kind === 'filter') {
      const { bits } = fillFilter(database, message.seed)
      reply({ kind: 'filter', bits }, [bits.buffer])
    } else {
      database.close()
      port.close()
    }
  })
}

/** Every id in the file. */
function fillFilter(database: DatabaseSync, seed: number): FilterPart {
  const tables = ['task', 'context', 'push_config', 'tombstone']
  const count = (table: string): number =>
    integer(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get() ?? {}, 'rows')
  const filter = FilterPart.for(tables.reduce((sum, table) => sum + count(table), 0))
  for (const row of database.prepare('SELECT task_id FROM task').iterate())
    filter.add(hashOf('task', text(row, 'task_id'), seed))
  for (const row of database.prepare('SELECT context_id FROM context').iterate())
    filter.add(hashOf('context', text(row, 'context_id'), seed))
  for (const row of database.prepare('SELECT task_id, config_id FROM push_config').iterate())
    filter.add(hashOf('pushConfig', configIdOf(text(row, 'task_id'), text(row, 'config_id')), seed))
  // what has left keeps its id taken
  for (const row of database.prepare('SELECT id, kind FROM tombstone').iterate())
    filter.add(hashOf(kindOf(integer(row, 'kind')), text(row, 'id'), seed))
  return filter
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'the transaction failed'
}

/** Given to the thread when it starts. */
export interface WriterData {
  readonly sallyportIndex: string
}

function pathOf(data: unknown): string | undefined {
  const path: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'sallyportIndex') : undefined
  return typeof path === 'string' ? path : undefined
}

// Only as a thread of its own: those who import the types of the messages start nothing.
const path = pathOf(workerData)
if (parentPort !== null && path !== undefined) serve(parentPort, path)
