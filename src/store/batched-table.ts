// One table of the index as its readers see it: what waits to be written first, then a bounded cache, then
// SQLite. So a row is there for the next call at once, though it reaches the disk a little later.

import { createBoundedCache, type BoundedCache } from '../base/bounded-cache.ts'
import type { WriteQueue } from './write-queue.ts'

export interface TableStatements<Row> {
  save(row: Row): void
  remove(row: Row): void
}

interface Waiting<Row> {
  readonly row: Row
  readonly isRemoved: boolean
}

const rememberedMisses = 4096

export class BatchedTable<Row extends object> {
  readonly #waiting: Map<string, Waiting<Row>> = new Map()
  readonly #cache: BoundedCache<Row>
  /** keys that were looked up in vain: a new task is looked for more than once before it is claimed */
  readonly #missing: Set<string> = new Set()
  readonly #queue: WriteQueue
  readonly #statements: TableStatements<Row>
  readonly #name: string

  constructor(options: { name: string; queue: WriteQueue; statements: TableStatements<Row>; cachedRows: number }) {
    this.#name = options.name
    this.#queue = options.queue
    this.#statements = options.statements
    this.#cache = createBoundedCache(options.cachedRows)
  }

  get(key: string, load: () => Row | undefined): Row | undefined {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) return waiting.isRemoved ? undefined : waiting.row
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    if (this.#missing.has(key)) return undefined
    const row = load()
    if (row === undefined) this.#noteMissing(key)
    else this.#cache.set(key, row)
    return row
  }

  put(key: string, row: Row): void {
    this.#missing.delete(key)
    this.#cache.set(key, row)
    this.#wait(key, { row, isRemoved: false })
  }

  remove(key: string, row: Row): void {
    this.#cache.delete(key)
    this.#wait(key, { row, isRemoved: true })
  }

  /** INVARIANT: rows come into being through `put` alone, so what was missing stays missing until then. */
  #noteMissing(key: string): void {
    if (this.#missing.size >= rememberedMisses) this.#missing.clear()
    this.#missing.add(key)
  }

  #wait(key: string, waiting: Waiting<Row>): void {
    this.#waiting.set(key, waiting)
    this.#queue.add(`${this.#name} ${key}`, {
      write: () => {
        const now = this.#waiting.get(key)
        if (now?.isRemoved === true) this.#statements.remove(now.row)
        else if (now !== undefined) this.#statements.save(now.row)
      },
      settle: () => {
        this.#waiting.delete(key)
      },
    })
  }
}
