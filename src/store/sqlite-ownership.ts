// Who owns which task, context and push configuration: index.db, disposable, behind the ledger, which is the
// truth. Claims are decided in memory, at once and as a whole, so that of two calls that name the same new task
// only one can win; a thread of its own brings rows to SQLite a moment later. The event loop never writes, and never
// waits for who does. Lost or unreadable, the file is begun anew and
// `applied` says from which record on the ledger has to be replayed.

import { randomInt } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { OwnershipReader } from '../authorize/authorize.ts'
import { isFinished } from '../a2a/shape.ts'
import { detach } from '../base/strict-json.ts'
import type { Claim, ClaimResult, TaskOwner } from '../exchange/exchange.ts'
import { BatchedTable } from './batched-table.ts'
import {
  expiryStart,
  hasExpired,
  ownerMark,
  prepareTombstones,
  type FindTombstone,
  type OwnershipRetention,
  type TombstoneKind,
} from './expired-rows.ts'
import { IdFilter } from './id-filter.ts'
import type { TaskFilter, TaskPage } from './list-tasks.ts'
import { openIndex } from './open-index.ts'
import { OpenTasks } from './open-tasks.ts'
import {
  configIdOf,
  isNobodys,
  type ContextRow,
  type OwnedRow,
  type PushConfigRow,
  type TaskRow,
} from './ownership-rows.ts'
import { prepareRowReader, type RowReader } from './read-ownership.ts'
import { readSent, SentTable, type SentRow } from './sent-rows.ts'
import { contextKind, pushConfigKind, taskKind, type Change } from './row-message.ts'
import { WriteQueue, type Schedule, type WaitingTable } from './write-queue.ts'
import { unreachable, WriterThread } from './writer-thread.ts'

export interface OwnershipIndex extends OwnershipReader {
  /** All or nothing, at once. Throws a Fault when too much waits to be written. */
  claim(claims: readonly Claim[]): ClaimResult
  context(agent: string, tenant: string, contextId: string): ContextRow | undefined
  /** Beside its owner what an agent last said of it. */
  task(agent: string, tenant: string, taskId: string): TaskRow | undefined
  /** Unfinished tasks of one caller, on one agent, or of the one on the other; what nobody has said how it is among them. */
  openTasks(of: { readonly agent?: string; readonly caller?: string }): number
  /** How many messages a context has had: that of a task where it is not named. 0 where none is known. */
  turns(agent: string, tenant: string, of: { readonly contextId: string; readonly taskId: string }): number
  /** So many messages came to a context when it was known already. */
  noteTurns(agent: string, tenant: string, contextId: string, turns: number): void
  /** The context of a message, where it is known already. */
  knownContext(
    agent: string,
    tenant: string,
    of: { readonly contextId: string; readonly taskId: string },
  ): ContextRow | undefined
  /** Whether a task is known, and nobody has said that it is over. */
  isOpen(agent: string, tenant: string, taskId: string): boolean
  /** What an agent last said of a known task; of an unknown one nothing is kept. */
  noteState(agent: string, tenant: string, taskId: string, state: string, timestampMs: number): void
  /** A message that was sent, or what is known of it by now. Throws a Fault when too much waits to be written. */
  noteSent(row: SentRow): void
  /** It counts no more. */
  forgetSent(row: SentRow): void
  /** All messages that are on disk, those first that count no longer the soonest. */
  sent(): SentRow[]
  /** Sees everything claimed before. Rejects with a Fault when that cannot be written. */
  list(agent: string, tenant: string, owner: TaskOwner, filter: TaskFilter): Promise<TaskPage>
  /** How many records of this ledger are in the index: replay begins with the record of this index. */
  applied(origin: string): number
  /** Reaches the disk together with, or after, everything claimed before it. */
  setApplied(origin: string, records: number): void
  /**
   * Makes every row nobody's whose owner is this subject, as caller or as origin; answers how many those were. Their
   * ids stay taken. What is claimed meanwhile stays. Rejects with a Fault when it cannot be written.
   */
  forget(subject: string): Promise<number>
  /** Hears of every subject that is to be forgotten, before it is. */
  onForget(callback: (subject: string) => void): void
  /** Other rules from now on. */
  retain(rules: OwnershipRetention): void
  /**
   * Takes what has expired out of the file, of some thousand rows each time; answers how many those were. Rejects with a
   * Fault when it cannot be written.
   */
  expire(): Promise<number>
  /** Resolves when all that waits now is on disk. Rejects with a Fault when it cannot be written. */
  flush(): Promise<void>
  /** Writes what still waits, and closes the file whether or not that went well. */
  close(): Promise<void>
  /** rows that are not on disk yet */
  readonly waiting: number
  /** why rows cannot be written at present; undefined when they can */
  readonly problem: string | undefined
}

