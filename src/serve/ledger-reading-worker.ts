// The thread's end of a search or a proof for the admin API: the same reading that commands do, by the configuration
// file as it is now, for the key that opens what records say. Answers once.

import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { SearchQuery, StateContext, TailRecord } from '../cli/ports.ts'
import { loadConfig } from '../config/config.ts'
import { createProofPorts } from './audit-proofs.ts'
import { searchLedger } from './audit-search.ts'
import { createTailRecords } from './tail-ledger.ts'

export interface ReadingRequest {
  readonly dataDir: string
  readonly file: string
  readonly request:
    | { readonly kind: 'search'; readonly query: SearchQuery; readonly limit: number }
    | { readonly kind: 'prove'; readonly record: string }
}

export interface FoundRecords {
  readonly kind: 'found'
  readonly records: readonly Omit<TailRecord, 'ocsf'>[]
  /** what could not be read, and so may be missing */
  readonly warnings: readonly string[]
}
export interface Proofs {
  readonly kind: 'proven'
  readonly proofs: readonly {
    readonly origin: string
    readonly index: number
    readonly kind: string
    readonly leafHash: string
    readonly size: number
    readonly witnessed: boolean
    /** C2SP tlog-proof */
    readonly proof: string
  }[]
}
export type ReadingAnswer =
  | FoundRecords
  | Proofs
  | { readonly kind: 'fault'; readonly message: string; readonly hint: string | undefined }

const maxWarnings = 20

async function read({ dataDir, file, request }: ReadingRequest): Promise<ReadingAnswer> {
  const loaded = existsSync(file) ? await loadConfig(file, { secrets: 'unresolved' }) : undefined
  const state: StateContext = { dataDir, loaded: loaded?.ok === true ? loaded : undefined }
  const warnings: string[] = []
  const warn = (message: string): void => {
    if (warnings.length < maxWarnings) warnings.push(message)
  }
  if (request.kind === 'prove') {
    const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
    const ports = createProofPorts({ clock: systemClock, pause })
    const documents = await ports.proveRecords({ ...state, record: request.record, warn })
    const proofs = documents.map(({ origin, index, kind, leafHash, size, witnessed, bytes }) => ({
      origin,
      index,
      kind,
      leafHash,
      size,
      witnessed,
      proof: bytes.toString('utf8'),
    }))
    return { kind: 'proven', proofs }
  }
  const toTail = createTailRecords()
  const records: Omit<TailRecord, 'ocsf'>[] = []
  const options = {
    ...state,
    query: request.query,
    limit: request.limit,
    reverse: true,
    warn,
    damage: warn,
    note: () => undefined,
    onProgress: () => undefined,
    clock: systemClock,
  }
  for await (const { log, record } of searchLedger(options)) {
    const { ocsf: _, ...shown } = toTail(log, record)
    records.push(shown)
  }
  return { kind: 'found', records, warnings }
}

read(workerData as ReadingRequest).then(
  (answer) => parentPort?.postMessage(answer),
  (error: unknown) => {
    if (!(error instanceof Fault)) throw error
    const answer: ReadingAnswer = { kind: 'fault', message: error.message, hint: error.hint }
    parentPort?.postMessage(answer)
  },
)
