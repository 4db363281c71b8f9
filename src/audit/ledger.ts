// The ledger's writer: one log, one process. An append resolves when its group is on the disk and synced, and
// rejects otherwise; there is no third way. A sync starts as soon as the one before ends, with whatever waits by
// then (at most 256 records). A full or failing disk refuses records and is tried again with the next; a failed
// sync ends the ledger for good. Format: docs/ledger.md (RFC 6962, C2SP tlog-checkpoint).

import { hash, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { systemRandom, type RandomSource } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { createBodySealer, epochBytes } from './body.ts'
import { createCheckpointFile, replaceFile, type CheckpointFile } from './checkpoint-file.ts'
import { createCheckpointSigner, type CheckpointSigner } from '../tlog/checkpoint.ts'
import {
  createRecordEncoder,
  encodeOwnRecord,
  reservedField,
  type EncodedRecord,
  type NewRecord,
  type RecordEncoder,
} from './encode-record.ts'
import { createTimeFormatter } from './envelope.ts'
import { errorCode, nodeFiles, type FileSystem } from './files.ts'
import { createGroupBuilder, type GroupBuilder } from './group.ts'
import { takeLock, type Lock } from './lock.ts'
import { emptyRoot, type Edge } from '../tlog/merkle.ts'
import { readVkeys, recoverLedger, type Recovered } from './recover-ledger.ts'
import { createSegmentWriter, syncOrFail, SyncFailed, type SegmentWriter } from './segment-writer.ts'
import { createKeyWrapper } from './subject-line.ts'
import { openSubjects, type SubjectKey, type Subjects } from './subjects.ts'

export type { NewRecord } from './encode-record.ts'
export type { FileSystem, OpenFile } from './files.ts'
export { confirmBegun, ledgerIdentity } from './identity.ts'
export type { LedgerIdentity } from './identity.ts'

export interface LedgerOptions {
  /** the folder of this log: dataDir/ledger/<part of the origin after its last slash> */
  readonly dir: string
  readonly origin: string
  /** Ed25519 */
  readonly signingKey: KeyObject
  /** the log has had records (`LedgerIdentity`): one without any is refused, not begun again */
  readonly isBegun?: boolean
  /** 32 bytes that lie outside the data directory */
  readonly keyEncryptionKey: Buffer
  readonly clock: Clock
  /** size in bytes at which a new segment file is begun */
  readonly segmentSize: number
  /** called once after a failed sync: the process must end (exit 3) */
  readonly onFatal: (fault: Fault) => void
  readonly fs?: FileSystem
  readonly random?: RandomSource
  /** how often the `checkpoint` file is written at most */
  readonly checkpointIntervalMs?: number
}

/** `full` and `unwritable` last until an append succeeds; `failed` and `closed` for ever. */
export type LedgerStatus = 'writable' | 'full' | 'unwritable' | 'failed' | 'closed'

export interface LedgerStats {
  /** since opening */
  readonly records: number
  readonly groups: number
  readonly syncSeconds: number
  readonly checkpointFailures: number
}

export interface Ledger {
  readonly origin: string
  /** verifier key of the checkpoints (C2SP signed-note vkey) */
  readonly vkey: string
  /** Resolves when the record is durable. Rejects with a Fault: LEDGER_FULL or LEDGER_UNWRITABLE. */
  append(record: NewRecord): Promise<Receipt>
  /**
   * True when records can be written. After a failure it tries to write one that says so: where readiness keeps
   * traffic away, nothing else would find out that the disk has room again. Call it every few seconds.
   */
  probe(): Promise<boolean>
  /** durable records */
  readonly size: number
  /** root hash of the durable records, base64 as in a checkpoint */
  root(): string
  /** the newest signed checkpoint over durable records */
  checkpoint(): string
  readonly status: LedgerStatus
  /** when a sync last succeeded, milliseconds since the epoch; 0 when none has */
  readonly lastSyncMs: number
  /** bytes of all segment files */
  readonly bytes: number
  readonly stats: LedgerStats
  /** what opening had to cut off: belongs into the record that says we started */
  readonly recovery: { readonly truncatedBytes: number; readonly droppedKeyLines: number }
  /** writes what waits, then the checkpoint, then lets go of the lock */
  close(): Promise<void>
}

const maxPendingRecords = 65_536 // bound: records that wait for the disk
const maxPendingBytes = 67_108_864 // bound: bytes that wait for the disk

/**
 * Opens a log, or begins it. Throws a Fault: LEDGER_LOCKED (another process writes), LEDGER_CORRUPT (the log is
 * smaller than, or inconsistent with, what was signed), KEY_UNREADABLE, LEDGER_FULL or LEDGER_UNWRITABLE.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { dir } = options
  const files = options.fs ?? nodeFiles
  const lock = await prepareFolder(files, dir)
  const opened: { close(): Promise<void> }[] = []
  try {
    const random = options.random ?? systemRandom
    const signer = createCheckpointSigner(options.origin, options.signingKey)
    const recovered = await recover(files, options, signer)
    if (recovered.segment !== undefined) opened.push(recovered.segment.file)
    const epoch = Buffer.alloc(epochBytes)
    random(epoch)
    const file = await files.open(join(dir, 'subjects.keys'), 'update')
    opened.push(file)
    const wrapper = createKeyWrapper(options.keyEncryptionKey, options.origin)
    const subjects = await openSubjects({ file, wrapper, random, epoch, size: recovered.edge.size })
    const encode = createRecordEncoder({ subjects, sealer: createBodySealer(epoch), random })
    const writer = new Writer(options, { files, lock, recovered, subjects, signer, encode })
    if (recovered.edge.size === 0) await writer.begin()
    return writer
  } catch (error) {
    for (const file of opened) await file.close().catch(() => undefined)
    await lock.release()
    throw error instanceof Fault ? error : faultOf(error)
  }
}

async function prepareFolder(files: FileSystem, dir: string): Promise<Lock> {
  try {
    await files.makeFolder(join(dir, 'segments'))
  } catch (error) {
    throw faultOf(error)
  }
  return takeLock(join(dir, 'lock'))
}

async function recover(files: FileSystem, options: LedgerOptions, signer: CheckpointSigner): Promise<Recovered> {
  const { dir, origin } = options
  const verifiers = await readVkeys(files, dir)
  if (verifiers === undefined) {
    const isEmpty = (await files.list(join(dir, 'segments'))).every((name) => name === 'next.tmp')
    if (!isEmpty) throw new Fault('LEDGER_CORRUPT', 'key.vkey is missing', { hint: 'restore it from a backup' })
    await beginFolder(files, dir, signer)
    return recover(files, options, signer)
  }
  if (!verifiers.some(({ vkey }) => vkey === signer.vkey)) {
    throw new Fault('LEDGER_CORRUPT', 'the log was written with another signing key', {
      hint: `restore the key that belongs to ${origin}, or begin a new log under an origin of its own`,
    })
  }
  return recoverLedger({ files, dir, origin, verifiers, isBegun: options.isBegun ?? false })
}

// key.vkey comes last: until it is there, opening begins anew
async function beginFolder(files: FileSystem, dir: string, signer: CheckpointSigner): Promise<void> {
  await replaceFile(files, join(dir, 'subjects.keys'), Buffer.alloc(0))
  await replaceFile(files, join(dir, 'checkpoint'), Buffer.from(signer.sign(0, emptyRoot)))
  await replaceFile(files, join(dir, 'key.vkey'), Buffer.from(`${signer.vkey}\n`))
  await syncOrFail(() => files.syncFolder(dir))
  await syncOrFail(() => files.syncFolder(join(dir, '..')))
}

/** Writes a record of the ledger about itself, in clear, as a group of its own. Rejects with a Fault. */
type CommitOwn = (operation: string, fields: Readonly<Record<string, string>>) => Promise<Receipt>

interface Pending {
  readonly record: EncodedRecord
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (fault: Fault) => void
  place: number
}

interface Parts {
  readonly files: FileSystem
  readonly lock: Lock
  readonly recovered: Recovered
  readonly subjects: Subjects
  readonly signer: CheckpointSigner
  readonly encode: RecordEncoder
}

class Writer implements Ledger {
  readonly origin: string
  readonly vkey: string
  readonly recovery: Ledger['recovery']
  status: LedgerStatus = 'writable'
  lastSyncMs = 0

  readonly #options: LedgerOptions
  readonly #parts: Parts
  readonly #edge: Edge
  readonly #group: GroupBuilder
  readonly #segments: SegmentWriter
  readonly #checkpointFile: CheckpointFile
  readonly #stats = { records: 0, groups: 0, syncSeconds: 0 }
  // what is durable; the edge runs ahead of it while a group is being written
  #size: number
  #root: Buffer
  #note: Buffer
  #queue: Pending[] = []
  /** where appends wait while something is done exclusively */
  #heldBack: Pending[] | undefined
  #exclusive: Promise<void> | undefined
  readonly #formatTime = createTimeFormatter()
  #pendingBytes = 0
  #running: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: LedgerOptions, parts: Parts) {
    const { recovered, signer, files, subjects } = parts
    this.#options = options
    this.#parts = parts
    this.origin = options.origin
    this.vkey = signer.vkey
    this.recovery = { truncatedBytes: recovered.truncatedBytes, droppedKeyLines: subjects.droppedLines }
    this.#edge = recovered.edge
    this.#size = this.#edge.size
    this.#root = this.#edge.root()
    this.#note = recovered.note ?? Buffer.from(signer.sign(0, emptyRoot))
    this.#group = createGroupBuilder(this.#edge, signer)
    const { dir, segmentSize, origin } = options
    const { segment, sealedBytes } = recovered
    this.#segments = createSegmentWriter({ files, dir, origin, segmentSize, segment, sealedBytes })
    this.#checkpointFile = createCheckpointFile({ files, dir, intervalMs: options.checkpointIntervalMs ?? 200 })
    if (recovered.checkpointSize < this.#size) this.#checkpointFile.offer(this.#note)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#segments.bytes
  }

  get stats(): LedgerStats {
    return { ...this.#stats, checkpointFailures: this.#checkpointFile.failures }
  }

  root(): string {
    return this.#root.toString('base64')
  }

  checkpoint(): string {
    return this.#note.toString()
  }

  append(record: NewRecord): Promise<Receipt> {
    if (this.status === 'failed' || this.#closing !== undefined) {
      return Promise.reject(new Fault('LEDGER_UNWRITABLE', 'the ledger takes no more records'))
    }
    if (
      this.#queue.length + (this.#heldBack?.length ?? 0) >= maxPendingRecords ||
      this.#pendingBytes >= maxPendingBytes
    ) {
      return Promise.reject(new Fault('LEDGER_UNWRITABLE', 'too many records wait for the disk'))
    }
    return new Promise((resolve, reject) => {
      // what encoding throws rejects the promise
      const encoded = this.#parts.encode(record)
      this.#pendingBytes += encoded.body?.length ?? 0
      const entry: Pending = { record: encoded, resolve, reject, place: 0 }
      const queue = this.#heldBack ?? this.#queue
      queue.push(entry)
      if (queue === this.#queue) this.#start()
    })
  }

  async probe(): Promise<boolean> {
    if (this.status !== 'full' && this.status !== 'unwritable') return this.status === 'writable'
    try {
      await this.append({
        kind: 'lifecycle',
        call: '',
        timeMs: this.#options.clock.nowMs(),
        snapshot: '',
        subject: '',
        agent: '',
        operation: 'recording-resumed',
        outcome: 'done',
        code: '',
        sensitive: {},
        event: {},
      })
      return true
    } catch {
      // still failing: the status says how
      return false
    }
  }

  /** The first record of a log: it commits to the key that signs it. */
  async begin(): Promise<void> {
    try {
      await this.#commitOwn('ledger-created', { [reservedField.signingKey]: hash('sha256', this.vkey, 'base64url') })
    } catch (error) {
      await this.close()
      throw error
    }
    await this.#checkpointFile.flush()
  }

  /** A group of one record that the ledger writes about itself; nothing else may be writing. */
  async #commitOwn(operation: string, fields: Readonly<Record<string, string>>): Promise<Receipt> {
    const time = this.#formatTime(this.#options.clock.nowMs())
    const { text } = encodeOwnRecord({ kind: 'lifecycle', operation, time, fields })
    this.#group.begin()
    const place = this.#group.add(`${text.head}${this.#group.nextIndex}${text.tail}`, undefined)
    const fault = await this.#commit([], [])
    if (fault !== undefined) throw fault
    return this.#receiptAt(place)
  }

  async #exclusively<T>(begin: () => void, work: (commitOwn: CommitOwn) => Promise<T>): Promise<T> {
    while (this.#exclusive !== undefined) await this.#exclusive
    const over = Promise.withResolvers<void>()
    this.#exclusive = over.promise
    this.#heldBack = []
    try {
      begin()
      // what was appended before goes first
      while (this.#running !== undefined) await this.#running
      if (this.status === 'failed') throw new Fault('LEDGER_UNWRITABLE', 'the ledger has failed')
      return await work((operation, fields) => this.#commitOwn(operation, fields))
    } finally {
      this.#queue.push(...this.#heldBack)
      this.#heldBack = undefined
      this.#exclusive = undefined
      over.resolve()
      if (this.#queue.length > 0) this.#start()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    while (this.#exclusive !== undefined || this.#running !== undefined) await (this.#exclusive ?? this.#running)
    try {
      if (this.status !== 'failed') {
        // a disk that does not take the checkpoint now has it in the last segment
        await this.#checkpointFile.flush().catch(() => undefined)
        await this.#parts.files.syncFolder(this.#options.dir).catch(() => undefined)
        this.status = 'closed'
      }
      await this.#segments.close()
      await this.#parts.subjects.close()
    } finally {
      await this.#parts.lock.release()
    }
  }

  // Groups are built in a turn of their own: everything that arrives in one turn of the event loop shares a sync.
  #start(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined
      if (this.#queue.length > 0) this.#start()
    })
  }

  async #drain(): Promise<void> {
    await nextTurn()
    while (this.#queue.length > 0) {
      if (this.status === 'failed') return this.#rejectAll(this.#queue.splice(0))
      await this.#writeGroup()
      await nextTurn()
    }
  }

  async #writeGroup(): Promise<void> {
    const keys: SubjectKey[] = []
    const lines: Buffer[] = []
    const entries: Pending[] = []
    const fault = await this.#build(entries, keys, lines)
    if (fault !== undefined) return this.#rejectAll(entries, fault)
    for (const { resolve, place } of entries) resolve(this.#receiptAt(place))
  }

  /** of a record of the group that has just become durable */
  #receiptAt(place: number): Receipt {
    const index = this.#size - this.#group.records + place
    return { origin: this.origin, index, leafHash: this.#group.leafHash(place) }
  }

  async #build(entries: Pending[], keys: SubjectKey[], lines: Buffer[]): Promise<Fault | undefined> {
    this.#group.begin()
    try {
      this.#takeEntries(entries, keys, lines)
    } catch (error) {
      // a bug of ours: nothing was written, and nobody may wait for ever
      this.#group.undo()
      return faultOf(error)
    } finally {
      this.#queue = entries.length === this.#queue.length ? [] : this.#queue.slice(entries.length)
    }
    return this.#commit(keys, lines)
  }

  #takeEntries(entries: Pending[], keys: SubjectKey[], lines: Buffer[]): void {
    for (const entry of this.#queue) {
      const { key, body, text, time } = entry.record
      const needsLine = key !== undefined && !key.isCommitted && !keys.includes(key)
      if (!this.#group.hasRoom(needsLine ? 2 : 1, body?.length ?? 0)) return
      entries.push(entry)
      this.#pendingBytes -= body?.length ?? 0
      if (needsLine) {
        const line = this.#parts.subjects.lineFor(key, this.#group.nextIndex)
        this.#group.add(subjectKeyEnvelope(this.#group.nextIndex, line, time), undefined)
        keys.push(key)
        lines.push(line)
      }
      entry.place = this.#group.add(`${text.head}${this.#group.nextIndex}${text.tail}`, body)
    }
  }

  async #commit(keys: readonly SubjectKey[], lines: readonly Buffer[]): Promise<Fault | undefined> {
    const { subjects } = this.#parts
    const { bytes, note } = this.#group.end()
    const startedMs = this.#options.clock.monotonicMs()
    try {
      await subjects.undo()
      if (lines.length > 0) {
        await subjects.write(lines)
        await syncOrFail(() => subjects.datasync())
      }
      // a segment that begins now begins at the tree before this group, which is the durable one
      await this.#segments.write(bytes, { edge: this.#group.before, note: () => this.#note })
    } catch (error) {
      return this.#takeBack(error)
    }
    subjects.commit(keys, lines)
    this.#size = this.#edge.size
    this.#root = this.#edge.root()
    this.#note = note
    this.status = 'writable'
    this.lastSyncMs = this.#options.clock.nowMs()
    this.#stats.records += this.#group.records
    this.#stats.groups += 1
    this.#stats.syncSeconds += (this.#options.clock.monotonicMs() - startedMs) / 1_000
    this.#checkpointFile.offer(note)
    return undefined
  }

  async #takeBack(error: unknown): Promise<Fault> {
    this.#group.undo()
    const fault = faultOf(error)
    if (error instanceof SyncFailed) {
      this.status = 'failed'
      this.#options.onFatal(fault)
      return fault
    }
    this.status = fault.code === 'LEDGER_FULL' ? 'full' : 'unwritable'
    // what cannot be cut off now is cut off, or overwritten, before the next group
    await this.#segments.undo().catch(() => undefined)
    await this.#parts.subjects.undo().catch(() => undefined)
    return fault
  }

  #rejectAll(
    entries: readonly Pending[],
    fault: Fault = new Fault('LEDGER_UNWRITABLE', 'the ledger has failed'),
  ): void {
    for (const { record, reject } of entries) {
      if (record.key !== undefined) this.#parts.subjects.release(record.key)
      reject(fault)
    }
  }
}

function subjectKeyEnvelope(index: number, line: Buffer, time: string): string {
  const fields = { [reservedField.line]: hash('sha256', line, 'base64url') }
  const { text } = encodeOwnRecord({ kind: 'subject-key', operation: 'subject-key-created', time, fields })
  return `${text.head}${index}${text.tail}`
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function faultOf(error: unknown): Fault {
  const cause = error instanceof SyncFailed ? error.cause : error
  const code = errorCode(cause)
  if (error instanceof SyncFailed) {
    return new Fault('LEDGER_UNWRITABLE', `a sync of the ledger failed (${code}): what the disk holds is not known`, {
      cause,
      hint: 'check the disk, then start again: the ledger is verified up to its last checkpoint',
    })
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('LEDGER_FULL', 'the disk of the ledger is full', {
      cause,
      hint: 'free space: recording goes on by itself',
    })
  }
  return new Fault('LEDGER_UNWRITABLE', `the ledger cannot be written (${code})`, {
    cause,
    hint: 'check the disk and its permissions',
  })
}
