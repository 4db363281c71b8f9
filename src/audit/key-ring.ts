// The private signing keys of a log, numbered in the order they came: keys/ledger-<name>.pem is the first, -2.pem
// the second. Outside the data that anybody copies, mode 0600, sealed under a data key. `ledger-<name>.retiring` says
// until when the older of two keys goes on signing; it is made before the ledger says that there are two.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { basename, join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { openKeyFile, sealKeyFile } from '../base/key-file.ts'
import type { Sealer } from '../base/sealing.ts'
import { fileBounds } from './file-bounds.ts'
import { errorCode, nodeFiles, type FileSystem } from './files.ts'
import { replaceFile } from './replace-file.ts'

export interface RingKey {
  readonly number: number
  readonly privateKey: KeyObject
}

export interface Retirement {
  /** number of the key */
  readonly key: number
  readonly atMs: number
}

export interface KeyRing {
  /** by number */
  readonly keys: readonly RingKey[]
  /** undefined when no key retires, or when nobody can say when: it is due then */
  readonly retirement: Retirement | undefined
  /** a further key, durable */
  add(): Promise<RingKey>
  /** says when a key retires, durably; undefined: none does any more */
  retire(retirement: Retirement | undefined): Promise<void>
  /** removes a key that signs nothing any more */
  drop(number: number): Promise<void>
}

/** Throws a Fault, KEY_UNREADABLE, when there is no key or one that cannot be read. */
export async function openKeyRing(
  dataDir: string,
  name: string,
  sealer: Sealer,
  files: FileSystem = nodeFiles,
): Promise<KeyRing> {
  const folder = join(dataDir, 'keys')
  const keys: RingKey[] = []
  for (const file of await files.list(folder)) {
    const number = keyNumber(file, name)
    if (number !== undefined)
      keys.push({ number, privateKey: await readKey({ files, sealer, path: join(folder, file) }) })
  }
  if (keys.length === 0) throw unreadableKey(join(folder, `ledger-${name}.pem`), undefined)
  keys.sort((a, b) => a.number - b.number)
  const retiring = join(folder, `ledger-${name}.retiring`)
  return new FolderRing({
    files,
    sealer,
    folder,
    name,
    keys,
    retirement: parseRetirement(await files.readFile(retiring, fileBounds.role)),
  })
}

/** A single key that lies nowhere and cannot be rotated. */
export function fixedRing(privateKey: KeyObject): KeyRing {
  const refuse = (): Promise<never> =>
    Promise.reject(new Fault('CONTROL_FAILED', 'this signing key is not kept where another can be put beside it'))
  return {
    keys: [{ number: 1, privateKey }],
    retirement: undefined,
    add: refuse,
    retire: () => Promise.resolve(),
    drop: () => Promise.resolve(),
  }
}

class FolderRing implements KeyRing {
  keys: readonly RingKey[]
  retirement: Retirement | undefined
  readonly #files: FileSystem
  readonly #sealer: Sealer
  readonly #folder: string
  readonly #name: string

  constructor(options: {
    files: FileSystem
    sealer: Sealer
    folder: string
    name: string
    keys: readonly RingKey[]
    retirement: Retirement | undefined
  }) {
    this.keys = options.keys
    this.retirement = options.retirement
    this.#files = options.files
    this.#sealer = options.sealer
    this.#folder = options.folder
    this.#name = options.name
  }

  async add(): Promise<RingKey> {
    const number = (this.keys.at(-1)?.number ?? 0) + 1
    const { privateKey } = generateKeyPairSync('ed25519')
    const pem = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const path = this.#keyPath(number)
    await sealKeyFile(this.#sealer, basename(path), pem, (content) => replaceFile(this.#files, path, content))
    await this.#files.syncFolder(this.#folder)
    const key = { number, privateKey }
    this.keys = [...this.keys, key]
    return key
  }

  async retire(retirement: Retirement | undefined): Promise<void> {
    const path = join(this.#folder, `ledger-${this.#name}.retiring`)
    if (retirement === undefined) await this.#remove(path)
    else await replaceFile(this.#files, path, Buffer.from(`${JSON.stringify(retirement)}\n`))
    await this.#files.syncFolder(this.#folder)
    this.retirement = retirement
  }

  async drop(number: number): Promise<void> {
    await this.#remove(this.#keyPath(number))
    await this.#files.syncFolder(this.#folder)
    this.keys = this.keys.filter((key) => key.number !== number)
  }

  async #remove(path: string): Promise<void> {
    await this.#files.remove(path).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error
    })
  }

  #keyPath(number: number): string {
    return join(this.#folder, number === 1 ? `ledger-${this.#name}.pem` : `ledger-${this.#name}-${number}.pem`)
  }
}

function keyNumber(file: string, name: string): number | undefined {
  const [, number] = new RegExp(`^ledger-${name}(?:-([2-9]|[1-9][0-9]{1,4}))?\\.pem$`).exec(file) ?? ['', '']
  if (number === '') return undefined
  return number === undefined ? 1 : Number(number)
}

async function readKey(from: { files: FileSystem; sealer: Sealer; path: string }): Promise<KeyObject> {
  const { files, sealer, path } = from
  try {
    const content = (await files.readFile(path, fileBounds.signingKey)) ?? Buffer.alloc(0)
    const privateKey = createPrivateKey(openKeyFile(sealer, basename(path), content))
    if (createPublicKey(privateKey).asymmetricKeyType === 'ed25519') return privateKey
  } catch (error) {
    throw unreadableKey(path, error)
  }
  throw unreadableKey(path, undefined)
}

function parseRetirement(bytes: Buffer | undefined): Retirement | undefined {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '')
    if (typeof value !== 'object' || value === null || !('key' in value) || !('atMs' in value)) return undefined
    const { key, atMs } = value
    return typeof key === 'number' && typeof atMs === 'number' ? { key, atMs } : undefined
  } catch {
    // none, or one that nobody can read
    return undefined
  }
}

export function unreadableKey(what: string, cause: unknown): Fault {
  return new Fault('KEY_UNREADABLE', `cannot read the ledger's signing key: ${what}`, {
    cause,
    hint: 'restore the keys folder of the data directory from a backup; without one, begin a new log that says so: sallyport audit begin-anew --reason TEXT',
  })
}
