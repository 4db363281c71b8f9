// The latest time that a log vouches for: that of the newest record from before it was opened, what a clock that cannot
// jump has counted since, and a day. Retention goes by no later one, so that a wall clock that jumps ahead, by a wrong
// time server or a hand, lets nothing go that cannot be had again. What was recorded at a wrong time is believed once
// the log is opened anew.

import type { Clock } from '../base/clock.ts'
import type { FileSystem } from './files.ts'
import { createLedgerReader } from './read-ledger.ts'

export interface VouchedTime {
  /** milliseconds since the epoch. Rejects where the record cannot be read. */
  latestMs(): Promise<number>
}

export interface VouchedTimeOptions {
  readonly files: FileSystem
  readonly dir: string
  /** records when the log was opened */
  readonly size: number
  readonly clock: Clock
}

/** how far the time may be ahead of what is known: a gateway that stood still overnight is late by nothing */
const slackMs = 86_400_000

/** To be made when the log is opened. */
export function createVouchedTime({ files, dir, size, clock }: VouchedTimeOptions): VouchedTime {
  const openedMs = clock.nowMs()
  const startedMs = clock.monotonicMs()
  let newestMs: number | undefined
  return {
    async latestMs() {
      // a log that has only just begun has nothing that could go
      newestMs ??= size === 0 ? openedMs : ((await timeOfRecord(files, dir, size - 1)) ?? 0)
      return newestMs + (clock.monotonicMs() - startedMs) + slackMs
    },
  }
}

async function timeOfRecord(files: FileSystem, dir: string, index: number): Promise<number | undefined> {
  const reader = createLedgerReader(dir, { from: index, fs: files })
  try {
    for await (const record of reader.read()) return Date.parse(record.envelope.time)
    return undefined
  } finally {
    await reader.close()
  }
}
