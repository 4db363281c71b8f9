// Holds checkpoints that others vouch for against a log: the file `witnessed`, and one that was kept elsewhere. Each
// must be signed by the log, its cosignatures must be true, and its tree must be a state that this log was in. It is
// what finds a whole old state put back, signing key and all, which nothing in the folder itself can show.

import { join } from 'node:path'
import { parseCheckpoint, verifyCheckpoint, type UnverifiedCheckpoint, type Verifier } from '../tlog/checkpoint.ts'
import {
  distinctWitnesses,
  maxCosignedNoteBytes,
  readCosignatures,
  witnessedTime,
  type Cosignature,
  type Cosigner,
} from '../tlog/cosignature.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { rootAt } from './ask-witness.ts'
import { fileBounds } from './file-bounds.ts'
import type { FileSystem } from './files.ts'
import { parseVkeys } from './recover-ledger.ts'
import { openTiles } from './tile-files.ts'
import type { LedgerProblem, VerifiedLog } from './verify-log.ts'
import { witnessedFile } from './witnessed-file.ts'

export interface WitnessRequirement {
  readonly cosigners: readonly Cosigner[]
  /** how many distinct witnesses each log must have; 0 for none */
  readonly require: number
  /** cosignatures from the future are false; undefined: every time is believed */
  readonly nowSeconds: number | undefined
}

export interface VouchedState {
  readonly size: number
  /** when so many witnesses as were asked for, or the first, had cosigned; undefined when none that is known did */
  readonly timeSeconds: number | undefined
  /** names of the distinct witnesses that are known */
  readonly witnesses: readonly string[]
  /** records of the log after it */
  readonly beyond: number
}

export interface VouchedReport {
  readonly problems: readonly LedgerProblem[]
  readonly witnessed?: VouchedState
  /** of the checkpoint that was kept elsewhere */
  readonly since?: VouchedState
}

/** Listens while a log is verified. */
export interface StateWatch {
  /** the log was in this state: so many records, this root */
  met(size: number, root: () => Buffer): void
}

export interface VouchedWatch extends StateWatch {
  finish(log: Pick<VerifiedLog, 'origin' | 'size'>): Promise<VouchedReport>
}

export interface WatchOptions {
  readonly files: FileSystem
  readonly dir: string
  /** name of the folder */
  readonly name: string
  readonly requirement: WitnessRequirement
  /** a checkpoint that was kept elsewhere, of this log or another */
  readonly since: UnverifiedCheckpoint | undefined
}

interface Vouched {
  readonly file: string
  readonly what: string
  readonly checkpoint: UnverifiedCheckpoint
  root: Buffer | undefined
}

export function parseKeptCheckpoint(bytes: Buffer): UnverifiedCheckpoint | undefined {
  return parseCheckpoint(bytes, { maxBytes: maxCosignedNoteBytes })
}

/** To be called before the log is walked: a running writer only moves on. */
export async function watchVouchedStates(options: WatchOptions): Promise<VouchedWatch> {
  const { since } = options
  const bytes = await readBounded(options, witnessedFile)
  const witnessed = bytes && parseKeptCheckpoint(bytes)
  const states: Vouched[] = []
  if (witnessed !== undefined)
    states.push({ file: witnessedFile, what: 'the witnessed checkpoint', checkpoint: witnessed, root: undefined })
  if (since !== undefined) states.push({ file: '', what: 'the kept checkpoint', checkpoint: since, root: undefined })
  return {
    met(size, root) {
      for (const state of states) if (state.checkpoint.size === size) state.root = root()
    },
    finish: (log) => judge(options, { log, states, isUnreadable: bytes !== undefined && witnessed === undefined }),
  }
}

/** Undefined when there is no such file; a thing that is none, or too large, is an empty one. */
async function readBounded({ files, dir }: WatchOptions, file: string): Promise<Buffer | undefined> {
  const names: readonly string[] = await files.list(dir).catch(() => [])
  return names.includes(file) ? await files.readFile(join(dir, file), maxCosignedNoteBytes) : undefined
}

interface Walked {
  readonly log: Pick<VerifiedLog, 'origin' | 'size'>
  readonly states: readonly Vouched[]
  readonly isUnreadable: boolean
}

