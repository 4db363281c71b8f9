// The memory of a witness: for each log the newest checkpoint that it cosigned, and the time of its last cosignature.
// SQLite, because it has what a witness must not get wrong: a check and a set that nobody else's can come between,
// also not another process's on the same folder (BEGIN IMMEDIATE), and a commit that is on the disk when it returns
// (synchronous = FULL). Whatever is thrown within leaves everything as it was.

import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../base/fault.ts'
import { makeFolder } from '../base/make-folder.ts'
import { join } from 'node:path'
import { emptyRoot } from '../tlog/merkle.ts'

export interface Cosigned {
  readonly size: number
  readonly root: Buffer
  /** the signed note with our cosignatures; '' before the first */
  readonly note: string
}

export interface WitnessState {
  /** of a log never seen: the empty tree */
  read(origin: string): Cosigned
  /**
   * Asks `decide` what becomes of a log, and keeps the answer durably before it returns; `undefined` keeps nothing.
   * `lastSeconds` is the time of the last cosignature over all logs.
   */
  update(origin: string, decide: (latest: Cosigned, lastSeconds: number) => Update | undefined): void
  close(): void
}

export interface Update extends Cosigned {
  readonly timeSeconds: number
}

const formatVersion = 1
const schema = `
  CREATE TABLE logs (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
  CREATE TABLE time (only INTEGER PRIMARY KEY CHECK (only = 1), seconds INTEGER NOT NULL) STRICT;
  INSERT INTO time VALUES (1, 0);
  PRAGMA user_version = ${formatVersion}`
const waitMs = 2_000 // bound: a wait for another process that witnesses on the same folder, in milliseconds

export function openWitnessState(dataDir: string): WitnessState {
  const path = join(dataDir, 'witness.db')
  let database: DatabaseSync | undefined
  try {
    makeFolder(dataDir)
    database = openDatabase(path)
    install(database)
    return stateOf(database)
  } catch (cause) {
    database?.close()
    if (cause instanceof Fault) throw cause
    throw new Fault('STORE_UNREACHABLE', `cannot open ${path}`, {
      cause,
      hint: 'check the owner of the folder and that the disk has room',
    })
  }
}

function openDatabase(path: string): DatabaseSync {
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600) // SQLite gives the files beside it the same mode
  const database = new DatabaseSync(path, { timeout: waitMs })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF')
  return database
}

function install(database: DatabaseSync): void {
  const versionOf = (): number => Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (versionOf() === formatVersion) return
  inTransaction(database, () => {
    const found = versionOf()
    if (found === 0) database.exec(schema)
    else if (found !== formatVersion)
      throw new Fault('STORE_UNREACHABLE', `format ${found} of a witness is not known to this version of sallyport`, {
        hint: 'use the version that wrote it, or a newer one',
      })
  })
}

function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function stateOf(database: DatabaseSync): WitnessState {
  const select = database.prepare('SELECT size, root, note FROM logs WHERE origin = ?')
  const selectTime = database.prepare('SELECT seconds FROM time')
  const write = database.prepare(`INSERT INTO logs (origin, size, root, note) VALUES (?, ?, ?, ?)
    ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note`)
  const writeTime = database.prepare('UPDATE time SET seconds = ?')
  const read = (origin: string): Cosigned => {
    const row = select.get(origin)
    if (row === undefined) return { size: 0, root: emptyRoot, note: '' }
    const { size, root, note } = row
    if (typeof size !== 'number' || !(root instanceof Uint8Array) || typeof note !== 'string')
      throw new Fault('STORE_UNREACHABLE', 'the memory of the witness is damaged', { hint: 'restore it from a backup' })
    return { size, root: Buffer.from(root), note }
  }
  return {
    read,
    update(origin, decide) {
      inTransaction(database, () => {
        const update = decide(read(origin), Number(selectTime.get()?.['seconds']))
        if (update === undefined) return
        write.run(origin, update.size, update.root, update.note)
        writeTime.run(update.timeSeconds)
      })
    },
    close: () => database.close(),
  }
}
