// Rows on their way to the thread that writes them: one flat list of texts and numbers for many rows, because cloning
// an object for each would cost the event loop several times as much.

import { invariant } from '../base/invariant.ts'
import type { IdKind } from './id-filter.ts'
import { sentRemoved, sentSaved } from './sent-rows.ts'
import type { ContextRow, OwnedRow, PushConfigRow, TaskRow } from './ownership-rows.ts'

export type Field = string | number

/** How one kind of row is written into a message, after the code of its kind. */
export interface RowKind<Row> {
  readonly name: IdKind
  readonly saved: number
  readonly removed: number
  /** the parts of its key after agent and tenant */
  key(row: Row, into: Field[]): void
  rest(row: Row, into: Field[]): void
}

const none = (): void => {}

export const taskKind: RowKind<TaskRow> = {
  name: 'task',
  saved: 1,
  removed: -1,
  key: (row, into) => void into.push(row.taskId),
  rest: (row, into) => void into.push(row.contextId, row.state, row.timestampMs),
}
export const contextKind: RowKind<ContextRow> = {
  name: 'context',
  saved: 2,
  removed: -2,
  key: (row, into) => void into.push(row.contextId),
  rest: (row, into) => void into.push(row.name, row.turns),
}
export const pushConfigKind: RowKind<PushConfigRow> = {
  name: 'pushConfig',
  saved: 3,
  removed: -3,
  key: (row, into) => void into.push(row.taskId, row.configId),
  rest: none,
}

/** A row that waits for the disk. As long as it has not been posted, a newer state takes its place. */
export class Change<Row extends OwnedRow> {
  readonly #kind: RowKind<Row>
  row: Row
  isRemoved: boolean
  isPosted = false

  constructor(kind: RowKind<Row>, row: Row, isRemoved: boolean) {
    this.#kind = kind
    this.row = row
    this.isRemoved = isRemoved
  }

  appendTo(fields: Field[]): void {
    const { row } = this
    this.isPosted = true
    fields.push(this.isRemoved ? this.#kind.removed : this.#kind.saved, row.agent, row.tenant)
    this.#kind.key(row, fields)
    if (this.isRemoved) return
    const groups = row.groups.length === 0 ? '[]' : JSON.stringify(row.groups)
    fields.push(row.owner.caller, row.owner.origin, groups, row.createdAtMs)
    this.#kind.rest(row, fields)
  }
}

/** What the table wants to know of an owner; groups stay the JSON they are stored as. */
export interface StoredOwner {
  readonly agent: string
  readonly tenant: string
  readonly caller: string
  readonly origin: string
  readonly groups: string
  readonly createdAtMs: number
}

export interface RowSink {
  saveTask(owned: StoredOwner, taskId: string, rest: { contextId: string; state: string; timestampMs: number }): void
  saveContext(owned: StoredOwner, contextId: string, rest: { name: string; turns: number }): void
  savePushConfig(owned: StoredOwner, taskId: string, configId: string): void
  saveSent(owned: StoredOwner, key: string, rest: { print: string; call: string; taskId: string }): void
  removeSent(key: string): void
  removeTask(agent: string, tenant: string, taskId: string): void
  removeContext(agent: string, tenant: string, contextId: string): void
  removePushConfig(agent: string, tenant: string, taskId: string, configId: string): void
}

/** Hands every row of a message to the sink, in order. */
export function readRows(fields: readonly Field[], sink: RowSink): void {
  let at = 0
  const word = (): string => {
    const value = fields[at++]
    invariant(typeof value === 'string', 'a message of rows is out of step')
    return value
  }
  const number = (): number => {
    const value = fields[at++]
    invariant(typeof value === 'number', 'a message of rows is out of step')
    return value
  }
  const ownedBy = (agent: string, tenant: string): StoredOwner => {
    return { agent, tenant, caller: word(), origin: word(), groups: word(), createdAtMs: number() }
  }
  while (at < fields.length) {
    const code = number()
    const [agent, tenant, id] = [word(), word(), word()]
    const configId = Math.abs(code) === pushConfigKind.saved ? word() : ''
    if (code === taskKind.removed) sink.removeTask(agent, tenant, id)
    else if (code === contextKind.removed) sink.removeContext(agent, tenant, id)
    else if (code === pushConfigKind.removed) sink.removePushConfig(agent, tenant, id, configId)
    else if (code === contextKind.saved) sink.saveContext(ownedBy(agent, tenant), id, { name: word(), turns: number() })
    else if (code === pushConfigKind.saved) sink.savePushConfig(ownedBy(agent, tenant), id, configId)
    else if (code === sentRemoved) sink.removeSent(id)
    else if (code === sentSaved)
      sink.saveSent(ownedBy(agent, tenant), id, { print: word(), call: word(), taskId: word() })
    else {
      invariant(code === taskKind.saved, 'a row of no known kind')
      sink.saveTask(ownedBy(agent, tenant), id, { contextId: word(), state: word(), timestampMs: number() })
    }
  }
}
