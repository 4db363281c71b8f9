// The data keys of a data directory, opened: values are sealed under the newest and opened by whichever sealed them.
// A data key is used a bounded number of times, then a new one follows by itself. How often it was used is set aside
// on disk in blocks before the uses happen, so that a crash forgets none.

import { randomBytes } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import type { Place, Sealer } from '../base/sealing.ts'
import {
  formatDataKeys,
  readDataKeys,
  type DataKeysDisk,
  type DataKeysFile,
  type Purpose,
  type WrappedKey,
} from './data-keys-file.ts'
import { joinWithLengths, keyIdBytes, keyIdOf, openWith, sealWith } from './envelope.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'

/** Random nonces of 96 bits may meet after 2^32 uses with a chance of 2^-32; this is far below. */
const maxUses = 200_000 // bound: values sealed under one data key
const usesSetAside = 256

/** A key-encryption key and the reference by which it was named; '' for the file beside the data directory. */
export interface NamedKey {
  readonly key: KeyEncryptionKey
  readonly reference: string
}

export interface DataKeysOptions {
  readonly disk: DataKeysDisk
  readonly kek: NamedKey
  readonly nowMs: () => number
  /** for tests: uses of one data key */
  readonly maxUses?: number
}

export interface Rotation {
  /** no value is sealed under another data key than this any more once the rotation is over */
  readonly keyId: string
  readonly kekId: string
}

export class DataKeys implements Sealer {
  readonly #disk: DataKeysDisk
  readonly #nowMs: () => number
  readonly #maxUses: number
  readonly #opened = new Map<string, Secret>()
  #file: DataKeysFile
  /** uses of the newest data key, in this process and before */
  #used: number
  /** under which every key is wrapped: the one, and during a rotation the one it goes to */
  #keks: readonly NamedKey[]
  #turn: Promise<unknown> = Promise.resolve()
  /** what was sealed and is not stored yet */
  readonly #keeping = new Set<Promise<void>>()

  private constructor({ disk, kek, nowMs, maxUses: uses = maxUses }: DataKeysOptions, file: DataKeysFile) {
    this.#disk = disk
    this.#nowMs = nowMs
    this.#maxUses = uses
    this.#keks = [kek]
    this.#file = file
    this.#used = newest(file)?.uses ?? 0
  }

  /** Makes the first data key where there is none. Throws a Fault, KEY_UNREADABLE, for another key-encryption key. */
  static async open(options: DataKeysOptions): Promise<DataKeys> {
    const found = readDataKeys(options.disk)
    const keys = new DataKeys(options, found ?? { format: 1, keys: [], references: {}, allSealed: false })
    if (found === undefined) await keys.#add('data', randomBytes(32))
    else for (const each of found.keys) keys.#opened.set(each.id, await unwrap(each, options.kek, found))
    return keys
  }

  /** What the ledger's subject keys are wrapped under; undefined where it is the key-encryption key itself. */
  ledgerKey(): Secret | undefined {
    const found = this.#file.keys.find(({ purpose }) => purpose === 'ledger')
    return found && this.#opened.get(found.id)
  }

