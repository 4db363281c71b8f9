// Verifies one log folder from its first segment to its last; see verify-ledger.ts. Each group is held against
// its own signed checkpoint. Where the tree is lost (a record rewritten together with its listed hash) the next
// segment's header, which carries a signed edge, is where it is found again.

import { hash } from 'node:crypto'
import { join } from 'node:path'
import {
  maxNoteBytes,
  parseCheckpoint,
  verifyCheckpoint,
  verifyCheckpointAsync,
  type UnverifiedCheckpoint,
  type Verifier,
} from '../tlog/checkpoint.ts'
import { reservedField, tileLayout } from './encode-record.ts'
import { glanceAtEnvelope, type EnvelopeGlance } from './envelope.ts'
import { isVouchedFor, parseJournal, type ErasureJournal } from './erase-subject.ts'
import { fileBounds } from './file-bounds.ts'
import type { FileSystem, OpenFile } from './files.ts'
import type { Group, Stop } from './frame.ts'
import { createKeySchedule, type KeySchedule } from './key-schedule.ts'
import { createEdge, emptyRoot, hashBytes, leafHash, type Edge } from '../tlog/merkle.ts'
import { readKeptLines } from './kept-lines.ts'
import { parseVkeys } from './recover-ledger.ts'
import {
  createGroupScanner,
  findLaterNotes,
  isHeaderProven,
  readSegmentHeader,
  segmentName,
  type LaterNote,
  type SegmentHeader,
} from './segment.ts'
import { segmentIndices } from './group-source.ts'
import { listTiles } from './list-tiles.ts'
import { readLogFolder, type FolderReport, type LogFolder } from './verify-folder.ts'
import { createRetentionChecker, parseMinimumIndex, type RetentionChecker } from './verify-retention.ts'
import { createLineChecker, type LineChecker } from './verify-subjects.ts'
import type { StateWatch } from './verify-witnessed.ts'
import { verifyTiledLog } from './verify-tiled-log.ts'
import { createTileVerifier, type TileVerifier } from './verify-tiles.ts'
import type { TileReport } from './verify-tiles-by-root.ts'

export type ProblemKind =
  | 'missing-file'
  | 'unexpected-file'
  | 'key'
  | 'header'
  | 'frame'
  | 'record'
  | 'body'
  | 'group'
  | 'checkpoint'
  | 'rollback'
  | 'subject-key'
  | 'trailing'
  | 'tile'

export interface LedgerProblem {
  readonly log: string
  /** the first record concerned */
  readonly index?: number
  readonly file: string
  readonly offset?: number
  readonly kind: ProblemKind
  readonly message: string
}

export interface LedgerNote {
  readonly log: string
  readonly file: string
  readonly message: string
}

export interface VerifiedLog {
  /** undefined when not even a verifier key was found */
  readonly origin: string | undefined
  readonly size: number
  /** how many records its newest checkpoint promises */
  readonly signedSize: number
  readonly root: Buffer
  readonly problems: readonly LedgerProblem[]
  readonly notes: readonly LedgerNote[]
  /** a copy without segments: what its tiles say */
  readonly hasTilesOnly: boolean
}

export interface VerifyLogOptions {
  readonly files: FileSystem
  readonly dir: string
  /** name of the folder */
  readonly name: string
  readonly trustedKeys: readonly string[] | undefined
  /** the checksums of frames are somebody else's to check */
  readonly withoutChecksums?: boolean
  /** hears of every state that the log was in */
  readonly watch?: StateWatch
}

const maxPendingSignatures = 128
/** What is larger is read as if it were empty, and is a finding like any file that says nothing. */
const presentBounds = {
  checkpoint: maxNoteBytes,
  'key.vkey': fileBounds.keyList,
  'minimum-index': fileBounds.minimumIndex,
  'subjects.erasing': fileBounds.journal,
} as const
const maxProblems = 1_000

export function verifyLog(options: VerifyLogOptions): Promise<VerifiedLog> {
  return new LogVerifier(options).run()
}

