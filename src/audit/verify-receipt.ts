// Holds a receipt of a caller against a log, a proof or an export: is its record there, does another stand in its
// place, or does the log end before it? So that callers and agents can show that a record was left out. The log may
// be a hostile one: it is believed as far as signatures and hash paths reach, with the reader's own keys.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { maxCosignedNoteBytes } from '../tlog/cosignature.ts'
import { verifyConsistency, verifyInclusion } from '../tlog/merkle.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { errorCode, nodeFiles, type FileSystem, type OpenFile } from './files.ts'
import { readMinimumIndex } from './prove.ts'
import { signingKeyHash, verifyReceiptSignature } from './receipt.ts'
import { openTiles, type TiledLog } from './tile-files.ts'
import { proveCheckpoint, type ProvenCheckpoint, type TrustedKeys } from './trusted-keys.ts'
import { verifyExport } from './verify-bundle.ts'
import { verifyProof } from './verify-proof.ts'

export type ReceiptFinding =
  /** the record is there */
  | 'included'
  /** another record is, provably, in its place */
  | 'replaced'
  /** a later state was signed than the log has, or the log has fewer records than its own signed receipt says */
  | 'missing'
  /** the evidence does not reach so far */
  | 'not-covered'
  /** the log and the checkpoint that was kept are two histories */
  | 'rewritten'
  /** by a key that was given, as it says, and that did not sign it */
  | 'false-signature'
  /** the evidence itself does not hold */
  | 'no-evidence'

export interface ReceiptVerdict {
  readonly finding: ReceiptFinding
  /** in words, lower case */
  readonly message: string
  /** the size that the evidence reaches */
  readonly size: number | undefined
  /** the receipt is signed by a key that was given; undefined when it bears no signature */
  readonly isSigned: boolean | undefined
}

export type ReceiptEvidence =
  | {
      readonly kind: 'log'
      readonly dir: string
      /** records that the log holds beyond its checkpoint count too; undefined when only tiles are there */
      readonly recordsWritten: number | undefined
    }
  | { readonly kind: 'proof'; readonly bytes: Buffer }
  | { readonly kind: 'export'; readonly file: OpenFile }

export interface ReceiptQuestion {
  readonly receipt: Receipt
  /** value of Sallyport-Record-Signature */
  readonly signature: string | undefined
  readonly evidence: ReceiptEvidence
  /** a checkpoint of the log that was kept elsewhere */
  readonly kept: Buffer | undefined
  readonly trusted: TrustedKeys
  readonly fs?: FileSystem
}

type Finding = Omit<ReceiptVerdict, 'isSigned'>

export async function verifyReceipt(question: ReceiptQuestion): Promise<ReceiptVerdict> {
  const { receipt, signature, trusted } = question
  const isSigned = signature === undefined ? undefined : verifyReceiptSignature(receipt, signature, trusted.log)
  if (isSigned === false && !isByGivenKey(question)) {
    const message = 'the receipt is signed by a key that was not given: that says nothing of the log'
    return { ...noEvidence(message), isSigned }
  }
  if (isSigned === false) {
    const message = 'the signature of the receipt does not fit the key that it names: the log never said this'
    return { finding: 'false-signature', message, size: undefined, isSigned }
  }
  return { ...(await findRecord(question, isSigned === true)), isSigned }
}

/** Only of a key that was given can be said that it did not sign. */
function isByGivenKey({ receipt, signature = '', trusted }: ReceiptQuestion): boolean {
  const keyHash = signingKeyHash(signature)
  return trusted.log.some((verifier) => verifier.name === receipt.origin && verifier.keyHash === keyHash)
}

async function findRecord(question: ReceiptQuestion, isSigned: boolean): Promise<Finding> {
  const { receipt, evidence, trusted } = question
  if (evidence.kind === 'proof') {
    const proof = verifyProof(evidence.bytes, trusted)
    if (!proof.ok) return noEvidence(`the proof does not hold: ${proof.why}`)
    const { index, leaf, checkpoint } = proof.value
    if (index !== receipt.index || checkpoint.origin !== receipt.origin)
      return noEvidence(`the proof is of record ${index} of ${checkpoint.origin}`)
    return compare(receipt, leaf, { size: checkpoint.size, isSigned })
  }
  if (evidence.kind === 'export') {
    const found = await verifyExport(evidence.file, { trusted, watch: receipt.index })
    if (!found.ok) return noEvidence(`the export does not hold: ${found.why}`)
    const { from, to, watched } = found.value
    if (to.origin !== receipt.origin) return noEvidence(`the export is of ${to.origin}`)
    if (watched === undefined) {
      const held = `records ${from.size} to ${to.size - 1}`
      return notCovered(`the export holds ${held} and says nothing of ${receipt.index}`, to.size)
    }
    return compare(receipt, watched, { size: to.size, isSigned })
  }
  return await new LogEvidence(question, evidence, isSigned).find()
}

