// The lines of subjects.keys that stay when their records are pruned: nothing else commits to them then, so the record
// of the pruning does, to each line as it was and to those that had been erased by then. The writer and a verifier
// come to it by the same reading of the file. It never writes, and opens no key.

import { createHash, type Hash } from 'node:crypto'
import { reservedField } from './encode-record.ts'
import type { ErasureJournal } from './erase-subject.ts'
import type { OpenFile } from './files.ts'
import { claimLine } from './key-line.ts'
import { readLines } from './read-lines.ts'
import { maxLineBytes } from './subject-line.ts'

export interface KeptLines {
  /** `<count> <SHA-256 of the hashes of the lines, as they were before any erasure>` */
  readonly lines: string
  /** `<count> <SHA-256 of index and erasure, u64 each>` of the lines that were erased */
  readonly erased: string
}

export interface KeptLinesOptions {
  readonly file: OpenFile | undefined
  /** first index that the log still holds */
  readonly minimumIndex: number
  /** index of the record of the pruning: a line that was erased later has its own record in the log */
  readonly recordIndex: number
  /** an erasure that is recorded and was not finished */
  readonly journal?: ErasureJournal | undefined
}

export async function readKeptLines(options: KeptLinesOptions): Promise<KeptLines> {
  const { file, minimumIndex, recordIndex, journal } = options
  const unfinished = new Map(journal?.lines.map(({ offset, text }) => [offset, text]))
  const [lines, erased] = [createCount(), createCount()]
  let isBehind = false
  for await (const line of file === undefined ? [] : readLines(file, maxLineBytes)) {
    const claimed = claimLine(line, unfinished.get(line.offset))
    const { claimedIndex, erased: mark } = claimed
    if (claimedIndex >= minimumIndex) isBehind = true
    // what names no record is one of these lines that was changed, or stands behind them and is told by others
    const isKept = Number.isNaN(claimedIndex) ? !isBehind && line.isWhole : claimedIndex < minimumIndex
    if (!isKept) continue
    lines.add(Buffer.from(claimed.hash, 'base64url'))
    if (mark !== undefined && mark.erasure < recordIndex) erased.add(u64(mark.index, mark.erasure))
  }
  return { lines: lines.text(), erased: erased.text() }
}

/** The fields of a record `records-pruned` that say so. */
export function keptFields({ lines, erased }: KeptLines): Record<string, string> {
  return { [reservedField.keptLines]: lines, [reservedField.keptErased]: erased }
}

/** A number of things and one hash over them, in order. */
export interface Count {
  add(bytes: Buffer): void
  /** `<count> <SHA-256, base64url>`; nothing may be added after it */
  text(): string
}

export function createCount(): Count {
  const hashes: Hash = createHash('sha256')
  let count = 0
  return {
    add(bytes) {
      hashes.update(bytes)
      count += 1
    },
    text: () => `${count} ${hashes.digest('base64url')}`,
  }
}

export function u64(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [at, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * at)
  return bytes
}
