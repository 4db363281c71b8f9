// Says whether every byte of the ledger is as its writers left it, with no key but the public one: checksums,
// hashes, tree, signatures, headers, key lines, and the files themselves. It names the first record that was
// changed, removed or reordered, and goes on behind it. It never writes, takes files as hostile, and streams.
// What it cannot see: a whole state put back, or rewritten with the signing key (docs/ledger.md).

import { join } from 'node:path'
import { nodeFiles, type FileSystem } from './files.ts'
import { emptyRoot, leafHash, rootOf } from '../tlog/merkle.ts'
import { verifyLog, type LedgerNote, type LedgerProblem } from './verify-log.ts'

export type { LedgerNote, LedgerProblem, ProblemKind } from './verify-log.ts'

export interface LogReport {
  readonly origin: string
  readonly size: number
  /** base64, as in a checkpoint */
  readonly root: string
  /** how many records were signed, where more than are there */
  readonly signedSize?: number
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
  /** verifier keys kept elsewhere: a log whose first key is not among them is a problem */
  readonly trustedKeys?: readonly string[]
  /** origins that must be there */
  readonly expectedOrigins?: readonly string[]
}

/** Verifies every log under `dataDir/ledger`. Throws only when a file cannot be read at all. */
export async function verifyLedger(ledgerRoot: string, options: VerifyOptions = {}): Promise<LedgerReport> {
  const files = options.fs ?? nodeFiles
  const problems: LedgerProblem[] = []
  const notes: LedgerNote[] = []
  const logs: LogReport[] = []
  for (const name of (await files.list(ledgerRoot)).toSorted()) {
    const log = await verifyLog({ files, dir: join(ledgerRoot, name), name, trustedKeys: options.trustedKeys })
    problems.push(...log.problems)
    notes.push(...log.notes)
    if (log.origin === undefined) continue
    const { origin, size, signedSize } = log
    logs.push({ origin, size, root: log.root.toString('base64'), ...(signedSize > size && { signedSize }) })
  }
  for (const origin of options.expectedOrigins ?? []) {
    if (logs.some((log) => log.origin === origin)) continue
    problems.push({ log: origin, file: '', kind: 'missing-file', message: 'the whole log is missing' })
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
