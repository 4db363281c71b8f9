// Secrets that are stored under a name, for references `secret:NAME`. Each lies sealed in a row of its own and opens
// only in that row; in memory it stays sealed too, until somebody follows a reference to it.

import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import type { Place, Sealer } from '../base/sealing.ts'

const maxStored = 1_000 // bound: stored secrets
export const maxStoredBytes = 32 * 1024 // bound: a stored secret

export interface SecretRow {
  readonly name: string
  readonly sealed: Buffer
  readonly setAtMs: number
}

/** Where the rows lie; every change is durable when it returns. */
export interface SecretTable {
  /** by name */
  list(): readonly SecretRow[]
  find(name: string): SecretRow | undefined
  put(row: SecretRow): void
  /** only while the row still holds `before` */
  replace(name: string, before: Buffer, after: Buffer): void
  /** whether there was one */
  remove(name: string): boolean
}

export class StoredSecrets {
  readonly #table: SecretTable
  readonly #sealer: Sealer
  readonly #nowMs: () => number

  constructor(table: SecretTable, sealer: Sealer, nowMs: () => number) {
    this.#table = table
    this.#sealer = sealer
    this.#nowMs = nowMs
  }

  /** names and times, never a value */
  list(): { readonly name: string; readonly setAtMs: number }[] {
    return this.#table.list().map(({ name, setAtMs }) => ({ name, setAtMs }))
  }

  /** undefined when there is none of that name. Throws a Fault, KEY_UNREADABLE, when it does not open. */
  read(name: string): Secret | undefined {
    const row = this.#table.find(name)
    return row && new Secret(this.#sealer.open(placeOf(name), row.sealed))
  }

  async set(name: string, value: Buffer): Promise<void> {
    if (value.length === 0 || value.length > maxStoredBytes)
      throw new Fault('CONTROL_FAILED', `a stored secret has 1 to ${maxStoredBytes} bytes`)
    if (this.#table.find(name) === undefined && this.#table.list().length >= maxStored)
      throw new Fault('CONTROL_FAILED', `there are ${maxStored} stored secrets already`, {
        hint: 'remove one that is not used: sallyport secret list',
      })
    await this.#sealer.seal(placeOf(name), value, (sealed) => {
      this.#table.put({ name, sealed, setAtMs: this.#nowMs() })
    })
  }

  remove(name: string): boolean {
    return this.#table.remove(name)
  }

  /** how many there are, and how many of them are sealed under the newest data key */
  count(): { total: number; done: number } {
    const rows = this.#table.list()
    return { total: rows.length, done: rows.filter(({ sealed }) => this.#sealer.isCurrent(sealed)).length }
  }

  /** Seals anew what is not sealed under the newest data key, until all are or `isEnough` says so after one. */
  async reseal(isEnough: () => boolean): Promise<void> {
    for (const { name, sealed } of this.#table.list()) {
      if (this.#sealer.isCurrent(sealed)) continue
      const value = this.#sealer.open(placeOf(name), sealed)
      await this.#sealer.seal(placeOf(name), value, (anew) => this.#table.replace(name, sealed, anew))
      if (isEnough()) return
    }
  }
}

const placeOf = (name: string): Place => ({ table: 'stored_secret', row: name, column: 'sealed' })
