// Makes the proof that a record stands in its log: inclusion in the newest witnessed checkpoint that covers it, else
// in the published one, straight from the tiles. What the disk says is checked before it is handed out: a proof
// that its own keys do not bear out is a damaged ledger, never a file. It writes nothing.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import {
  parseCheckpoint,
  parseVkey,
  verifyCheckpoint,
  type UnverifiedCheckpoint,
  type Verifier,
} from '../tlog/checkpoint.ts'
import { maxCosignedNoteBytes } from '../tlog/cosignature.ts'
import { leafHash, verifyInclusion } from '../tlog/merkle.ts'
import { formatProof } from '../tlog/proof-file.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { parseEnvelope, type Envelope } from './envelope.ts'
import { fileBounds } from './file-bounds.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { formatExtra, type OpenedField } from './proof-extra.ts'
import { openTiles } from './tile-files.ts'
import { parseMinimumIndex } from './verify-retention.ts'

export interface RecordProof {
  readonly origin: string
  readonly index: number
  readonly leaf: Buffer
  readonly envelope: Envelope
  readonly envelopeBytes: Buffer
  readonly vkeys: readonly string[]
  readonly path: readonly Buffer[]
  readonly note: Buffer
  readonly size: number
  /** the note is the one of `witnessed` */
  readonly isWitnessed: boolean
}

/** A checkpoint of a log, signed by one of its own keys. */
export interface SignedNote {
  readonly checkpoint: UnverifiedCheckpoint
  readonly note: Buffer
}

/** What a log says of itself: enough for a proof to be made, and for nobody else to believe it. */
export interface LogNotes {
  readonly verifiers: readonly Verifier[]
  readonly published: SignedNote | undefined
  readonly witnessed: SignedNote | undefined
}

export async function readLogNotes(dir: string, files: FileSystem = nodeFiles): Promise<LogNotes> {
  const verifiers = await readLogKeys(dir, files)
  const read = async (name: string): Promise<SignedNote | undefined> => {
    const note = await files.readFile(join(dir, name), maxCosignedNoteBytes)
    if (note === undefined) return undefined
    const checkpoint = parseCheckpoint(note, { maxBytes: maxCosignedNoteBytes })
    if (checkpoint === undefined || !verifyCheckpoint(checkpoint, verifiers))
      throw damaged(`${name} is not signed by a key of the log`)
    return { checkpoint, note }
  }
  return { verifiers, published: await read('checkpoint'), witnessed: await read('witnessed') }
}

/** The keys that lie beside a log: what it says of itself. */
export async function readLogKeys(dir: string, files: FileSystem = nodeFiles): Promise<readonly Verifier[]> {
  const text = (await files.readFile(join(dir, 'key.vkey'), fileBounds.keyList))?.toString('latin1') ?? ''
  const keys = text.split('\n').slice(0, -1).map(parseVkey)
  if (keys.length === 0 || !keys.every((key) => key !== undefined)) throw damaged('key.vkey holds no keys')
  return keys
}

/** Undefined when no checkpoint of the log covers the record yet. Throws LEDGER_CORRUPT. */
export async function proveRecord(
  dir: string,
  index: number,
  files: FileSystem = nodeFiles,
): Promise<RecordProof | undefined> {
  const { verifiers, published, witnessed } = await readLogNotes(dir, files)
  const isWitnessed = witnessed !== undefined && witnessed.checkpoint.size > index
  const chosen = isWitnessed ? witnessed : published
  if (chosen === undefined || chosen.checkpoint.size <= index) return undefined
  const { note, checkpoint } = chosen
  const { origin, size, root } = checkpoint
  const minimumIndex = await readMinimumIndex(dir, files)
  if (index < minimumIndex) throw pruned(index, minimumIndex)
  const tiles = await openTiles(dir, files)
  const envelopeBytes = Buffer.from(await tiles.readEntry(index))
  const path = await openTree(size, tiles).inclusionProof(index)
  const leaf = leafHash(envelopeBytes)
  const envelope = parseEnvelope(envelopeBytes)
  if (envelope?.index !== index || !verifyInclusion({ index, size, leaf, proof: path, root }))
    throw damaged(`record ${index} in the tiles of ${origin} is not the one that was signed`)
  const vkeys = verifiers.map(({ vkey }) => vkey)
  return { origin, index, leaf, envelope, envelopeBytes, vkeys, path, note, size, isWitnessed }
}

/** The first index that a log says it still holds. */
export async function readMinimumIndex(dir: string, files: FileSystem = nodeFiles): Promise<number> {
  const bytes = await files.readFile(join(dir, 'minimum-index'), fileBounds.minimumIndex)
  return (bytes && parseMinimumIndex(bytes)) ?? 0
}

function pruned(index: number, minimumIndex: number): Fault {
  return new Fault('CONTROL_FAILED', `record ${index} was pruned: the log holds records from ${minimumIndex} on`, {
    hint: 'a backup or an export from before may have it',
  })
}

/** The file, with the record itself and the fields that are disclosed. */
export function formatRecordProof(proof: RecordProof, disclosed: Readonly<Record<string, OpenedField>> = {}): Buffer {
  const { envelopeBytes, vkeys, index, path, note } = proof
  const extra = formatExtra({ entry: envelopeBytes.toString(), vkeys, disclosed })
  return formatProof({ extra, index, path, note })
}

function damaged(what: string): Fault {
  return new Fault('LEDGER_CORRUPT', `the ledger is damaged: ${what}`, { hint: 'run `sallyport audit verify`' })
}
