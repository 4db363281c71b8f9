// Writes the records of a range so that they can be verified elsewhere, offline: matching ones with their envelopes
// (and, where asked for, their events), all others between the two checkpoints as leaf hashes, so that nothing between
// can be missing. Two passes over the log, one line in memory at a time. It reads the log and writes one file.

import { createHash } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { readVersion } from '../base/version.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { eventField } from './encode-record.ts'
import {
  exportFormat,
  formatEnd,
  formatLeaf,
  formatRecordLine,
  maxExportHeaderBytes,
  maxExportLineBytes,
  type ExportedEvent,
  type ExportHeader,
} from './export-format.ts'
import { fitsCaller, fitsEnvelope, type ExportFilter } from './export-filter.ts'
import { findRange, type ExportRange } from './export-range.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { toOcsf } from './ocsf.ts'
import { readLogNotes, type LogNotes, type SignedNote } from './prove.ts'
import { readLedger, type LedgerRecord } from './read-ledger.ts'
import { openTiles, type TiledLog } from './tile-files.ts'

export interface ExportOptions {
  readonly filter: ExportFilter
  /** the query as it was typed */
  readonly queryText: string
  readonly withEvents: boolean
  readonly keyEncryptionKey?: Buffer
  /** RFC 3339 */
  readonly createdAt: string
  readonly fs?: FileSystem
}

export interface ExportSummary {
  readonly origin: string
  readonly fromSize: number
  readonly toSize: number
  readonly population: number
  readonly matching: number
  /** matching records whose event could not be read */
  readonly unreadable: number
  readonly sha256: string
}

/** Exports one log to a file that is not there yet; undefined, and no file, when nothing lies in the range. */
export async function exportLog(dir: string, path: string, options: ExportOptions): Promise<ExportSummary | undefined> {
  const files = options.fs ?? nodeFiles
  const notes = await readLogNotes(dir, files)
  const { published } = notes
  if (published === undefined) return undefined
  const range = await findRange(files, dir, options.filter, published.checkpoint.size)
  if (range === undefined) return undefined
  const { origin } = published.checkpoint
  const counts = await countMatching(dir, range, options)
  const header = await headerOf(options, { dir, files, notes, range, origin, matching: counts.matching })
  const out = await createLineWriter(files, path)
  try {
    await out.write(`${JSON.stringify(header)}\n`, maxExportHeaderBytes)
    for await (const record of readRange(dir, range, options))
      await out.write(formatLine(record, origin, options), maxExportLineBytes)
    const sha256 = await out.end()
    const { fromSize, toSize } = range
    return { origin, fromSize, toSize, population: toSize - fromSize, ...counts, sha256 }
  } catch (error) {
    await out.discard()
    throw error
  }
}

async function* readRange(dir: string, range: ExportRange, options: ExportOptions): AsyncGenerator<LedgerRecord> {
  const { keyEncryptionKey, fs } = options
  const reading = { from: range.fromSize, ...(keyEncryptionKey && { keyEncryptionKey }), ...(fs && { fs }) }
  for await (const record of readLedger(dir, reading)) {
    if (record.index >= range.toSize) return
    yield record
  }
}

async function countMatching(
  dir: string,
  range: ExportRange,
  options: ExportOptions,
): Promise<{ matching: number; unreadable: number }> {
  const { filter, withEvents, keyEncryptionKey, ...rest } = options
  // a first pass over many records decrypts only what it must
  const needsBodies = filter.caller !== undefined || withEvents
  const reading = { filter, withEvents, ...rest, ...(needsBodies && keyEncryptionKey && { keyEncryptionKey }) }
  let [matching, unreadable] = [0, 0]
  for await (const record of readRange(dir, range, reading)) {
    if (!isMatching(filter, record)) continue
    matching += 1
    if (withEvents && record.event === undefined && record.envelope.body !== '') unreadable += 1
  }
  return { matching, unreadable }
}

