// One-time tokens that were taken, in state.db: hashes, and until when they must be remembered.

import { Fault } from '../base/fault.ts'
import type { SpentStore } from '../authenticate/authenticate.ts'
import { integer, text } from './columns.ts'
import { inTransaction } from './open-database.ts'
import { openStateDatabase } from './state-database.ts'

export interface SqliteSpentStore extends SpentStore {
  close(): void
}

/** Opens or creates the file. Throws a Fault when it cannot be used. */
export function openSpentStore(path: string): SqliteSpentStore {
  const database = openStateDatabase(path)
  const read = database.prepare('SELECT id, until_ms FROM spent_token WHERE until_ms > ?')
  const write = database.prepare('INSERT OR REPLACE INTO spent_token (id, until_ms) VALUES (?, ?)')
  const drop = database.prepare('DELETE FROM spent_token WHERE until_ms <= ?')
  return {
    load: (nowMs) => new Map(read.all(nowMs).map((row) => [text(row, 'id'), integer(row, 'until_ms')])),
    save: (spent, nowMs) => {
      try {
        inTransaction(database, () => {
          drop.run(nowMs)
          for (const [id, untilMs] of spent) write.run(id, untilMs)
        })
      } catch (cause) {
        throw new Fault('STORE_UNREACHABLE', `cannot write ${path}`, { cause, hint: 'check that the disk has room' })
      }
    },
    close: () => database.close(),
  }
}
