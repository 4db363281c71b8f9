// Takes a subject out of index.db without freeing what it owned: an id that is free is whoever's names it next, and
// the agent behind it still has the conversation. The rows stay, nobody's and shared with no group; the name goes, from
// every page of the file. A context of nobody's is never removed again: its id is made of who named it and how, and the
// same subject may come back. So it is with one that had expired. docs/retention.md.

import type { DatabaseSync } from 'node:sqlite'
import type { TaskOwner } from '../exchange/exchange.ts'
import { integer, text } from './columns.ts'
import { kindOf, ownerMark, type TombstoneKind } from './expired-rows.ts'
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
  eraseTombstones(database, subject)
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

/** What retention had let go was the subject's all the same: a task's id is nobody's, a context is kept as nobody's. */
function eraseTombstones(database: DatabaseSync, subject: string): void {
  const owners = database
    .prepare('SELECT scope, caller, origin FROM owner WHERE caller = ?1 OR origin = ?1')
    .all(subject)
  const tombstones = database.prepare('SELECT id, kind, owner FROM tombstone WHERE scope = ?')
  const release = database.prepare('UPDATE tombstone SET owner = ? WHERE id = ? AND scope = ? AND owner = ?')
  const keep = database.prepare(
    `INSERT OR IGNORE INTO context (scope, context_id, owner, group_set, created_at_ms, name, turns)
     SELECT ?1, ?2, n.id, g.id, 0, '', 0 FROM owner n, group_set g
     WHERE n.scope = ?1 AND n.caller = ?3 AND n.origin = ?4 AND g.groups = '[]'`,
  )
  for (const row of owners) {
    const scope = integer(row, 'scope')
    const owner = { caller: text(row, 'caller'), origin: text(row, 'origin') }
    const found: { readonly id: string; readonly kind: TombstoneKind }[] = []
    for (const each of tombstones.iterate(scope))
      if (isMarkOf(each['owner'], text(each, 'id'), owner))
        found.push({ id: text(each, 'id'), kind: kindOf(integer(each, 'kind')) })
    for (const { id, kind } of found) {
      release.run(ownerMark(id, nobody), id, scope, ownerMark(id, owner))
      if (kind === 'context') keep.run(scope, id, nobody.caller, nobody.origin)
    }
  }
}

const isMarkOf = (mark: unknown, id: string, owner: TaskOwner): boolean =>
  mark instanceof Uint8Array && ownerMark(id, owner).equals(mark)

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
