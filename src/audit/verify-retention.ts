// Holds what is gone from a log against the records that say so: bodies that expired, whole records that were pruned.
// Those records come after what they speak of, so both are remembered until the last was read. What no record vouches
// for is missing, as if nobody had ever heard of retention.

import { reservedField } from './encode-record.ts'
import type { KeptLines } from './kept-lines.ts'
import { createBodyChecker, parseIndex, type BodyReport, type ExpiredBody } from './verify-expired.ts'

export interface RetentionChecker {
  /** the body of a record is gone as expired */
  expired(record: ExpiredBody): void
  /** the log begins behind its first record */
  begin(firstIndex: number): void
  /** a record of the ledger about itself */
  take(index: number, fields: Readonly<Record<string, string>>): void
  finish(report: RetentionReport): void
  /** first index that records say the log still holds; 0 until one does */
  readonly minimumIndex: number
  /** what the newest record of a pruning says */
  readonly pruning: Pruning | undefined
}

export interface Pruning {
  readonly recordIndex: number
  readonly minimumIndex: number
  /** undefined in a log from before it was said */
  readonly kept: KeptLines | undefined
}

export interface RetentionReport extends BodyReport {
  /** records up to before this one are gone */
  missing(firstIndex: number): void
  /** the file `minimum-index` says something else than the records */
  file(message: string): void
}

/** `file` is the content of `minimum-index`, undefined when it is not there. */
export function createRetentionChecker(file: Buffer | undefined): RetentionChecker {
  const stated = file === undefined ? undefined : parseMinimumIndex(file)
  const bodies = createBodyChecker()
  const minimums = new Set<number>()
  let [firstIndex, minimumIndex] = [0, 0]
  let pruning: Pruning | undefined

  return {
    expired: (record) => bodies.meet(record),
    begin(index) {
      firstIndex = index
    },
    take(index, fields) {
      bodies.take(index, fields)
      const minimum = parseIndex(fields[reservedField.minimumIndex])
      if (minimum === undefined || minimum > index) return
      minimums.add(minimum)
      minimumIndex = Math.max(minimumIndex, minimum)
      const { [reservedField.keptLines]: lines, [reservedField.keptErased]: erased } = fields
      const kept = lines === undefined || erased === undefined ? undefined : { lines, erased }
      pruning = { recordIndex: index, minimumIndex: minimum, kept }
    },
    finish(report) {
      bodies.finish(report)
      if (firstIndex > minimumIndex) report.missing(firstIndex)
      if (file !== undefined && (stated === undefined || !minimums.has(stated)))
        report.file('it does not say what a record of the log says')
      else if (firstIndex > 0 && (stated ?? 0) < firstIndex && firstIndex <= minimumIndex)
        report.file(`it does not say that the log begins at record ${firstIndex}`)
    },
    get minimumIndex() {
      return minimumIndex
    },
    get pruning() {
      return pruning
    },
  }
}

/** The content of the file `minimum-index`; undefined unless it is exactly as we would write it. */
export function parseMinimumIndex(bytes: Buffer): number | undefined {
  const text = bytes.toString('latin1')
  return text.endsWith('\n') ? parseIndex(text.slice(0, -1)) : undefined
}
