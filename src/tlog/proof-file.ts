// A proof that something was logged, in one text file (C2SP tlog-proof): the index, the inclusion proof of RFC 6962
// §2.1.1, a signed checkpoint, and whatever else the application puts beside them. Parsing takes hostile bytes: one
// spelling per value, bounds on everything. Nothing in the file is proven by being in it, the extra data least of all.

import { decodeBase64 } from '../base/bytes.ts'
import { decodeUtf8 } from '../base/strict-json.ts'
import { hashBytes } from './merkle.ts'

export const maxProofBytes = 1_048_576 // bound: a file with a proof
const maxPathHashes = 53 // a size is a safe integer
const firstLine = 'c2sp.org/tlog-proof@v1'
const indexPattern = /^index (0|[1-9][0-9]{0,15})$/

export interface ProofFile {
  /** of the application; undefined when the file has none */
  readonly extra: Buffer | undefined
  readonly index: number
  /** from the leaf's sibling to the root's child */
  readonly path: readonly Buffer[]
  /** the checkpoint with its signature lines, as it stands there */
  readonly note: Buffer
}

export function formatProof({ extra, index, path, note }: ProofFile): Buffer {
  const lines = [
    firstLine,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...path.map((hash) => hash.toString('base64')),
    '',
    '',
  ]
  return Buffer.concat([Buffer.from(lines.join('\n')), note])
}

/** Undefined unless every byte is as we would write it. */
export function parseProof(bytes: Buffer): ProofFile | undefined {
  if (bytes.length > maxProofBytes) return undefined
  const text = decodeUtf8(bytes)
  const end = text?.indexOf('\n\n') ?? -1
  if (text === undefined || end < 0) return undefined
  const note = Buffer.from(text.slice(end + 2))
  const [first, ...lines] = text.slice(0, end).split('\n')
  const extraLine = lines[0]?.startsWith('extra ') === true ? lines.shift() : undefined
  const index = Number(indexPattern.exec(lines.shift() ?? '')?.[1] ?? Number.NaN)
  const extra = extraLine === undefined ? undefined : decodeBase64(extraLine.slice('extra '.length))
  if (first !== firstLine || !Number.isSafeInteger(index) || lines.length > maxPathHashes) return undefined
  if (extraLine !== undefined && (extra === undefined || extra.length === 0)) return undefined
  const path: Buffer[] = []
  for (const line of lines) {
    const hash = decodeBase64(line)
    if (hash?.length !== hashBytes) return undefined
    path.push(hash)
  }
  return { extra, index, path, note }
}
