// Calls that were allowed and have no completion yet, written down beside the ledger every few seconds, so that the
// next start knows where to look for those that a crash cut off. The ledger is the truth: this file only says up to
// which record it has been read, and what was open there: calls, and counts of folded refusals. Stale is right, torn is
// not parsed; it never delays a call.

import { isOperation } from '../a2a/operations.ts'
import { replaceFile } from './replace-file.ts'
import type { NewRecord } from './encode-record.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { formatFolds, parseFolds, type OpenFold } from './open-folds.ts'

/** A call whose end nobody recorded. */
export interface CutCall {
  readonly call: string
  /** of its decision */
  readonly index: number
  readonly agent: string
  readonly operation: string
  /** '' when the body of its decision cannot be opened, like the two after it */
  readonly caller: string
  readonly origin: string
  readonly task: string
}

/** Discovery is answered with its decision and leaves no completion. */
export function isCallOpened(record: Pick<NewRecord, 'kind' | 'outcome' | 'operation'>): boolean {
  return record.kind === 'decision' && record.outcome === 'allowed' && isOperation(record.operation)
}

export interface OpenCalls {
  /** the decision is durable, under this index */
  began(call: string, index: number): void
  ended(call: string): void
  /** asked at every writing for the folds whose counts are not recorded yet */
  watchFolds(pending: () => readonly OpenFold[]): void
  readonly size: number
  /** writes what is still open: nothing, after an orderly end */
  close(): Promise<void>
}

const writeIntervalMs = 5_000
export const maxOpenCalls = 100_000 // bound: open calls that are written down for the next start
export const maxOpenCallsBytes = 16_777_216 // bound: size of the file of open calls
const maxCallChars = 256

/**
 * `logSize` is the number of durable records. It is asked in a turn of the event loop of its own: whatever is
 * durable by then has been told here, so that size and calls fit together.
 */
export function createOpenCalls(options: {
  path: string
  origin: string
  logSize: () => number
  fs?: FileSystem
}): OpenCalls {
  const { path, fs: files = nodeFiles } = options
  const open = new Map<string, number>()
  let isChanged = false
  let pendingFolds: () => readonly OpenFold[] = () => []
  /** the file that stands speaks of a fold */
  let hasFolds = false
  let writing: Promise<void> = Promise.resolve()

  const write = async (): Promise<void> => {
    // with more than that the older file stands: from its size on the ledger is read again
    const folds = pendingFolds()
    if (!(isChanged || hasFolds || folds.length > 0) || open.size > maxOpenCalls) return
    isChanged = false
    const text = formatOpenCalls({ origin: options.origin, size: options.logSize(), calls: open, folds })
    try {
      await replaceFile(files, path, Buffer.from(text))
      hasFolds = folds.length > 0
    } catch (error) {
      isChanged = true
      throw error
    }
  }
  const flush = (): Promise<void> => (writing = writing.then(write, write))
  // a disk that does not take it now is asked again
  const timer = setInterval(() => void flush().catch(() => undefined), writeIntervalMs)
  timer.unref()

  return {
    began(call, index) {
      open.set(call, index)
      isChanged = true
    },
    ended(call) {
      isChanged = open.delete(call) || isChanged
    },
    watchFolds(pending) {
      pendingFolds = pending
    },
    get size() {
      return open.size
    },
    async close() {
      clearInterval(timer)
      isChanged = true
      await flush()
    },
  }
}

export interface OpenCallsFile {
  readonly origin: string
  /** records that the log had then */
  readonly size: number
  /** index of the decision by call */
  readonly calls: ReadonlyMap<string, number>
  readonly folds: readonly OpenFold[]
}

export function formatOpenCalls({ origin, size, calls, folds }: OpenCallsFile): string {
  const told = folds.length === 0 ? {} : { folds: formatFolds(folds) }
  return `${JSON.stringify({ v: 1, origin, size, calls: Object.fromEntries(calls), ...told })}\n`
}

/** undefined unless the file is whole: then the ledger itself is read back to the last start. */
export function parseOpenCalls(bytes: Buffer | undefined): OpenCallsFile | undefined {
  if (bytes === undefined || bytes.length > maxOpenCallsBytes) return undefined
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    // torn, or not ours
    return undefined
  }
  if (!isObject(value) || value['v'] !== 1) return undefined
  const { origin, size, calls } = value
  if (typeof origin !== 'string' || !isIndex(size) || !isObject(calls)) return undefined
  const entries = new Map<string, number>()
  for (const [call, index] of Object.entries(calls)) {
    if (call.length > maxCallChars || !isIndex(index) || index >= size) return undefined
    entries.set(call, index)
  }
  const folds = parseFolds(value['folds'] ?? [])
  if (folds === undefined || folds.some(({ openings }) => openings.some((index) => index >= size))) return undefined
  return entries.size > maxOpenCalls ? undefined : { origin, size, calls: entries, folds }
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
