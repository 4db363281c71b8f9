// One log asks one witness to cosign one checkpoint (C2SP tlog-witness, the client's side). What a witness can show is
// evidence about us: a checkpoint by our own key of a larger tree, or with another root, means that this log was put
// back or that a second copy of it exists. A number or a status alone is a claim that anybody on the way can make. A
// witness that is slow, confused or somebody else's is a failure and nothing more; nothing is counted as a
// cosignature that was not verified.

import { hashBytes, verifyConsistency } from '../tlog/merkle.ts'
import {
  formatAddCheckpoint,
  parseAddCheckpointAnswer,
  parseKnownSize,
  sizeContentType,
} from '../tlog/add-checkpoint.ts'
import { parseCheckpoint, verifyCheckpoint, type UnverifiedCheckpoint, type Verifier } from '../tlog/checkpoint.ts'
import { maxCosignedNoteBytes, readCosignatures, type Cosignature, type Cosigner } from '../tlog/cosignature.ts'
import type { TreeReader } from '../tlog/tree-reader.ts'

export interface WitnessAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

/** How to reach a witness. */
export interface WitnessPort {
  readonly cosigner: Cosigner
  /** POST to its add-checkpoint, bounded in time and size; rejects when there is no answer */
  post(body: Buffer): Promise<WitnessAnswer>
  /** the newest note that it cosigned for a log, bounded likewise; rejects where it does not tell */
  newest?(origin: string): Promise<Buffer>
}

export interface AskOptions {
  readonly witness: WitnessPort
  readonly checkpoint: UnverifiedCheckpoint
  /** as published */
  readonly note: Buffer
  /** every key that this log has signed with */
  readonly logKeys: readonly Verifier[]
  /** the tree of the checkpoint, and of sizes before */
  readonly treeOf: (size: number) => TreeReader
  /** what the witness is thought to know; 0 when nothing is */
  readonly oldSize: number
  /** how many records the log has by now */
  readonly logSize: number
  readonly nowSeconds: number
}

export type Asked =
  | { readonly kind: 'cosigned'; readonly cosignature: Cosignature }
  /** it has a checkpoint by our key with more records than there are */
  | { readonly kind: 'rollback'; readonly knownSize: number; readonly proof: UnverifiedCheckpoint }
  /** it has a checkpoint by our key with another root for this size */
  | { readonly kind: 'split'; readonly knownSize: number; readonly proof: UnverifiedCheckpoint }
  /** it claims one or the other, and shows nothing that we signed */
  | { readonly kind: 'unproven'; readonly knownSize: number }
  /** it knows a later checkpoint of this log already */
  | { readonly kind: 'ahead'; readonly knownSize: number }
  | { readonly kind: 'failed'; readonly why: string }

/** another process may ask at the same time: its answers move the size that the witness knows */
const maxQuestions = 4

export async function askWitness(options: AskOptions): Promise<Asked> {
  let { oldSize } = options
  try {
    for (let question = 0; question < maxQuestions; question += 1) {
      const next = await askOnce(options, oldSize)
      if (typeof next !== 'number') return next
      oldSize = next
    }
    return failed('it names another size each time')
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  }
}

const failed = (why: string): Asked => ({ kind: 'failed', why })

/** What becomes of a claim that this log is shorter or other than the witness knows it: only what we signed counts. */
async function prove(options: AskOptions, claimedSize: number): Promise<Asked> {
  const { witness, checkpoint, logKeys, logSize, treeOf } = options
  const unproven: Asked = { kind: 'unproven', knownSize: claimedSize }
  const bytes = await witness.newest?.(checkpoint.origin).catch(() => undefined)
  const known = bytes && parseCheckpoint(bytes, { maxBytes: maxCosignedNoteBytes })
  if (known?.origin !== checkpoint.origin || !verifyCheckpoint(known, logKeys)) return unproven
  const { size: knownSize } = known
  if (knownSize > logSize) return { kind: 'rollback', knownSize, proof: known }
  if (knownSize > checkpoint.size) return { kind: 'ahead', knownSize }
  const root = knownSize === checkpoint.size ? checkpoint.root : await rootAt(treeOf, knownSize)
  if (root === undefined || root.equals(known.root)) return unproven
  // tiles that were damaged here would make another root too
  const proof = await treeOf(checkpoint.size).consistencyProof(knownSize)
  return isOurs(options, knownSize, root, proof)
    ? { kind: 'split', knownSize, proof: known }
    : failed('the tiles of this log are damaged')
}

function isOurs({ checkpoint }: AskOptions, size1: number, root1: Buffer, proof: readonly Buffer[]): boolean {
  const { size: size2, root: root2 } = checkpoint
  return size1 === size2 || verifyConsistency({ size1, size2, root1, root2, proof })
}

/** A number is the size from which the witness wants the proof. */
async function askOnce(options: AskOptions, oldSize: number): Promise<Asked | number> {
  const { witness, checkpoint, note, treeOf } = options
  const proof = await treeOf(checkpoint.size).consistencyProof(oldSize)
  const answer = await witness.post(formatAddCheckpoint(oldSize, proof, note))
  if (answer.status === 200) return readAnswer(answer.body, options)
  if (answer.status === 409) return await judgeConflict(answer, options, oldSize)
  if (answer.status !== 422 || oldSize === 0) return failed(`it answers ${answer.status}`)
  // tiles that were damaged here would make such a proof too
  return isOurs(options, oldSize, await treeOf(oldSize).root(), proof)
    ? await prove(options, oldSize)
    : failed('the tiles of this log are damaged')
}

function readAnswer(body: Buffer, { witness, checkpoint, nowSeconds }: AskOptions): Asked {
  const answered = parseAddCheckpointAnswer(body, checkpoint)
  const [cosignature] = (answered && readCosignatures(answered, [witness.cosigner], nowSeconds)) ?? []
  return cosignature === undefined
    ? failed('its answer is no cosignature by its key')
    : { kind: 'cosigned', cosignature }
}

async function judgeConflict(answer: WitnessAnswer, options: AskOptions, oldSize: number): Promise<Asked | number> {
  const { checkpoint, logSize } = options
  const isSize = answer.contentType.split(';', 1)[0]?.trim().toLowerCase() === sizeContentType
  const knownSize = isSize ? parseKnownSize(answer.body) : undefined
  // it compared roots: the sizes were equal
  if (oldSize === checkpoint.size && (knownSize ?? oldSize) === oldSize) return await prove(options, oldSize)
  if (knownSize === undefined || knownSize === oldSize) return failed('it answers 409 without a size')
  if (knownSize > logSize) return await prove(options, knownSize)
  return knownSize > checkpoint.size ? { kind: 'ahead', knownSize } : knownSize
}

/** The root of the tree of so many leaves; undefined where the tiles for it are missing. */
export async function rootAt(treeOf: (size: number) => TreeReader, size: number): Promise<Buffer | undefined> {
  const root = await treeOf(size)
    .root()
    .catch(() => undefined)
  return root?.length === hashBytes ? root : undefined
}