export interface OwnershipIndexOptions {
  readonly path: string
  /** runs a callback later; by default a timer that does not keep the process alive */
  readonly schedule?: Schedule
  readonly cachedRows?: number
  /** what is kept for how long; everything for ever where nothing is given */
  readonly retention?: OwnershipRetention
  readonly nowMs?: () => number
  /** hears why a file that was there could not be used and was begun anew */
  readonly onDiscarded?: (why: string) => void
}

const maxWaiting = 100_000 // bound: rows that wait for the index of owners

/** Opens the index, or begins a new one when there is none that can be used. Throws a Fault when not even that works. */
export function openOwnershipIndex(options: OwnershipIndexOptions): OwnershipIndex {
  const schedule: Schedule = options.schedule ?? ((callback, delayMs) => void setTimeout(callback, delayMs).unref())
  return new SqliteOwnership({
    ...options,
    schedule,
    database: openIndex(options.path, options.onDiscarded ?? (() => {})),
  })
}

class SqliteOwnership implements OwnershipIndex {
  readonly #database: DatabaseSync
  readonly #reader: RowReader
  readonly #thread: WriterThread
  readonly #queue: WriteQueue
  readonly #filter: IdFilter
  readonly #tasks: BatchedTable<TaskRow>
  readonly #contexts: BatchedTable<ContextRow>
  readonly #pushConfigs: BatchedTable<PushConfigRow>
  readonly #sent: SentTable
  readonly #open: OpenTasks
  readonly #applied: Map<string, number>
  readonly #contextIds = new Kept(1)
  readonly #states = new Kept(16)
  readonly #forgetting: ((subject: string) => void)[] = []
  readonly #nowMs: () => number
  readonly #findTombstone: FindTombstone
  #retention: OwnershipRetention | undefined
  #expiry = expiryStart
  #isFilterAsked = false

  constructor(options: OwnershipIndexOptions & { database: DatabaseSync; schedule: Schedule }) {
    const { path, database, schedule, cachedRows = 50_000 } = options
    // what this connection has read is stale after every commit of the other: little is worth keeping
    database.exec('PRAGMA query_only = ON; PRAGMA cache_size = -1024')
    this.#database = database
    this.#reader = prepareRowReader(database)
    this.#applied = this.#reader.applied()
    this.#open = new OpenTasks(database)
    this.#findTombstone = prepareTombstones(database)
    this.#retention = options.retention
    this.#nowMs = options.nowMs ?? (() => 0)
    const filter = new IdFilter(randomInt(2 ** 32), this.#reader.isEmpty())
    this.#filter = filter
    const queue = (change: Change<TaskRow> | Change<ContextRow> | Change<PushConfigRow>): void =>
      this.#queue.add(change)
    this.#tasks = new BatchedTable({ kind: taskKind, filter, cachedRows, queue })
    this.#contexts = new BatchedTable({ kind: contextKind, filter, cachedRows, queue })
    this.#pushConfigs = new BatchedTable({ kind: pushConfigKind, filter, cachedRows, queue })
    this.#sent = new SentTable((change) => this.#queue.add(change))
    this.#thread = new WriterThread(path, {
      onCommitted: () => this.#queue.onCommitted(),
      onFailed: (problem) => this.#queue.onFailed(problem),
      onLost: (problem) => {
        this.#isFilterAsked = false
        this.#queue.onLost(problem)
      },
      onFilter: (bits) => filter.complete(bits),
    })
    const tables: WaitingTable[] = [this.#tasks, this.#contexts, this.#pushConfigs, this.#sent]
    this.#queue = new WriteQueue({ thread: this.#thread, schedule, tables })
  }

