// One table of the index as its readers see it: the filter of all ids, then what waits to be written or was written
// last, then a bounded cache, then SQLite. So a row is there for the next call at once, though it reaches the disk a
// little later.

import { createBoundedCache, type BoundedCache } from '../base/bounded-cache.ts'
import type { IdFilter } from './id-filter.ts'
import { isNobodys, type OwnedRow } from './ownership-rows.ts'
import { Change, type RowKind } from './row-message.ts'
import type { WaitingTable } from './write-queue.ts'

export class BatchedTable<Row extends OwnedRow> implements WaitingTable {
  readonly #cache: BoundedCache<Row>
  readonly #kind: RowKind<Row>
  readonly #filter: IdFilter
  readonly #queue: (change: Change<Row>) => void
  #gathered: Map<string, Change<Row>> = new Map()
  #committing: Map<string, Change<Row>> = new Map()
  /** the last that got through: who made a task soon asks for it */
  #settled: Map<string, Change<Row>> = new Map()

  constructor(options: {
    kind: RowKind<Row>
    filter: IdFilter
    cachedRows: number
    /** takes what is to be written */
    queue: (change: Change<Row>) => void
  }) {
    this.#kind = options.kind
    this.#filter = options.filter
    this.#queue = options.queue
    this.#cache = createBoundedCache(options.cachedRows)
  }

  get(agent: string, tenant: string, id: string, load: () => Row | undefined): Row | undefined {
    // INVARIANT: rows come into being through `add` alone, which adds to the filter
    if (this.#filter.isMissing(this.#kind.name, id)) return undefined
    const key = keyOf(agent, tenant, id)
    const recent = this.#gathered.get(key) ?? this.#committing.get(key) ?? this.#settled.get(key)
    if (recent !== undefined) return recent.isRemoved ? undefined : recent.row
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const row = load()
    if (row !== undefined) this.#cache.set(key, row)
    return row
  }

  /** A row that was not there. */
  add(id: string, row: Row): void {
    this.#filter.add(this.#kind.name, id)
    this.#wait(keyOf(row.agent, row.tenant, id), row, false)
  }

  /** Something new of a row that is there. */
  update(id: string, row: Row): void {
    const key = keyOf(row.agent, row.tenant, id)
    this.#cache.delete(key)
    this.#wait(key, row, false)
  }

  remove(id: string, row: Row): void {
    const key = keyOf(row.agent, row.tenant, id)
    this.#cache.delete(key)
    this.#wait(key, row, true)
  }

  /** It is not in the file any more: what was read of it is forgotten. */
  evict(agent: string, tenant: string, id: string): void {
    const key = keyOf(agent, tenant, id)
    this.#cache.delete(key)
    this.#settled.delete(key)
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
    this.#settled = this.#committing
    this.#committing = new Map()
  }

  restore(): Iterable<Change<Row>> {
    const all = new Map([...this.#committing, ...this.#gathered])
    for (const change of all.values()) change.isPosted = false
    this.#gathered = all
    this.#committing = new Map()
    return all.values()
  }

  /**
   * Rows of a subject are nobody's in the file: what was read of them is read again, and what is known of them since
   * gives way to that. What it has claimed meanwhile is not in the file, and stays.
   */
  forgetRead(subject: string, load: (row: Row) => Row | undefined): void {
    this.#cache.clear()
    this.#settled = new Map()
    for (const changes of [this.#gathered, this.#committing]) {
      for (const change of changes.values()) {
        const { owner } = change.row
        if (change.isRemoved || (owner.caller !== subject && owner.origin !== subject)) continue
        const stored = load(change.row)
        if (stored !== undefined && isNobodys(stored)) change.row = stored
      }
    }
  }

  #wait(key: string, row: Row, isRemoved: boolean): void {
    const waiting = this.#gathered.get(key)
    if (waiting !== undefined && !waiting.isPosted) {
      waiting.row = row
      waiting.isRemoved = isRemoved
      return
    }
    const change = new Change(this.#kind, row, isRemoved)
    this.#gathered.set(key, change)
    this.#queue(change)
  }
}

// Agent names and tenants come from configuration and hold no control characters, so only the last part is free.
function keyOf(agent: string, tenant: string, id: string): string {
  return `${agent}\n${tenant}\n${id}`
}
