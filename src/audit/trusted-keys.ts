// Verifier keys that the reader of a proof brings along: of one log, and of the witnesses that count. What lies in the
// file under examination is never among them. Reading answers with the line that is no key, and never throws.

import { readCosignatures, distinctWitnesses, type Cosigner, type Cosignature } from '../tlog/cosignature.ts'
import {
  parseCheckpoint,
  parseVkey,
  verifyCheckpoint,
  type UnverifiedCheckpoint,
  type Verifier,
} from '../tlog/checkpoint.ts'
import { maxCosignedNoteBytes, parseCosigner } from '../tlog/cosignature.ts'

export interface TrustedKeys {
  readonly log: readonly Verifier[]
  readonly witnesses: readonly Cosigner[]
  /** so many distinct witnesses must have cosigned */
  readonly requireWitnesses: number
  /** cosignatures from beyond it, and a little, are refused */
  readonly nowSeconds: number
}

/** The keys, or the first line that is none. */
export function readVerifiers(lines: readonly string[]): { keys: readonly Verifier[] } | { notAKey: string } {
  const keys: Verifier[] = []
  for (const line of lines) {
    const key = parseVkey(line)
    if (key === undefined) return { notAKey: line }
    keys.push(key)
  }
  return { keys }
}

export function readCosigners(lines: readonly string[]): { keys: readonly Cosigner[] } | { notAKey: string } {
  const keys: Cosigner[] = []
  for (const line of lines) {
    const key = parseCosigner(line)
    if (key === undefined) return { notAKey: line }
    keys.push(key)
  }
  return { keys }
}

/** A checkpoint that a trusted key of its log signed, and who cosigned it. */
export interface ProvenCheckpoint extends UnverifiedCheckpoint {
  readonly witnesses: readonly Cosignature[]
}

export type Judged<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly why: string }

/** Reads a note and believes it for one reason only: signatures of the trusted keys. */
export function proveCheckpoint(note: Buffer, trusted: TrustedKeys): Judged<ProvenCheckpoint> {
  const checkpoint = parseCheckpoint(note, { maxBytes: maxCosignedNoteBytes })
  if (checkpoint === undefined) return refuse('what stands there as its checkpoint is none')
  const { origin } = checkpoint
  const keys = trusted.log.filter((key) => key.name === origin)
  if (keys.length === 0) return refuse(`it is of the log ${origin}, and no key of that log was given`)
  if (
    !checkpoint.signatures.some(({ name, keyHash }) => keys.some((key) => key.name === name && key.keyHash === keyHash))
  )
    return refuse('its checkpoint is not signed by a key that was given')
  if (!verifyCheckpoint(checkpoint, keys)) return refuse('the signature of its checkpoint is false')
  const cosignatures = readCosignatures(checkpoint, trusted.witnesses, trusted.nowSeconds)
  if (cosignatures === undefined) return refuse('a cosignature of a witness is false, or from the future')
  const witnesses = distinctWitnesses(cosignatures)
  if (witnesses.length < trusted.requireWitnesses) {
    const [are, needed] = [witnesses.length, trusted.requireWitnesses]
    return refuse(
      `${needed} of the given witnesses must have cosigned its checkpoint, and ${are === 0 ? 'none' : `only ${are}`} did`,
    )
  }
  return { ok: true, value: { ...checkpoint, witnesses } }
}

export function refuse(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why }
}
