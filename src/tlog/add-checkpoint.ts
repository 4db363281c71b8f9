// What a log asks of a witness and what it is answered: the add-checkpoint call of C2SP tlog-witness, as bytes. Both
// sides parse what the other one, or anybody, has sent: one spelling per value, bounds on everything, undefined
// instead of an error. Nothing here is proven; the caller verifies signatures and proofs.

import { decodeBase64 } from '../base/bytes.ts'
import { hashBytes } from './merkle.ts'
import { parseCheckpoint, type UnverifiedCheckpoint } from './checkpoint.ts'
import { maxCosignedNoteBytes } from './cosignature.ts'

const maxProofLines = 63 // bound: lines of a consistency proof
export const maxAddCheckpointBytes = 65_536 // bound: a request to cosign a checkpoint
export const maxAddCheckpointAnswerBytes = 65_536 // bound: the answer of a witness
/** content type of the answer that names the size a witness knows */
export const sizeContentType = 'text/x.tlog.size'

const sizePattern = /^(0|[1-9][0-9]{0,15})$/

export interface AddCheckpoint {
  readonly oldSize: number
  readonly proof: readonly Buffer[]
  readonly checkpoint: UnverifiedCheckpoint
}

export function formatAddCheckpoint(oldSize: number, proof: readonly Buffer[], note: Buffer): Buffer {
  const lines = [`old ${oldSize}`, ...proof.map((each) => each.toString('base64')), '', '']
  return Buffer.concat([Buffer.from(lines.join('\n')), note])
}

/** Undefined when the request is not well-formed. Extension lines of other logs' checkpoints are taken. */
export function parseAddCheckpoint(bytes: Buffer): AddCheckpoint | undefined {
  if (bytes.length > maxAddCheckpointBytes) return undefined
  const end = bytes.indexOf('\n\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\n')
  const oldSize = first.startsWith('old ') ? readSize(first.slice('old '.length)) : undefined
  if (oldSize === undefined || lines.length > maxProofLines) return undefined
  const proof: Buffer[] = []
  for (const line of lines) {
    const node = decodeBase64(line)
    if (node?.length !== hashBytes) return undefined
    proof.push(node)
  }
  const form = { maxBytes: maxAddCheckpointBytes, withExtensions: true }
  const checkpoint = parseCheckpoint(bytes.subarray(end + 2), form)
  return checkpoint && { oldSize, proof, checkpoint }
}

/** The body of a 409 answer: a size and a newline. */
export function parseKnownSize(bytes: Buffer): number | undefined {
  const text = bytes.toString('latin1')
  return text.endsWith('\n') ? readSize(text.slice(0, -1)) : undefined
}

function readSize(text: string): number | undefined {
  const size = Number(text)
  return sizePattern.test(text) && Number.isSafeInteger(size) ? size : undefined
}

/** The checkpoint that was sent, with the signature lines of the answer and no others. */
export function parseAddCheckpointAnswer(
  bytes: Buffer,
  sent: Pick<UnverifiedCheckpoint, 'text'>,
): UnverifiedCheckpoint | undefined {
  if (bytes.length > maxAddCheckpointAnswerBytes) return undefined
  const note = Buffer.concat([Buffer.from(`${sent.text}\n`), bytes])
  return parseCheckpoint(note, { maxBytes: maxCosignedNoteBytes, withExtensions: true })
}