  async seal<T>(place: Place, plaintext: Buffer, keep: (sealed: Buffer) => T | Promise<T>): Promise<T> {
    const kept = this.#sealAndKeep(place, plaintext, keep)
    const settled = kept.then(
      () => undefined,
      () => undefined,
    )
    this.#keeping.add(settled)
    void settled.then(() => this.#keeping.delete(settled))
    return await kept
  }

  async #sealAndKeep<T>(place: Place, plaintext: Buffer, keep: (sealed: Buffer) => T | Promise<T>): Promise<T> {
    const id = await this.#inTurn(() => this.#takeUse())
    return await keep(sealWith({ id, key: this.#bytesOf(id) }, place, plaintext))
  }

  open(place: Place, sealed: Buffer): Buffer {
    const id = keyIdOf(sealed)
    const key = id === undefined ? undefined : this.#opened.get(id)
    const plaintext = key && id !== undefined ? openWith({ id, key: key.bytes() }, place, sealed) : undefined
    if (plaintext !== undefined) return plaintext
    const why =
      id !== undefined && key === undefined ? `its data key ${id} is not here` : 'it was changed, or lay elsewhere'
    throw new Fault('KEY_UNREADABLE', `${place.table} ${place.row} cannot be opened: ${why}`, {
      hint: 'restore it together with keys/data-keys.json from one backup (docs/secrets.md)',
    })
  }

  get acceptsPlain(): boolean {
    return !this.#file.allSealed
  }

  /** Every key file has been sealed: from now on a plain one is refused. */
  async refusePlain(): Promise<void> {
    await this.#inTurn(() => {
      if (!this.#file.allSealed) this.#save({ ...this.#file, allSealed: true })
      return Promise.resolve()
    })
  }

  isCurrent(sealed: Buffer): boolean {
    return keyIdOf(sealed) === newest(this.#file)?.id
  }

  /** A rotation that was begun and not finished. */
  get rotation(): Rotation | undefined {
    const { rotatingTo } = this.#file
    return rotatingTo === undefined ? undefined : { kekId: rotatingTo, keyId: newest(this.#file)?.id ?? '' }
  }

  get kekId(): string {
    return this.#keks[0]?.key.id ?? ''
  }

  /**
   * Makes a new data key and wraps every key under `next` as well, in one step; then values can be sealed anew at
   * leisure, and until `finishRotation` either key-encryption key opens everything. One that was begun is gone on with.
   * `ledgerKey` is what the ledger's keys are wrapped under now.
   */
  async beginRotation(next: NamedKey | undefined, ledgerKey: Buffer): Promise<Rotation> {
    const rotation = await this.#inTurn(async () => {
      const target = next ?? this.#keks[0]
      const begun = this.rotation
      if (target === undefined) throw new Fault('KEY_UNREADABLE', 'there is no key-encryption key')
      if (begun !== undefined && begun.kekId !== target.key.id)
        throw new Fault(
          'CONTROL_FAILED',
          `a rotation to the key-encryption key ${this.#nameOf(begun.kekId)} is not finished`,
          {
            hint: 'go on with it: sallyport secrets rotate --kek REFERENCE of that key',
          },
        )
      const before = this.#keks
      this.#keks = this.#keks.some(({ key }) => key.id === target.key.id) ? this.#keks : [...this.#keks, target]
      try {
        const keys = await Promise.all(this.#file.keys.map((each) => this.#wrapAgain(each)))
        if (begun !== undefined) {
          // a data key that came in between, when only one of the two was at hand
          if (JSON.stringify(keys) !== JSON.stringify(this.#file.keys)) this.#save({ ...this.#file, keys })
          return begun
        }
        if (target.key.id !== this.kekId && this.ledgerKey() === undefined)
          keys.unshift(await this.#wrapNew('ledger', ledgerKey))
        keys.push(await this.#wrapNew('data', randomBytes(32)))
        this.#save({ ...this.#file, keys, references: this.#references(), rotatingTo: target.key.id })
        this.#used = 0
        return this.rotation ?? { kekId: '', keyId: '' }
      } catch (error) {
        this.#keks = before
        throw error
      }
    })
    // what was sealed under an older key is where it can be found
    await Promise.all(this.#keeping)
    return rotation
  }

  /** Forgets the data keys before the newest, and every wrapping but those under the key that the rotation went to. */
  async finishRotation(): Promise<void> {
    await this.#inTurn(() => {
      const { rotatingTo } = this.#file
      if (rotatingTo === undefined) return Promise.resolve()
      const last = newest(this.#file)
      const keys = this.#file.keys
        .filter((each) => each.purpose === 'ledger' || each.id === last?.id)
        .map((each) => {
          const wrapped = Object.hasOwn(each.wrapped, rotatingTo) ? each.wrapped[rotatingTo] : undefined
          if (wrapped === undefined)
            throw new Fault('KEY_UNREADABLE', `the data key ${each.id} is not wrapped under ${rotatingTo}`)
          return { ...each, wrapped: { [rotatingTo]: wrapped } }
        })
      const references = { [rotatingTo]: this.#file.references[rotatingTo] ?? '' }
      this.#save({ format: 1, keys, references, allSealed: this.#file.allSealed })
      for (const id of this.#opened.keys()) if (!keys.some((each) => each.id === id)) this.#opened.delete(id)
      this.#keks = this.#keks.filter(({ key }) => key.id === rotatingTo)
      return Promise.resolve()
    })
  }

  async #takeUse(): Promise<string> {
    if (this.#used >= this.#maxUses) await this.#add('data', randomBytes(32))
    const key = newest(this.#file)
    if (key === undefined) throw new Fault('KEY_UNREADABLE', 'there is no data key')
    if (this.#used >= key.uses) {
      const uses = Math.min(this.#maxUses, this.#used + usesSetAside)
      this.#save({
        ...this.#file,
        keys: this.#file.keys.map((each) => (each.id === key.id ? { ...each, uses } : each)),
      })
    }
    this.#used += 1
    return key.id
  }

  async #add(purpose: Purpose, bytes: Buffer): Promise<void> {
    const keys = [...this.#file.keys, await this.#wrapNew(purpose, bytes)]
    this.#save({ ...this.#file, keys, references: this.#references() })
    this.#used = 0
  }

  async #wrapNew(purpose: Purpose, bytes: Buffer): Promise<WrappedKey> {
    const id = randomBytes(keyIdBytes).toString('hex')
    this.#opened.set(id, new Secret(bytes))
    return await this.#wrapAgain({ id, purpose, createdAtMs: this.#nowMs(), uses: 0, wrapped: {} })
  }

  /** Under every key-encryption key at hand that it is not wrapped under yet. */
  async #wrapAgain(each: WrappedKey): Promise<WrappedKey> {
    const wrapped: Record<string, string> = { ...each.wrapped }
    for (const { key } of this.#keks)
      wrapped[key.id] ??= (await key.wrap(this.#bytesOf(each.id), contextOf(each))).toString('base64url')
    return { ...each, wrapped }
  }

  #references(): Record<string, string> {
    return {
      ...this.#file.references,
      ...Object.fromEntries(this.#keks.map(({ key, reference }) => [key.id, reference])),
    }
  }

  #nameOf(kekId: string): string {
    const reference = this.#file.references[kekId]
    return reference === undefined || reference === '' ? kekId : `${kekId} (${reference})`
  }

  #bytesOf(id: string): Buffer {
    const key = this.#opened.get(id)
    if (key === undefined) throw new Fault('KEY_UNREADABLE', `the data key ${id} is not here`)
    return key.bytes()
  }

  #save(file: DataKeysFile): void {
    try {
      this.#disk.replace(formatDataKeys(file))
    } catch (cause) {
      throw new Fault('STORE_UNREACHABLE', 'cannot write keys/data-keys.json', {
        cause,
        hint: 'nothing was changed; check that the disk has room',
      })
    }
    this.#file = file
  }

  /** One change of the file after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work)
    this.#turn = next.catch(() => undefined)
    return next
  }
}

/** For whoever only reads: the ledger's key where it is not the key-encryption key itself. Writes nothing. */
export async function readLedgerKey(disk: DataKeysDisk, kek: NamedKey): Promise<Secret | undefined> {
  const file = readDataKeys(disk)
  const found = file?.keys.find(({ purpose }) => purpose === 'ledger')
  return found === undefined || file === undefined ? undefined : await unwrap(found, kek, file)
}

const newest = (file: DataKeysFile): WrappedKey | undefined => file.keys.findLast(({ purpose }) => purpose === 'data')

const contextOf = ({ id, purpose }: WrappedKey): Buffer => joinWithLengths(['sallyport data key v1', purpose, id])

async function unwrap(each: WrappedKey, { key }: NamedKey, { references }: DataKeysFile): Promise<Secret> {
  const wrapped = Object.hasOwn(each.wrapped, key.id) ? each.wrapped[key.id] : undefined
  const bytes = wrapped === undefined ? undefined : await key.unwrap(Buffer.from(wrapped, 'base64url'), contextOf(each))
  if (bytes?.length === 32) return new Secret(bytes)
  const known = Object.entries(references).map(([id, reference]) =>
    reference === '' ? id : `${id}, given last as ${reference}`,
  )
  const why =
    wrapped === undefined ? `this is ${key.id}, and they are wrapped under ${known.join('; ')}` : 'they were changed'
  throw new Fault('KEY_UNREADABLE', `the key-encryption key does not open the data keys of this directory: ${why}`, {
    hint: 'name the right one by audit.keyEncryptionKey; after `secrets rotate --kek` that is the new one (docs/secrets.md)',
  })
}
