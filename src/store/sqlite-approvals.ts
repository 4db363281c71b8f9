// Approvals in state.db: what people have been asked, what they said, and what was used. Every change is synced
// before it holds, so that a grant is used once and never twice, whatever happens in between. Few, and not for ever.

import { randomBytes } from 'node:crypto'
import type { Approval, ApprovalBook, ApprovalRequest, ApprovalState, DecidedAs } from '../authorize/authorize.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { bytes, integer, text, type Columns } from './columns.ts'
import { inTransaction } from './open-database.ts'
import { openStateDatabase } from './state-database.ts'

export interface ApprovalStore extends ApprovalBook {
  get(id: string): Approval | undefined
  /** oldest first, without what has expired */
  list(): readonly Approval[]
  /** Decides a pending one; undefined when it is none any more. */
  decide(id: string, decision: ApprovalVerdict): Approval | undefined
  /** Forgets what names this principal; how many that were. */
  forget(principal: string): number
  close(): void
}

export interface ApprovalVerdict {
  readonly state: 'granted' | 'denied'
  readonly by: string
  /** how they were proven: without it a grant never stands */
  readonly as?: DecidedAs
  readonly expiresAtMs: number
}

const maxWaiting = 1_000 // bound: approvals that are remembered
const maxWaitingPerCaller = 50 // bound: approvals that are remembered of one caller

export function openApprovalStore(path: string, clock: Clock): ApprovalStore {
  const database = openStateDatabase(path)
  const select = database.prepare('SELECT * FROM approval WHERE id = ? AND expires_at_ms > ?')
  const selectByTag = database.prepare('SELECT * FROM approval WHERE tag = ? AND expires_at_ms > ? AND state <> ?')
  const selectAll = database.prepare('SELECT * FROM approval WHERE expires_at_ms > ? ORDER BY created_at_ms, id')
  const selectParties = database.prepare('SELECT id, caller, origin, chain FROM approval')
  const count = database.prepare('SELECT count(*) AS total, count(*) FILTER (WHERE caller = ?) AS own FROM approval')
  const dropExpired = database.prepare('DELETE FROM approval WHERE expires_at_ms <= ?')
  const dropReplaced = database.prepare('DELETE FROM approval WHERE tag = ? AND state <> ?')
  const drop = database.prepare('DELETE FROM approval WHERE id = ?')
  const insert = database.prepare(
    `INSERT INTO approval (id, tag, caller, origin, chain, agent, operation, task, rules, parts, state, created_at_ms, expires_at_ms, decided_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, '')`,
  )
  const update = database.prepare(
    'UPDATE approval SET state = ?, decided_by = ?, decided_as = ?, expires_at_ms = ? WHERE id = ? AND state = ? AND expires_at_ms > ?',
  )
  const mark = database.prepare('UPDATE approval SET state = ? WHERE id = ? AND state = ? AND expires_at_ms > ?')

  const write = <T>(work: () => T): T => {
    let result: T | undefined
    try {
      inTransaction(database, () => (result = work()))
    } catch (cause) {
      throw new Fault('STORE_UNREACHABLE', `cannot write ${path}`, {
        cause,
        hint: 'nothing was changed; check that the disk has room',
      })
    }
    return result as T // the transaction was committed, so `work` has returned
  }
  const get = (id: string): Approval | undefined => readRow(select.get(id, clock.nowMs()))

  return {
    get,
    find: (tag) => readRow(selectByTag.get(tag, clock.nowMs(), 'used')),
    list: () =>
      selectAll
        .all(clock.nowMs())
        .map(readRow)
        .filter((each) => each !== undefined),
    request: (request, waitMs) =>
      write(() => {
        dropExpired.run(clock.nowMs())
        dropReplaced.run(request.tag, 'used')
        const { total = 0, own = 0 } = count.get(request.caller) ?? {}
        if (Number(total) >= maxWaiting || Number(own) >= maxWaitingPerCaller) return undefined
        const id = `${request.tag.toString('hex', 0, 6)}${randomBytes(6).toString('hex')}`
        insert.run(id, ...columnsOf(request), clock.nowMs(), clock.nowMs() + waitMs)
        return readRow(select.get(id, clock.nowMs()))
      }),
    decide: (id, { state, by, as, expiresAtMs }) =>
      write(() => {
        const proven = as === undefined ? null : JSON.stringify(as)
        const { changes } = update.run(state, by, proven, expiresAtMs, id, 'pending', clock.nowMs())
        return changes === 1 ? get(id) : undefined
      }),
    take: (id) => write(() => mark.run('used', id, 'granted', clock.nowMs()).changes === 1),
    giveBack: (id) => {
      write(() => mark.run('granted', id, 'used', clock.nowMs()))
    },
    forget: (principal) =>
      write(() => {
        const named = selectParties
          .all()
          .filter(
            (row) =>
              row['caller'] === principal || row['origin'] === principal || listOf(row, 'chain').includes(principal),
          )
        for (const row of named) drop.run(text(row, 'id'))
        return named.length
      }),
    close: () => database.close(),
  }
}

function columnsOf(request: ApprovalRequest): [Buffer, ...string[]] {
  const { tag, caller, origin, chain, agent, operation, task, rules, parts } = request
  return [
    tag,
    caller,
    origin,
    JSON.stringify(chain),
    agent,
    operation,
    task,
    JSON.stringify(rules),
    JSON.stringify(parts),
  ]
}

function readRow(row: Columns | undefined): Approval | undefined {
  if (row === undefined) return undefined
  return {
    id: text(row, 'id'),
    tag: bytes(row, 'tag'),
    caller: text(row, 'caller'),
    origin: text(row, 'origin'),
    chain: listOf(row, 'chain'),
    agent: text(row, 'agent'),
    operation: text(row, 'operation'),
    task: text(row, 'task'),
    rules: listOf(row, 'rules'),
    parts: JSON.parse(text(row, 'parts')) as Approval['parts'], // written by columnsOf
    state: text(row, 'state') as ApprovalState, // the table checks it
    createdAtMs: integer(row, 'created_at_ms'),
    expiresAtMs: integer(row, 'expires_at_ms'),
    decidedBy: text(row, 'decided_by'),
    decidedAs: row['decided_as'] === null ? undefined : (JSON.parse(text(row, 'decided_as')) as DecidedAs), // written by decide
  }
}

function listOf(row: Columns, name: string): readonly string[] {
  return JSON.parse(text(row, name)) as string[] // written by columnsOf
}
