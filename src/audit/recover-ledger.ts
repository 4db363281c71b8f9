// Opening a log that may have been left in the middle of a write. What was acknowledged is kept, or the log is
// not opened: a tail that no commit ends is cut off, but a tree smaller than the last signed checkpoint (a
// rollback), one that does not lead to it, or damage before a later commit is a fault for people to look at.
// Nothing is changed on disk before all of that is settled.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import {
  maxNoteBytes,
  parseCheckpoint,
  parseVkey,
  verifyCheckpoint,
  type UnverifiedCheckpoint,
  type Verifier,
} from '../tlog/checkpoint.ts'
import { parseEnvelope } from './envelope.ts'
import { fileBounds } from './file-bounds.ts'
import type { FileSystem, OpenFile } from './files.ts'
import type { Group, Stop } from './frame.ts'
import { segmentIndices } from './group-source.ts'
import { createKeySchedule, type KeySchedule } from './key-schedule.ts'
import { createEdge, emptyRoot, hashBytes, type Edge } from '../tlog/merkle.ts'
import { createGroupScanner, findLaterNotes, isHeaderProven, readSegmentHeader, segmentName } from './segment.ts'

export interface OpenSegment {
  readonly file: OpenFile
  readonly firstIndex: number
  /** where the next group goes */
  offset: number
}

export interface Recovered {
  readonly edge: Edge
  /** signed checkpoint of the edge; undefined for a log without records */
  readonly note: Buffer | undefined
  readonly segment: OpenSegment | undefined
  /** the size that the `checkpoint` file states */
  readonly checkpointSize: number
  /** bytes of an unfinished group that were cut off */
  readonly truncatedBytes: number
  /** bytes in segments before the open one */
  readonly sealedBytes: number
  /** which keys sign the next group */
  readonly keys: KeySchedule
}

export interface RecoverOptions {
  readonly files: FileSystem
  readonly dir: string
  readonly origin: string
  readonly verifiers: readonly Verifier[]
  /** the log has had records */
  readonly isBegun: boolean
}

export async function recoverLedger(options: RecoverOptions): Promise<Recovered> {
  const { files, dir } = options
  const checkpoint = await readCheckpoint(options)
  const firstIndices = await segmentIndices(files, dir)
  const last = firstIndices.at(-1)
  if (last === undefined) {
    if ((checkpoint?.size ?? 0) > 0) throw rollback(checkpoint?.size ?? 0, 0)
    return {
      edge: createEdge(),
      note: undefined,
      segment: undefined,
      checkpointSize: 0,
      truncatedBytes: 0,
      sealedBytes: 0,
      keys: createKeySchedule(options.verifiers),
    }
  }
  if (checkpoint === undefined) throw corrupt('the checkpoint file is missing')
  const walked = firstIndices.filter(
    (index, at) => (firstIndices[at + 1] ?? Number.POSITIVE_INFINITY) > checkpoint.size || index === last,
  )
  const walk = new Walk(options, checkpoint)
  for (const firstIndex of walked) await walk.enter(firstIndex, firstIndex === last)
  let sealedBytes = 0
  for (const index of firstIndices.slice(0, -1))
    sealedBytes += await files.fileSize(join(dir, 'segments', segmentName(index)))
  return { ...(await walk.finish()), checkpointSize: checkpoint.size, sealedBytes }
}

/** Verifier keys of a log, one a line; undefined when the file does not exist. */
export async function readVkeys(files: FileSystem, dir: string): Promise<Verifier[] | undefined> {
  const bytes = await files.readFile(join(dir, 'key.vkey'), fileBounds.keyList)
  if (bytes === undefined) return undefined
  const verifiers = parseVkeys(bytes)
  if (verifiers === undefined) throw corrupt('key.vkey is not a list of verifier keys')
  return verifiers
}

export function parseVkeys(bytes: Buffer): Verifier[] | undefined {
  const text = bytes.toString('latin1')
  if (!text.endsWith('\n')) return undefined
  const verifiers = text.slice(0, -1).split('\n').map(parseVkey)
  return verifiers.every((verifier) => verifier !== undefined) ? verifiers : undefined
}

async function readCheckpoint({
  files,
  dir,
  origin,
  verifiers,
}: RecoverOptions): Promise<UnverifiedCheckpoint | undefined> {
  const bytes = await files.readFile(join(dir, 'checkpoint'), maxNoteBytes)
  if (bytes === undefined) return undefined
  const checkpoint = parseCheckpoint(bytes)
  if (checkpoint === undefined || checkpoint.origin !== origin || !verifyCheckpoint(checkpoint, verifiers)) {
    throw corrupt('the checkpoint file is not a checkpoint that this log signed')
  }
  return checkpoint
}

class Walk {
  readonly #options: RecoverOptions
  readonly #checkpoint: UnverifiedCheckpoint
  #edge: Edge = createEdge()
  #segment: OpenSegment | undefined
  #note: Buffer = Buffer.alloc(0)
  #isCheckpointMet = false
  #tailBytes = 0
  readonly #keys: KeySchedule

  constructor(options: RecoverOptions, checkpoint: UnverifiedCheckpoint) {
    this.#options = options
    this.#checkpoint = checkpoint
    this.#keys = createKeySchedule(options.verifiers)
    this.#isCheckpointMet = checkpoint.size === 0 && checkpoint.root.equals(emptyRoot)
  }

