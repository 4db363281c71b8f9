// Who owns which task, context and push configuration: index.db, disposable, behind the ledger, which is the
// truth. Claims are decided in memory, at once and as a whole, so that of two calls that name the same new task
// only one can win; rows reach SQLite a moment later, in batches. Lost or unreadable, the file is begun anew and
// `applied` says from which record on the ledger has to be replayed.

import { rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { Fault } from '../base/fault.ts'
import type { OwnershipReader } from '../authorize/authorize.ts'
import { detach } from '../base/strict-json.ts'
import type { Claim, TaskOwner } from '../exchange/exchange.ts'
import { BatchedTable } from './batched-table.ts'
import { integer, text } from './columns.ts'
import { prepareListTasks, type TaskFilter, type TaskPage } from './list-tasks.ts'
import { openDatabase, type DatabaseShape } from './open-database.ts'
import {
  ownershipSchema,
  OwnershipTables,
  ownershipVersion,
  type ContextRow,
  type OwnedRow,
  type PushConfigRow,
  type TaskRow,
} from './ownership-tables.ts'
import { WriteQueue, type Schedule } from './write-queue.ts'

export type ClaimResult =
  /** `fresh`: what was not known before and has to be recorded; `undo` takes just that back */
  | { readonly ok: true; readonly fresh: readonly Claim[]; undo(): void }
  /** somebody else has it; nothing was claimed */
  | { readonly ok: false; readonly conflict: Claim }

export interface OwnershipIndex extends OwnershipReader {
  /** All or nothing, at once. Throws a Fault when too much waits to be written. */
  claim(claims: readonly Claim[]): ClaimResult
  /** What an agent last said of a known task; of an unknown one nothing is kept. */
  noteState(agent: string, tenant: string, taskId: string, state: string, timestampMs: number): void
  /** Drops a task and its push configurations. */
  forget(agent: string, tenant: string, taskId: string): void
  removePushConfig(agent: string, tenant: string, taskId: string, configId: string): void
  list(agent: string, tenant: string, owner: TaskOwner, filter: TaskFilter): TaskPage
  /** How many records of this ledger are in the index: replay begins with the record of this index. */
  applied(origin: string): number
  /** Reaches the disk together with, or after, everything claimed before it. */
  setApplied(origin: string, records: number): void
  flush(): void
  close(): void
  /** why rows cannot be written at present; undefined when they can */
  readonly problem: string | undefined
}

export interface OwnershipIndexOptions {
  readonly path: string
  /** runs a callback later; by default a timer that does not keep the process alive */
  readonly schedule?: Schedule
  readonly cachedRows?: number
}

const shape: DatabaseShape = { version: ownershipVersion, schema: ownershipSchema, synchronous: 'NORMAL' }
const maxWaiting = 100_000

/** Opens the index, or begins a new one when there is none that can be used. Throws a Fault when not even that works. */
export function openOwnershipIndex(options: OwnershipIndexOptions): OwnershipIndex {
  const schedule: Schedule = options.schedule ?? ((callback, delayMs) => void setTimeout(callback, delayMs).unref())
  return new SqliteOwnership(openDisposable(options.path), schedule, options.cachedRows ?? 50_000)
}

function openDisposable(path: string): DatabaseSync {
  try {
    return openDatabase(path, shape)
  } catch {
    // Damaged, or of another version: everything in it can be had from the ledger again.
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
    return openDatabase(path, shape)
  }
}

class SqliteOwnership implements OwnershipIndex {
  readonly #database: DatabaseSync
  readonly #queue: WriteQueue
  readonly #tables: OwnershipTables
  readonly #tasks: BatchedTable<TaskRow>
  readonly #contexts: BatchedTable<ContextRow>
  readonly #pushConfigs: BatchedTable<PushConfigRow>
  readonly #applied: Map<string, number>
  readonly #listTasks
  readonly #writeApplied

  constructor(database: DatabaseSync, schedule: Schedule, cachedRows: number) {
    const tables = new OwnershipTables(database)
    const queue = new WriteQueue({ database, schedule, onRollback: () => tables.forgetNumbers() })
    this.#database = database
    this.#tables = tables
    this.#queue = queue
    this.#tasks = new BatchedTable({ name: 'task', queue, statements: tables.tasks, cachedRows })
    this.#contexts = new BatchedTable({ name: 'context', queue, statements: tables.contexts, cachedRows })
    this.#pushConfigs = new BatchedTable({ name: 'push', queue, statements: tables.pushConfigs, cachedRows })
    this.#listTasks = prepareListTasks(database)
    this.#writeApplied = database.prepare('INSERT OR REPLACE INTO applied (origin, records) VALUES (?, ?)')
    const applied = database.prepare('SELECT origin, records FROM applied').all()
    this.#applied = new Map(applied.map((row) => [text(row, 'origin'), integer(row, 'records')]))
  }

  get problem(): string | undefined {
    return this.#queue.problem
  }

  task(agent: string, tenant: string, taskId: string): TaskRow | undefined {
    return this.#tasks.get(keyOf(agent, tenant, taskId), () => this.#tables.tasks.load(agent, tenant, taskId))
  }

  context(agent: string, tenant: string, contextId: string): ContextRow | undefined {
    return this.#contexts.get(keyOf(agent, tenant, contextId), () =>
      this.#tables.contexts.load(agent, tenant, contextId),
    )
  }

  pushConfig(agent: string, tenant: string, taskId: string, configId: string): PushConfigRow | undefined {
    return this.#pushConfigs.get(configKeyOf(agent, tenant, taskId, configId), () =>
      this.#tables.pushConfigs.load(agent, tenant, taskId, configId),
    )
  }

  claim(claims: readonly Claim[]): ClaimResult {
    if (this.#queue.size > maxWaiting) this.#flushOrFault()
    const fresh: Claim[] = []
    const undos: (() => void)[] = []
    const undo = (): void => {
      for (const step of undos.splice(0).reverse()) step()
    }
    for (const claim of claims) {
      const undoOne = this.#claimOne(claim)
      if (undoOne === 'conflict') {
        undo()
        return { ok: false, conflict: claim }
      }
      if (undoOne === 'known') continue
      fresh.push(claim)
      undos.push(undoOne)
    }
    return { ok: true, fresh, undo }
  }

  noteState(agent: string, tenant: string, taskId: string, state: string, timestampMs: number): void {
    const row = this.task(agent, tenant, taskId)
    if (row === undefined) return
    // The time is the agent's word: what is not a time at all must not reach the index.
    const at = Number.isSafeInteger(timestampMs) ? timestampMs : row.timestampMs
    if ((row.state === state && row.timestampMs === at) || this.#queue.size > maxWaiting) return
    this.#tasks.put(keyOf(agent, tenant, taskId), { ...row, state: detach(state), timestampMs: at })
  }

  forget(agent: string, tenant: string, taskId: string): void {
    this.#flushOrFault() // so that SQLite knows all configurations of this task
    const row = this.task(agent, tenant, taskId)
    if (row !== undefined) this.#tasks.remove(keyOf(agent, tenant, taskId), row)
    for (const configId of this.#tables.pushConfigs.idsOf(agent, tenant, taskId))
      this.removePushConfig(agent, tenant, taskId, configId)
  }

  removePushConfig(agent: string, tenant: string, taskId: string, configId: string): void {
    const row = this.pushConfig(agent, tenant, taskId, configId)
    if (row !== undefined) this.#pushConfigs.remove(configKeyOf(agent, tenant, taskId, configId), row)
  }

  list(agent: string, tenant: string, owner: TaskOwner, filter: TaskFilter): TaskPage {
    this.#flushOrFault()
    return this.#listTasks(agent, tenant, owner, filter)
  }

  applied(origin: string): number {
    return this.#applied.get(origin) ?? 0
  }

  setApplied(origin: string, records: number): void {
    if (records <= this.applied(origin)) return
    this.#applied.set(origin, records)
    this.#queue.addLast(`applied ${origin}`, {
      write: () => void this.#writeApplied.run(origin, this.applied(origin)),
      settle: () => {},
    })
  }

  flush(): void {
    this.#queue.flush()
  }

  close(): void {
    try {
      this.#queue.flush()
    } finally {
      this.#queue.close()
      this.#database.close()
    }
  }

  /** Takes one claim, and says how to take it back. */
  #claimOne(claim: Claim): (() => void) | 'known' | 'conflict' {
    if (claim.kind === 'task') return this.#claimTask(claim)
    const { agent, tenant } = claim
    if (claim.kind === 'context') {
      const row: ContextRow = { ...ownedOf(claim), contextId: detach(claim.contextId) }
      return settle(
        this.context(agent, tenant, row.contextId),
        this.#contexts,
        keyOf(agent, tenant, row.contextId),
        row,
      )
    }
    const row: PushConfigRow = { ...ownedOf(claim), taskId: detach(claim.taskId), configId: detach(claim.configId) }
    const known = this.pushConfig(agent, tenant, row.taskId, row.configId)
    return settle(known, this.#pushConfigs, configKeyOf(agent, tenant, row.taskId, row.configId), row)
  }

  #claimTask(claim: Extract<Claim, { kind: 'task' }>): (() => void) | 'known' | 'conflict' {
    const { agent, tenant } = claim
    // Ids come out of an agent's answer: kept as they are, each would keep the whole answer in memory.
    const taskId = detach(claim.taskId)
    const contextId = detach(claim.contextId)
    const key = keyOf(agent, tenant, taskId)
    const known = this.task(agent, tenant, taskId)
    const row: TaskRow = { ...ownedOf(claim), taskId, contextId, state: '', timestampMs: claim.createdAtMs }
    if (known === undefined || !isSameOwner(known, row) || known.contextId !== '' || contextId === '')
      return settle(known, this.#tasks, key, row)
    // An agent may name a task before its context: what is learned later is news to the ledger too.
    this.#tasks.put(key, { ...known, contextId })
    return () => this.#tasks.put(key, known)
  }

  #flushOrFault(): void {
    try {
      this.#queue.flush()
    } catch (cause) {
      throw new Fault('STORE_UNREACHABLE', 'the ownership index cannot be written', {
        cause,
        hint: 'check that the disk has room',
      })
    }
  }
}

function settle<Row extends OwnedRow>(
  known: Row | undefined,
  table: BatchedTable<Row>,
  key: string,
  row: Row,
): (() => void) | 'known' | 'conflict' {
  if (known !== undefined) return isSameOwner(known, row) ? 'known' : 'conflict'
  table.put(key, row)
  return () => table.remove(key, row)
}

function isSameOwner(one: OwnedRow, other: OwnedRow): boolean {
  return one.owner.caller === other.owner.caller && one.owner.origin === other.owner.origin
}

function ownedOf({ agent, tenant, owner, groups, createdAtMs }: Claim): OwnedRow {
  return { agent, tenant, owner, groups, createdAtMs }
}

// Agent names and tenants come from configuration and hold no control characters, so only the last part of a key
// is free; of the two free parts of a push configuration's key the first is given its length.
function keyOf(agent: string, tenant: string, id: string): string {
  return `${agent}\n${tenant}\n${id}`
}

function configKeyOf(agent: string, tenant: string, taskId: string, configId: string): string {
  return `${agent}\n${tenant}\n${taskId.length}:${taskId}${configId}`
}
