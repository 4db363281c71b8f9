// The event loop's end of the thread that writes index.db. It starts with the first message, so that commands which
// write nothing start nothing; it keeps the process alive only while somebody waits for an answer; when it dies, those
// who wait are told, and the next message starts another.

import { Worker } from 'node:worker_threads'
import { Fault } from '../base/fault.ts'
import { invariant } from '../base/invariant.ts'
import type { TaskOwner } from '../exchange/exchange.ts'
import type { ExpiryCursor, ExpiryRound, OwnershipRetention } from './expired-rows.ts'
import type { FromWriter, ToWriter, WriterData } from './index-writer.ts'
import type { TaskFilter, TaskPage } from './list-tasks.ts'

export interface WriterEvents {
  onCommitted(): void
  /** the transaction changed nothing; its rows still wait in the thread */
  onFailed(problem: string): void
  /** the thread is gone, and with it all that was posted and not committed */
  onLost(problem: string): void
  onFilter(bits: Uint8Array<ArrayBuffer>): void
}

const entry = new URL(import.meta.url.endsWith('.ts') ? './index-writer.ts' : './index-writer.js', import.meta.url)
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256, stackSizeMb: 1 }

export class WriterThread {
  readonly #path: string
  readonly #events: WriterEvents
  readonly #pages: Map<number, PromiseWithResolvers<TaskPage>> = new Map()
  readonly #forgetting: Map<number, PromiseWithResolvers<number>> = new Map()
  readonly #expiring: Map<number, PromiseWithResolvers<ExpiryRound>> = new Map()
  #worker: Worker | undefined
  #lastRequest = 0
  #holders = 0
  #isClosed = false

  constructor(path: string, events: WriterEvents) {
    this.#path = path
    this.#events = events
  }

  post(message: ToWriter): void {
    invariant(!this.#isClosed, 'the index is closed')
    this.#worker ??= this.#start()
    this.#worker.postMessage(message)
  }

  /** Sees everything posted before, if it was committed. */
  async list(agent: string, tenant: string, owner: TaskOwner, filter: TaskFilter): Promise<TaskPage> {
    this.#lastRequest += 1
    const request = this.#lastRequest
    const page = Promise.withResolvers<TaskPage>()
    this.#pages.set(request, page)
    this.post({ kind: 'list', request, agent, tenant, owner, filter })
    return await this.hold(page.promise)
  }

  /** Makes nobody's what was committed of a subject; answers how many rows that were. */
  async forget(subject: string): Promise<number> {
    this.#lastRequest += 1
    const request = this.#lastRequest
    const forgotten = Promise.withResolvers<number>()
    this.#forgetting.set(request, forgotten)
    this.post({ kind: 'forget', request, subject })
    return await this.hold(forgotten.promise)
  }

  /** Takes out what has expired among some rows; answers what that was, and where to go on. */
  async expire(rules: OwnershipRetention, nowMs: number, from: ExpiryCursor): Promise<ExpiryRound> {
    this.#lastRequest += 1
    const request = this.#lastRequest
    const expired = Promise.withResolvers<ExpiryRound>()
    this.#expiring.set(request, expired)
    this.post({ kind: 'expire', request, rules, nowMs, from })
    return await this.hold(expired.promise)
  }

  /** Keeps the process alive until this is settled. */
  async hold<Value>(waiting: Promise<Value>): Promise<Value> {
    this.#holders += 1
    this.#worker?.ref()
    try {
      return await waiting
    } finally {
      this.#holders -= 1
      if (this.#holders === 0) this.#worker?.unref()
    }
  }

  /** Closes the file, checkpointed, and ends the thread. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#isClosed = true
    this.#forgetPages('the index is being closed')
    if (worker === undefined) return
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.postMessage({ kind: 'close' } satisfies ToWriter)
    this.#worker = undefined
    worker.ref()
    await ended
  }

  #start(): Worker {
    const workerData: WriterData = { sallyportIndex: this.#path }
    const worker = new Worker(entry, { workerData, env: {}, resourceLimits })
    if (this.#holders === 0) worker.unref()
    worker.on('message', (message: FromWriter) => this.#hear(message))
    worker.on('error', (error) => this.#lose(worker, error instanceof Error ? error.message : 'the writer failed'))
    worker.on('exit', () => this.#lose(worker, 'the writer of the index ended'))
    return worker
  }

  #hear(message: FromWriter): void {
    if (message.kind === 'committed') this.#events.onCommitted()
    else if (message.kind === 'failed') this.#events.onFailed(message.problem)
    else if (message.kind === 'filter') this.#events.onFilter(message.bits)
    else if (message.kind === 'forgotten') {
      this.#forgetting.get(message.request)?.resolve(message.rows)
      this.#forgetting.delete(message.request)
    } else if (message.kind === 'expired') {
      this.#expiring.get(message.request)?.resolve(message.round)
      this.#expiring.delete(message.request)
    } else {
      const asked = this.#pages.get(message.request)
      this.#pages.delete(message.request)
      if (message.kind === 'page') return asked?.resolve(message.page)
      const failed = asked ?? this.#forgetting.get(message.request) ?? this.#expiring.get(message.request)
      this.#forgetting.delete(message.request)
      this.#expiring.delete(message.request)
      failed?.reject(unreachable(message.problem))
    }
  }

  #lose(worker: Worker, problem: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#forgetPages(problem)
    this.#events.onLost(problem)
  }

  #forgetPages(problem: string): void {
    for (const page of this.#pages.values()) page.reject(unreachable(problem))
    for (const asked of this.#forgetting.values()) asked.reject(unreachable(problem))
    for (const asked of this.#expiring.values()) asked.reject(unreachable(problem))
    this.#expiring.clear()
    this.#pages.clear()
    this.#forgetting.clear()
  }
}

export function unreachable(problem: string): Fault {
  return new Fault('STORE_UNREACHABLE', `the ownership index cannot be written: ${problem}`, {
    hint: 'check that the disk has room',
  })
}