  get problem(): string | undefined {
    return this.#queue.problem
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** One that has expired is not there, whether or not it has left the file. */
  task(agent: string, tenant: string, taskId: string): TaskRow | undefined {
    const row = this.#row(agent, tenant, taskId)
    return row === undefined || this.#isOver(row) ? undefined : row
  }

  #isOver(row: Pick<TaskRow, 'createdAtMs' | 'timestampMs' | 'state'>): boolean {
    return this.#retention !== undefined && hasExpired(row, this.#retention, this.#nowMs())
  }

  #row(agent: string, tenant: string, taskId: string): TaskRow | undefined {
    return this.#tasks.get(agent, tenant, taskId, () => this.#cold().task(agent, tenant, taskId))
  }

  context(agent: string, tenant: string, contextId: string): ContextRow | undefined {
    return this.#contexts.get(agent, tenant, contextId, () => this.#cold().context(agent, tenant, contextId))
  }

  pushConfig(agent: string, tenant: string, taskId: string, configId: string): PushConfigRow | undefined {
    return this.#pushConfigs.get(agent, tenant, configIdOf(taskId, configId), () =>
      this.#cold().pushConfig(agent, tenant, taskId, configId),
    )
  }

  openTasks(of: { readonly agent?: string; readonly caller?: string }): number {
    return this.#open.count(of)
  }

  isOpen(agent: string, tenant: string, taskId: string): boolean {
    const row = this.task(agent, tenant, taskId)
    return row !== undefined && !isFinished(row.state)
  }

  knownContext(
    agent: string,
    tenant: string,
    { contextId, taskId }: { readonly contextId: string; readonly taskId: string },
  ): ContextRow | undefined {
    const id = contextId !== '' || taskId === '' ? contextId : (this.task(agent, tenant, taskId)?.contextId ?? '')
    return id === '' ? undefined : this.context(agent, tenant, id)
  }

  turns(agent: string, tenant: string, of: { readonly contextId: string; readonly taskId: string }): number {
    const row = this.knownContext(agent, tenant, of)
    // the message with which it began was not known to be its
    return row === undefined ? 0 : row.turns + 1
  }

  noteTurns(agent: string, tenant: string, contextId: string, turns: number): void {
    const row = this.context(agent, tenant, contextId)
    if (row === undefined || row.turns === turns || isNobodys(row)) return
    if (this.#queue.size > maxWaiting) throw unreachable(this.#queue.problem ?? 'the disk is too slow')
    this.#contexts.update(row.contextId, { ...row, turns })
  }

  claim(claims: readonly Claim[]): ClaimResult {
    if (this.#queue.size > maxWaiting) throw unreachable(this.#queue.problem ?? 'the disk is too slow')
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
    const { owner, groups, createdAtMs, contextId } = row
    const kept = { agent, tenant, owner, groups, createdAtMs, taskId: row.taskId, contextId }
    const next: TaskRow = { ...kept, state: this.#states.keep(state), timestampMs: at }
    this.#tasks.update(row.taskId, next)
    this.#open.changed(row, next)
  }

  noteSent(row: SentRow): void {
    if (this.#queue.size > maxWaiting) throw unreachable(this.#queue.problem ?? 'the disk is too slow')
    this.#sent.put(row, false)
  }

  forgetSent(row: SentRow): void {
    this.#sent.put(row, true)
  }

  sent(): SentRow[] {
    return readSent(this.#database)
  }

  async list(agent: string, tenant: string, owner: TaskOwner, filter: TaskFilter): Promise<TaskPage> {
    await this.#queue.flush()
    const page = await this.#thread.list(agent, tenant, owner, filter)
    const rows = page.rows.filter((row) => !this.#isOver(row))
    return { ...page, rows, total: page.total - (page.rows.length - rows.length) }
  }

  applied(origin: string): number {
    return this.#applied.get(origin) ?? 0
  }

  setApplied(origin: string, records: number): void {
    if (records <= this.applied(origin)) return
    this.#applied.set(origin, records)
    this.#queue.setMark(origin, records)
  }

  async forget(subject: string): Promise<number> {
    for (const hear of this.#forgetting) hear(subject)
    this.#open.forget(subject)
    this.#sent.forget(subject)
    await this.#queue.flush()
    try {
      return await this.#thread.forget(subject)
    } finally {
      // whatever of it came about
      const reader = this.#reader
      this.#tasks.forgetRead(subject, (row) => reader.task(row.agent, row.tenant, row.taskId))
      this.#contexts.forgetRead(subject, (row) => reader.context(row.agent, row.tenant, row.contextId))
      this.#pushConfigs.forgetRead(subject, (row) => reader.pushConfig(row.agent, row.tenant, row.taskId, row.configId))
    }
  }

  retain(rules: OwnershipRetention): void {
    this.#retention = rules
  }

  async expire(): Promise<number> {
    const rules = this.#retention
    if (rules === undefined) return 0
    await this.#queue.flush()
    const { tasks, contexts, tombstones, next } = await this.#thread.expire(rules, this.#nowMs(), this.#expiry)
    this.#expiry = next
    for (const task of tasks) {
      this.#tasks.evict(task.agent, task.tenant, task.taskId)
      // its owner may have been given it anew meanwhile
      if (this.#row(task.agent, task.tenant, task.taskId) === undefined) this.#open.left(task)
    }
    for (const [agent, tenant, contextId] of contexts) this.#contexts.evict(agent, tenant, contextId)
    return tasks.length + contexts.length + tombstones
  }

  onForget(callback: (subject: string) => void): void {
    this.#forgetting.push(callback)
  }

  flush(): Promise<void> {
    return this.#queue.flush()
  }

  async close(): Promise<void> {
    try {
      await this.#queue.flush()
    } finally {
      this.#queue.close()
      // before the thread, so that the last checkpoint is the thread's work
      this.#database.close()
      await this.#thread.close()
    }
  }

  /** SQLite, for a key that nothing in memory knows. The first of these has the filter filled, to make the next rare. */
  #cold(): RowReader {
    if (!this.#filter.isComplete && !this.#isFilterAsked) {
      this.#isFilterAsked = true
      this.#thread.post({ kind: 'filter', seed: this.#filter.seed })
    }
    return this.#reader
  }

  /** Takes one claim, and says how to take it back. */
  #claimOne(claim: Claim): (() => void) | 'known' | 'conflict' {
    const { agent, tenant, owner, groups, createdAtMs } = claim
    if (claim.kind === 'task') return this.#claimTask(claim)
    if (claim.kind === 'context') {
      const known = this.context(agent, tenant, claim.contextId)
      if (known !== undefined) return isOwner(known, owner) ? 'known' : 'conflict'
      if (this.#isTaken('context', claim, claim.contextId)) return 'conflict'
      const contextId = this.#contextIds.keep(claim.contextId)
      const name = claim.name === undefined ? contextId : detach(claim.name)
      const row: ContextRow = { agent, tenant, owner, groups, createdAtMs, contextId, name, turns: 0 }
      return take(this.#contexts, contextId, row, () => this.context(agent, tenant, contextId))
    }
    const known = this.pushConfig(agent, tenant, claim.taskId, claim.configId)
    if (known !== undefined) return isOwner(known, owner) ? 'known' : 'conflict'
    const taskId = detach(claim.taskId)
    const configId = detach(claim.configId)
    const row: PushConfigRow = { agent, tenant, owner, groups, createdAtMs, taskId, configId }
    const now = (): OwnedRow | undefined => this.pushConfig(agent, tenant, taskId, configId)
    return take(this.#pushConfigs, configIdOf(taskId, configId), row, now)
  }

  /** Whether an id that has left was somebody else's. */
  #isTaken(kind: TombstoneKind, { agent, tenant, owner }: Claim, id: string): boolean {
    if (this.#filter.isMissing(kind, id)) return false
    const mark = this.#findTombstone(kind, agent, tenant, id)
    return mark !== undefined && !mark.equals(ownerMark(id, owner))
  }

  /**
   * Whether the id was free by then: what lets it go is the work of rounds that may come later, and an index that is made
   * again from the ledger has them all still before it.
   */
  #hasLapsed(known: TaskRow, atMs: number): boolean {
    const kept = this.#retention
    if (kept === undefined || isNobodys(known)) return false
    const { finished, open, tombstones } = kept
    return hasExpired(known, { ...kept, finished: finished + tombstones, open: open + tombstones }, atMs)
  }

  /** The agent has it still, or again: it is as new. */
  #beginAnew(known: TaskRow, { owner, createdAtMs, contextId, groups }: Extract<Claim, { kind: 'task' }>): () => void {
    const row: TaskRow = {
      ...known,
      owner,
      groups,
      createdAtMs,
      contextId: contextId === '' ? known.contextId : this.#contextIds.keep(contextId),
      state: '',
      timestampMs: createdAtMs,
    }
    this.#tasks.update(known.taskId, row)
    this.#open.changed(known, row)
    return () => {
      this.#tasks.update(known.taskId, known)
      this.#open.changed(row, known)
    }
  }

  #claimTask(claim: Extract<Claim, { kind: 'task' }>): (() => void) | 'known' | 'conflict' {
    const { agent, tenant, owner, groups, createdAtMs } = claim
    const known = this.#row(agent, tenant, claim.taskId)
    if (known !== undefined && !isOwner(known, owner) && !this.#hasLapsed(known, createdAtMs)) return 'conflict'
    if (known !== undefined && (this.#isOver(known) || !isOwner(known, owner))) return this.#beginAnew(known, claim)
    if (known === undefined && this.#isTaken('task', claim, claim.taskId)) return 'conflict'
    if (known !== undefined && (known.contextId !== '' || claim.contextId === '')) return 'known'
    // Ids come out of an agent's answer: kept as they are, each would keep the whole answer in memory.
    const taskId = detach(claim.taskId)
    const contextId = this.#contextIds.keep(claim.contextId)
    if (known === undefined) {
      const row: TaskRow = {
        agent,
        tenant,
        owner,
        groups,
        createdAtMs,
        taskId,
        contextId,
        state: '',
        timestampMs: createdAtMs,
      }
      const current = (): TaskRow | undefined => this.#row(agent, tenant, taskId)
      const undo = take(this.#tasks, taskId, row, current)
      this.#open.changed(undefined, row)
      return () => {
        const before = current()
        undo()
        this.#open.changed(before, current())
      }
    }
    // An agent may name a task before its context: what is learned later is news to the ledger too.
    this.#tasks.update(taskId, { ...known, contextId })
    return () => {
      if (!isNobodys(this.task(agent, tenant, taskId))) this.#tasks.update(taskId, known)
    }
  }
}

/** What an erasure has made nobody's since is not taken back. */
function take<Row extends OwnedRow>(
  table: BatchedTable<Row>,
  id: string,
  row: Row,
  now: () => OwnedRow | undefined,
): () => void {
  table.add(id, row)
  return () => {
    if (!isNobodys(now())) table.remove(id, row)
  }
}

function isOwner(row: OwnedRow, owner: TaskOwner): boolean {
  return row.owner.caller === owner.caller && row.owner.origin === owner.origin
}

/** Texts that come again and again, copied out of the body they came in once and not each time. */
class Kept {
  readonly #known: Map<string, string> = new Map()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  keep(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const copy = detach(text)
    if (this.#known.size >= this.#most) this.#known.clear()
    this.#known.set(copy, copy)
    return copy
  }
}
