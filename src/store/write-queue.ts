// Rows on their way to the index. They are posted to the writing thread some hundreds at a time and committed together,
// a second after the first of them or when there are thousands: ids are random, so a large transaction writes a page
// once that many small ones would write again and again. Until it is through, its rows are remembered here, and a
// mark of what was applied goes with the rows before it. A failed transaction changes nothing and is tried again.

import { unreachable, type WriterThread } from './writer-thread.ts'
import type { Field } from './row-message.ts'

/** A change that waits; writes itself into a message. */
export interface Waiting {
  appendTo(fields: Field[]): void
}

/** What a table remembers of its rows between `put` and commit. */
export interface WaitingTable {
  /** changes that no commit has been asked for */
  readonly gathered: number
  readonly committing: number
  /** what was gathered is being committed */
  turn(): void
  /** the commit is through */
  settle(): void
  /** the thread was lost: all of it waits as if it had never been posted */
  restore(): Iterable<Waiting>
}

export type Schedule = (callback: () => void, delayMs: number) => void

const delayMs = 1000
const retryMs = 1000
/** so many rows take some hundred microseconds to post; most of a small message would be waking the thread */
const postSize = 512
const commitSize = 4096

export class WriteQueue {
  /** why the last transaction failed; undefined when it went through */
  problem: string | undefined
  readonly #thread: WriterThread
  readonly #schedule: Schedule
  readonly #tables: readonly WaitingTable[]
  /** not yet posted; all of them gathered */
  #unposted: Waiting[] = []
  #marks: Map<string, number> = new Map()
  #committingMarks: Map<string, number> | undefined
  #attempt: PromiseWithResolvers<void> | undefined
  #isScheduled = false
  #isClosed = false

  constructor(options: { thread: WriterThread; schedule: Schedule; tables: readonly WaitingTable[] }) {
    this.#thread = options.thread
    this.#schedule = options.schedule
    this.#tables = options.tables
  }

  /** rows that are not on disk */
  get size(): number {
    let size = 0
    for (const table of this.#tables) size += table.gathered + table.committing
    return size
  }

  add(change: Waiting): void {
    this.#unposted.push(change)
    if (this.#unposted.length >= postSize) {
      this.#post()
      if (this.#attempt === undefined && this.problem === undefined && this.#gathered() >= commitSize)
        void this.#commit()
    }
    this.#plan(delayMs)
  }

  /** Reaches the disk with everything added before. */
  setMark(origin: string, records: number): void {
    this.#marks.set(origin, records)
    this.#plan(delayMs)
  }

  /** Resolves when all that waits now is on disk. Rejects with a Fault when it cannot be written. */
  async flush(): Promise<void> {
    // first what a commit was asked for already, then what has gathered since
    if (this.#committingMarks !== undefined) await this.#thread.hold(this.#commit())
    if (this.#gathered() > 0 || this.#marks.size > 0) await this.#thread.hold(this.#commit())
    else if (this.#attempt !== undefined) await this.#thread.hold(this.#attempt.promise)
  }

  close(): void {
    this.#isClosed = true
  }

  onCommitted(): void {
    this.problem = undefined
    this.#committingMarks = undefined
    for (const table of this.#tables) table.settle()
    this.#end()?.resolve()
    if (this.#gathered() > 0 || this.#marks.size > 0) this.#plan(delayMs)
  }

  onFailed(problem: string): void {
    // The rows still wait, and `problem` says why: readiness and the bound on waiting rows act on it.
    this.problem = problem
    this.#end()?.reject(unreachable(problem))
    this.#plan(retryMs)
  }

  onLost(problem: string): void {
    this.#unposted = this.#tables.flatMap((table) => [...table.restore()])
    this.#marks = new Map([...(this.#committingMarks ?? []), ...this.#marks])
    this.#committingMarks = undefined
    this.onFailed(problem)
  }

  #gathered(): number {
    let gathered = 0
    for (const table of this.#tables) gathered += table.gathered
    return gathered
  }

  #plan(afterMs: number): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      if (!this.#isClosed && this.#attempt === undefined) void this.#commit()
    }, afterMs)
  }

  #post(): void {
    for (let at = 0; at < this.#unposted.length; at += postSize) {
      const fields: Field[] = []
      for (const change of this.#unposted.slice(at, at + postSize)) change.appendTo(fields)
      this.#thread.post({ kind: 'rows', fields })
    }
    this.#unposted = []
  }

  /** One at a time. What failed is asked for again before anything else. */
  #commit(): Promise<void> {
    if (this.#attempt !== undefined) return this.#attempt.promise
    if (this.#committingMarks === undefined) {
      this.#post()
      this.#committingMarks = this.#marks
      this.#marks = new Map()
      for (const table of this.#tables) table.turn()
    }
    this.#attempt = Promise.withResolvers()
    // whoever asked for this in the background learns of a failure from `problem`
    this.#attempt.promise.catch(() => undefined)
    this.#thread.post({ kind: 'commit', applied: [...this.#committingMarks] })
    return this.#attempt.promise
  }

  #end(): PromiseWithResolvers<void> | undefined {
    const ended = this.#attempt
    this.#attempt = undefined
    return ended
  }
}
