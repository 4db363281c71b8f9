// Says whether every byte of the ledger is as its writers left it, with no key but the public one: checksums,
// hashes, tree, signatures, headers, key lines, and the files themselves. It names the first record that was
// changed, removed or reordered, and goes on behind it. It never writes, takes files as hostile, and streams.
// What it cannot see: a whole state put back, or rewritten with the signing key (docs/ledger.md).

import { join } from 'node:path'
import { areChecksumsSound } from './checksum-thread.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { emptyRoot, leafHash, rootOf } from '../tlog/merkle.ts'
import { segmentIndex } from './segment.ts'
import { verifyLog, type LedgerNote, type LedgerProblem } from './verify-log.ts'
import {
  parseKeptCheckpoint,
  watchVouchedStates,
  type VouchedState,
  type WitnessRequirement,
} from './verify-witnessed.ts'

export type { LedgerNote, LedgerProblem, ProblemKind } from './verify-log.ts'

export interface LogReport {
  readonly origin: string
  readonly size: number
  /** base64, as in a checkpoint */
  readonly root: string
  /** how many records were signed, where more than are there */
  readonly signedSize?: number
  /** the newest checkpoint that witnesses vouch for, when it holds */
  readonly witnessed?: VouchedState
  /** the checkpoint that was kept elsewhere, when it is of this log and holds */
  readonly since?: VouchedState
  /** a copy without segments: bodies and key lines were not there to be verified */
  readonly tilesOnly?: true
}

export interface LedgerReport {
  readonly ok: boolean
  /** records of all logs */
  readonly size: number
  /** the root of the only log; of several, the root of an RFC 6962 tree over `origin LF size LF root LF`, by origin */
  readonly root: string
  readonly logs: readonly LogReport[]
  readonly problems: readonly LedgerProblem[]
  /** what is no problem, yet should be said: bytes of a group that was not finished */
  readonly notes: readonly LedgerNote[]
}

export interface VerifyOptions {
  readonly fs?: FileSystem
  /** verifier keys kept elsewhere: a log that none of them vouches for is a problem */
  readonly trustedKeys?: readonly string[]
  /** origins that must be there */
  readonly expectedOrigins?: readonly string[]
  /** this is where logs are written: one of which only tiles are left is a problem */
  readonly mustHaveSegments?: boolean
  /** witnesses that are known, and how many each log must have */
  readonly witnesses?: WitnessRequirement
  /** a checkpoint that was kept elsewhere: the log that it is of must contain it */
  readonly since?: Buffer
}

/** Segments of fewer bytes are verified sooner than a thread has started. */
const largeBytes = 33_554_432

/** Verifies every log under `dataDir/ledger`. Throws only when a file cannot be read at all. */
export async function verifyLedger(ledgerRoot: string, options: VerifyOptions = {}): Promise<LedgerReport> {
  // a test's disk is not another thread's to read
  const segments = options.fs === undefined ? await listSegments(ledgerRoot) : []
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  if (bytes < largeBytes) return await verifyLogs(ledgerRoot, options)
  const checksums = areChecksumsSound(segments.map(({ path }) => path))
  const report = await verifyLogs(ledgerRoot, { ...options, withoutChecksums: true })
  // anything amiss is looked at again with everything, to say where
  return (await checksums) && report.ok ? report : await verifyLogs(ledgerRoot, options)
}

async function listSegments(ledgerRoot: string): Promise<{ path: string; bytes: number }[]> {
  const segments: { path: string; bytes: number }[] = []
  for (const name of await nodeFiles.list(ledgerRoot)) {
    const folder = join(ledgerRoot, name, 'segments')
    for (const file of await nodeFiles.list(folder).catch(() => [])) {
      const path = join(folder, file)
      if (segmentIndex(file) === undefined || (await nodeFiles.kindOf(path)) !== 'file') continue
      segments.push({ path, bytes: await nodeFiles.fileSize(path) })
    }
  }
  return segments
}

interface PassOptions extends VerifyOptions {
  readonly withoutChecksums?: boolean
}

async function verifyLogs(ledgerRoot: string, options: PassOptions): Promise<LedgerReport> {
  const files = options.fs ?? nodeFiles
  const { withoutChecksums = false } = options
  const problems: LedgerProblem[] = []
  const notes: LedgerNote[] = []
  const logs: LogReport[] = []
  const since = options.since && parseKeptCheckpoint(options.since)
  for (const name of (await files.list(ledgerRoot)).toSorted()) {
    const dir = join(ledgerRoot, name)
    const requirement = options.witnesses ?? { cosigners: [], require: 0, nowSeconds: undefined }
    const watch = await watchVouchedStates({ files, dir, name, requirement, since })
    const log = await verifyLog({ files, dir, name, trustedKeys: options.trustedKeys, withoutChecksums, watch })
    const { problems: ofVouched, ...vouched } = await watch.finish(log)
    problems.push(...log.problems, ...ofVouched)
    notes.push(...log.notes)
    if (log.origin === undefined) continue
    const { origin, size, signedSize } = log
    if (log.hasTilesOnly && options.mustHaveSegments === true)
      problems.push({ log: name, file: 'segments', kind: 'missing-file', message: 'the segments are missing' })
    logs.push({
      origin,
      size,
      root: log.root.toString('base64'),
      ...(signedSize > size && { signedSize }),
      ...(log.hasTilesOnly && { tilesOnly: true }),
      ...vouched,
    })
  }
  for (const origin of options.expectedOrigins ?? []) {
    if (logs.some((log) => log.origin === origin)) continue
    problems.push({ log: origin, file: '', kind: 'missing-file', message: 'the whole log is missing' })
  }
  if (options.since !== undefined && !logs.some(({ origin }) => origin === since?.origin)) {
    const message = since === undefined ? 'the kept checkpoint is none' : 'the log of the kept checkpoint is not here'
    problems.push({
      log: since?.origin ?? '',
      file: '',
      kind: since === undefined ? 'checkpoint' : 'rollback',
      message,
    })
  }
  logs.sort((a, b) => (a.origin < b.origin ? -1 : 1))
  const size = logs.reduce((sum, log) => sum + log.size, 0)
  return { ok: problems.length === 0, size, root: rootOfLogs(logs), logs, problems, notes }
}

function rootOfLogs(logs: readonly LogReport[]): string {
  const [only, ...others] = logs
  if (only === undefined) return emptyRoot.toString('base64')
  if (others.length === 0) return only.root
  return rootOf(logs.map(({ origin, size, root }) => leafHash(Buffer.from(`${origin}\n${size}\n${root}\n`)))).toString(
    'base64',
  )
}
