// The keys that sign a log at present, newest first, and how one takes over from another. Every step is durable
// before the next: the private key, when the older one retires, the record that adds the new one (signed by the
// older alone), its line in key.vkey. From the next group on both sign, until a record retires the older. What a
// kill leaves of this is finished, or was never begun, at the next open; records alone decide which.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { createCheckpointSigner, signCheckpoint, type CheckpointSigner } from '../tlog/checkpoint.ts'
import { ownOperation, reservedField, type OwnOperation } from './encode-record.ts'
import type { FileSystem } from './files.ts'
import type { KeyRing, RingKey } from './key-ring.ts'
import { keyLineHash, type KeySchedule } from './key-schedule.ts'
import { wayOutHint } from './recover-ledger.ts'
import { replaceFile } from './replace-file.ts'
import { syncOrFail } from './segment-writer.ts'

/** Writes a record of the ledger about itself as a group of its own; it is durable when this resolves. */
export type CommitOwn = (operation: OwnOperation, fields: Readonly<Record<string, string>>) => Promise<unknown>

export interface KeyRotation {
  /** verifier key that signs from now on */
  readonly vkey: string
  /** verifier key that signs beside it until `retiresAtMs` */
  readonly retiring: string
  readonly retiresAtMs: number
}

export interface LogKeys extends Pick<CheckpointSigner, 'sign'> {
  /** who signs, newest first: one, or two while one takes over */
  readonly signers: readonly LogSigner[]
  /** before every group: key.vkey has all lines of those who sign it. Nothing to do but after trouble. */
  completeLines(): Promise<void>
  readonly areLinesComplete: boolean
  /** to be called where nothing else is written; rejects with a Fault, CONTROL_FAILED, while two keys sign */
  add(retiresAtMs: number, commitOwn: CommitOwn): Promise<KeyRotation>
  /** the older of two keys has signed long enough */
  isRetirementDue(nowMs: number): boolean
  retire(commitOwn: CommitOwn): Promise<void>
  /** something is left of a key that no longer signs */
  readonly isUntidy: boolean
  tidy(): Promise<void>
}

export interface LogSigner extends RingKey {
  readonly signer: CheckpointSigner
}

export interface LogKeysOptions {
  readonly files: FileSystem
  readonly dir: string
  readonly origin: string
  readonly ring: KeyRing
}

export const maxOverlapMs: number = 30 * 86_400_000 // bound: two signing keys of a log together

/** Throws a Fault, LEDGER_CORRUPT, when the log is to be signed by a key that is not in the ring. */
export async function openLogKeys(options: LogKeysOptions & { schedule: KeySchedule }): Promise<LogKeys> {
  const { schedule, ring, origin } = options
  const all = ring.keys.map((key) => toSigner(origin, key))
  const signers = schedule.next.map((line) => all.find(({ signer }) => keyLineHash(signer.vkey) === line))
  const present = signers.filter((signer) => signer !== undefined)
  if (present.length < signers.length) throw withoutKey(origin)
  const missing = schedule.lacksLine ? present.slice(0, 1).map(({ signer }) => signer.vkey) : []
  const keys = new Keys(options, present, [...schedule.lines, ...missing])
  if (missing.length > 0) await keys.writeLines()
  // a folder that cannot be written hinders rotation, not recording
  await keys.tidy().catch(() => undefined)
  return keys
}

export function toSigner(origin: string, key: RingKey): LogSigner {
  return { ...key, signer: createCheckpointSigner(origin, key.privateKey) }
}

export function withoutKey(origin: string): Fault {
  return new Fault('LEDGER_CORRUPT', 'the log was written with another signing key', {
    hint: `restore the keys that belong to ${origin}; ${wayOutHint}`,
  })
}

class Keys implements LogKeys {
  signers: readonly LogSigner[]
  areLinesComplete = true
  readonly #options: LogKeysOptions
  #lines: readonly string[]
  /** made for a rotation whose record could not be written */
  #prepared: LogSigner | undefined

  constructor(options: LogKeysOptions, signers: readonly LogSigner[], lines: readonly string[]) {
    this.#options = options
    this.signers = signers
    this.#lines = lines
  }

  sign(size: number, root: Buffer): string {
    return signCheckpoint(
      this.signers.map(({ signer }) => signer),
      size,
      root,
    )
  }

  async completeLines(): Promise<void> {
    if (!this.areLinesComplete) await this.writeLines()
  }

  async writeLines(): Promise<void> {
    const { files, dir } = this.#options
    this.areLinesComplete = false
    await replaceFile(files, join(dir, 'key.vkey'), Buffer.from(this.#lines.map((line) => `${line}\n`).join('')))
    await syncOrFail(() => files.syncFolder(dir))
    this.areLinesComplete = true
  }

  async add(retiresAtMs: number, commitOwn: CommitOwn): Promise<KeyRotation> {
    const { ring, origin } = this.#options
    const [old, ...others] = this.signers
    if (old === undefined || others.length > 0) throw this.#stillRotating()
    this.#prepared ??= toSigner(origin, await ring.add())
    const added = this.#prepared
    await ring.retire({ key: old.number, atMs: retiresAtMs })
    await commitOwn(ownOperation.keyAdded, { [reservedField.signingKey]: keyLineHash(added.signer.vkey) })
    // from here on there is no way back: the next group is signed by both, or there is none
    this.#prepared = undefined
    this.signers = [added, old]
    this.#lines = [...this.#lines, added.signer.vkey]
    await this.writeLines()
    return { vkey: added.signer.vkey, retiring: old.signer.vkey, retiresAtMs }
  }

  isRetirementDue(nowMs: number): boolean {
    const { retirement } = this.#options.ring
    const old = this.signers[1]
    // of a key whose time nobody can say any more it has come
    return old !== undefined && (retirement?.key !== old.number || retirement.atMs <= nowMs)
  }

  async retire(commitOwn: CommitOwn): Promise<void> {
    const [newest, old] = this.signers
    if (newest === undefined || old === undefined) return
    await commitOwn(ownOperation.keyRetired, { [reservedField.retiredKey]: keyLineHash(old.signer.vkey) })
    this.signers = [newest]
    await this.tidy()
  }

  get isUntidy(): boolean {
    return this.#unused().length > 0 || this.#isRetirementOver()
  }

  async tidy(): Promise<void> {
    const { ring } = this.#options
    for (const { number } of this.#unused()) await ring.drop(number)
    if (this.#isRetirementOver()) await ring.retire(undefined)
  }

  #unused(): RingKey[] {
    const inUse = new Set([...this.signers, this.#prepared].map((signer) => signer?.number))
    return this.#options.ring.keys.filter(({ number }) => !inUse.has(number))
  }

  #isRetirementOver(): boolean {
    return this.signers.length === 1 && this.#prepared === undefined && this.#options.ring.retirement !== undefined
  }

  #stillRotating(): Fault {
    const { retirement } = this.#options.ring
    const until = retirement === undefined ? '' : ` until ${new Date(retirement.atMs).toISOString()}`
    return new Fault('CONTROL_FAILED', `two keys sign this log${until}: it cannot be rotated again before`, {
      hint: 'wait for the older one to retire',
    })
  }
}
