// Logs in a data directory that an erasure did not reach: of no role of it, or set aside. Named are those that know the
// subject, and those that do not let themselves be asked: "erased" must not be said where one of them is left.

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findSubjectLines, formatOrigin, isLogName, opensLog } from '../audit/audit.ts'
import { isSystemError } from '../base/system-error.ts'

export interface MissedLogsQuestion {
  readonly dataDir: string
  /** undefined where it is not here: no log can be asked then */
  readonly keyEncryptionKey: Buffer | undefined
  readonly subject: string
  /** origins of the logs that were reached */
  readonly reached: readonly string[]
}

/** Paths below the data directory. */
export async function findMissedLogs(question: MissedLogsQuestion): Promise<string[]> {
  const { dataDir, reached } = question
  const missed: string[] = []
  for (const folder of ['ledger', 'set-aside']) {
    for (const name of await listFolder(join(dataDir, folder))) {
      const [log = ''] = name.split('-')
      if (!isLogName(log) || (folder === 'ledger' && reached.includes(formatOrigin(name)))) continue
      if (await isKnownThere(question, join(dataDir, folder, name), formatOrigin(log))) missed.push(`${folder}/${name}`)
    }
  }
  return missed
}

async function isKnownThere(question: MissedLogsQuestion, dir: string, origin: string): Promise<boolean> {
  const { keyEncryptionKey, subject } = question
  // without the keys of subjects nobody can read there what was encrypted for them
  if (!existsSync(join(dir, 'subjects.keys'))) return false
  if (keyEncryptionKey === undefined) return true
  const log = { dir, origin, keyEncryptionKey }
  return !(await opensLog(log)) || (await findSubjectLines(log, subject)).length > 0
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return []
    throw error
  }
}
