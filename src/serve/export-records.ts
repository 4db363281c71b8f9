// Copies of the records for a SIEM, at least once and in the order of each log: read, send, and only when it has
// arrived move the durable cursor. A receiver that is down, slow or says no holds its own copies back and nothing
// else: no call waits for it, memory is one batch. One record that the receiver refuses for what it is, is set aside, and
// that is a record first; nothing else is left out. It is said once when it fails, and once when it works again.

import { join } from 'node:path'
import type { AuditTrail } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { createBatchSource, halve, type Batch, type BatchSource } from './export-batches.ts'
import { cursorPath, openCursor, type Cursor } from './export-cursor.ts'
import { abandonable, pause, reasonOf, retryPauseMs } from './export-pauses.ts'
import { SendFailure, type ExportTarget, type Sent } from './export-target.ts'

export interface ExportReport {
  readonly name: string
  /** records that were written and have not arrived */
  readonly lagRecords: number
  /** age of the oldest of them */
  readonly lagSeconds: number
  readonly sent: number
  readonly rejected: number
  /** records that the receiver refused one by one, and that were set aside */
  readonly undeliverable: number
  readonly failures: number
}

export interface RecordExport {
  report(): ExportReport
  /** index below which everything of a log has arrived */
  sentBelow(origin: string): number
  /** lets go of what is on its way: it is sent again after the next start */
  stop(): Promise<void>
}

export interface ExportLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ExportOptions {
  readonly name: string
  readonly kind: string
  readonly target: ExportTarget
  readonly dataDir: string
  readonly keyEncryptionKey: Buffer
  readonly version: string
  readonly clock: Clock
  readonly audit: Pick<AuditTrail, 'administered'>
  readonly log: ExportLog
  /** how many records there are of each log that grows now */
  readonly sizes: () => ReadonlyMap<string, number>
  /** resolves early when the signal is aborted, never rejects */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

const pollMs = 250
/** bad request, too large, cannot be processed: said of what was sent, where others of it may pass */
const refusingStatuses: ReadonlySet<number> = new Set([400, 413, 422])
/** a receiver may say so in passing: one record is tried as often, and for as long */
const minRefusals = 3
const minRefusedMs = 60_000
/** a signal that nobody aborts */
const never = new AbortController().signal

export function startExport(options: ExportOptions): RecordExport {
  return new Exporter(options)
}

/** by this status */
interface Refused {
  readonly refused: number
}

class Exporter implements RecordExport {
  readonly #options: ExportOptions
  readonly #source: BatchSource
  readonly #stopping = new AbortController()
  readonly #done: Promise<void>
  readonly #counts = { sent: 0, rejected: 0, undeliverable: 0, failures: 0 }
  #cursor: Cursor | undefined
  /** failures in a row; 0 while it works */
  #streak = 0
  #pendingSinceMs: number | undefined
  #isAnnounced = false
  readonly #unreadable = new Set<string>()

