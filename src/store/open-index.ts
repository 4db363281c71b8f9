// Opens index.db, which is disposable: when it is damaged, of another version or no file at all, it is deleted and begun
// anew, for everything in it can be had from the ledger again. It is looked through before it is believed: SQLite
// itself finds a damaged page only when it comes by, in the middle of somebody's call.

import { rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { keepErasedAlone } from './erase-owner.ts'
import { prepareTombstones } from './expired-rows.ts'
import { prepareListTasks } from './list-tasks.ts'
import { inTransaction, openDatabase } from './open-database.ts'
import { indexShape } from './ownership-schema.ts'
import { prepareRowReader } from './read-ownership.ts'
import { readSent } from './sent-rows.ts'
import { prepareRowWriter } from './write-ownership.ts'

/** `onDiscarded` hears why there is nothing in it any more. Throws a Fault when not even a new file can be used. */
export function openIndex(path: string, onDiscarded: (why: string) => void): DatabaseSync {
  try {
    return openSound(path)
  } catch (error) {
    discardIndex(path)
    const database = openDatabase(path, indexShape)
    onDiscarded(reasonOf(error))
    return database
  }
}

/** Deletes the index, whatever stands under its names. Nobody may have it open. */
export function discardIndex(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { recursive: true, force: true })
}

/** Empties an index that can be opened and is not believed; what is nobody's stays. One that cannot be is deleted. */
export function beginIndexAnew(path: string): void {
  let database: DatabaseSync | undefined
  try {
    database = openDatabase(path, indexShape)
    const opened = database
    inTransaction(opened, () => keepErasedAlone(opened))
    database.close()
  } catch {
    // whatever it was, the ledger has the rest
    if (database?.isOpen === true) database.close()
    discardIndex(path)
  }
}

function openSound(path: string): DatabaseSync {
  const database = openDatabase(path, indexShape)
  try {
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (found !== 'ok') throw new Error(String(found))
    // a table, column or index that is missing shows when it is asked for
    prepareRowReader(database).applied()
    prepareRowWriter(database)
    prepareListTasks(database)
    readSent(database)
    prepareTombstones(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be read'
  return error.cause instanceof Error ? error.cause.message : error.message
}
