// Verifies one log folder from its first segment to its last; see verify-ledger.ts. Each group is held against
// its own signed checkpoint. Where the tree is lost (a record rewritten together with its listed hash) the next
// segment's header, which carries a signed edge, is where it is found again.

import { hash } from 'node:crypto'
import { join } from 'node:path'
import {
  parseCheckpoint,
  verifyCheckpoint,
  verifyCheckpointAsync,
  type UnverifiedCheckpoint,
  type Verifier,
} from '../tlog/checkpoint.ts'
import { reservedField } from './encode-record.ts'
import { parseEnvelope, type Envelope } from './envelope.ts'
import type { FileSystem, OpenFile } from './files.ts'
import type { Group, Stop } from './frame.ts'
import { createEdge, hashBytes, leafHash, type Edge } from '../tlog/merkle.ts'
import { parseVkeys } from './recover-ledger.ts'
import {
  createGroupScanner,
  findLaterNotes,
  isHeaderProven,
  readSegmentHeader,
  segmentName,
  type SegmentHeader,
} from './segment.ts'
import { readLogFolder, type FolderReport, type LogFolder } from './verify-folder.ts'
import { createLineChecker, type LineChecker } from './verify-subjects.ts'

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
}

export interface VerifyLogOptions {
  readonly files: FileSystem
  readonly dir: string
  /** name of the folder */
  readonly name: string
  readonly trustedKeys: readonly string[] | undefined
}

const maxPendingSignatures = 128
const maxProblems = 1_000

export function verifyLog(options: VerifyLogOptions): Promise<VerifiedLog> {
  return new LogVerifier(options).run()
}

class LogVerifier {
  readonly #options: VerifyLogOptions
  readonly #problems: LedgerProblem[] = []
  readonly #notes: LedgerNote[] = []
  readonly #committedKeys: string[] = []
  #present: LogFolder['present'] = new Set()
  #verifiers: readonly Verifier[] = []
  #origin = ''
  #edge: Edge = createEdge()
  // false from a place where the tree is lost to the next segment
  #isTreeKnown = true
  #checkpoint: UnverifiedCheckpoint | undefined
  #isCheckpointMet = false
  #lines: LineChecker | undefined
  #signatures: Promise<void>[] = []
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
    const { segments } = folder
    this.#present = folder.present
    if (!(await this.#readKeys(segments.length > 0))) return this.#report(undefined)
    // before the segments: a running writer only moves on, so what the checkpoint promises must be found in them
    await this.#readCheckpoint()
    const keys = this.#present.has('subjects.keys') ? await files.open(join(dir, 'subjects.keys'), 'read') : undefined
    this.#lines = createLineChecker(keys, (index, message) =>
      this.#problem({ index, file: 'subjects.keys', kind: 'subject-key', message }),
    )
    try {
      await this.#meetCheckpoint()
      for (const [at, firstIndex] of segments.entries())
        await this.#verifySegment(firstIndex, at === segments.length - 1)
      await this.#settleSignatures(0)
      const uncommitted = await this.#lines.finish(this.#edge.size)
      if (uncommitted > 0) this.#note('subjects.keys', `${uncommitted} key lines that no record commits to yet`)
    } finally {
      await keys?.close()
    }
    this.#compareEnd()
    return this.#report(this.#origin)
  }

  #report(origin: string | undefined): VerifiedLog {
    const first = (problem: LedgerProblem): number => problem.index ?? -1
    const problems = this.#problems.toSorted((a, b) => first(a) - first(b))
    const signedSize = this.#checkpoint?.size ?? 0
    return { origin, size: this.#edge.size, signedSize, root: this.#edge.root(), problems, notes: this.#notes }
  }

  #problem(problem: Omit<LedgerProblem, 'log'>): void {
    if (this.#problems.length < maxProblems) this.#problems.push({ log: this.#options.name, ...problem })
  }

  #note(file: string, message: string): void {
    this.#notes.push({ log: this.#options.name, file, message })
  }

  async #readKeys(hasSegments: boolean): Promise<boolean> {
    const { name, trustedKeys } = this.#options
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
    this.#origin = first.name
    if (verifiers.some((verifier) => verifier.name !== first.name) || first.name.split('/').at(-1) !== name) {
      this.#problem({ file: 'key.vkey', kind: 'key', message: 'the verifier keys are not of this log' })
    }
    if (trustedKeys !== undefined && !trustedKeys.includes(first.vkey)) {
      this.#problem({ file: 'key.vkey', kind: 'key', message: 'the verifier key is not one that was given as trusted' })
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

  async #readPresent(file: string): Promise<Buffer | undefined> {
    const { files, dir } = this.#options
    return this.#present.has(file) ? await files.readFile(join(dir, file)) : undefined
  }

  async #readCheckpoint(): Promise<void> {
    const bytes = await this.#readPresent('checkpoint')
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
    if (this.#isTreeKnown && firstIndex !== this.#edge.size) {
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
    if (firstIndex > this.#edge.size) this.#lines?.skip(this.#edge.size, firstIndex)
    this.#edge = header.edge
    this.#isTreeKnown = true
    await this.#meetCheckpoint()
  }

  #loseTree(): void {
    this.#isTreeKnown = false
  }

  async #verifyGroups(open: OpenFile, segment: { file: string; from: number; isLast: boolean }): Promise<void> {
    const scanner = createGroupScanner(open, segment.from)
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
    if (isLast && stop.reason === 'incomplete' && later.length === 0) {
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

  /** False when the tree is lost. */
  async #verifyGroup(group: Group, file: string): Promise<boolean> {
    const first = this.#edge.size
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
      })
      if (envelope?.kind === 'subject-key')
        await this.#lines?.expect(first + place, envelope.fields[reservedField.line] ?? '')
    }
    if (end === undefined) {
      this.#lines?.skip(first, Number.MAX_SAFE_INTEGER)
      return false
    }
    this.#edge = end
    await this.#meetCheckpoint()
    return true
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
    const isForm =
      note?.origin === this.#origin && note.signatures.length === 1 && this.#isKnown(note.signatures[0]?.keyHash ?? 0)
    if (!isForm) {
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
    at: { index: number; file: string; isExpected: boolean },
  ): Envelope | undefined {
    const { index, file } = at
    const where = { index, file, offset: record.offset }
    const envelope = parseEnvelope(record.envelope)
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
    if (bodyHash !== envelope.body)
      this.#problem({ ...where, kind: 'body', message: 'the body is not the one that was recorded' })
    if (envelope.kind === 'lifecycle') this.#noteSigningKey(envelope)
    return envelope
  }

  #noteSigningKey({ fields }: Envelope): void {
    const key = fields[reservedField.signingKey]
    if (key !== undefined) this.#committedKeys.push(key)
  }

  async #meetCheckpoint(): Promise<void> {
    const { size, root } = this.#checkpoint ?? {}
    if (root !== undefined && size === this.#edge.size && this.#isTreeKnown) {
      if (!this.#edge.root().equals(root))
        this.#problem({
          index: Math.max(size - 1, 0),
          file: 'checkpoint',
          kind: 'checkpoint',
          message: 'the checkpoint is of another history',
        })
      this.#isCheckpointMet = true
    }
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
    const present = this.#verifiers.map(({ vkey }) => hash('sha256', vkey, 'base64url'))
    const isComplete =
      present.length === this.#committedKeys.length && present.every((key, at) => key === this.#committedKeys[at])
    if (size > 0 && !isComplete && this.#problems.length === 0) {
      this.#problem({
        file: 'key.vkey',
        kind: 'key',
        message: 'the verifier keys are not those that the log commits to',
      })
    }
  }
}
