// Stored secrets in state.db: names, times and sealed values, never a value in clear. A change is committed with a
// full sync before it counts.

import { Fault } from '../base/fault.ts'
import type { SecretRow, SecretTable } from '../secrets/secrets.ts'
import { bytes, integer, text, type Columns } from './columns.ts'
import { openStateDatabase } from './state-database.ts'

export interface SqliteSecretTable extends SecretTable {
  close(): void
}

/** Opens or creates the file. Throws a Fault when it cannot be used. */
export function openSecretTable(path: string): SqliteSecretTable {
  const database = openStateDatabase(path)
  // what is removed or replaced is overwritten
  database.exec('PRAGMA secure_delete = ON')
  const list = database.prepare('SELECT name, sealed, set_at_ms FROM stored_secret ORDER BY name')
  const find = database.prepare('SELECT name, sealed, set_at_ms FROM stored_secret WHERE name = ?')
  const put = database.prepare(`
    INSERT INTO stored_secret (name, sealed, set_at_ms) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, set_at_ms = excluded.set_at_ms`)
  const replace = database.prepare('UPDATE stored_secret SET sealed = ? WHERE name = ? AND sealed = ?')
  const remove = database.prepare('DELETE FROM stored_secret WHERE name = ?')
  const write = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw new Fault('STORE_UNREACHABLE', `cannot write ${path}`, {
        cause,
        hint: 'nothing was changed; check that the disk has room',
      })
    }
  }
  return {
    list: () => list.all().map(readRow),
    find: (name) => {
      const row = find.get(name)
      return row && readRow(row)
    },
    put: ({ name, sealed, setAtMs }) => void write(() => put.run(name, sealed, setAtMs)),
    replace: (name, before, after) => void write(() => replace.run(after, name, before)),
    remove: (name) => {
      const { changes } = write(() => remove.run(name))
      // nor may it stay in the write-ahead log
      if (changes !== 0) database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return changes !== 0
    },
    close: () => database.close(),
  }
}

function readRow(row: Columns): SecretRow {
  return { name: text(row, 'name'), sealed: bytes(row, 'sealed'), setAtMs: integer(row, 'set_at_ms') }
}
