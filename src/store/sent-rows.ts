// Which messages were sent, in index.db: two hashes and until when they count, so that a messageId that was used is
// known after a restart. Nothing is looked up here on a call's way: the book of duplicates has all of it in memory, and
// this is what the next start reads. A row that goes from there goes from here.

import type { DatabaseSync } from 'node:sqlite'
import type { TaskOwner } from '../exchange/exchange.ts'
import { integer, text } from './columns.ts'
import type { Field } from './row-message.ts'
import type { Waiting, WaitingTable } from './write-queue.ts'

/** A message as the next start has to know it. */
export interface SentRow {
  readonly key: string
  readonly print: string
  readonly untilMs: number
  readonly agent: string
  readonly tenant: string
  readonly owner: TaskOwner
  readonly call: string
  readonly taskId: string
}

export const sentSchema = `
  CREATE TABLE sent (
    key TEXT PRIMARY KEY, print TEXT NOT NULL, until_ms INTEGER NOT NULL, owner INTEGER NOT NULL,
    call TEXT NOT NULL, task_id TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`

export const sentSaved = 4
export const sentRemoved = -4

class SentChange implements Waiting {
  row: SentRow
  isRemoved: boolean
  isPosted = false

  constructor(row: SentRow, isRemoved: boolean) {
    this.row = row
    this.isRemoved = isRemoved
  }

  appendTo(fields: Field[]): void {
    const { key, print, untilMs, agent, tenant, owner, call, taskId } = this.row
    this.isPosted = true
    fields.push(this.isRemoved ? sentRemoved : sentSaved, agent, tenant, key)
    if (this.isRemoved) return
    fields.push(owner.caller, owner.origin, '[]', untilMs, print, call, taskId)
  }
}

export class SentTable implements WaitingTable {
  readonly #queue: (change: Waiting) => void
  #gathered: Map<string, SentChange> = new Map()
  #committing: Map<string, SentChange> = new Map()

  constructor(queue: (change: Waiting) => void) {
    this.#queue = queue
  }

  put(row: SentRow, isRemoved: boolean): void {
    const waiting = this.#gathered.get(row.key)
    if (waiting !== undefined && !waiting.isPosted) {
      waiting.row = row
      waiting.isRemoved = isRemoved
      return
    }
    const change = new SentChange(row, isRemoved)
    this.#gathered.set(row.key, change)
    this.#queue(change)
  }

  get gathered(): number {
    return this.#gathered.size
  }

  get committing(): number {
    return this.#committing.size
  }

  turn(): void {
    this.#committing = this.#gathered
    this.#gathered = new Map()
  }

  settle(): void {
    this.#committing = new Map()
  }

  restore(): Iterable<Waiting> {
    const all = new Map([...this.#committing, ...this.#gathered])
    for (const change of all.values()) change.isPosted = false
    this.#gathered = all
    this.#committing = new Map()
    return all.values()
  }

  /** An erased subject sends nothing any more: what still waits of it is not written. */
  forget(subject: string): void {
    for (const change of this.#gathered.values()) {
      const { caller, origin } = change.row.owner
      if (caller === subject || origin === subject) this.put(change.row, true)
    }
  }
}

/** What is on disk, oldest first as far as one can tell: by until when it counts. */
export function readSent(database: DatabaseSync): SentRow[] {
  const rows = database
    .prepare(
      `SELECT r.key, r.print, r.until_ms, s.agent, s.tenant, o.caller, o.origin, r.call, r.task_id
       FROM sent r JOIN owner o ON o.id = r.owner JOIN scope s ON s.id = o.scope ORDER BY r.until_ms`,
    )
    .all()
  return rows.map((row) => ({
    key: text(row, 'key'),
    print: text(row, 'print'),
    untilMs: integer(row, 'until_ms'),
    agent: text(row, 'agent'),
    tenant: text(row, 'tenant'),
    owner: { caller: text(row, 'caller'), origin: text(row, 'origin') },
    call: text(row, 'call'),
    taskId: text(row, 'task_id'),
  }))
}
