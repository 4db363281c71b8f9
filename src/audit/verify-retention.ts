// Holds what is gone from a log against the records that say so: bodies that expired, whole records that were pruned.
// Those records come after what they speak of, so both are remembered until the last was read. What no record vouches
// for is missing, as if nobody had ever heard of retention.

import { reservedField } from './encode-record.ts'
import type { RecordKind } from './envelope.ts'

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
}

export interface ExpiredBody {
  readonly index: number
  readonly kind: RecordKind
  readonly file: string
  readonly offset: number
}

export interface RetentionReport {
  body(record: ExpiredBody): void
  /** records up to before this one are gone */
  missing(firstIndex: number): void
  /** the file `minimum-index` says something else than the records */
  file(message: string): void
}

/** `file` is the content of `minimum-index`, undefined when it is not there. */
export function createRetentionChecker(file: Buffer | undefined): RetentionChecker {
  const stated = file === undefined ? undefined : parseMinimumIndex(file)
  /** by kind, bodies below this index may be gone */
  const vouched = new Map<string, number>()
  /** by segment and kind, the first and the last body that is gone: enough to find one that may not be */
  const gone = new Map<string, { first: ExpiredBody; last: ExpiredBody }>()
  const minimums = new Set<number>()
  let [firstIndex, minimumIndex] = [0, 0]

  return {
    expired(record) {
      const key = `${record.file} ${record.kind}`
      gone.set(key, { first: gone.get(key)?.first ?? record, last: record })
    },
    begin(index) {
      firstIndex = index
    },
    take(index, fields) {
      const before = parseIndex(fields[reservedField.expiredBefore])
      for (const kind of (fields[reservedField.expiredKinds] ?? '').split(','))
        // of what comes after it no record can say that it is gone
        if (before !== undefined && before <= index) vouched.set(kind, Math.max(before, vouched.get(kind) ?? 0))
      const minimum = parseIndex(fields[reservedField.minimumIndex])
      if (minimum === undefined || minimum > index) return
      minimums.add(minimum)
      minimumIndex = Math.max(minimumIndex, minimum)
    },
    finish(report) {
      for (const { first, last } of gone.values()) {
        const before = vouched.get(last.kind) ?? 0
        if (first.index >= before) report.body(first)
        else if (last.index >= before) report.body(last)
      }
      if (firstIndex > minimumIndex) report.missing(firstIndex)
      if (file !== undefined && (stated === undefined || !minimums.has(stated)))
        report.file('it does not say what a record of the log says')
      else if (firstIndex > 0 && (stated ?? 0) < firstIndex && firstIndex <= minimumIndex)
        report.file(`it does not say that the log begins at record ${firstIndex}`)
    },
    get minimumIndex() {
      return minimumIndex
    },
  }
}

/** The content of the file `minimum-index`; undefined unless it is exactly as we would write it. */
export function parseMinimumIndex(bytes: Buffer): number | undefined {
  const text = bytes.toString('latin1')
  return text.endsWith('\n') ? parseIndex(text.slice(0, -1)) : undefined
}

/** Decimal, in its one spelling. */
export function parseIndex(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(Number(text))
    ? Number(text)
    : undefined
}
