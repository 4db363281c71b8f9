// What a witness says about a checkpoint: C2SP tlog-cosignature, Ed25519 (type 0x04) and ML-DSA-44 (type 0x06). A
// cosignature says that, at its time, this tree was the largest that the witness saw of the log, and led on from all
// before. Reading takes hostile notes, answers undefined and never throws. One witness counts once, however many
// keys or lines it has, and never counts for the future.

import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto'
import { decodeBase64 } from '../base/bytes.ts'
import { invariant } from '../base/invariant.ts'
import { isKeyName, type NoteSignature, type UnverifiedCheckpoint } from './checkpoint.ts'

export type CosignerKind = 'ed25519' | 'ml-dsa-44'

export interface Cosigner {
  readonly name: string
  readonly kind: CosignerKind
  readonly keyHash: number
  readonly publicKey: KeyObject
  /** base64 of the bare public key: the same under every name */
  readonly material: string
  readonly vkey: string
}

/** What of a checkpoint is cosigned. */
export type CosignedCheckpoint = Pick<UnverifiedCheckpoint, 'text' | 'origin' | 'size' | 'root'>

export interface CosigningKey extends Cosigner {
  /** the signature line of a note, with its newline */
  cosign(checkpoint: CosignedCheckpoint, timeSeconds: number): string
}

export interface Cosignature {
  readonly cosigner: Cosigner
  readonly timeSeconds: number
  /** as it stands in a note, with its newline */
  readonly line: string
}

/** A checkpoint with the cosignatures of sixteen witnesses, each as large as they come. */
export const maxCosignedNoteBytes = 131_072 // bound: a checkpoint with cosignatures
/** How far the clock of a witness may be ahead of ours. */
export const maxClockSkewSeconds = 300 // bound: a cosignature from the future, in seconds

const kinds = {
  ed25519: { type: 0x04, keyBytes: 32, signatureBytes: 64 },
  'ml-dsa-44': { type: 0x06, keyBytes: 1_312, signatureBytes: 2_420 },
} as const
const timeBytes = 8
const maxLabelBytes = 255

export function createCosigningKey(name: string, privateKey: KeyObject): CosigningKey {
  invariant(isKeyName(name), 'a witness has a key name')
  const publicKey = createPublicKey(privateKey)
  const kind = publicKey.asymmetricKeyType
  invariant(kind === 'ed25519' || kind === 'ml-dsa-44', 'a witness signs with Ed25519 or ML-DSA-44')
  const cosigner = createCosigner(name, kind, exportMaterial(publicKey))
  return {
    ...cosigner,
    cosign(checkpoint, timeSeconds) {
      const time = Buffer.alloc(timeBytes)
      time.writeBigUInt64BE(BigInt(timeSeconds))
      const signature = sign(null, messageOf(cosigner, checkpoint, timeSeconds), privateKey)
      return formatSignature({ ...cosigner, signature: Buffer.concat([time, signature]) })
    },
  }
}

/** Reads `name+hash+base64(0x04 ‖ Ed25519 key)` or `…(0x06 ‖ ML-DSA-44 key)`; the hash must be the key's own. */
export function parseCosigner(line: string): Cosigner | undefined {
  const [name, keyHash, encoded, ...rest] = line.split('+')
  // base64 may hold plus signs itself
  const key = encoded === undefined ? undefined : decodeBase64([encoded, ...rest].join('+'))
  if (name === undefined || keyHash === undefined || key === undefined || !isKeyName(name)) return undefined
  const kind = (['ed25519', 'ml-dsa-44'] as const).find((each) => kinds[each].type === key[0])
  if (kind === undefined || key.length !== 1 + kinds[kind].keyBytes) return undefined
  try {
    const cosigner = createCosigner(name, kind, key.subarray(1))
    return cosigner.vkey === line ? cosigner : undefined
  } catch {
    // bytes that are no public key
    return undefined
  }
}