  constructor(options: ExportOptions) {
    this.#options = options
    this.#source = createBatchSource({
      clock: options.clock,
      ledgerRoot: join(options.dataDir, 'ledger'),
      keyEncryptionKey: options.keyEncryptionKey,
      version: options.version,
      nextOf: (origin) => this.sentBelow(origin),
      onUnreadable: (origin, error) => this.#tellUnreadable(origin, error),
    })
    this.#done = this.#run()
  }

  report(): ExportReport {
    let lagRecords = 0
    for (const [origin, size] of this.#options.sizes()) lagRecords += Math.max(0, size - this.sentBelow(origin))
    const since = this.#pendingSinceMs
    const lagSeconds = since === undefined ? 0 : Math.max(0, this.#options.clock.nowMs() - since) / 1_000
    return { name: this.#options.name, lagRecords, lagSeconds, ...this.#counts }
  }

  sentBelow(origin: string): number {
    return this.#cursor?.next.get(origin) ?? 0
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  async #run(): Promise<void> {
    const cursor = await this.#untilItWorks('open its cursor', () => this.#begin())
    if (cursor !== undefined) await this.#copy(cursor)
    await this.#source.close().catch(() => undefined)
    await this.#options.target.close().catch(() => undefined)
  }

  async #copy(cursor: Cursor): Promise<void> {
    while (!this.#isStopping) {
      const batch = await this.#untilItWorks('read the ledger', async () => ({ taken: await this.#source.take() }))
      if (batch?.taken === undefined) {
        this.#pendingSinceMs = undefined
        await this.#wait(pollMs)
      } else await this.#deliver(batch.taken, cursor)
    }
  }

  /** Where copies go, and that they begin to go there, is an administrative act. */
  async #begin(): Promise<Cursor> {
    const { name, kind, target, dataDir, audit } = this.#options
    const cursor = await openCursor(cursorPath(dataDir, name))
    const address = `${kind} ${target.address}`
    if (cursor.target !== address) {
      const isNew = cursor.target === ''
      const why = cursor.lost === '' ? {} : { detail: cursor.lost }
      const event = { name, target: address, ...(isNew ? why : { before: cursor.target }) }
      if (!this.#isAnnounced) await audit.administered(isNew ? 'export.started' : 'export.retargeted', '', event)
      this.#isAnnounced = true
      cursor.target = address
      await cursor.save()
    }
    this.#cursor = cursor
    return cursor
  }

  async #deliver(batch: Batch, cursor: Cursor): Promise<void> {
    this.#pendingSinceMs = batch.firstTimeMs
    this.#unreadable.delete(batch.origin)
    if (batch.skipped > 0) await this.#tellSkipped(batch)
    const parts = [batch]
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const sent = await this.#send(part)
      if (sent === undefined) return
      if ('refused' in sent && part.records.length > 1) {
        parts.unshift(...halve(part))
        continue
      }
      if ('refused' in sent) {
        if ((await this.#setAside(part, sent.refused)) === undefined) return
      } else this.#tellSent(part, sent)
      cursor.next.set(part.origin, part.next)
      // until this is durable the same part may be sent again, but no other
      await this.#untilItWorks('write its cursor', () => cursor.save())
      if (this.#isStopping) return
    }
  }

  /** What was refused for what it is need not be sent again as it is, unless it is a single record. */
  #send(part: Batch): Promise<Sent | Refused | undefined> {
    const { target, clock } = this.#options
    let [refusals, sinceMs] = [0, 0]
    return this.#untilItWorks('send', async () => {
      try {
        return await abandonable(target.send(part), this.#stopping.signal, (ms) => this.#waitFor(ms, never))
      } catch (error) {
        if (!(error instanceof SendFailure) || !refusingStatuses.has(error.status)) throw error
        if (refusals === 0) sinceMs = clock.monotonicMs()
        refusals += 1
        const isLasting = refusals >= minRefusals && clock.monotonicMs() - sinceMs >= minRefusedMs
        if (part.records.length === 1 && !isLasting) throw error
        this.#counts.failures += 1
        return { refused: error.status }
      }
    })
  }

  #tellSent(part: Batch, sent: Sent): void {
    this.#counts.sent += part.records.length
    this.#counts.rejected += sent.rejected
    if (sent.rejected === 0) return
    const fields = { export: this.#options.name, rejected: sent.rejected, of: part.records.length, why: sent.why }
    this.#options.log.warn(fields, 'the receiver of an export did not keep every record')
  }

  /** One record must not hold back all after it for ever. Going on without it waits until that is durable. */
  async #setAside({ origin, records }: Batch, status: number): Promise<true | undefined> {
    const { name, log, audit } = this.#options
    const event = { name, log: origin, index: records[0]?.index ?? 0, status }
    const isSaid = await this.#untilItWorks('record what it sets aside', async () => {
      await audit.administered('export.undeliverable', '', event)
      return true as const
    })
    if (isSaid === undefined) return undefined
    this.#counts.undeliverable += 1
    log.warn({ export: name, log: origin, index: event.index, status }, 'a receiver refuses a record; it is set aside')
    return true
  }

  /** Tries until it works, or until the export is stopped: then there is no result. Tries once in any case. */
  async #untilItWorks<Result>(what: string, work: () => Promise<Result>): Promise<Result | undefined> {
    do {
      try {
        const result = await work()
        this.#tellWorking()
        return result
      } catch (error) {
        if (this.#isStopping) break
        this.#tellFailing(what, error)
        await this.#wait(retryPauseMs(this.#streak, error))
      }
    } while (!this.#isStopping)
    return undefined
  }

  #wait(ms: number): Promise<void> {
    return this.#waitFor(ms, this.#stopping.signal)
  }

  #waitFor(ms: number, signal: AbortSignal): Promise<void> {
    const wait = this.#options.wait ?? pause
    return wait(ms, signal)
  }

  #tellFailing(what: string, error: unknown): void {
    this.#streak += 1
    this.#counts.failures += 1
    if (this.#streak > 1) return
    const fields = { export: this.#options.name, target: this.#options.target.address, why: reasonOf(error) }
    this.#options.log.warn(fields, `an export cannot ${what}; it is tried again, and records wait for it`)
  }

  #tellWorking(): void {
    if (this.#streak > 0)
      this.#options.log.info({ export: this.#options.name, failures: this.#streak }, 'an export works again')
    this.#streak = 0
  }

  #tellUnreadable(origin: string, error: unknown): void {
    this.#counts.failures += 1
    if (this.#unreadable.has(origin)) return
    this.#unreadable.add(origin)
    const fields = { export: this.#options.name, log: origin, why: reasonOf(error) }
    this.#options.log.warn(fields, 'an export cannot read a log; the others go on')
  }

  /** Nothing is left out silently: what retention removed before it could be sent is recorded. */
  async #tellSkipped({ origin, skipped }: Batch): Promise<void> {
    const { name, log, audit } = this.#options
    log.warn({ export: name, log: origin, records: skipped }, 'records were pruned before an export had sent them')
    await audit.administered('export.skipped', '', { name, log: origin, records: skipped }).catch(() => undefined)
  }
}