class LogEvidence {
  readonly #question: ReceiptQuestion
  readonly #evidence: Extract<ReceiptEvidence, { kind: 'log' }>
  readonly #isSigned: boolean

  constructor(question: ReceiptQuestion, evidence: Extract<ReceiptEvidence, { kind: 'log' }>, isSigned: boolean) {
    this.#question = question
    this.#evidence = evidence
    this.#isSigned = isSigned
  }

  async find(): Promise<Finding> {
    const { receipt, trusted, kept, fs = nodeFiles } = this.#question
    const note = await fs.readFile(join(this.#evidence.dir, 'checkpoint'), maxCosignedNoteBytes)
    if (note === undefined) return noEvidence('the log has no checkpoint')
    const proven = proveCheckpoint(note, trusted)
    if (!proven.ok) return noEvidence(`the checkpoint of the log: ${proven.why}`)
    const checkpoint = proven.value
    if (checkpoint.origin !== receipt.origin) return noEvidence(`the log is ${checkpoint.origin}`)
    const tiles = await openTiles(this.#evidence.dir, fs)
    try {
      const contradiction = kept && (await this.#holdAgainst(kept, checkpoint, tiles))
      if (contradiction !== undefined) return contradiction
      return receipt.index < checkpoint.size ? await this.#look(checkpoint, tiles) : this.#beyond(checkpoint)
    } catch (error) {
      if (!(error instanceof Fault) && errorCode(error) === '') throw error
      const minimumIndex = await readMinimumIndex(this.#evidence.dir, fs)
      if (receipt.index < minimumIndex)
        return notCovered(`the log says that its records before ${minimumIndex} were pruned`, checkpoint.size)
      return noEvidence(`the log cannot be read: ${error instanceof Error ? error.message : ''}`)
    }
  }

  async #holdAgainst(kept: Buffer, checkpoint: ProvenCheckpoint, tiles: TiledLog): Promise<Finding | undefined> {
    const { receipt, trusted } = this.#question
    const known = proveCheckpoint(kept, { ...trusted, requireWitnesses: 0 })
    if (!known.ok) return noEvidence(`the checkpoint that was kept: ${known.why}`)
    const { size, root, origin } = known.value
    if (origin !== receipt.origin) return noEvidence(`the checkpoint that was kept is of ${origin}`)
    if (size > checkpoint.size) {
      const message = `the log ends at ${checkpoint.size} records, and the checkpoint that was kept says ${size}`
      return { finding: 'missing', message, size: checkpoint.size }
    }
    if (size === 0) return undefined
    const proof = await openTree(checkpoint.size, tiles).consistencyProof(size)
    const claim = { size1: size, size2: checkpoint.size, root1: root, root2: checkpoint.root, proof }
    if (verifyConsistency(claim)) return undefined
    const message = `the log does not lead on from the checkpoint that was kept, of ${size} records: it was rewritten`
    return { finding: 'rewritten', message, size: checkpoint.size }
  }

  async #look({ size, root }: ProvenCheckpoint, tiles: TiledLog): Promise<Finding> {
    const { receipt } = this.#question
    const { index } = receipt
    const tree = openTree(size, tiles)
    // the hash as the tile has it: the entry itself may have been pruned
    const leaf = await tree.leafHash(index)
    const proof = await tree.inclusionProof(index)
    if (!verifyInclusion({ index, size, leaf, proof, root }))
      return noEvidence(`the tiles of the log do not lead to its checkpoint at record ${index}`)
    return compare(receipt, leaf, { size, isSigned: this.#isSigned })
  }

  #beyond({ size }: ProvenCheckpoint): Finding {
    const { index } = this.#question.receipt
    const { recordsWritten } = this.#evidence
    if (recordsWritten !== undefined && recordsWritten > index)
      return notCovered(`record ${index} is written, and the checkpoint of the log reaches ${size}; ask again`, size)
    if (this.#isSigned && recordsWritten !== undefined) {
      const message = `the log ends at ${recordsWritten} records, although it signed that there is a record ${index}`
      return { finding: 'missing', message, size }
    }
    const why = this.#isSigned ? '' : '; an unsigned receipt does not show that there ever was such a record'
    return notCovered(`the log reaches ${size} records${why}`, size)
  }
}

function compare(receipt: Receipt, leaf: Buffer, { size, isSigned }: { size: number; isSigned: boolean }): Finding {
  if (leaf.toString('base64url') === receipt.leafHash) {
    const message = `record ${receipt.index} of ${receipt.origin} is there, as the receipt says`
    return { finding: 'included', message, size }
  }
  const why = isSigned ? '' : '; an unsigned receipt may be anybody’s invention'
  const message = `another record stands at ${receipt.index} of ${receipt.origin} than the receipt says${why}`
  return { finding: 'replaced', message, size }
}

function noEvidence(message: string): Finding {
  return { finding: 'no-evidence', message, size: undefined }
}

function notCovered(message: string, size: number): Finding {
  return { finding: 'not-covered', message, size }
}
