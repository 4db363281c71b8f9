// The ledger's writer: one log, one process. An append resolves when its group is on the disk and synced, and
// rejects otherwise; there is no third way. A sync starts as soon as the one before ends, with whatever waits by
// then (at most 256 records). A full or failing disk refuses records and is tried again with the next; a failed
// sync ends the ledger for good. Format: docs/ledger.md (RFC 6962, C2SP tlog-checkpoint).

import { hash, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { systemRandom, type RandomSource } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { invariant } from '../base/invariant.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { createBodySealer, epochBytes } from './body.ts'
import {
  createRecordEncoder,
  encodeOwnRecord,
  ownOperation,
  reservedField,
  tileLayout,
  type EncodedRecord,
  type NewRecord,
  type OwnOperation,
  type RecordEncoder,
} from './encode-record.ts'
import { createTimeFormatter } from './envelope.ts'
import { errorCode, nodeFiles, type FileSystem } from './files.ts'
import { createGroupBuilder, type GroupBuilder } from './group.ts'
import { fixedRing, type KeyRing } from './key-ring.ts'
import { keyLineHash } from './key-schedule.ts'
import { holdKeyLines, type LineClaims } from './hold-key-lines.ts'
import { readKeptLines, type KeptLines } from './kept-lines.ts'
import { takeLock, type Lock } from './lock.ts'
import type { CheckpointSigner } from '../tlog/checkpoint.ts'
import { emptyRoot, type Edge } from '../tlog/merkle.ts'
import { readVkeys, recoverLedger, wayOutHint, type Recovered } from './recover-ledger.ts'
import { replaceFile } from './replace-file.ts'
import {
  maxOverlapMs,
  openLogKeys,
  toSigner,
  withoutKey,
  type KeyRotation,
  type LogKeys,
  type LogSigner,
} from './rotate-key.ts'
import { createSegmentWriter, syncOrFail, SyncFailed, type SegmentWriter } from './segment-writer.ts'
import { signReceipt } from './receipt.ts'
import { eraseSubject, finishErasure, traceOf, type SubjectErasure, type SubjectTrace } from './erase-subject.ts'
import {
  applyRetention,
  type BodyKind,
  type RetentionParts,
  type RetentionRequest,
  type RetentionResult,
  type RetentionRules,
} from './expire.ts'
import { createKeyWrapper } from './subject-line.ts'
import { openSubjects, type SubjectKey, type Subjects } from './subjects.ts'
import { createTileWriter, type TileWriter } from './tile-writer.ts'
import { createVouchedTime, type VouchedTime } from './vouched-time.ts'

export type { NewRecord } from './encode-record.ts'
export type { FileSystem, OpenFile } from './files.ts'
export { claimedOrigin, confirmBegun, forgetOrigin, ledgerIdentity } from './identity.ts'
export type { LedgerIdentity } from './identity.ts'

export interface LedgerOptions {
  /** the folder of this log: dataDir/ledger/<part of the origin after its last slash> */
  readonly dir: string
  readonly origin: string
  /** Ed25519 */
  readonly signingKey: KeyObject
  /** all keys that sign the log, where it can be given another; without it `signingKey` is the only one */
  readonly keyRing?: KeyRing
  /** what a new log says of one that was set aside: `<origin> <size> <root>`, or the origin alone */
  readonly succeeds?: string
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
  /** newest verifier key of the checkpoints (C2SP signed-note vkey) */
  readonly vkey: string
  /**
   * Gives the log a new signing key; the one before goes on signing beside it for a while. Rejects with a Fault:
   * CONTROL_FAILED while two keys sign already.
   */
  rotateKey(overlapMs: number): Promise<KeyRotation>
  /** Retires a key whose time has come. Call it every second or so; what cannot be done is tried again. */
  tick(): Promise<void>
  /** Resolves when the record is durable. Rejects with a Fault: LEDGER_FULL or LEDGER_UNWRITABLE. */
  append(record: NewRecord): Promise<Receipt>
  /** what the log still has of a subject */
  findSubject(subject: string): Promise<SubjectTrace>
  /**
   * Destroys the keys of a subject: what was encrypted for it can be read by nobody any more, and its pseudonym stands
   * for nobody. Durable when it resolves. Rejects with a Fault.
   */
  eraseSubject(subject: string): Promise<SubjectErasure>
  /** the latest time that the log vouches for: a clock that is ahead of it has jumped. Rejects with a Fault. */
  vouchedMs(): Promise<number>
  /** Removes what the rules let go, from segments that are written no more. Rejects with a Fault. */
  applyRetention(wanted: WantedRetention): Promise<RetentionResult>
  /** the value of Sallyport-Record-Signature for a receipt of this log, by its newest key */
  signReceipt(receipt: Receipt): Promise<string>
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

export interface WantedRetention {
  readonly rules: RetentionRules
  /** subjects under legal hold: nothing of them goes */
  readonly heldSubjects: readonly string[]
  /** first record that is not exported yet, where there is an exporter: neither it nor its body goes */
  readonly minimumExported?: number | undefined
  /** a later time does not count; without it what the log itself vouches for, Infinity for the clock alone */
  readonly vouchedMs?: number | undefined
  /** changes nothing */
  readonly isDryRun: boolean
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
    const ring = options.keyRing ?? fixedRing(options.signingKey)
    const recovered = await recover(files, options, ring)
    if (recovered.segment !== undefined) opened.push(recovered.segment.file)
    const keys = await openLogKeys({ files, dir, origin: options.origin, ring, schedule: recovered.keys })
    const epoch = Buffer.alloc(epochBytes)
    random(epoch)
    const file = await files.open(join(dir, 'subjects.keys'), 'update')
    opened.push(file)
    const wrapper = createKeyWrapper(options.keyEncryptionKey, options.origin)
    await finishErasure(
      { files, dir },
      { overwrite: (offset, line) => file.write(line, offset), datasync: () => file.datasync() },
    )
    const subjects = await openSubjects({ file, wrapper, random, epoch, size: recovered.edge.size })
    const encode = createRecordEncoder({ subjects, sealer: createBodySealer(epoch), random })
    const writer = new Writer(options, { files, lock, recovered, subjects, keys, encode })
    if (recovered.edge.size < 2) await writer.begin()
    await writer.tick()
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

async function recover(files: FileSystem, options: LedgerOptions, ring: KeyRing): Promise<Recovered> {
  const { dir, origin } = options
  const signers = ring.keys.map((key) => toSigner(origin, key).signer)
  const verifiers = await readVkeys(files, dir)
  if (verifiers === undefined) {
    const isEmpty = (await files.list(join(dir, 'segments'))).every((name) => name === 'next.tmp')
    if (!isEmpty) throw new Fault('LEDGER_CORRUPT', 'key.vkey is missing', { hint: wayOutHint })
    await beginFolder(files, dir, signers[0])
    return recover(files, options, ring)
  }
  if (!verifiers.some(({ vkey }) => signers.some((signer) => signer?.vkey === vkey))) throw withoutKey(origin)
  return recoverLedger({ files, dir, origin, verifiers, isBegun: options.isBegun ?? false })
}

// key.vkey comes last, and after a power cut too: until it is there, opening begins anew
async function beginFolder(files: FileSystem, dir: string, signer: CheckpointSigner | undefined): Promise<void> {
  if (signer === undefined) throw new Fault('KEY_UNREADABLE', 'there is no key to sign a new log with')
  await replaceFile(files, join(dir, 'subjects.keys'), Buffer.alloc(0))
  await replaceFile(files, join(dir, 'checkpoint'), Buffer.from(signer.sign(0, emptyRoot)))
  await syncOrFail(() => files.syncFolder(dir))
  await replaceFile(files, join(dir, 'key.vkey'), Buffer.from(`${signer.vkey}\n`))
  await syncOrFail(() => files.syncFolder(dir))
  await syncOrFail(() => files.syncFolder(join(dir, '..')))
}

/** Writes a record of the ledger about itself, in clear, as a group of its own. Rejects with a Fault. */
type CommitOwn = (operation: OwnOperation, fields: Readonly<Record<string, string>>) => Promise<Receipt>

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
  readonly keys: LogKeys
  readonly encode: RecordEncoder
}

class Writer implements Ledger {
  readonly origin: string
  readonly recovery: Ledger['recovery']
  status: LedgerStatus = 'writable'
  lastSyncMs = 0

  readonly #options: LedgerOptions
  readonly #parts: Parts
  readonly #edge: Edge
  readonly #group: GroupBuilder
  readonly #segments: SegmentWriter
  readonly #tiles: TileWriter
  readonly #stats = { records: 0, groups: 0, syncSeconds: 0 }
  // what is durable; the edge runs ahead of it while a group is being written
  #size: number
  #root: Buffer
  #note: Buffer
  /**
   * The last record changed the keys. The next group stays in its segment, so that whoever begins at a later one
   * finds everybody who signs there by the note of its header.
   */
  #isKeyChanging: boolean
  #isTicking = false
  #queue: Pending[] = []
  /** where appends wait while something is done exclusively */
  #heldBack: Pending[] | undefined
  #exclusive: Promise<void> | undefined
  #tending: Promise<unknown> = Promise.resolve()
  readonly #expiredBodies = new Map<BodyKind, number>()
  readonly #vouchedTime: VouchedTime
  readonly #formatTime = createTimeFormatter()
  #pendingBytes = 0
  #running: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: LedgerOptions, parts: Parts) {
    const { recovered, keys, files, subjects } = parts
    this.#options = options
    this.#parts = parts
    this.origin = options.origin
    this.#isKeyChanging = recovered.keys.isChanging
    this.recovery = { truncatedBytes: recovered.truncatedBytes, droppedKeyLines: subjects.droppedLines }
    this.#edge = recovered.edge
    this.#size = this.#edge.size
    this.#root = this.#edge.root()
    this.#note = recovered.note ?? Buffer.from(keys.sign(0, emptyRoot))
    this.#group = createGroupBuilder(this.#edge, keys)
    const { dir, segmentSize, origin, clock } = options
    this.#vouchedTime = createVouchedTime({ files, dir, size: this.#size, clock })
    const { segment, sealedBytes } = recovered
    this.#segments = createSegmentWriter({ files, dir, origin, segmentSize, segment, sealedBytes })
    this.#tiles = createTileWriter({
      files,
      dir,
      intervalMs: options.checkpointIntervalMs ?? 200,
      size: this.#size,
      note: this.#note,
      sayLayout: () => this.#sayLayout(),
    })
  }

  get vkey(): string {
    return this.#newestSigner.signer.vkey
  }

  get #newestSigner(): LogSigner {
    const [newest] = this.#parts.keys.signers
    invariant(newest !== undefined, 'somebody signs the log')
    return newest
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#segments.bytes
  }

  get stats(): LedgerStats {
    return { ...this.#stats, checkpointFailures: this.#tiles.failures }
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

  signReceipt(receipt: Receipt): Promise<string> {
    const { signer, privateKey } = this.#newestSigner
    return signReceipt(receipt, { keyHash: signer.keyHash, privateKey })
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
        operation: ownOperation.resumed,
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

  /** The first records of a log: the first commits to the key that signs it. */
  async begin(): Promise<void> {
    const { succeeds } = this.#options
    try {
      if (this.#size === 0) {
        await this.#commitOwn(ownOperation.created, {
          [reservedField.signingKey]: keyLineHash(this.vkey),
          [reservedField.layout]: tileLayout,
        })
      }
      // the second record or none: what comes later in a log succeeds nothing
      if (succeeds !== undefined) await this.#commitOwn(ownOperation.succeeds, { [reservedField.succeeds]: succeeds })
      await this.#tiles.flush()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** A log from before there were tiles says from where on it has them. */
  async #sayLayout(): Promise<void> {
    const begin = (): void => undefined
    await this.#exclusively(begin, (commitOwn) =>
      commitOwn(ownOperation.tilesBegun, { [reservedField.layout]: tileLayout }),
    )
  }

  async rotateKey(overlapMs: number): Promise<KeyRotation> {
    const { keys } = this.#parts
    if (!(overlapMs >= 0 && overlapMs <= maxOverlapMs))
      throw new Fault('CONTROL_FAILED', 'two signing keys may be valid together for at most 30 days')
    return await this.#changeKeys((commitOwn) => keys.add(this.#options.clock.nowMs() + overlapMs, commitOwn))
  }

  async tick(): Promise<void> {
    const { keys } = this.#parts
    const isDue = (): boolean => keys.isRetirementDue(this.#options.clock.nowMs())
    if (this.#isTicking || this.#closing !== undefined || this.status === 'failed' || !(isDue() || keys.isUntidy))
      return
    this.#isTicking = true
    try {
      await this.#changeKeys((commitOwn) => (isDue() ? keys.retire(commitOwn) : keys.tidy()))
    } catch {
      // tried again with the next tick; a disk that does not take it shows in the status
    } finally {
      this.#isTicking = false
    }
  }

  async #changeKeys<T>(work: (commitOwn: CommitOwn) => Promise<T>): Promise<T> {
    const begin = (): void => undefined
    return await this.#exclusively(begin, async (commitOwn) => {
      try {
        return await work(async (operation, fields) => {
          const receipt = await commitOwn(operation, fields)
          this.#isKeyChanging = true
          return receipt
        })
      } catch (error) {
        if (error instanceof Fault) throw error
        // recorded, yet not finished: nothing else is recorded before it is
        throw this.#parts.keys.areLinesComplete ? faultOf(error) : this.#fail(error)
      }
    })
  }

  async findSubject(subject: string): Promise<SubjectTrace> {
    return traceOf((await this.#parts.subjects.find(subject, 0)).lines)
  }

  eraseSubject(subject: string): Promise<SubjectErasure> {
    return this.#tend(() => this.#eraseSubject(subject))
  }

  /** What changes durable records' keys and bodies: one after the other, and not while the log is being closed. */
  #tend<T>(work: () => Promise<T>): Promise<T> {
    const begin = async (): Promise<T> => {
      if (this.status === 'failed' || this.#closing !== undefined)
        throw new Fault('LEDGER_UNWRITABLE', 'the ledger takes no more records')
      return await work()
    }
    const tended = this.#tending.then(begin, begin)
    this.#tending = tended.catch(() => undefined)
    return tended
  }

  async #eraseSubject(subject: string): Promise<SubjectErasure> {
    const { subjects, files } = this.#parts
    const { dir } = this.#options
    // the most of it, before anything has to wait
    const found = await subjects.find(subject, 0)
    const forget = (): void => subjects.forget(subject)
    return await this.#exclusively(forget, async (commitOwn) => {
      try {
        return await eraseSubject({ files, dir, subjects, nextIndex: () => this.#size, commitOwn }, subject, found)
      } catch (error) {
        throw this.#judge(error)
      }
    })
  }

  async vouchedMs(): Promise<number> {
    try {
      return await this.#vouchedTime.latestMs()
    } catch (error) {
      throw this.#judge(error)
    }
  }

  applyRetention(wanted: WantedRetention): Promise<RetentionResult> {
    return this.#tend(() => this.#applyRetention(wanted))
  }

  async #applyRetention(wanted: WantedRetention): Promise<RetentionResult> {
    const { rules, heldSubjects, minimumExported, isDryRun } = wanted
    const vouchedMs = wanted.vouchedMs ?? (await this.vouchedMs())
    const { subjects, files } = this.#parts
    const { dir, clock } = this.#options
    const lines = (await Promise.all(heldSubjects.map((each) => subjects.find(each, 0)))).flatMap(
      (found) => found.lines,
    )
    const heldKeys = new Set(lines.map(({ line }) => line.keyId.toString('hex')))
    // no record of a subject is older than its first line
    const keepBodiesFrom = minimumExported ?? Infinity
    const keepFrom = Math.min(keepBodiesFrom, ...lines.map(({ line }) => line.index))
    const nowMs = clock.nowMs()
    const request: RetentionRequest = { rules, nowMs, vouchedMs, heldKeys, keepFrom, keepBodiesFrom, isDryRun }
    const parts: RetentionParts = {
      files,
      dir,
      done: this.#expiredBodies,
      isStopping: () => this.#closing !== undefined,
      keptLines: (claims) => this.#keptLines(claims),
      commitOwn: (operation, fields) =>
        this.#exclusively(
          () => undefined,
          (commitOwn) => commitOwn(operation, fields),
        ),
    }
    try {
      const result = await applyRetention(parts, request)
      if (!isDryRun) this.#segments.shrink(result.freedBytes)
      return result
    } catch (error) {
      throw this.#judge(error)
    }
  }

  /** Of the key lines whose records are to be pruned; after an erasure that could not be finished before. */
  async #keptLines(claims: LineClaims): Promise<KeptLines> {
    const { files, subjects } = this.#parts
    const { dir } = this.#options
    const begin = (): void => undefined
    await this.#exclusively(begin, async () => {
      await finishErasure({ files, dir }, subjects)
      await holdKeyLines(files, dir, claims)
    })
    const file = await files.open(join(dir, 'subjects.keys'), 'read')
    try {
      return await readKeptLines({ file, minimumIndex: claims.to, recordIndex: Number.MAX_SAFE_INTEGER })
    } finally {
      await file.close()
    }
  }

  /** What a change beside the appending has met with. */
  #judge(error: unknown): Fault {
    if (error instanceof Fault) return error
    return error instanceof SyncFailed ? this.#fail(error) : faultOf(error)
  }

  /** A group of one record that the ledger writes about itself; nothing else may be writing. */
  async #commitOwn(operation: OwnOperation, fields: Readonly<Record<string, string>>): Promise<Receipt> {
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
    await this.#tending
    while (this.#exclusive !== undefined || this.#running !== undefined) await (this.#exclusive ?? this.#running)
    try {
      if (this.status !== 'failed') {
        // a disk that does not take the checkpoint now has it in the last segment
        await this.#tiles.close().catch(() => undefined)
        await this.#parts.files.syncFolder(this.#options.dir).catch(() => undefined)
        this.status = 'closed'
      }
      await this.#tiles.stop()
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
      const room = this.#tiles.room()
      if (room !== undefined) await room
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
      await this.#parts.keys.completeLines()
      await subjects.undo()
      if (lines.length > 0) {
        await subjects.write(lines)
        await syncOrFail(() => subjects.datasync())
      }
      // a segment that begins now begins at the tree before this group, which is the durable one
      await this.#segments.write(bytes, {
        edge: this.#group.before,
        note: () => this.#note,
        staysBehind: this.#isKeyChanging,
      })
    } catch (error) {
      return this.#takeBack(error)
    }
    subjects.commit(keys, lines)
    this.#size = this.#edge.size
    this.#root = this.#edge.root()
    this.#note = note
    this.#isKeyChanging = false
    this.status = 'writable'
    this.lastSyncMs = this.#options.clock.nowMs()
    this.#stats.records += this.#group.records
    this.#stats.groups += 1
    this.#stats.syncSeconds += (this.#options.clock.monotonicMs() - startedMs) / 1_000
    this.#tiles.offer(this.#group.tileEntries(), note)
    return undefined
  }

  #fail(error: unknown): Fault {
    const fault = faultOf(error)
    if (error instanceof SyncFailed) {
      this.status = 'failed'
      this.#options.onFatal(fault)
    } else {
      this.status = fault.code === 'LEDGER_FULL' ? 'full' : 'unwritable'
    }
    return fault
  }

  async #takeBack(error: unknown): Promise<Fault> {
    this.#group.undo()
    const fault = this.#fail(error)
    if (this.status === 'failed') return fault
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
  const { text } = encodeOwnRecord({ kind: 'subject-key', operation: ownOperation.subjectKey, time, fields })
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
