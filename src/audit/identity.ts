// Who writes a log: a signing key and an origin for each role of a data directory, made on first use. The origin
// is `sallyport.local/<8 hex>`, taken from the first key; it is a name and stays when the key is rotated. Keys
// lie in dataDir/keys with mode 0600, each sealed under a data key: docs/secrets.md. `ledger-<role>.beginning` names an origin whose
// first record may not be durable yet; renamed to `ledger-<role>.origin` it says that there is a log, so that one
// that is gone later is a loss and not a beginning.

import { createHash, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto'
import { link, mkdir, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { sealKeyFile } from '../base/key-file.ts'
import type { Sealer } from '../base/sealing.ts'
import { rawPublicKey } from '../tlog/checkpoint.ts'
import { fileBounds } from './file-bounds.ts'
import { errorCode, nodeFiles } from './files.ts'
import { openKeyRing, unreadableKey, type KeyRing } from './key-ring.ts'
import { formatOrigin, parseOrigin } from './log-origin.ts'
import { segmentIndex } from './segment.ts'
import { readSuccession, type Succession } from './succession.ts'

export interface LedgerIdentity {
  readonly origin: string
  /** the folder of this log */
  readonly dir: string
  /** the newest */
  readonly signingKey: KeyObject
  /** all that sign it, and where another can be put beside them */
  readonly keyRing: KeyRing
  /** this log has had records: without any, it has lost them */
  readonly isBegun: boolean
  /** the log that was set aside for this one, as long as this one has not recorded it */
  readonly succession?: Succession
}

/**
 * The identity of a role (`gateway`, `cli`), created when the data directory has none for it yet. Throws a Fault:
 * KEY_UNREADABLE, or LEDGER_CORRUPT when the role has a log and its segments are gone.
 */
export async function ledgerIdentity(dataDir: string, role: string, sealer: Sealer): Promise<LedgerIdentity> {
  const origin = await readText(begunPath(dataDir, role))
  if (origin === undefined) return await withSuccession(await beginningIdentity(dataDir, role, sealer), false)
  const identity = await loadIdentity(dataDir, origin.trim(), sealer)
  // what is no folder, or one that cannot be read, holds no log either
  const segments = await nodeFiles.list(join(identity.dir, 'segments')).catch(() => [])
  if (segments.every((name) => segmentIndex(name) === undefined)) throw lost(identity, role)
  return await withSuccession(identity, true)

  async function withSuccession(loaded: Loaded, isBegun: boolean): Promise<LedgerIdentity> {
    const succession = await readSuccession(dataDir, role)
    // one that speaks of this very log was given up: the log was put back
    const isOver = succession === undefined || succession.origin === loaded.origin
    return { ...loaded, isBegun, ...(!isOver && { succession }) }
  }
}

/** The origin that a role of a data directory has taken, as it is written there; undefined when it has none. */
export async function claimedOrigin(dataDir: string, role: string): Promise<string | undefined> {
  return ((await readText(begunPath(dataDir, role))) ?? (await readText(beginningPath(dataDir, role))))?.trim()
}

/** Forgets which log a role has: the next one is a new one. The keys of the old stay. */
export async function forgetOrigin(dataDir: string, role: string): Promise<void> {
  for (const path of [beginningPath(dataDir, role), begunPath(dataDir, role)])
    await unlink(path).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error
    })
  await nodeFiles.syncFolder(join(dataDir, 'keys'))
}

/** To be called when the log of a role has its first record, durably: from then on it may not be missing. */
export async function confirmBegun(dataDir: string, role: string): Promise<void> {
  const keys = join(dataDir, 'keys')
  try {
    // the log's folder before what says that there is one: a power cut may take the later only
    await nodeFiles.syncFolder(dataDir)
    await rename(beginningPath(dataDir, role), begunPath(dataDir, role))
    await nodeFiles.syncFolder(keys)
  } catch (error) {
    throw new Fault('LEDGER_UNWRITABLE', `cannot write in ${keys}`, {
      cause: error,
      hint: 'check the disk and its permissions',
    })
  }
}

const begunPath = (dataDir: string, role: string): string => join(dataDir, 'keys', `ledger-${role}.origin`)
const beginningPath = (dataDir: string, role: string): string => join(dataDir, 'keys', `ledger-${role}.beginning`)

type Loaded = Omit<LedgerIdentity, 'isBegun' | 'succession'>

/** A start that was killed before its first record is gone on with, under the origin that it took. */
async function beginningIdentity(dataDir: string, role: string, sealer: Sealer): Promise<Loaded> {
  const keys = join(dataDir, 'keys')
  const named = beginningPath(dataDir, role)
  const origin = await readText(named)
  if (origin !== undefined) return loadIdentity(dataDir, origin.trim(), sealer)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const name = createHash('sha256').update(rawPublicKey(publicKey)).digest('hex').slice(0, 8)
  try {
    await mkdir(keys, { recursive: true, mode: 0o700 })
    const file = `ledger-${name}.pem`
    const pem = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await sealKeyFile(sealer, file, pem, (content) => writeOnce(join(keys, file), content))
    await writeOnce(named, `${formatOrigin(name)}\n`)
    await nodeFiles.syncFolder(keys)
  } catch (error) {
    // two processes may begin at once: whoever names the role first is it, and the other's key stays unused
    if (errorCode(error) !== 'EEXIST') throw unreadableKey(keys, error)
  }
  return loadIdentity(dataDir, ((await readText(named)) ?? '').trim(), sealer)
}

async function loadIdentity(dataDir: string, origin: string, sealer: Sealer): Promise<Loaded> {
  const name = parseOrigin(origin)
  if (name === undefined) throw unreadableKey(`the origin ${JSON.stringify(origin)}`, undefined)
  const keyRing = await openKeyRing(dataDir, name, sealer)
  const newest = keyRing.keys.at(-1)
  if (newest === undefined) throw unreadableKey(`the keys of ${origin}`, undefined)
  return { origin, dir: join(dataDir, 'ledger', name), signingKey: newest.privateKey, keyRing }
}

/** Whole or not at all, and never over another: rejects with EEXIST. */
async function writeOnce(path: string, text: string | Buffer): Promise<void> {
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
    return (await nodeFiles.readFile(path, fileBounds.role))?.toString('utf8')
  } catch (error) {
    throw unreadableKey(path, error)
  }
}

function lost({ dir }: Loaded, role: string): Fault {
  return new Fault('LEDGER_CORRUPT', `the log of this data directory is gone: no segments are to be found in ${dir}`, {
    hint: `restore that folder from a backup, or begin a new log that says so: sallyport audit begin-anew --role ${role} --reason TEXT (docs/ledger.md)`,
  })
}
