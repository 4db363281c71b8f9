// The logs of a data directory for a command that only reads: with the key-encryption key where it is there and is
// theirs, without it otherwise. It makes no key: a copy of a ledger on an auditor's machine stays as it is.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createSearchNames,
  formatOrigin,
  isLogName,
  nodeFiles,
  opensLog,
  segmentIndices,
  segmentName,
  type SearchNames,
} from '../audit/audit.ts'
import { Fault } from '../base/fault.ts'
import { isSystemError } from '../base/system-error.ts'
import type { StateContext } from '../cli/ports.ts'
import { existingKeySource } from './key-encryption-key.ts'

export interface ReadableLog {
  readonly name: string
  readonly dir: string
  readonly origin: string
  /** undefined when it is not here, or is another ledger's */
  readonly secret: { readonly keyEncryptionKey: Buffer; readonly names: SearchNames } | undefined
}

export type Warn = (message: string, hint: string) => void

export async function readableLogs(context: StateContext, warn: Warn): Promise<ReadableLog[]> {
  const root = join(context.dataDir, 'ledger')
  const keyEncryptionKey = await findKeyEncryptionKey(context, warn)
  const logs: ReadableLog[] = []
  for (const name of await listFolder(root)) {
    if (!isLogName(name)) continue
    const log = { name, dir: join(root, name), origin: formatOrigin(name) }
    const isOpen = keyEncryptionKey !== undefined && (await opensLog({ ...log, keyEncryptionKey }))
    if (keyEncryptionKey !== undefined && !isOpen)
      warn(`the key-encryption key does not open ${name}`, 'what its records say of callers and tasks cannot be read')
    const secret = isOpen ? { keyEncryptionKey, names: createSearchNames(keyEncryptionKey, log.origin) } : undefined
    logs.push({ ...log, secret })
  }
  return logs
}

async function findKeyEncryptionKey({ dataDir, loaded }: StateContext, warn: Warn): Promise<Buffer | undefined> {
  try {
    return await existingKeySource(dataDir, loaded)?.load()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    warn(error.message, error.hint ?? '')
    return undefined
  }
}

/** First indices and sizes of a log's segments, in order. */
export async function segmentSizes(log: ReadableLog): Promise<Map<number, number>> {
  const sizes = new Map<number, number>()
  for (const index of await segmentIndices(nodeFiles, log.dir))
    sizes.set(index, await nodeFiles.fileSize(join(log.dir, 'segments', segmentName(index))))
  return sizes
}

/** Nothing where there is no folder: nothing was recorded yet. */
async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return []
    throw error
  }
}
