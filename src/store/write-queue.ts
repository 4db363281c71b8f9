// Writes to the index wait here and go to disk together: a transaction for some dozens of rows, a short
// time after the first of them, never one per call. Order is kept, so that whoever writes "everything up to here is
// in the index" last may be believed. A failed transaction changes nothing and is tried again.

import type { DatabaseSync } from 'node:sqlite'
import { inTransaction } from './open-database.ts'

export interface PendingWrite {
  /** brings the present state of its row to disk; inside a transaction */
  write(): void
  /** the transaction is through */
  settle(): void
}

export type Schedule = (callback: () => void, delayMs: number) => void

export interface WriteQueueOptions {
  readonly database: DatabaseSync
  readonly schedule: Schedule
  /** what was remembered of rows written in a transaction that then failed must be forgotten */
  readonly onRollback: () => void
}

const delayMs = 50
const retryMs = 1000
/** so many rows take about a millisecond: the event loop is not held longer at a time */
const batchSize = 64
const pauseMs = 2

export class WriteQueue {
  /** why the last transaction failed; undefined when it went through */
  problem: string | undefined
  readonly #options: WriteQueueOptions
  readonly #pending: Map<string, PendingWrite> = new Map()
  #isScheduled = false
  #isClosed = false

  constructor(options: WriteQueueOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#pending.size
  }

  has(key: string): boolean {
    return this.#pending.has(key)
  }

  /** A write for this key that is waiting already keeps its place and will find the newer state. */
  add(key: string, pending: PendingWrite): void {
    if (!this.#pending.has(key)) this.#pending.set(key, pending)
    this.#plan(delayMs)
  }

  /** Like `add`, but behind everything that waits now. */
  addLast(key: string, pending: PendingWrite): void {
    this.#pending.delete(key)
    this.#pending.set(key, pending)
    this.#plan(delayMs)
  }

  /** Writes all that waits, now. Throws what SQLite throws. */
  flush(): void {
    this.#writeBatch(this.#pending.size)
  }

  close(): void {
    this.#isClosed = true
  }

  #plan(afterMs: number): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    this.#options.schedule(() => {
      this.#isScheduled = false
      this.#writeInBackground()
    }, afterMs)
  }

  #writeInBackground(): void {
    if (this.#isClosed || this.#pending.size === 0) return
    try {
      // When more waits than small batches can keep up with, they grow: falling behind would be worse.
      this.#writeBatch(Math.max(batchSize, Math.ceil(this.#pending.size / 16)))
      if (this.#pending.size > 0) this.#plan(pauseMs)
    } catch {
      // The rows still wait, and `problem` says why: readiness and the bound on waiting rows act on it.
      this.#plan(retryMs)
    }
  }

  #writeBatch(limit: number): void {
    const batch: [string, PendingWrite][] = []
    for (const entry of this.#pending) {
      if (batch.length >= limit) break
      batch.push(entry)
    }
    if (batch.length === 0) return
    try {
      inTransaction(this.#options.database, () => {
        for (const [, pending] of batch) pending.write()
      })
    } catch (error) {
      this.problem = error instanceof Error ? error.message : 'the transaction failed'
      this.#options.onRollback()
      throw error
    }
    this.problem = undefined
    for (const [key, pending] of batch) {
      this.#pending.delete(key)
      pending.settle()
    }
  }
}