function createCosigner(name: string, kind: CosignerKind, material: Buffer): Cosigner {
  const typed = Buffer.concat([Buffer.from([kinds[kind].type]), material])
  const keyHash = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').readUInt32BE()
  const encoded = material.toString('base64url')
  const key =
    kind === 'ed25519' ? { kty: 'OKP', crv: 'Ed25519', x: encoded } : { kty: 'AKP', alg: 'ML-DSA-44', pub: encoded }
  return {
    name,
    kind,
    keyHash,
    publicKey: createPublicKey({ key, format: 'jwk' }),
    material: material.toString('base64'),
    vkey: `${name}+${keyHash.toString(16).padStart(8, '0')}+${typed.toString('base64')}`,
  }
}

function exportMaterial(publicKey: KeyObject): Buffer {
  const members: Readonly<Record<string, unknown>> = { ...publicKey.export({ format: 'jwk' }) }
  const encoded = members['x'] ?? members['pub']
  invariant(typeof encoded === 'string', 'a public key has one value')
  return Buffer.from(encoded, 'base64url')
}

/** What is signed. The one commits to the text, the other to names and the tree. */
function messageOf({ name, kind }: Cosigner, checkpoint: CosignedCheckpoint, timeSeconds: number): Buffer {
  if (kind === 'ed25519') return Buffer.from(`cosignature/v1\ntime ${timeSeconds}\n${checkpoint.text}`)
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    labelled(name),
    bigEndian(timeSeconds),
    labelled(checkpoint.origin),
    bigEndian(0),
    bigEndian(checkpoint.size),
    checkpoint.root,
  ])
}

function labelled(text: string): Buffer {
  const bytes = Buffer.from(text)
  invariant(bytes.length > 0 && bytes.length <= maxLabelBytes, 'a name has 1 to 255 bytes')
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/**
 * The cosignatures of those we know, the newest of each key; undefined when a line claims to be by one of them and
 * is not, or is from the future. Lines of others are left out. `nowSeconds` undefined: every time is believed.
 */
export function readCosignatures(
  checkpoint: UnverifiedCheckpoint,
  cosigners: readonly Cosigner[],
  nowSeconds: number | undefined,
): Cosignature[] | undefined {
  const newest = new Map<Cosigner, Cosignature>()
  for (const each of checkpoint.signatures) {
    const { name, keyHash, signature } = each
    const cosigner = cosigners.find((known) => known.name === name && known.keyHash === keyHash)
    if (cosigner === undefined) continue
    const timeSeconds = readTime(signature, cosigner)
    if (timeSeconds === undefined) return undefined
    if (nowSeconds !== undefined && timeSeconds > nowSeconds + maxClockSkewSeconds) return undefined
    const message = messageOf(cosigner, checkpoint, timeSeconds)
    if (!verify(null, message, cosigner.publicKey, signature.subarray(timeBytes))) return undefined
    if (timeSeconds <= (newest.get(cosigner)?.timeSeconds ?? -1)) continue
    newest.set(cosigner, { cosigner, timeSeconds, line: formatSignature(each) })
  }
  return [...newest.values()]
}

/** Undefined for what cannot be a timestamped signature of this kind, or makes no statement about time. */
function readTime(signature: Buffer, { kind }: Cosigner): number | undefined {
  if (signature.length !== timeBytes + kinds[kind].signatureBytes) return undefined
  const time = signature.readBigUInt64BE()
  return time > 0n && time <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(time) : undefined
}

/** A signature as it stands in a note, with its newline. */
export function formatSignature({ name, keyHash, signature }: NoteSignature): string {
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(keyHash)
  return `\u2014 ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

/**
 * One cosignature per witness, the newest first: neither a second key under the same name nor the same key under a
 * second name makes another witness.
 */
export function distinctWitnesses(cosignatures: readonly Cosignature[]): Cosignature[] {
  const distinct: Cosignature[] = []
  for (const cosignature of cosignatures.toSorted((a, b) => b.timeSeconds - a.timeSeconds)) {
    const { name, material } = cosignature.cosigner
    const isCounted = distinct.some(({ cosigner }) => cosigner.name === name || cosigner.material === material)
    if (!isCounted) distinct.push(cosignature)
  }
  return distinct
}

/** The time by which so many witnesses had cosigned; undefined when there are not so many. */
export function witnessedTime(cosignatures: readonly Cosignature[], required: number): number | undefined {
  return distinctWitnesses(cosignatures)[required - 1]?.timeSeconds
}
