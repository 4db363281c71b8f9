// Ownership is bounded: a task that is over, or of which nothing was heard for long, is not kept for ever. Whether a row
// counts is decided when it is read, from the times in it, so that an index that is made again from the ledger brings
// nothing back; that it leaves the file is the work of the writing thread, some thousand rows at a time. What leaves
// keeps its id taken for a while (a tombstone): an agent that names it again does not hand it to somebody else.

import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { isFinished } from '../a2a/shape.ts'
import type { TaskOwner } from '../exchange/exchange.ts'
import { integer, text, type Columns } from './columns.ts'
import { nobody, type TaskRow } from './ownership-rows.ts'

/** Milliseconds. */
export interface OwnershipRetention {
  /** of tasks that are over */
  readonly finished: number
  /** of tasks of which nobody has said that they are */
  readonly open: number
  /** of contexts in which there is no task any more */
  readonly contexts: number
  /** for how long an id stays taken after that */
  readonly tombstones: number
}

export const tombstoneSchema = `
  CREATE TABLE tombstone (
    id TEXT NOT NULL, scope INTEGER NOT NULL, kind INTEGER NOT NULL, owner BLOB NOT NULL, until_ms INTEGER NOT NULL,
    PRIMARY KEY (id, scope, kind)
  ) STRICT, WITHOUT ROWID`

const kinds = { task: 1, context: 2 } as const
export type TombstoneKind = keyof typeof kinds

export const kindOf = (kind: number): TombstoneKind => (kind === kinds.task ? 'task' : 'context')

/** Whose an id was: enough to know its owner again, who may have it back. */
export function ownerMark(id: string, { caller, origin }: TaskOwner): Buffer {
  return hash('sha256', JSON.stringify([id, caller, origin]), 'buffer').subarray(0, 16)
}

/** What was heard last of a task. The status's time is the agent's word, and counts where it can be true. */
function heardMs({ createdAtMs, timestampMs }: Pick<TaskRow, 'createdAtMs' | 'timestampMs'>, nowMs: number): number {
  return timestampMs > nowMs ? createdAtMs : Math.max(createdAtMs, timestampMs)
}

type Timed = Pick<TaskRow, 'createdAtMs' | 'timestampMs' | 'state'>

export function hasExpired(row: Timed, { finished, open }: OwnershipRetention, nowMs: number): boolean {
  return heardMs(row, nowMs) + (isFinished(row.state) ? finished : open) <= nowMs
}

/** Finds whose an id was that left; undefined when it is free. */
export type FindTombstone = (kind: TombstoneKind, agent: string, tenant: string, id: string) => Buffer | undefined

export function prepareTombstones(database: DatabaseSync): FindTombstone {
  const find = database.prepare(
    `SELECT t.owner FROM tombstone t JOIN scope s ON s.id = t.scope WHERE t.id = ? AND t.kind = ? AND s.agent = ? AND s.tenant = ?`,
  )
  return (kind, agent, tenant, id) => {
    const owner = find.get(id, kinds[kind], agent, tenant)?.['owner']
    return owner instanceof Uint8Array ? Buffer.from(owner) : undefined
  }
}

/** Where the search for what has expired goes on. */
export interface ExpiryCursor {
  readonly task: number
  readonly context: readonly [contextId: string, scope: number]
  readonly tombstone: readonly [id: string, scope: number]
}

export const expiryStart: ExpiryCursor = { task: 0, context: ['', -1], tombstone: ['', -1] }

/** A task that left. */
export interface LeftTask {
  readonly agent: string
  readonly tenant: string
  readonly taskId: string
  readonly owner: TaskOwner
  readonly state: string
}

export interface ExpiryRound {
  readonly tasks: readonly LeftTask[]
  readonly contexts: readonly (readonly [agent: string, tenant: string, contextId: string])[]
  readonly tombstones: number
  readonly next: ExpiryCursor
}

const lookedAt = 2_000 // bound: rows of each table looked at in one round of expiry

