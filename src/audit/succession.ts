// What a new log says of the one that was set aside for it: keys/ledger-<role>.succeeds is written before anything of
// the old log is touched and removed when the new log has recorded it, so that no kill in between loses the link.
// The old log is never judged here, only named.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileBounds } from './file-bounds.ts'
import { errorCode, nodeFiles } from './files.ts'
import { replaceFile } from './replace-file.ts'

export interface Succession {
  /** of the log that was set aside */
  readonly origin: string
  /** what its last checkpoint says, when there was one that it had signed */
  readonly size?: number
  /** base64 */
  readonly root?: string
  /** why it could not be gone on with */
  readonly fault: string
  readonly reason: string
  /** of the tries before, which did not come to their end */
  readonly earlierReason?: string
  /** below the data directory; '' when there was nothing left to move */
  readonly movedTo: string
}

const pathOf = (dataDir: string, role: string): string => join(dataDir, 'keys', `ledger-${role}.succeeds`)

/** The value of the field `succeeds`. */
export function formatSucceeds({ origin, size, root }: Succession): string {
  return size === undefined || root === undefined ? origin : `${origin} ${size} ${root}`
}

export async function readSuccession(dataDir: string, role: string): Promise<Succession | undefined> {
  const bytes = await nodeFiles.readFile(pathOf(dataDir, role), fileBounds.succession)
  if (bytes === undefined) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isSuccession(value) ? value : undefined
  } catch {
    // not ours, or not whole: it was never begun with
    return undefined
  }
}

export async function writeSuccession(dataDir: string, role: string, succession: Succession): Promise<void> {
  await mkdir(join(dataDir, 'keys'), { recursive: true, mode: 0o700 })
  await replaceFile(nodeFiles, pathOf(dataDir, role), Buffer.from(`${JSON.stringify(succession)}\n`))
  await nodeFiles.syncFolder(join(dataDir, 'keys'))
}

/** To be called when the new log has recorded it, durably. */
export async function removeSuccession(dataDir: string, role: string): Promise<void> {
  await nodeFiles.remove(pathOf(dataDir, role)).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error
  })
  await nodeFiles.syncFolder(join(dataDir, 'keys'))
}

/** To be called when a log has opened: it was not set aside after all, and no later log may say so. */
export async function dropGivenUp(dataDir: string, role: string, origin: string): Promise<void> {
  if ((await readSuccession(dataDir, role))?.origin === origin) await removeSuccession(dataDir, role)
}

function isSuccession(value: unknown): value is Succession {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Partial<Record<keyof Succession, unknown>> // each is checked
  const { origin, size, root, fault, reason, movedTo, earlierReason = '' } = fields
  const isTree = size === undefined ? root === undefined : Number.isSafeInteger(size) && typeof root === 'string'
  return [origin, fault, reason, movedTo, earlierReason].every((text) => typeof text === 'string') && isTree
}