function isMatching(filter: ExportFilter, record: LedgerRecord): boolean {
  return fitsEnvelope(filter, record.envelope) && fitsCaller(filter, record.event) === true
}

function formatLine(record: LedgerRecord, origin: string, { filter, withEvents }: ExportOptions): string {
  if (!isMatching(filter, record)) return formatLeaf(record.leafHash)
  const entry = record.envelopeBytes.toString()
  const event = withEvents ? exportedEvent(record, origin) : undefined
  return formatRecordLine({ entry, ...(event && { event }) })
}

function exportedEvent(record: LedgerRecord, origin: string): ExportedEvent | undefined {
  const { event, committed } = record
  if (event === undefined || committed === undefined) return undefined
  const { [eventField]: whole, ...fields } = committed
  return {
    text: whole?.value ?? JSON.stringify(event),
    fields,
    ...(whole && { salt: whole.salt }),
    ocsf: toOcsf(record, { origin, version: readVersion() }),
  }
}

async function headerOf(
  options: ExportOptions,
  log: {
    readonly dir: string
    readonly files: FileSystem
    readonly notes: LogNotes
    readonly range: ExportRange
    readonly origin: string
    readonly matching: number
  },
): Promise<ExportHeader> {
  const { range, notes, origin, matching } = log
  const tiles = await openTiles(log.dir, log.files)
  const consistency = await proofBetween(tiles, range.fromSize, range.toSize)
  const witnessed = notes.witnessed && (await witnessedBeside(tiles, notes.witnessed, range.toSize))
  return {
    format: exportFormat,
    tool: 'sallyport',
    version: readVersion(),
    createdAt: options.createdAt,
    query: { text: options.queryText, filter: options.filter },
    origin,
    vkeys: notes.verifiers.map(({ vkey }) => vkey),
    from: { checkpoint: range.fromNote.toString(), edge: range.edge.toString('base64') },
    to: { checkpoint: range.toNote.toString() },
    ...(witnessed && { witnessed }),
    consistency,
    population: range.toSize - range.fromSize,
    matching,
    withEvents: options.withEvents,
  }
}

async function witnessedBeside(
  tiles: TiledLog,
  { checkpoint, note }: SignedNote,
  toSize: number,
): Promise<NonNullable<ExportHeader['witnessed']> | undefined> {
  // a witnessed tree before the records says nothing about them
  if (checkpoint.size === 0) return undefined
  const [smaller, larger] = [Math.min(checkpoint.size, toSize), Math.max(checkpoint.size, toSize)]
  return { checkpoint: note.toString(), consistency: await proofBetween(tiles, smaller, larger) }
}

async function proofBetween(tiles: TiledLog, smaller: number, larger: number): Promise<string[]> {
  return (await openTree(larger, tiles).consistencyProof(smaller)).map((hash) => hash.toString('base64'))
}

interface LineWriter {
  write(line: string, maxBytes: number): Promise<void>
  /** writes the line that ends the file, durably; returns the hash that stands in it */
  end(): Promise<string>
  discard(): Promise<void>
}

const bufferBytes = 1_048_576

async function createLineWriter(files: FileSystem, path: string): Promise<LineWriter> {
  const file = await files.open(path, 'create')
  const sum = createHash('sha256')
  let [position, lines, waiting] = [0, 0, '']
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(waiting)
    waiting = ''
    await file.write(bytes, position)
    position += bytes.length
  }
  return {
    async write(line, maxBytes) {
      if (Buffer.byteLength(line) > maxBytes)
        throw new Fault('CONFIG_INVALID', `line ${lines + 1} of the export would be longer than a reader accepts`, {
          hint: 'leave that record out, or export without --with-events',
        })
      sum.update(line)
      waiting += line
      lines += 1
      if (waiting.length > bufferBytes) await flush()
    },
    async end() {
      const sha256 = sum.digest('hex')
      waiting += formatEnd(lines, sha256)
      await flush()
      await file.datasync()
      await file.close()
      return sha256
    },
    async discard() {
      await file.close()
      await files.remove(path)
    },
  }
}