/** Looks at some rows of each table and takes out what has expired. Within a transaction of the writing thread. */
export function expireRows(
  database: DatabaseSync,
  rules: OwnershipRetention,
  { nowMs, from }: { readonly nowMs: number; readonly from: ExpiryCursor },
): ExpiryRound {
  const bury = database.prepare(
    'INSERT OR REPLACE INTO tombstone (id, scope, kind, owner, until_ms) VALUES (?, ?, ?, ?, ?)',
  )
  const untilMs = nowMs + rules.tombstones
  const ownerOf = (row: Columns): TaskOwner => ({ caller: text(row, 'caller'), origin: text(row, 'origin') })

  const taskRows = database
    .prepare(
      `SELECT t.id, t.task_id, t.scope, t.created_at_ms, t.timestamp_ms, t.state, o.caller, o.origin, s.agent, s.tenant
       FROM task t JOIN owner o ON o.id = t.owner JOIN scope s ON s.id = t.scope WHERE t.id > ? ORDER BY t.id LIMIT ?`,
    )
    .all(from.task, lookedAt)
  const dropTask = database.prepare('DELETE FROM task WHERE id = ?')
  const dropConfigs = database.prepare('DELETE FROM push_config WHERE task_id = ? AND scope = ?')
  const tasks: LeftTask[] = []
  for (const row of taskRows) {
    const timed = {
      createdAtMs: integer(row, 'created_at_ms'),
      timestampMs: integer(row, 'timestamp_ms'),
      state: text(row, 'state'),
    }
    if (!hasExpired(timed, rules, nowMs)) continue
    const taskId = text(row, 'task_id')
    const owner = ownerOf(row)
    bury.run(taskId, integer(row, 'scope'), kinds.task, ownerMark(taskId, owner), untilMs)
    dropConfigs.run(taskId, integer(row, 'scope'))
    dropTask.run(integer(row, 'id'))
    tasks.push({ agent: text(row, 'agent'), tenant: text(row, 'tenant'), taskId, owner, state: timed.state })
  }

  const contextRows = database
    .prepare(
      `SELECT c.context_id, c.scope, c.created_at_ms, o.caller, o.origin, s.agent, s.tenant,
         EXISTS (SELECT 1 FROM task t WHERE t.context_id = c.context_id AND t.scope = c.scope) AS is_used
       FROM context c JOIN owner o ON o.id = c.owner JOIN scope s ON s.id = c.scope
       WHERE (c.context_id, c.scope) > (?, ?) ORDER BY c.context_id, c.scope LIMIT ?`,
    )
    .all(...from.context, lookedAt)
  const dropContext = database.prepare('DELETE FROM context WHERE context_id = ? AND scope = ?')
  const contexts: [string, string, string][] = []
  for (const row of contextRows) {
    if (integer(row, 'is_used') === 1 || integer(row, 'created_at_ms') + rules.contexts > nowMs) continue
    // an erased owner that comes back would be led to it by its name
    if (text(row, 'caller') === nobody.caller) continue
    const contextId = text(row, 'context_id')
    bury.run(contextId, integer(row, 'scope'), kinds.context, ownerMark(contextId, ownerOf(row)), untilMs)
    dropContext.run(contextId, integer(row, 'scope'))
    contexts.push([text(row, 'agent'), text(row, 'tenant'), contextId])
  }

  const tombstoneRows = database
    .prepare('SELECT id, scope, kind, until_ms FROM tombstone WHERE (id, scope) > (?, ?) ORDER BY id, scope LIMIT ?')
    .all(...from.tombstone, lookedAt)
  const dropTombstone = database.prepare('DELETE FROM tombstone WHERE id = ? AND scope = ? AND kind = ?')
  let tombstones = 0
  for (const row of tombstoneRows) {
    if (integer(row, 'until_ms') > nowMs) continue
    dropTombstone.run(text(row, 'id'), integer(row, 'scope'), integer(row, 'kind'))
    tombstones += 1
  }

  const next: ExpiryCursor = {
    task: taskRows.length < lookedAt ? 0 : integer(taskRows.at(-1) ?? {}, 'id'),
    context: lastOf(contextRows, 'context_id'),
    tombstone: lastOf(tombstoneRows, 'id'),
  }
  return { tasks, contexts, tombstones, next }
}

/** From the beginning again when the end was reached. */
function lastOf(rows: readonly Columns[], id: string): readonly [string, number] {
  const last = rows.length < lookedAt ? undefined : rows.at(-1)
  return last === undefined ? ['', -1] : [text(last, id), integer(last, 'scope')]
}
