// Writes rows of index.db; runs in the thread of index-writer.ts and nowhere else. Gives agents with their tenants,
// owners and sets of groups their numbers as it meets them.

import type { DatabaseSync } from 'node:sqlite'
import { createBoundedCache, type BoundedCache } from '../base/bounded-cache.ts'
import { invariant } from '../base/invariant.ts'
import { integer } from './columns.ts'
import { eraseOwner } from './erase-owner.ts'
import { nobody } from './ownership-rows.ts'
import type { RowSink, StoredOwner } from './row-message.ts'

export interface RowWriter extends RowSink {
  setApplied(origin: string, records: number): void
  /** makes nobody's what is owned by a subject, as caller or origin; answers how many rows that were */
  forgetSubject(subject: string): number
  /** Numbers given within a transaction that failed mean nothing. */
  forgetNumbers(): void
}

export function prepareRowWriter(database: DatabaseSync): RowWriter {
  const scopes = new Numbers(database, 'scope', ['agent', 'tenant'])
  const owners = new Numbers(database, 'owner', ['scope', 'caller', 'origin'])
  const groupSets = new Numbers(database, 'group_set', ['groups'])
  const isErased = database.prepare(
    'SELECT 1 FROM task t JOIN owner o ON o.id = t.owner WHERE t.task_id = ? AND t.scope = ? AND o.caller = ?',
  )
  const isErasedContext = database.prepare(
    'SELECT 1 FROM context c JOIN owner o ON o.id = c.owner WHERE c.context_id = ? AND c.scope = ? AND o.caller = ?',
  )
  const saveTask = database.prepare(`
    INSERT INTO task (scope, task_id, owner, group_set, created_at_ms, context_id, state, timestamp_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET owner = excluded.owner, group_set = excluded.group_set, created_at_ms = excluded.created_at_ms,
      context_id = excluded.context_id, state = excluded.state, timestamp_ms = excluded.timestamp_ms`)
  const saveContext = database.prepare(
    'INSERT OR REPLACE INTO context (scope, context_id, owner, group_set, created_at_ms, name, turns) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const saveConfig = database.prepare(
    'INSERT OR REPLACE INTO push_config (scope, task_id, config_id, owner, group_set, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const saveSent = database.prepare(
    'INSERT OR REPLACE INTO sent (key, print, until_ms, owner, call, task_id) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const removeSent = database.prepare('DELETE FROM sent WHERE key = ?')
  const removeTask = database.prepare('DELETE FROM task WHERE task_id = ? AND scope = ?')
  const removeContext = database.prepare('DELETE FROM context WHERE context_id = ? AND scope = ?')
  const removeConfig = database.prepare('DELETE FROM push_config WHERE task_id = ? AND scope = ? AND config_id = ?')
  // a thread that was given up may still be writing: what it says late takes nothing back
  const saveApplied = database.prepare(
    'INSERT INTO applied (origin, records) VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET records = max(records, excluded.records)',
  )

  const scopeOf = (agent: string, tenant: string): number => scopes.of(agent, tenant)
  const ownerOf = (scope: number, row: StoredOwner): number => owners.of(scope, row.caller, row.origin)
  return {
    saveTask: (row, taskId, { contextId, state, timestampMs }) => {
      const scope = scopeOf(row.agent, row.tenant)
      // news of a task that came while its owner was erased
      if (row.caller !== nobody.caller && isErased.get(taskId, scope, nobody.caller) !== undefined) return
      const groups = groupSets.of(row.groups)
      saveTask.run(scope, taskId, ownerOf(scope, row), groups, row.createdAtMs, contextId, state, timestampMs)
    },
    saveContext: (row, contextId, { name, turns }) => {
      const scope = scopeOf(row.agent, row.tenant)
      if (row.caller !== nobody.caller && isErasedContext.get(contextId, scope, nobody.caller) !== undefined) return
      const kept = name === contextId ? '' : name
      saveContext.run(scope, contextId, ownerOf(scope, row), groupSets.of(row.groups), row.createdAtMs, kept, turns)
    },
    savePushConfig: (row, taskId, configId) => {
      const scope = scopeOf(row.agent, row.tenant)
      saveConfig.run(scope, taskId, configId, ownerOf(scope, row), groupSets.of(row.groups), row.createdAtMs)
    },
    // an owner's time of creation is, of a message, the time until which it counts
    saveSent: (row, key, { print, call, taskId }) => {
      const owner = ownerOf(scopeOf(row.agent, row.tenant), row)
      saveSent.run(key, print, row.createdAtMs, owner, call, taskId)
    },
    removeSent: (key) => void removeSent.run(key),
    removeTask: (agent, tenant, taskId) => void removeTask.run(taskId, scopeOf(agent, tenant)),
    removeContext: (agent, tenant, contextId) => void removeContext.run(contextId, scopeOf(agent, tenant)),
    removePushConfig: (agent, tenant, taskId, configId) =>
      void removeConfig.run(taskId, scopeOf(agent, tenant), configId),
    setApplied: (origin, records) => void saveApplied.run(origin, records),
    forgetSubject: (subject) => eraseOwner(database, subject),
    forgetNumbers: () => {
      for (const numbers of [scopes, owners, groupSets]) numbers.forget()
    },
  }
}

/** Gives each distinct tuple a number, once. */
class Numbers {
  readonly #add
  readonly #find
  readonly #known: BoundedCache<{ readonly id: number }> = createBoundedCache(4096)

  constructor(database: DatabaseSync, table: string, columns: readonly string[]) {
    const places = columns.map(() => '?').join(', ')
    this.#add = database.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
    this.#find = database.prepare(`SELECT id FROM ${table} WHERE (${columns.join(', ')}) = (${places})`)
  }

  of(...tuple: readonly (string | number)[]): number {
    const key = tuple.length === 1 ? String(tuple[0]) : JSON.stringify(tuple)
    const known = this.#known.get(key)
    if (known !== undefined) return known.id
    this.#add.run(...tuple)
    const row = this.#find.get(...tuple)
    invariant(row !== undefined, 'a row that was just added is not there')
    const id = integer(row, 'id')
    this.#known.set(key, { id })
    return id
  }

  forget(): void {
    this.#known.clear()
  }
}