class LogVerifier {
  readonly #options: VerifyLogOptions
  readonly #problems: LedgerProblem[] = []
  readonly #notes: LedgerNote[] = []
  #present: LogFolder['present'] = new Set()
  #verifiers: readonly Verifier[] = []
  #keys: KeySchedule = createKeySchedule([])
  /** hashes of keys that are named where they must sign; whether they did is checked with each note */
  readonly #signers = new Set<number>()
  /** every record that may have changed the keys was seen, from the first on */
  #areKeysFollowed = true
  #origin = ''
  #edge: Edge = createEdge()
  // false from a place where the tree is lost to the next segment
  #isTreeKnown = true
  #checkpoint: UnverifiedCheckpoint | undefined
  #checkpointBytes: Buffer = Buffer.alloc(0)
  #isCheckpointMet = false
  #lines: LineChecker | undefined
  #signatures: Promise<void>[] = []
  #tiles: TileVerifier | undefined
  #retention: RetentionChecker = createRetentionChecker(undefined)
  /** the record that says that the log has tiles */
  #layoutIndex = Number.POSITIVE_INFINITY
  #hasTilesOnly = false
  readonly #tileReport: TileReport = {
    problem: (problem) => this.#problem(problem),
    note: (file, message) => this.#note(file, message),
  }
  readonly #folderReport: FolderReport = {
    unexpected: (file, message) => this.#problem({ file, kind: 'unexpected-file', message }),
    note: (file, message) => this.#note(file, message),
  }

  constructor(options: VerifyLogOptions) {
    this.#options = options
  }

  async run(): Promise<VerifiedLog> {
    const { files, dir } = this.#options
    const folder = await readLogFolder({ ...this.#options, report: this.#folderReport })
    if (folder === undefined) return this.#report(undefined)
    const segments = [...folder.segments]
    this.#present = folder.present
    // a running writer only moves on: the keys of what is read first, and the records that it promises, must be there
    const checkpoint = await this.#readPresent('checkpoint')
    if (!(await this.#readKeys(segments.length > 0))) return this.#report(undefined)
    this.#readCheckpoint(checkpoint)
    if (!this.#present.has('segments') && this.#present.has('tile')) return await this.#verifyTilesOnly()
    await this.#listTiles()
    segments.push(...(await this.#newSegments(segments.at(-1))))
    const keys = this.#present.has('subjects.keys') ? await files.open(join(dir, 'subjects.keys'), 'read') : undefined
    this.#retention = createRetentionChecker(await this.#readPresent('minimum-index'))
    const journal = await this.#readJournal()
    this.#lines = createLineChecker({
      file: keys,
      journal,
      report: (index, message) => this.#problem({ index, file: 'subjects.keys', kind: 'subject-key', message }),
    })
    try {
      await this.#meetCheckpoint()
      for (const [at, firstIndex] of segments.entries())
        await this.#verifySegment(firstIndex, at === segments.length - 1)
      await this.#settleSignatures(0)
      const uncommitted = await this.#lines.finish(this.#edge.size)
      if (uncommitted > 0) this.#note('subjects.keys', `${uncommitted} key lines that no record commits to yet`)
      this.#judgeRetention()
      await this.#judgeKeptLines(keys, journal)
    } finally {
      await keys?.close()
    }
    await this.#verifyTiles()
    this.#compareEnd()
    return this.#report(this.#origin)
  }

  /** An erasure that a kill interrupted; one that was not recorded yet has changed nothing. */
  async #readJournal(): Promise<ErasureJournal | undefined> {
    const bytes = await this.#readPresent('subjects.erasing')
    if (bytes === undefined) return undefined
    const journal = parseJournal(bytes)
    const file = 'subjects.erasing'
    if (journal === undefined) {
      this.#problem({ file, kind: 'subject-key', message: 'not what an erasure leaves' })
      return undefined
    }
    this.#note(file, 'an erasure that was not finished; the next start of the writer does')
    // a log that cannot be read there is reported by whoever walks it
    return (await isVouchedFor(this.#options, journal).catch(() => false)) ? journal : undefined
  }

  #judgeRetention(): void {
    this.#retention.finish({
      body: ({ index, file, offset }) =>
        this.#problem({
          index,
          file,
          offset,
          kind: 'body',
          message: 'the body is gone, and no record says that it expired',
        }),
      others: ({ index, file, offset }) => {
        const message = 'the bodies that are gone from here are not those that a record says expired'
        // where records could not be read, more may be gone than was seen
        if (!this.#problems.some((problem) => problem.file === file))
          this.#problem({ index, file, offset, kind: 'body', message })
      },
      unnamed: (file) => this.#note(file, 'which bodies expired is not recorded: it was done before that was'),
      missing: (firstIndex) =>
        this.#problem({
          index: 0,
          file: `segments/${segmentName(firstIndex)}`,
          kind: 'missing-file',
          message: `records 0 to ${firstIndex - 1} are missing`,
        }),
      file: (message) => this.#problem({ file: 'minimum-index', kind: 'missing-file', message }),
    })
  }

  /** Key lines of pruned records: only the record of the pruning commits to them. */
  async #judgeKeptLines(file: OpenFile | undefined, journal: ErasureJournal | undefined): Promise<void> {
    const { pruning } = this.#retention
    if (pruning === undefined) return
    const { recordIndex, minimumIndex, kept } = pruning
    const name = 'subjects.keys'
    if (kept === undefined) return this.#note(name, `key lines of records before ${minimumIndex} are held to nothing`)
    const found = await readKeptLines({ file, minimumIndex, recordIndex, journal })
    const where = { index: 0, file: name, kind: 'subject-key' } as const
    const message = `the key lines of pruned records are not those that record ${recordIndex} says are kept`
    if (found.lines !== kept.lines) this.#problem({ ...where, message })
    const erasures = `not those key lines of pruned records are erased that record ${recordIndex} says`
    if (found.erased !== kept.erased) this.#problem({ ...where, message: erasures })
  }

  async #listTiles(): Promise<void> {
    if (!this.#present.has('tile')) return
    const { files, dir } = this.#options
    const listing = await listTiles(files, dir, this.#folderReport)
    this.#tiles = createTileVerifier({ files, dir, listing, report: this.#tileReport })
  }

  /** What a running writer began while the tiles were listed: those may be of records in them. */
  async #newSegments(last: number | undefined): Promise<number[]> {
    const { files, dir } = this.#options
    if (this.#tiles === undefined || last === undefined) return []
    const segments: number[] = []
    for (const index of await segmentIndices(files, dir)) {
      const isFile = async (): Promise<boolean> =>
        (await files.kindOf(join(dir, 'segments', segmentName(index)))) === 'file'
      if (index > last && (await isFile())) segments.push(index)
    }
    return segments
  }

  async #verifyTiles(): Promise<void> {
    const checkpoint = this.#checkpoint ?? { size: 0, root: emptyRoot }
    // what was pruned said so before; there were tiles before there was pruning
    const { minimumIndex } = this.#retention
    const isComplete = this.#layoutIndex < checkpoint.size || minimumIndex > 0
    if (this.#tiles !== undefined)
      return await this.#tiles.finish({
        checkpoint,
        isComplete,
        minimumIndex,
        isMoving: (await this.#readPresent('checkpoint'))?.equals(this.#checkpointBytes) === false,
      })
    if (isComplete) this.#problem({ index: 0, file: 'tile', kind: 'missing-file', message: 'the tiles are missing' })
    else if (checkpoint.size > 0) this.#note('tile', 'a log from before there were tiles: it has none yet')
  }

  async #verifyTilesOnly(): Promise<VerifiedLog> {
    const { files, dir } = this.#options
    this.#hasTilesOnly = true
    if (this.#checkpoint === undefined) return this.#report(this.#origin)
    const { size, root } = this.#checkpoint
    const minimumIndex = parseMinimumIndex((await this.#readPresent('minimum-index')) ?? Buffer.alloc(0)) ?? 0
    this.#note('', 'only the tiles of this log are here: its records were verified, their bodies are elsewhere')
    const isKeyNamed = await verifyTiledLog({
      files,
      dir,
      report: { ...this.#tileReport, ...this.#folderReport },
      checkpoint: this.#checkpoint,
      verifiers: this.#verifiers,
      minimumIndex,
    })
    if (!isKeyNamed && this.#problems.length === 0)
      this.#problem({ file: 'key.vkey', kind: 'key', message: 'the verifier keys are not those that the log names' })
    for (const { keyHash } of this.#checkpoint.signatures) this.#signers.add(keyHash)
    this.#areKeysFollowed = minimumIndex === 0
    this.#compareTrusted()
    return this.#report(this.#origin, { size, root: () => root })
  }

  #report(origin: string | undefined, tree: Pick<Edge, 'size' | 'root'> = this.#edge): VerifiedLog {
    const first = (problem: LedgerProblem): number => problem.index ?? -1
    const problems = this.#problems.toSorted((a, b) => first(a) - first(b))
    const signedSize = this.#checkpoint?.size ?? 0
    const { size } = tree
    const hasTilesOnly = this.#hasTilesOnly
    return { origin, size, signedSize, root: tree.root(), problems, notes: this.#notes, hasTilesOnly }
  }

  #problem(problem: Omit<LedgerProblem, 'log'>): void {
    if (this.#problems.length < maxProblems) this.#problems.push({ log: this.#options.name, ...problem })
  }

  #note(file: string, message: string): void {
    this.#notes.push({ log: this.#options.name, file, message })
  }

  async #readKeys(hasSegments: boolean): Promise<boolean> {
    const { name } = this.#options
    const bytes = await this.#readPresent('key.vkey')
    const verifiers = bytes && parseVkeys(bytes)
    const [first] = verifiers ?? []
    if (verifiers === undefined || first === undefined) {
      // creation writes key.vkey last: without it and without records, nothing has begun
      const kind = bytes === undefined ? 'missing-file' : 'key'
      if (bytes !== undefined || hasSegments || !(await this.#isUnbegun()))
        this.#problem({ file: 'key.vkey', kind, message: 'no list of verifier keys' })
      else this.#note('', 'a log that was not begun')
      return false
    }
    this.#verifiers = verifiers
    this.#keys = createKeySchedule(verifiers)
    this.#origin = first.name
    if (verifiers.some((verifier) => verifier.name !== first.name) || first.name.split('/').at(-1) !== name) {
      this.#problem({ file: 'key.vkey', kind: 'key', message: 'the verifier keys are not of this log' })
    }
    return true
  }

  /** Creation has come no further than this before it writes key.vkey. */
  async #isUnbegun(): Promise<boolean> {
    const { files, dir } = this.#options
    if (this.#present.has('subjects.keys') && (await files.fileSize(join(dir, 'subjects.keys'))) > 0) return false
    const checkpoint = await this.#readPresent('checkpoint')
    return checkpoint === undefined || parseCheckpoint(checkpoint)?.size === 0
  }

  async #readPresent(file: keyof typeof presentBounds): Promise<Buffer | undefined> {
    const { files, dir } = this.#options
    return this.#present.has(file) ? await files.readFile(join(dir, file), presentBounds[file]) : undefined
  }

  #readCheckpoint(bytes: Buffer | undefined): void {
    if (bytes === undefined)
      return this.#problem({ file: 'checkpoint', kind: 'missing-file', message: 'there is no checkpoint' })
    const checkpoint = parseCheckpoint(bytes)
    const isOurs =
      checkpoint?.origin === this.#origin &&
      checkpoint.signatures.every((signature) => this.#isKnown(signature.keyHash))
    if (!isOurs || !verifyCheckpoint(checkpoint, this.#verifiers)) {
      return this.#problem({ file: 'checkpoint', kind: 'checkpoint', message: 'not a checkpoint that this log signed' })
    }
    this.#checkpoint = checkpoint
    this.#checkpointBytes = bytes
  }

  #isKnown(keyHash: number): boolean {
    return this.#verifiers.some((verifier) => verifier.keyHash === keyHash)
  }

  async #verifySegment(firstIndex: number, isLast: boolean): Promise<void> {
    const { files, dir } = this.#options
    const file = `segments/${segmentName(firstIndex)}`
    const open = await files.open(join(dir, file), 'read')
    try {
      const header = await readSegmentHeader(open)
      if (header === undefined || header.firstIndex !== firstIndex || header.origin !== this.#origin) {
        this.#problem({
          index: firstIndex,
          file,
          offset: 0,
          kind: 'header',
          message: 'the header was changed; its records were not examined',
        })
        return this.#loseTree()
      }
      if (!isHeaderProven(header, this.#verifiers)) {
        this.#problem({
          index: firstIndex,
          file,
          offset: 0,
          kind: 'header',
          message: 'the header is not signed for where it stands',
        })
        return this.#loseTree()
      }
      await this.#joinSegment(header, file)
      await this.#verifyGroups(open, { file, from: header.bytes, isLast })
    } finally {
      await open.close()
    }
  }

  /** A segment goes on where the one before ended, or says by its signed edge how much is missing. */
  async #joinSegment(header: SegmentHeader, file: string): Promise<void> {
    const { firstIndex } = header
    if (this.#isTreeKnown && this.#edge.size === 0 && firstIndex > 0) {
      this.#retention.begin(firstIndex)
    } else if (this.#isTreeKnown && firstIndex !== this.#edge.size) {
      const message =
        firstIndex > this.#edge.size
          ? `records ${this.#edge.size} to ${firstIndex - 1} are missing`
          : `record ${firstIndex} comes again after record ${this.#edge.size - 1}`
      this.#problem({ index: Math.min(this.#edge.size, firstIndex), file, kind: 'missing-file', message })
    } else if (this.#isTreeKnown && !header.edge.root().equals(this.#edge.root())) {
      this.#problem({
        index: firstIndex,
        file,
        offset: 0,
        kind: 'header',
        message: 'the header continues another history',
      })
    }
    if (firstIndex !== this.#edge.size || !header.edge.root().equals(this.#edge.root())) this.#tiles?.lose()
    this.#joinKeys(header, file)
    if (firstIndex > this.#edge.size) this.#lines?.skip(this.#edge.size, firstIndex)
    this.#edge = header.edge
    this.#isTreeKnown = true
    await this.#meetCheckpoint()
  }

  /** Where the records before are not known, the note of a header says who signs: see docs/ledger.md. */
  #joinKeys({ firstIndex, note }: SegmentHeader, file: string): void {
    const checkpoint = parseCheckpoint(note)
    const isJoined = this.#isTreeKnown && firstIndex === this.#edge.size
    const isRight =
      checkpoint !== undefined && (isJoined ? this.#isNamedRight(checkpoint) : this.#keys.resume(checkpoint))
    if (!isJoined) this.#areKeysFollowed = false
    if (isRight) return
    const message = 'the header is not signed by the keys that are valid there'
    this.#problem({ index: firstIndex, file, offset: 0, kind: 'header', message })
  }

  #loseTree(): void {
    this.#tiles?.lose()
    this.#isTreeKnown = false
  }

  async #verifyGroups(open: OpenFile, segment: { file: string; from: number; isLast: boolean }): Promise<void> {
    const { withoutChecksums = false } = this.#options
    const scanner = createGroupScanner(open, segment.from, { withoutChecksums })
    for (;;) {
      const item = scanner.take()
      if (item === undefined) await scanner.fill()
      else if (item.kind === 'stop') return this.#judgeStop(open, item, segment)
      else if (!(await this.#verifyGroup(item, segment.file))) return this.#loseTree()
    }
  }

  async #judgeStop(open: OpenFile, stop: Stop, { file, isLast }: { file: string; isLast: boolean }): Promise<void> {
    if (stop.reason === 'end') return
    const size = this.#edge.size
    const later = await findLaterNotes(open, stop.offset, { origin: this.#origin, size, verifiers: this.#verifiers })
    // what a killed writer leaves is the beginning of a group and nothing else
    if (isLast && stop.reason === 'incomplete' && (later.length === 0 || (await this.#isTornNote(open, stop, later)))) {
      return this.#note(file, `the group after record ${size - 1} was not finished`)
    }
    const isCommitted = later.length > 0 || !isLast || (this.#checkpoint?.size ?? 0) > size
    const kind = isCommitted ? 'frame' : 'trailing'
    const message = isCommitted
      ? `${stop.message}: records were changed or removed here`
      : `${stop.message}, after the last commit`
    this.#problem({ index: size + stop.recordsBefore, file, offset: stop.frameOffset, kind, message })
    this.#loseTree()
  }

  /** The note of the very group that is cut off: where two keys sign, one signature may be whole and the other not. */
  async #isTornNote(open: OpenFile, stop: Stop, [only, ...others]: readonly LaterNote[]): Promise<boolean> {
    if (only === undefined || others.length > 0 || only.offset < stop.frameOffset) return false
    const length = (await open.size()) - only.offset
    if (only.size !== this.#edge.size + stop.recordsBefore || length > maxNoteBytes) return false
    const bytes = Buffer.alloc(length)
    await open.read(bytes, only.offset)
    const note = parseCheckpoint(bytes.subarray(0, bytes.lastIndexOf('\n') + 1))
    return note !== undefined && note.signatures.length < this.#keys.next.length
  }

  /** False when the tree is lost. */
  async #verifyGroup(group: Group, file: string): Promise<boolean> {
    const first = this.#edge.size
    this.#keys.advance()
    if (this.#keys.lacksLine) await this.#readMoreKeys()
    const computed = createEdge()
    computed.become(this.#edge)
    let differs = -1
    for (const [place, record] of group.records.entries()) {
      const leaf = leafHash(record.envelope)
      computed.append(leaf)
      const isListed = leaf.equals(group.hashes.subarray(place * hashBytes, (place + 1) * hashBytes))
      if (!isListed && differs < 0) differs = place
    }
    const listed = group.hashes.length / hashBytes
    if (differs < 0 && listed !== group.records.length) differs = Math.min(listed, group.records.length)
    const note = this.#readNote(group, file, first + Math.max(differs, 0))
    const end = this.#settleTree({ group, file, computed, differs, note })
    for (const [place, record] of group.records.entries()) {
      const envelope = this.#verifyRecord(record, {
        index: first + place,
        file,
        isExpected: differs < 0 || place < differs,
        recordsInGroup: group.records.length,
      })
      if (envelope?.kind === 'subject-key')
        await this.#lines?.expect(first + place, envelope.fields?.[reservedField.line] ?? '')
    }
    if (end === undefined) {
      this.#lines?.skip(first, Number.MAX_SAFE_INTEGER)
      return false
    }
    await this.#feedTiles(group, { isListed: differs < 0 || end !== computed, lastTile: end.lastTile() })
    this.#edge = end
    await this.#meetCheckpoint()
    return true
  }

  async #feedTiles(
    { records, hashes }: Group,
    { isListed, lastTile }: { isListed: boolean; lastTile: Buffer },
  ): Promise<void> {
    if (this.#tiles === undefined) return
    if (hashes.length !== records.length * hashBytes) return this.#tiles.lose()
    for (const [place, { envelope }] of records.entries()) {
      if (isListed) this.#tiles.add(hashes, place * hashBytes, envelope, lastTile)
      else this.#tiles.add(leafHash(envelope), 0, envelope, lastTile)
    }
    await this.#tiles.settle()
  }

  #readNote(group: Group, file: string, suspect: number): UnverifiedCheckpoint | undefined {
    const index = this.#edge.size
    const where = { index, file, offset: group.commitOffset }
    const last = index + group.hashes.length / hashBytes - 1
    if (group.commitDamaged)
      this.#problem({
        ...where,
        index: suspect,
        kind: 'group',
        message: `the commit of records ${index} to ${last} does not fit them`,
      })
    const note = parseCheckpoint(group.note)
    if (note?.origin === this.#origin && !this.#isNamedRight(note)) {
      this.#problem({
        ...where,
        kind: 'checkpoint',
        message: `records ${index} to ${last} have a checkpoint that is not by the keys that are valid there`,
      })
      return undefined
    }
    if (note?.origin !== this.#origin) {
      this.#problem({
        ...where,
        kind: 'checkpoint',
        message: `records ${index} to ${last} have no checkpoint of this log`,
      })
      return undefined
    }
    this.#signatures.push(
      verifyCheckpointAsync(note, this.#verifiers).then((isSigned) => {
        if (!isSigned)
          this.#problem({
            ...where,
            kind: 'checkpoint',
            message: `the checkpoint of records ${index} to ${last} is not signed`,
          })
      }),
    )
    return note
  }

  /** Which of records, listed hashes and checkpoint agree; the tree after the group, undefined when it is lost. */
  #settleTree(parts: {
    group: Group
    file: string
    computed: Edge
    differs: number
    note: UnverifiedCheckpoint | undefined
  }): Edge | undefined {
    const { group, file, computed, differs, note } = parts
    const first = this.#edge.size
    const last = first + group.hashes.length / hashBytes - 1
    const fits = (edge: Edge): boolean => note?.size === edge.size && note.root.equals(edge.root())
    const where = { file, offset: group.records[Math.max(differs, 0)]?.offset ?? group.offset }
    if (fits(computed)) {
      if (differs >= 0)
        this.#problem({
          index: first + differs,
          file,
          offset: group.commitOffset,
          kind: 'group',
          message: 'its listed leaf hash was changed',
        })
      return computed
    }
    const listed = createEdge()
    listed.become(this.#edge)
    for (let at = 0; at < group.hashes.length; at += hashBytes) listed.append(group.hashes, at)
    if (differs >= 0 && fits(listed)) {
      this.#problem({
        ...where,
        index: first + differs,
        kind: 'record',
        message: 'the record is not the one that was signed: changed, removed or reordered',
      })
      return listed
    }
    // records and listed hashes agree, but the note is damaged: what follows will show whether the tree is right
    if (differs < 0 && note === undefined) return computed
    this.#problem({
      ...where,
      index: first + Math.max(differs, 0),
      kind: 'group',
      message: `records ${first} to ${last} are not what their checkpoint signs: changed, removed or reordered`,
    })
    return undefined
  }

  #verifyRecord(
    record: Group['records'][number],
    at: { index: number; file: string; isExpected: boolean; recordsInGroup: number },
  ): EnvelopeGlance | undefined {
    const { index, file } = at
    const where = { index, file, offset: record.offset }
    const envelope = glanceAtEnvelope(record.envelope)
    if (record.damaged === 'envelope')
      this.#problem({ ...where, kind: 'frame', message: 'the checksum of the record does not fit' })
    if (record.damaged === 'body')
      this.#problem({ ...where, kind: 'body', message: 'the checksum of the body does not fit' })
    if (envelope?.index !== index) {
      if (at.isExpected)
        this.#problem({ ...where, kind: 'record', message: 'the record is not the envelope that belongs here' })
      return undefined
    }
    const bodyHash = record.body === undefined ? '' : hash('sha256', record.body, 'base64url')
    if (record.isExpired && envelope.body !== '') this.#retention.expired({ ...where, kind: envelope.kind })
    else if (record.isExpired || bodyHash !== envelope.body)
      this.#problem({ ...where, kind: 'body', message: 'the body is not the one that was recorded' })
    if (envelope.kind === 'lifecycle' && envelope.body === '') this.#takeOwnRecord(envelope, { ...where, ...at })
    if (envelope.fields?.[reservedField.layout] === tileLayout) this.#layoutIndex = Math.min(this.#layoutIndex, index)
    return envelope
  }

  #takeOwnRecord(
    { fields = {} }: EnvelopeGlance,
    at: { index: number; file: string; offset: number; recordsInGroup: number },
  ): void {
    const { index, file, offset } = at
    const wrong = this.#keys.take(fields, at.recordsInGroup)
    if (wrong !== undefined) this.#problem({ index, file, offset, kind: 'key', message: wrong })
    this.#retention.take(index, fields)
    const erasedLines = fields[reservedField.erasedLines]
    if (erasedLines !== undefined) this.#lines?.erased(index, erasedLines)
    const succeeds = fields[reservedField.succeeds]
    if (succeeds === undefined) return
    const [origin, size] = succeeds.split(' ')
    const extent = size === undefined ? '' : ` at size ${size}`
    if (index === 1) this.#note('', `this log succeeds ${origin}, which was set aside${extent}`)
    else this.#problem({ index, file, offset, kind: 'record', message: 'only the second record may name a log before' })
  }

  #isNamedRight(note: UnverifiedCheckpoint): boolean {
    if (!this.#keys.isNamedRight(note)) return false
    for (const { keyHash } of note.signatures) this.#signers.add(keyHash)
    return true
  }

  /** A writer at work adds a line to key.vkey before anything is signed with its key. */
  async #readMoreKeys(): Promise<void> {
    const grown = parseVkeys((await this.#readPresent('key.vkey')) ?? Buffer.alloc(0))
    if (grown !== undefined && this.#keys.learn(grown)) this.#verifiers = grown
  }

  async #meetCheckpoint(): Promise<void> {
    const checkpoint = this.#checkpoint
    if (checkpoint !== undefined && checkpoint.size === this.#edge.size && this.#isTreeKnown) {
      const { size, root } = checkpoint
      if (!this.#edge.root().equals(root))
        this.#problem({
          index: Math.max(size - 1, 0),
          file: 'checkpoint',
          kind: 'checkpoint',
          message: 'the checkpoint is of another history',
        })
      else if (!this.#isNamedRight(checkpoint))
        this.#problem({
          index: Math.max(size - 1, 0),
          file: 'checkpoint',
          kind: 'checkpoint',
          message: `the checkpoint is not by the keys that are valid after record ${size - 1}`,
        })
      this.#isCheckpointMet = true
    }
    if (this.#isTreeKnown) this.#options.watch?.met(this.#edge.size, () => this.#edge.root())
    await this.#settleSignatures(maxPendingSignatures)
  }

  async #settleSignatures(atMost: number): Promise<void> {
    if (this.#signatures.length <= atMost) return
    await Promise.all(this.#signatures)
    this.#signatures = []
  }

  #compareEnd(): void {
    const { size } = this.#edge
    const signed = this.#checkpoint?.size ?? 0
    if (this.#isTreeKnown && signed > size) {
      this.#problem({
        index: size,
        file: 'checkpoint',
        kind: 'rollback',
        message: `records ${size} to ${signed - 1} were signed and are missing`,
      })
    } else if (
      this.#isTreeKnown &&
      this.#checkpoint !== undefined &&
      !this.#isCheckpointMet &&
      this.#problems.length === 0
    ) {
      this.#problem({
        file: 'checkpoint',
        kind: 'checkpoint',
        message: 'the checkpoint is of no state that this log was in',
      })
    }
    this.#compareKeys()
  }

  #compareKeys(): void {
    const found = this.#edge.size === 0 || this.#problems.length > 0 ? 'same' : this.#keys.compare()
    if (found === 'unfinished')
      this.#note('key.vkey', 'the newest signing key is not listed yet, and has signed nothing')
    if (found === 'different')
      this.#problem({
        file: 'key.vkey',
        kind: 'key',
        message: 'the verifier keys are not those that the log commits to',
      })
    this.#compareTrusted()
  }

  /**
   * The first key vouches for those after it, by records, where these are still there. A later key vouches for all
   * that it has signed, and so for what came before; that it is listed says nothing. One that is missing was there in
   * a history that is not this one.
   */
  #compareTrusted(): void {
    const { trustedKeys } = this.#options
    if (trustedKeys === undefined) return
    const isKnown = (vkey: string): boolean => this.#verifiers.some((verifier) => verifier.vkey === vkey)
    const isMissed = trustedKeys.some((vkey) => vkey.startsWith(`${this.#origin}+`) && !isKnown(vkey))
    const isVouchedFor = this.#verifiers.some(
      ({ vkey, keyHash }, at) =>
        trustedKeys.includes(vkey) && (this.#signers.has(keyHash) || (at === 0 && this.#areKeysFollowed)),
    )
    if (isMissed || !isVouchedFor)
      this.#problem({
        file: 'key.vkey',
        kind: 'key',
        message: 'the verifier keys are not those that were given as trusted',
      })
  }
}
