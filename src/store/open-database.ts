// Opens one of our SQLite files: mode 0600 before the first byte, write-ahead log, a schema with a version. A
// file of a version we do not know is refused, never guessed at.

import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../base/fault.ts'

export interface DatabaseShape {
  readonly version: number
  /** run once, in an empty file: what version 1 is */
  readonly schema: string
  /** what makes of each version the next, from version 1 on; a file of any of them is brought up */
  readonly upgrades?: readonly string[]
  /** FULL: a commit survives a power cut. NORMAL: the file stays whole, the last commits may be gone. */
  readonly synchronous: 'FULL' | 'NORMAL'
}

export function openDatabase(path: string, shape: DatabaseShape): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600) // SQLite gives its -wal and -shm files the same mode
    database = new DatabaseSync(path, { timeout: 2000 })
    database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${shape.synchronous}; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384`,
    )
    install(database, shape)
    return database
  } catch (cause) {
    database?.close()
    if (cause instanceof Fault) throw cause
    throw new Fault('STORE_UNREACHABLE', `cannot open ${path}`, {
      cause,
      hint: 'check that the disk has room and that the file is ours',
    })
  }
}

function install(database: DatabaseSync, shape: DatabaseShape): void {
  const versionOf = (): number => Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  const steps = [shape.schema, ...(shape.upgrades ?? [])]
  // without upgrades an older file is made anew by whoever owns it
  const oldest = shape.version - (shape.upgrades?.length ?? 0)
  const found = versionOf()
  if (found === shape.version) return
  if (found !== 0 && (found > shape.version || found < oldest)) {
    throw new Fault('STORE_UNREACHABLE', `format ${found} is not known to this version of sallyport`, {
      hint: 'use the version that wrote it, or a newer one',
    })
  }
  inTransaction(database, () => {
    // another process may have been as quick
    const version = versionOf()
    const missing = version === 0 ? steps : steps.slice(1 + version - oldest)
    if (version !== shape.version) database.exec(`${missing.join(';')}; PRAGMA user_version = ${shape.version}`)
  })
}

/** All of it or nothing: whatever `work` throws is thrown on after a rollback. */
export function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
