// Checks a tlog-proof of a record offline, with keys that the reader brought along: signature of the checkpoint,
// cosignatures, inclusion of the envelope, the disclosed fields against their commitments. The first thing that
// does not hold is the answer. The file may be an attacker's from end to end: nothing in it is believed unproven.

import { leafHash, verifyInclusion } from '../tlog/merkle.ts'
import { parseProof, type ProofFile } from '../tlog/proof-file.ts'
import { parseEnvelope, type Envelope } from './envelope.ts'
import { isCommittedTo, parseExtra, type ProofExtra } from './proof-extra.ts'
import { proveCheckpoint, refuse, type Judged, type ProvenCheckpoint, type TrustedKeys } from './trusted-keys.ts'

export interface ProvenRecord {
  readonly index: number
  readonly leaf: Buffer
  readonly envelope: Envelope
  readonly checkpoint: ProvenCheckpoint
  /** values that the record commits to, by name */
  readonly disclosed: Readonly<Record<string, string>>
}

/** `entry`: the envelope from elsewhere; without it, the one in the file. */
export function verifyProof(bytes: Buffer, trusted: TrustedKeys, entry?: Buffer): Judged<ProvenRecord> {
  const proof = parseProof(bytes)
  if (proof === undefined) return refuse('it is no tlog-proof')
  const extra = proof.extra === undefined ? undefined : parseExtra(proof.extra)
  if (proof.extra !== undefined && extra === undefined)
    return refuse('what stands beside the proof is not of sallyport')
  const checkpoint = proveCheckpoint(proof.note, trusted)
  if (!checkpoint.ok) return checkpoint
  const envelopeBytes = entry ?? (extra && Buffer.from(extra.entry))
  if (envelopeBytes === undefined) return refuse('it holds no record, and none was given')
  if (entry !== undefined && extra !== undefined && !entry.equals(Buffer.from(extra.entry)))
    return refuse('the record that was given is not the one in it')
  return proveRecord(proof, extra, envelopeBytes, checkpoint.value)
}

function proveRecord(
  { index, path }: ProofFile,
  extra: ProofExtra | undefined,
  envelopeBytes: Buffer,
  checkpoint: ProvenCheckpoint,
): Judged<ProvenRecord> {
  const { size, root } = checkpoint
  const leaf = leafHash(envelopeBytes)
  if (index >= size) return refuse(`it speaks of record ${index}, and its checkpoint covers ${size}`)
  if (!verifyInclusion({ index, size, leaf, proof: path, root }))
    return refuse(`its record is not number ${index} of the tree in its checkpoint`)
  const envelope = parseEnvelope(envelopeBytes)
  if (envelope?.index !== index) return refuse('what was logged there is not the envelope of that record')
  const disclosed = Object.entries(extra?.disclosed ?? {})
  const falseOne = disclosed.find(([name, field]) => !isCommittedTo(envelope, name, field))
  if (falseOne !== undefined)
    return refuse(`the record does not commit to what is disclosed as ${JSON.stringify(falseOne[0])}`)
  const values = Object.fromEntries(disclosed.map(([name, { value }]) => [name, value]))
  return { ok: true, value: { index, leaf, envelope, checkpoint, disclosed: values } }
}

/** What keys the file itself names: to be shown to somebody who has none, never to be used. */
export function keysInProof(bytes: Buffer): readonly string[] {
  const extra = parseProof(bytes)?.extra
  return (extra && parseExtra(extra)?.vkeys) ?? []
}