async function judge(options: WatchOptions, { log, states, isUnreadable }: Walked): Promise<VouchedReport> {
  const { requirement, name } = options
  if (log.origin === undefined) return { problems: [] }
  const problems: LedgerProblem[] = []
  const problem = (found: Omit<LedgerProblem, 'log'>): void => void problems.push({ log: name, ...found })
  const vouched: { witnessed?: VouchedState; since?: VouchedState } = {}
  const keys = await readKeys(options)
  for (const state of states) {
    const isKept = state.file === ''
    // kept of another log: that one's to judge
    if (isKept && state.checkpoint.origin !== log.origin) continue
    const cosignatures = readProven(state, log.origin, keys, requirement)
    if (typeof cosignatures === 'string') {
      problem({ file: state.file, kind: 'checkpoint', message: `${state.what} ${cosignatures}` })
      continue
    }
    const contradiction = await contradictionOf(options, state, log.size)
    if (contradiction !== undefined) {
      problem(contradiction)
      continue
    }
    vouched[isKept ? 'since' : 'witnessed'] = describe(state.checkpoint, cosignatures, log.size, requirement.require)
  }
  if (isUnreadable) problem({ file: witnessedFile, kind: 'checkpoint', message: 'not a checkpoint with cosignatures' })
  const lacking = isUnreadable ? undefined : lackOf(vouched.witnessed, states, requirement.require)
  if (lacking !== undefined) problem({ file: witnessedFile, ...lacking })
  return { problems, ...vouched }
}

async function readKeys({ files, dir }: WatchOptions): Promise<readonly Verifier[]> {
  const bytes = await files.readFile(join(dir, 'key.vkey'), fileBounds.keyList).catch(() => undefined)
  return (bytes && parseVkeys(bytes)) ?? []
}

/** The cosignatures of witnesses we know, or what is wrong. */
function readProven(
  { checkpoint }: Vouched,
  origin: string,
  keys: readonly Verifier[],
  { cosigners, nowSeconds }: WitnessRequirement,
): Cosignature[] | string {
  if (checkpoint.origin !== origin || !verifyCheckpoint(checkpoint, keys)) return 'is not one that this log signed'
  return readCosignatures(checkpoint, cosigners, nowSeconds) ?? 'has a cosignature that is false, or of the future'
}

async function contradictionOf(
  { files, dir }: WatchOptions,
  { file, what, checkpoint, root }: Vouched,
  size: number,
): Promise<Omit<LedgerProblem, 'log'> | undefined> {
  if (checkpoint.size > size) {
    const message = `${what} has ${checkpoint.size} records, the log has ${size}: an older state was put back`
    return { index: size, file, kind: 'rollback', message }
  }
  // of records that are no longer kept, or in the middle of a group: the tiles were verified with the log
  const tiles = root === undefined ? await openTiles(dir, files) : undefined
  const found = tiles === undefined ? root : await rootAt((at) => openTree(at, tiles), checkpoint.size)
  if (found?.equals(checkpoint.root) === true) return undefined
  const message =
    found === undefined
      ? `${what} has ${checkpoint.size} records, which is no state that this log was in`
      : `${what} has another root at ${checkpoint.size} records: the log was rewritten or split`
  return { index: Math.max(checkpoint.size - 1, 0), file, kind: 'checkpoint', message }
}

function describe(
  { size }: UnverifiedCheckpoint,
  cosignatures: readonly Cosignature[],
  logSize: number,
  required: number,
): VouchedState {
  return {
    size,
    timeSeconds: witnessedTime(cosignatures, Math.max(required, 1)),
    witnesses: distinctWitnesses(cosignatures).map(({ cosigner }) => cosigner.name),
    beyond: logSize - size,
  }
}

function lackOf(
  witnessed: VouchedState | undefined,
  states: readonly Vouched[],
  required: number,
): Pick<LedgerProblem, 'kind' | 'message'> | undefined {
  if (required === 0) return undefined
  if (witnessed === undefined) {
    // what is wrong with a file that is there was said
    if (states.some(({ file }) => file === witnessedFile)) return undefined
    return { kind: 'missing-file', message: `no checkpoint was witnessed, ${required} witnesses are required` }
  }
  const count = witnessed.witnesses.length
  if (count >= required) return undefined
  return { kind: 'checkpoint', message: `the witnessed checkpoint has ${count} of ${required} required witnesses` }
}
