// Takes a subject out of the search index: its rows stay findable by agent, code and time, as the envelopes say these
// for ever, but name no actor, task or context any more. The bytes are overwritten, in the write-ahead log too. It
// works in short steps and never waits for a search that holds the file, so that a gateway that erases goes on serving.

import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { openAuditFile } from './audit-index.ts'
import { integer } from './columns.ts'
import { inTransaction } from './open-database.ts'
import { discardIndex } from './open-index.ts'

/** Rows that one step changes at most. */
const rowsAtOnce = 5_000
/** Names are spread evenly: each of these parts of the table is one step. */
const parts = 256
const attempts = 50
const pauseMs = 100

/** `pseudonyms` are base64url. Where the index cannot be changed it is deleted: it can be made again. */
export async function purgeSubject(indexPath: string, pseudonyms: readonly string[]): Promise<void> {
  if (!existsSync(indexPath)) return
  let database: DatabaseSync | undefined
  try {
    database = openAuditFile(indexPath)
    database.exec('PRAGMA busy_timeout = 0')
    for (const pseudonym of pseudonyms) await purge(database, Buffer.from(pseudonym, 'base64url'))
    await emptyLog(database)
    database.close()
  } catch {
    // whatever it was: no index is better than one that names an erased subject
    if (database?.isOpen === true) database.close()
    discardIndex(indexPath)
  }
}

async function purge(database: DatabaseSync, pseudonym: Buffer): Promise<void> {
  const found = database.prepare('SELECT id FROM actor WHERE pseudonym = ?').get(pseudonym)
  if (found === undefined) return
  const actor = integer(found, 'id')
  const dropMentions = database.prepare(
    'DELETE FROM mention WHERE name >= ? AND name < ? AND (SELECT actor FROM record WHERE id = mention.record) = ?',
  )
  for (let part = 0; part < parts; part += 1) {
    const end = part + 1 < parts ? Buffer.of(part + 1) : Buffer.alloc(17, 255)
    await change(database, () => dropMentions.run(Buffer.of(part), end, actor))
  }
  const dropActor = database.prepare(
    'UPDATE record SET actor = 0 WHERE id IN (SELECT id FROM record WHERE actor = ? AND actor <> 0 LIMIT ?)',
  )
  while ((await change(database, () => dropActor.run(actor, rowsAtOnce).changes)) === rowsAtOnce);
  await change(database, () => database.prepare('DELETE FROM actor WHERE id = ?').run(actor))
}

async function change<Result>(database: DatabaseSync, work: () => Result): Promise<Result | undefined> {
  for (let left = attempts; ; left -= 1) {
    try {
      let result: Result | undefined
      inTransaction(database, () => {
        result = work()
      })
      await nextTurn()
      return result
    } catch (error) {
      if (left === 0) throw error
      await pause(pauseMs)
    }
  }
}

/** What was overwritten still stands in the write-ahead log until that is emptied, which a reader delays. */
async function emptyLog(database: DatabaseSync): Promise<void> {
  const checkpoint = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
  for (let left = attempts; integer(checkpoint.get() ?? {}, 'busy') !== 0; left -= 1) {
    if (left === 0) throw new Error('somebody goes on reading')
    await pause(pauseMs)
  }
}
