// Signed statements about the tree: C2SP tlog-checkpoint (origin, size, root) in a C2SP signed-note, Ed25519.
// Parsing takes hostile bytes: one spelling per value, bounds on everything, no text trusted before a signature
// over it was verified. It answers undefined or false and never throws. Witness lines may follow our own.

import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto'
import { decodeBase64 } from '../base/bytes.ts'
import { invariant } from '../base/invariant.ts'
import { hashBytes } from './merkle.ts'

export const maxNoteBytes = 16_384
const maxSignatures = 32
const ed25519Type = 0x01
const keyNamePattern = /^[!-*,-~]{1,255}$/ // printable ASCII, no space, no plus: narrower than signed-note asks
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const controlCharacter = /[\u0000-\u0009\u000b-\u001f]/
const sizePattern = /^(0|[1-9][0-9]{0,15})$/

export interface NoteSignature {
  readonly name: string
  readonly keyHash: number
  readonly signature: Buffer
}

/** What a note says. Nothing in it is proven until `verifyCheckpoint` was true. */
export interface UnverifiedCheckpoint {
  /** the signed text, with its final newline */
  readonly text: string
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  readonly signatures: readonly NoteSignature[]
}

export interface Verifier {
  readonly name: string
  readonly keyHash: number
  readonly publicKey: KeyObject
  readonly vkey: string
}

export interface CheckpointSigner extends Verifier {
  /** the signed note for a tree */
  sign(size: number, root: Buffer): string
  /** the line below a note that says that this key signed its text */
  signText(text: string): string
}

export function isKeyName(name: string): boolean {
  return keyNamePattern.test(name)
}

