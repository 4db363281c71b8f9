// Takes a subject out of index.db without freeing what it owned: an id that is free is whoever's names it next, and
// the agent behind it still has the conversation. The rows stay, nobody's and shared with no group; the name goes, from
// every page of the file. Never removes such a row again. docs/retention.md.

import type { DatabaseSync } from 'node:sqlite'
import { nobody } from './ownership-rows.ts'

const tables = ['task', 'context', 'push_config'] as const

/** Within a transaction, with secure_delete on. Answers how many rows became nobody's. */
export function eraseOwner(database: DatabaseSync, subject: string): number {
  if (subject === nobody.caller) return 0
  const owners = 'SELECT id FROM owner WHERE caller = ?1 OR origin = ?1'
  database
    .prepare(
      `INSERT OR IGNORE INTO owner (scope, caller, origin)
       SELECT DISTINCT scope, ?2, ?3 FROM owner WHERE caller = ?1 OR origin = ?1`,
    )
    .run(subject, nobody.caller, nobody.origin)
  database.exec("INSERT OR IGNORE INTO group_set (groups) VALUES ('[]')")
  let rows = 0
  // they have no index by owner alone in two of the tables: erasures are rare
  for (const table of tables) {
    const change = database.prepare(
      `UPDATE ${table} SET group_set = (SELECT id FROM group_set WHERE groups = '[]'),
         owner = (SELECT n.id FROM owner n WHERE n.scope = ${table}.scope AND n.caller = ?2 AND n.origin = ?3)
       WHERE owner IN (${owners})`,
    )
    rows += Number(change.run(subject, nobody.caller, nobody.origin).changes)
  }
  database.prepare(`DELETE FROM sent WHERE owner IN (${owners})`).run(subject)
  // what somebody called a conversation says something of them
  database.exec(
    `UPDATE context SET name = '' WHERE name <> '' AND owner IN (SELECT id FROM owner WHERE caller = '${nobody.caller}')`,
  )
  database.prepare(`DELETE FROM task_count WHERE owner IN (${owners})`).run(subject)
  database.prepare('DELETE FROM owner WHERE caller = ?1 OR origin = ?1').run(subject)
  rewriteOwners(database)
  return rows
}

/** A page that was split while it was written keeps old cells where nothing points: only pages freed whole are zeroed. */
function rewriteOwners(database: DatabaseSync): void {
  database.exec(`
    CREATE TEMP TABLE kept_owner AS SELECT id, scope, caller, origin FROM owner ORDER BY id;
    DELETE FROM owner;
    INSERT INTO owner (id, scope, caller, origin) SELECT id, scope, caller, origin FROM kept_owner ORDER BY id;
    DROP TABLE kept_owner`)
}

/** Empties an index, but for what is nobody's: no ledger could tell that again. Within a transaction. */
export function keepErasedAlone(database: DatabaseSync): void {
  const erased = `(SELECT id FROM owner WHERE caller = '${nobody.caller}')`
  for (const table of [...tables, 'sent', 'task_count'])
    database.exec(`DELETE FROM ${table} WHERE owner NOT IN ${erased}`)
  database.exec(`
    DELETE FROM owner WHERE caller <> '${nobody.caller}';
    DELETE FROM group_set;
    INSERT INTO group_set (id, groups) VALUES (1, '[]');
    DELETE FROM applied`)
  for (const table of tables) database.exec(`UPDATE ${table} SET group_set = 1`)
}
