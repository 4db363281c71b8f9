// Reads what an export has not sent yet, batch by batch, in order within each log. Memory is bounded by one batch;
// between a few records the event loop is given back, so that copies never stand in the way of calls.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createLedgerReader,
  formatOrigin,
  isLogName,
  ownOperation,
  toOcsf,
  type LedgerReader,
  type LedgerRecord,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { isSystemError } from '../base/system-error.ts'

const maxBatchRecords = 256 // bound: records in a batch of an export
const maxBatchBytes = 1_048_576 // bound: bytes of a batch of an export
/** decrypted and put into words at once */
const recordsPerTurn = 16

export interface ExportedRecord {
  readonly index: number
  readonly event: JsonObject
  /** the event, as JSON without newline */
  readonly line: string
}

/** Records of one log, one after another. */
export interface Batch {
  readonly origin: string
  /** records that were pruned before they could be sent */
  readonly skipped: number
  /** index after the last record */
  readonly next: number
  readonly firstTimeMs: number
  readonly records: readonly ExportedRecord[]
}

/** Two batches of what is one, for a receiver that does not take it as it is. */
export function halve(batch: Batch): [Batch, Batch] {
  const { records } = batch
  const middle = Math.ceil(records.length / 2)
  const [front, back] = [records.slice(0, middle), records.slice(middle)]
  return [
    { ...batch, records: front, next: back[0]?.index ?? batch.next },
    { ...batch, skipped: 0, records: back },
  ]
}

export interface BatchSource {
  /** undefined when everything that is there was given; after a batch, the next one begins behind it */
  take(): Promise<Batch | undefined>
  close(): Promise<void>
}

/** A log that cannot be read is left alone for so long: it may be large. */
const unreadableMs = 30_000

export interface BatchOptions {
  readonly clock: Clock
  readonly ledgerRoot: string
  readonly keyEncryptionKey: Buffer
  readonly version: string
  readonly nextOf: (origin: string) => number
  /** one log that cannot be read; the others go on */
  readonly onUnreadable: (origin: string, error: unknown) => void
}

export function createBatchSource(options: BatchOptions): BatchSource {
  const { clock } = options
  const feeds = new Map<string, LogFeed>()
  const pausedUntilMs = new Map<string, number>()
  let turn = 0
  const feedOf = (log: string): LogFeed => {
    const feed = feeds.get(log) ?? new LogFeed(log, options)
    feeds.set(log, feed)
    return feed
  }
  return {
    async take() {
      const logs = await listLogs(options.ledgerRoot)
      // each log in its turn: one that grows fast keeps no other waiting
      for (let step = 0; step < logs.length; step += 1) {
        turn = (turn + 1) % logs.length
        const log = logs[turn] ?? ''
        if (clock.monotonicMs() < (pausedUntilMs.get(log) ?? 0)) continue
        try {
          const batch = await feedOf(log).take()
          if (batch !== undefined) return batch
        } catch (error) {
          pausedUntilMs.set(log, clock.monotonicMs() + unreadableMs)
          await feedOf(log).close()
          options.onUnreadable(formatOrigin(log), error)
        }
      }
      return undefined
    },
    async close() {
      for (const feed of feeds.values()) await feed.close()
    },
  }
}

export async function listLogs(ledgerRoot: string): Promise<string[]> {
  try {
    const names = await readdir(ledgerRoot)
    return names.filter(isLogName).toSorted()
  } catch (error) {
    // nothing was recorded yet; anything else must be said
    if (isSystemError(error) && error.code === 'ENOENT') return []
    throw error
  }
}

class LogFeed {
  readonly #log: string
  readonly #options: BatchOptions
  #reader: LedgerReader | undefined
  #records: AsyncGenerator<LedgerRecord, void, undefined> | undefined

  constructor(log: string, options: BatchOptions) {
    this.#log = log
    this.#options = options
  }

  async take(): Promise<Batch | undefined> {
    const { ledgerRoot, keyEncryptionKey, nextOf, version } = this.#options
    const origin = formatOrigin(this.#log)
    const expected = this.#reader?.next ?? nextOf(origin)
    this.#reader ??= createLedgerReader(join(ledgerRoot, this.#log), { keyEncryptionKey, from: expected })
    this.#records ??= this.#reader.read()
    const records: ExportedRecord[] = []
    let [bytes, firstTimeMs, isErasure] = [0, 0, false]
    while (records.length < maxBatchRecords && bytes < maxBatchBytes && !isErasure) {
      const item = await this.#records.next()
      if (item.done === true) {
        this.#records = undefined
        break
      }
      const { envelope } = item.value
      if (records.length === 0) firstTimeMs = Date.parse(envelope.time)
      const event = toOcsf(item.value, { origin, version })
      const line = JSON.stringify(event)
      records.push({ index: item.value.index, event, line })
      bytes += line.length
      isErasure = envelope.operation === ownOperation.erased
      if (records.length % recordsPerTurn === 0) await nextTurn()
    }
    const { next } = this.#reader
    // a reader remembers keys; those of an erased subject are to be forgotten
    if (isErasure) await this.close()
    const skipped = next - expected - records.length
    return records.length === 0 ? undefined : { origin, skipped, next, firstTimeMs, records }
  }

  /** the next batch begins where the cursor is */
  async close(): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    this.#records = undefined
    await reader?.close()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