export function createCheckpointSigner(origin: string, privateKey: KeyObject): CheckpointSigner {
  invariant(isKeyName(origin), 'an origin is a key name')
  invariant(privateKey.asymmetricKeyType === 'ed25519', 'checkpoints are signed with Ed25519')
  const verifier = createVerifier(origin, rawPublicKey(createPublicKey(privateKey)))
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(verifier.keyHash)
  const signText = (text: string): string => {
    const signature = sign(null, Buffer.from(text), privateKey)
    return `\u2014 ${origin} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
  }
  return {
    ...verifier,
    sign(size, root) {
      const text = formatCheckpoint(origin, size, root)
      return `${text}\n${signText(text)}`
    },
    signText,
  }
}

function formatCheckpoint(origin: string, size: number, root: Buffer): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** One note by several keys of an origin, in the order that is given. */
export function signCheckpoint(signers: readonly CheckpointSigner[], size: number, root: Buffer): string {
  const [first] = signers
  invariant(first !== undefined, 'somebody signs a checkpoint')
  const text = formatCheckpoint(first.name, size, root)
  return `${text}\n${signers.map((signer) => signer.signText(text)).join('')}`
}

/**
 * True when the note names these keys as its signers, in this order, each once and nobody else. It says nothing of
 * whether they signed.
 */
export function isNamedBy(checkpoint: UnverifiedCheckpoint, verifiers: readonly Verifier[]): boolean {
  const { signatures } = checkpoint
  return (
    signatures.length === verifiers.length &&
    signatures.every(({ name, keyHash }, at) => name === verifiers[at]?.name && keyHash === verifiers[at].keyHash)
  )
}

/** Reads `name+hash+base64(0x01 ‖ public key)`; the hash must be the key's own. */
export function parseVkey(line: string): Verifier | undefined {
  const [name, keyHash, encoded, ...rest] = line.split('+')
  // base64 may hold plus signs itself
  const key = encoded === undefined ? undefined : decodeBase64([encoded, ...rest].join('+'))
  if (name === undefined || keyHash === undefined || key === undefined) return undefined
  if (!isKeyName(name) || key.length !== 1 + hashBytes || key[0] !== ed25519Type) return undefined
  const verifier = createVerifier(name, key.subarray(1))
  return verifier.vkey === line ? verifier : undefined
}

function createVerifier(name: string, publicKey: Buffer): Verifier {
  const typed = Buffer.concat([Buffer.from([ed25519Type]), publicKey])
  const keyHash = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').readUInt32BE()
  return {
    name,
    keyHash,
    publicKey: createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
      format: 'jwk',
    }),
    vkey: `${name}+${keyHash.toString(16).padStart(8, '0')}+${typed.toString('base64')}`,
  }
}

export function rawPublicKey(publicKey: KeyObject): Buffer {
  const { x } = publicKey.export({ format: 'jwk' })
  invariant(typeof x === 'string', 'an Ed25519 key has one coordinate')
  return Buffer.from(x, 'base64url')
}

export interface NoteForm {
  readonly maxBytes?: number
  /** lines below the root, whose meaning is the log's own */
  readonly withExtensions?: boolean
}

/** Reads a signed note that holds a checkpoint, without extension lines where they are not asked for. */
export function parseCheckpoint(bytes: Buffer, form: NoteForm = {}): UnverifiedCheckpoint | undefined {
  if (bytes.length > (form.maxBytes ?? maxNoteBytes)) return undefined
  const note = bytes.toString('utf8')
  if (!Buffer.from(note).equals(bytes)) return undefined // not UTF-8, or a BOM was swallowed
  const end = note.indexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) return undefined
  const text = note.slice(0, end + 1)
  const [origin, size, encodedRoot, ...extensions] = text.slice(0, -1).split('\n')
  if (origin === undefined || size === undefined || encodedRoot === undefined) return undefined
  if (extensions.length > 0 && (form.withExtensions !== true || controlCharacter.test(text))) return undefined
  const root = decodeBase64(encodedRoot)
  if (!isKeyName(origin) || !sizePattern.test(size) || !Number.isSafeInteger(Number(size))) return undefined
  if (root === undefined || root.length !== hashBytes) return undefined
  const signatures = parseSignatures(note.slice(end + 2, -1).split('\n'))
  return signatures && { text, origin, size: Number(size), root, signatures }
}

function parseSignatures(lines: readonly string[]): NoteSignature[] | undefined {
  if (lines.length > maxSignatures) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const [dash, name, encoded, ...rest] = line.split(' ')
    const bytes = encoded === undefined ? undefined : decodeBase64(encoded)
    if (dash !== '\u2014' || name === undefined || bytes === undefined || rest.length > 0) return undefined
    if (!isKeyName(name) || bytes.length < 5) return undefined
    signatures.push({ name, keyHash: bytes.readUInt32BE(), signature: bytes.subarray(4) })
  }
  return signatures
}

/** True when a key that we know signed the text, and no signature that claims to be by one of them is false. */
export function verifyCheckpoint(checkpoint: UnverifiedCheckpoint, verifiers: readonly Verifier[]): boolean {
  let proven = false
  for (const { verifier, signature } of knownSignatures(checkpoint, verifiers)) {
    if (!verify(null, Buffer.from(checkpoint.text), verifier.publicKey, signature)) return false
    proven = true
  }
  return proven
}

/** The same on the thread pool, so that a verifier of many checkpoints hashes while signatures are checked. */
export async function verifyCheckpointAsync(
  checkpoint: UnverifiedCheckpoint,
  verifiers: readonly Verifier[],
): Promise<boolean> {
  const text = Buffer.from(checkpoint.text)
  const checks = knownSignatures(checkpoint, verifiers).map(
    ({ verifier, signature }) =>
      new Promise<boolean>((resolve) => {
        verify(null, text, verifier.publicKey, signature, (error, ok) => resolve(error === null && ok))
      }),
  )
  const results = await Promise.all(checks)
  return results.length > 0 && results.every(Boolean)
}

function knownSignatures(
  checkpoint: UnverifiedCheckpoint,
  verifiers: readonly Verifier[],
): { verifier: Verifier; signature: Buffer }[] {
  const known: { verifier: Verifier; signature: Buffer }[] = []
  for (const { name, keyHash, signature } of checkpoint.signatures) {
    const verifier = verifiers.find((candidate) => candidate.name === name && candidate.keyHash === keyHash)
    if (verifier !== undefined) known.push({ verifier, signature })
  }
  return known
}