  async enter(firstIndex: number, isLast: boolean): Promise<void> {
    const { files, dir, origin, verifiers } = this.#options
    const name = segmentName(firstIndex)
    const file = await files.open(join(dir, 'segments', name), isLast ? 'update' : 'read')
    try {
      const header = await readSegmentHeader(file)
      const isNext = this.#edge.size === 0 || header?.edge.root().equals(this.#edge.root()) === true
      if (
        header?.firstIndex !== firstIndex ||
        header.origin !== origin ||
        !isNext ||
        !isHeaderProven(header, verifiers) ||
        !this.#isSignedRight(header.note)
      ) {
        throw corrupt(`the header of segment ${name} is not what this log wrote there`)
      }
      this.#edge = header.edge
      this.#note = header.note
      this.#meetCheckpoint()
      const { offset, stop } = await this.#walkGroups(file, header.bytes)
      if (stop.kind === 'group' || stop.reason !== 'end') await this.#judgeTail(file, { name, isLast, offset, stop })
      if (isLast) this.#segment = { file, firstIndex, offset }
    } finally {
      if (this.#segment?.file !== file) await file.close()
    }
  }

  async #walkGroups(file: OpenFile, from: number): Promise<{ offset: number; stop: Stop | Group }> {
    const scanner = createGroupScanner(file, from)
    for (let offset = from; ;) {
      const item = scanner.take()
      if (item === undefined) {
        await scanner.fill()
        continue
      }
      const isSound =
        item.kind === 'group' && !item.commitDamaged && item.records.every((record) => record.damaged === undefined)
      if (!isSound) return { offset, stop: item }
      for (let at = 0; at < item.hashes.length; at += hashBytes) this.#edge.append(item.hashes, at)
      this.#note = Buffer.from(item.note)
      this.#keys.advance()
      this.#takeKeys(item)
      this.#meetCheckpoint()
      offset = item.end
    }
  }

  /** The header of the first segment that is walked says who signs there; those of later ones must fit the records. */
  #isSignedRight(bytes: Buffer): boolean {
    const note = parseCheckpoint(bytes)
    if (note === undefined) return false
    return this.#edge.size === 0 && note.size > 0 ? this.#keys.resume(note) : this.#keys.isNamedRight(note)
  }

  // a record that changes the keys is a group of its own, and has no body
  #takeKeys({ records }: Group): void {
    const [only, ...others] = records
    if (only === undefined || only.body !== undefined || others.length > 0) return
    const envelope = parseEnvelope(only.envelope)
    const wrong = envelope?.kind === 'lifecycle' ? this.#keys.take(envelope.fields, records.length) : undefined
    if (wrong !== undefined) throw corrupt(`record ${this.#edge.size - 1}: ${wrong}`)
  }

  #meetCheckpoint(): void {
    if (this.#edge.size !== this.#checkpoint.size) return
    if (!this.#edge.root().equals(this.#checkpoint.root))
      throw corrupt('the records do not lead to the signed checkpoint')
    if (!this.#keys.isNamedRight(this.#checkpoint))
      throw corrupt('the checkpoint file is not signed by the keys that are valid at its place')
    this.#isCheckpointMet = true
  }

  // A group is durable before the next is written: damage with a whole group behind it is not a torn write.
  async #judgeTail(
    file: OpenFile,
    { name, isLast, offset, stop }: { name: string; isLast: boolean; offset: number; stop: Stop | Group },
  ): Promise<void> {
    const { origin, verifiers } = this.#options
    const isWhole = stop.kind === 'group'
    const from = isWhole ? stop.end : offset
    const later = await findLaterNotes(file, from, { origin, size: this.#edge.size, verifiers })
    if (!isLast || later.length >= (isWhole ? 1 : 2)) {
      throw corrupt(`segment ${name} is damaged in or after record ${this.#edge.size}, before later records`)
    }
    this.#tailBytes = (await file.size()) - offset
  }

  async finish(): Promise<Pick<Recovered, 'edge' | 'note' | 'segment' | 'truncatedBytes' | 'keys'>> {
    try {
      if (this.#checkpoint.size > this.#edge.size) throw rollback(this.#checkpoint.size, this.#edge.size)
      if (!this.#isCheckpointMet) throw corrupt('the signed checkpoint is of no state that this log was in')
      // everybody can put back the checkpoint of no records: the header of the first segment has it
      if (this.#options.isBegun && this.#edge.size === 0) throw corrupt('the log has lost all its records')
      this.#requireSignedEnd()
      if (this.#tailBytes > 0) await this.#segment?.file.truncate(this.#segment.offset)
    } catch (error) {
      await this.#segment?.file.close()
      throw error
    }
    return {
      edge: this.#edge,
      note: this.#note,
      segment: this.#segment,
      truncatedBytes: this.#tailBytes,
      keys: this.#keys,
    }
  }

  #requireSignedEnd(): void {
    const { origin, verifiers } = this.#options
    const end = parseCheckpoint(this.#note)
    const fits = end?.origin === origin && end.size === this.#edge.size && end.root.equals(this.#edge.root())
    if (!fits || !verifyCheckpoint(end, verifiers) || !this.#keys.isNamedRight(end)) {
      throw corrupt(
        `the last group, up to record ${this.#edge.size - 1}, does not have the tree that its checkpoint signs`,
      )
    }
  }
}

/** For every fault that says that a log cannot be gone on with. */
export const wayOutHint =
  'run `sallyport audit verify`; restore the log from a backup, or begin a new one that says so: `sallyport audit begin-anew --reason TEXT` (docs/ledger.md)'

function rollback(signed: number, present: number): Fault {
  return corrupt(`the log is smaller than its signed checkpoint: ${present} records, ${signed} were signed`)
}

function corrupt(message: string): Fault {
  return new Fault('LEDGER_CORRUPT', message, {
    hint: wayOutHint,
  })
}
