// `audit tail`: the latest records of all logs of a data directory, by time, and on request those that follow. Reading
// begins near the end, where the checkpoint says that it is, and keeps no more than was asked for.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createLedgerReader,
  formatOrigin,
  nodeFiles,
  toOcsf,
  type LedgerReader,
  type LedgerRecord,
} from '../audit/audit.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { isSystemError } from '../base/system-error.ts'
import { readVersion } from '../base/version.ts'
import type { TailOptions, TailRecord } from '../cli/ports.ts'
import { maxNoteBytes, parseCheckpoint } from '../tlog/checkpoint.ts'
import { existingKeySource } from './key-encryption-key.ts'

/** How often a followed ledger is looked at again. */
const followMs = 250

export async function* tailLedger(options: TailOptions): AsyncGenerator<TailRecord> {
  const keyEncryptionKey = await existingKeySource(options.dataDir, options.loaded)?.load()
  const logs = new Logs(join(options.dataDir, 'ledger'), keyEncryptionKey, options.count)
  const toTail = createTailRecords()
  try {
    let found = await logs.read(options.count)
    for (;;) {
      for (const { log, record } of found) yield toTail(log, record)
      if (!options.follow || options.signal.aborted) return
      await new Promise((resolve) => setTimeout(resolve, followMs))
      found = await logs.read(Infinity)
    }
  } finally {
    await logs.close()
  }
}

/** How commands see records, as words and as OCSF. */
export function createTailRecords(): (log: string, record: LedgerRecord) => TailRecord {
  const version = readVersion()
  return (log, record) => {
    const { index, envelope, event } = record
    const { time, kind, call, agent, operation, outcome, code } = envelope
    const caller = textOf(event?.['caller'])
    const origin = textOf(event?.['origin'])
    const ocsf = toOcsf(record, { origin: formatOrigin(log), version })
    return { log, index, time, kind, call, caller, origin, agent, operation, outcome, code, ocsf }
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

interface Found {
  readonly log: string
  readonly record: LedgerRecord
}

/** All logs of a data directory, each read on from where it was left. */
class Logs {
  readonly #root: string
  readonly #keyEncryptionKey: Buffer | undefined
  readonly #count: number
  readonly #readers = new Map<string, LedgerReader>()

  constructor(root: string, keyEncryptionKey: Buffer | undefined, count: number) {
    this.#root = root
    this.#keyEncryptionKey = keyEncryptionKey
    this.#count = count
  }

  /** The last `most` of the new records of all logs, by time. */
  async read(most: number): Promise<Found[]> {
    const all: Found[] = []
    for (const log of await this.#names()) {
      const found: Found[] = []
      for await (const record of (await this.#readerOf(log)).read()) {
        found.push({ log, record })
        // of each log, too: cut now and then, not at every record
        if (found.length > 2 * most + 1_000) found.splice(0, found.length - most)
      }
      all.push(...found)
    }
    all.sort((a, b) => compare(a.record.envelope.time, b.record.envelope.time))
    return most < all.length ? all.slice(all.length - most) : all
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close()
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#root)
    } catch (error) {
      // nothing was recorded yet; anything else must be said
      if (isSystemError(error) && error.code === 'ENOENT') return []
      throw error
    }
  }

  async #readerOf(log: string): Promise<LedgerReader> {
    const known = this.#readers.get(log)
    if (known !== undefined) return known
    const dir = join(this.#root, log)
    const from = Math.max(0, (await sizeOf(dir)) - this.#count)
    const reader = createLedgerReader(dir, {
      ...(this.#keyEncryptionKey && { keyEncryptionKey: this.#keyEncryptionKey }),
      from,
    })
    this.#readers.set(log, reader)
    return reader
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What the checkpoint says, which is never more than there is; 0 where there is none, or none that can be read. */
async function sizeOf(dir: string): Promise<number> {
  const bytes = await nodeFiles.readFile(join(dir, 'checkpoint'), maxNoteBytes).catch(() => undefined)
  return (bytes && parseCheckpoint(bytes)?.size) ?? 0
}
