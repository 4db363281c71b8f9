// What retention would take from a log that nobody has open, and what an erasure would destroy in it. It reads: no lock
// is taken and nothing is made, so that a question leaves a data directory as it was.

import type { Clock } from '../base/clock.ts'
import { Bug } from '../base/invariant.ts'
import { recordsWritten } from './count-records.ts'
import type { SubjectTrace } from './erase-subject.ts'
import { applyRetention, type RetentionResult } from './expire.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { findSubjectLines } from './find-subject.ts'
import type { WantedRetention } from './ledger.ts'
import { createVouchedTime } from './vouched-time.ts'

export interface ReadLog {
  /** the folder of the log */
  readonly dir: string
  readonly origin: string
  readonly keyEncryptionKey: Buffer
  readonly fs?: FileSystem
}

/** Rejects with LEDGER_CORRUPT where a segment is damaged. */
export async function foreseeRetention(
  log: ReadLog,
  { rules, heldSubjects, minimumExported, vouchedMs = Infinity }: Omit<WantedRetention, 'isDryRun'>,
  clock: Clock,
): Promise<RetentionResult> {
  const lines = (await Promise.all(heldSubjects.map((subject) => findSubjectLines(log, subject)))).flat()
  const heldKeys = new Set(lines.map(({ line }) => line.keyId.toString('hex')))
  const keepBodiesFrom = minimumExported ?? Infinity
  // no record of a subject is older than its first line
  const keepFrom = Math.min(keepBodiesFrom, ...lines.map(({ line }) => line.index))
  const never = (): never => {
    throw new Bug('a dry run writes nothing')
  }
  return await applyRetention(
    {
      files: log.fs ?? nodeFiles,
      dir: log.dir,
      done: new Map(),
      isStopping: () => false,
      keptLines: never,
      commitOwn: never,
    },
    { rules, nowMs: clock.nowMs(), vouchedMs, heldKeys, keepFrom, keepBodiesFrom, isDryRun: true },
  )
}

/** As `Ledger.vouchedMs`, of a log that is not open. */
export async function foreseeVouchedMs({ dir, fs: files = nodeFiles }: ReadLog, clock: Clock): Promise<number> {
  const size = (await recordsWritten(dir, files)) ?? 0
  return await createVouchedTime({ files, dir, size, clock }).latestMs()
}

/** What the log has of a subject, as `Ledger.findSubject` says it. */
export async function foreseeErasure(log: ReadLog, subject: string): Promise<SubjectTrace> {
  const lines = await findSubjectLines(log, subject)
  return {
    lines: lines.length,
    months: [...new Set(lines.map(({ line }) => line.month))].toSorted(),
    pseudonyms: [...new Set(lines.map(({ pseudonym }) => pseudonym))],
  }
}
