// Who writes a log: a signing key and an origin for each role of a data directory, made on first use. The origin
// is `sallyport.local/<8 hex>`, taken from the first key; it is a name and stays when the key is rotated. Keys
// lie in dataDir/keys with mode 0600 and are never written twice.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto'
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { rawPublicKey } from './checkpoint.ts'
import { errorCode } from './files.ts'

export interface LedgerIdentity {
  readonly origin: string
  /** the folder of this log */
  readonly dir: string
  readonly signingKey: KeyObject
}

const originPattern = /^sallyport\.local\/([0-9a-f]{8})$/

/** The identity of a role (`gateway`, `cli`), created when the data directory has none for it yet. */
export async function ledgerIdentity(dataDir: string, role: string): Promise<LedgerIdentity> {
  const keys = join(dataDir, 'keys')
  const named = join(keys, `ledger-${role}.origin`)
  const origin = await readText(named)
  if (origin !== undefined) return loadIdentity(dataDir, origin.trim())
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const name = createHash('sha256').update(rawPublicKey(publicKey)).digest('hex').slice(0, 8)
  try {
    await mkdir(keys, { recursive: true, mode: 0o700 })
    await writeOnce(join(keys, `ledger-${name}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await writeOnce(named, `sallyport.local/${name}\n`)
  } catch (error) {
    // two processes may begin at once: whoever names the role first is it, and the other's key stays unused
    if (errorCode(error) !== 'EEXIST') throw unreadable(keys, error)
  }
  return loadIdentity(dataDir, ((await readText(named)) ?? '').trim())
}

async function loadIdentity(dataDir: string, origin: string): Promise<LedgerIdentity> {
  const name = originPattern.exec(origin)?.[1]
  if (name === undefined) throw unreadable(`the origin ${JSON.stringify(origin)}`, undefined)
  const path = join(dataDir, 'keys', `ledger-${name}.pem`)
  try {
    const signingKey = createPrivateKey(await readFile(path))
    if (createPublicKey(signingKey).asymmetricKeyType !== 'ed25519') throw unreadable(path, undefined)
    return { origin, dir: join(dataDir, 'ledger', name), signingKey }
  } catch (error) {
    throw error instanceof Fault ? error : unreadable(path, error)
  }
}

/** Whole or not at all, and never over another: rejects with EEXIST. */
async function writeOnce(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomUUID()}`
  const handle = await open(beside, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await link(beside, path)
  } finally {
    await handle.close()
    await unlink(beside)
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw unreadable(path, error)
  }
}

function unreadable(what: string, cause: unknown): Fault {
  return new Fault('KEY_UNREADABLE', `cannot read the ledger's signing key: ${what}`, {
    cause,
    hint: 'restore the keys folder of the data directory from a backup',
  })
}
