// The file `witnessed` of a log: its newest checkpoint that enough witnesses cosigned, as a signed note (C2SP
// signed-note, tlog-cosignature). It only moves forward: a larger tree, or the same with more or later cosignatures.
// Reading takes it as hostile; a damaged one is nothing, and is replaced by the next.

import { join } from 'node:path'
import { parseCheckpoint, verifyCheckpoint, type UnverifiedCheckpoint, type Verifier } from '../tlog/checkpoint.ts'
import {
  distinctWitnesses,
  formatSignature,
  maxCosignedNoteBytes,
  readCosignatures,
  witnessedTime,
  type Cosignature,
  type Cosigner,
} from '../tlog/cosignature.ts'
import type { FileSystem } from './files.ts'
import { replaceFile } from './replace-file.ts'

export const witnessedFile = 'witnessed'

export interface WitnessedCheckpoint {
  readonly checkpoint: UnverifiedCheckpoint
  readonly cosignatures: readonly Cosignature[]
}

/** A checkpoint with cosignatures, from bytes. Undefined unless the log signed it and no cosignature is false. */
export function readWitnessed(
  bytes: Buffer,
  logKeys: readonly Verifier[],
  cosigners: readonly Cosigner[],
  nowSeconds: number | undefined,
): WitnessedCheckpoint | undefined {
  const checkpoint = parseCheckpoint(bytes, { maxBytes: maxCosignedNoteBytes })
  if (checkpoint === undefined || !logKeys.some(({ name }) => name === checkpoint.origin)) return undefined
  if (!verifyCheckpoint(checkpoint, logKeys)) return undefined
  const cosignatures = readCosignatures(checkpoint, cosigners, nowSeconds)
  return cosignatures && { checkpoint, cosignatures }
}

/** Those of both, the newer of each key. */
export function mergeCosignatures(before: readonly Cosignature[], more: readonly Cosignature[]): Cosignature[] {
  const byKey = new Map(before.map((each) => [each.cosigner.vkey, each]))
  for (const each of more) {
    if (each.timeSeconds >= (byKey.get(each.cosigner.vkey)?.timeSeconds ?? 0)) byKey.set(each.cosigner.vkey, each)
  }
  return [...byKey.values()]
}

/** True when the file should say `next` instead of `now`. */
export function isBetter(next: WitnessedCheckpoint, now: WitnessedCheckpoint | undefined, required: number): boolean {
  const count = distinctWitnesses(next.cosignatures).length
  if (count < required) return false
  if (now === undefined || next.checkpoint.size > now.checkpoint.size) return true
  if (next.checkpoint.text !== now.checkpoint.text) return false
  const before = distinctWitnesses(now.cosignatures).length
  const timeOf = (each: WitnessedCheckpoint): number => witnessedTime(each.cosignatures, required) ?? 0
  return count > before || timeOf(next) > timeOf(now)
}

/** The checkpoint as the log published it, and the cosignatures. Rejects when the disk does not take it. */
export async function writeWitnessed(
  files: FileSystem,
  dir: string,
  { checkpoint, cosignatures }: WitnessedCheckpoint,
): Promise<void> {
  const lines = [...checkpoint.signatures.map(formatSignature), ...cosignatures.map(({ line }) => line)]
  await replaceFile(files, join(dir, witnessedFile), Buffer.from(`${checkpoint.text}\n${lines.join('')}`))
  await files.syncFolder(dir)
}
