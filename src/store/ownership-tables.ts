// Tables of index.db and the statements over them. Owners and sets of groups are stored once and referred to by
// number, so that rows and indexes stay small. Totals of an owner are kept by triggers: counting a hundred
// thousand tasks on every ListTasks would not be flat.

import type { DatabaseSync } from 'node:sqlite'
import { createBoundedCache, type BoundedCache } from '../base/bounded-cache.ts'
import { invariant } from '../base/invariant.ts'
import type { TaskOwner } from '../exchange/exchange.ts'
import type { TableStatements } from './batched-table.ts'
import { integer, text, type Columns } from './columns.ts'

/** What the three kinds of owned things share. */
export interface OwnedRow {
  readonly agent: string
  readonly tenant: string
  readonly owner: TaskOwner
  readonly groups: readonly string[]
  readonly createdAtMs: number
}
export interface TaskRow extends OwnedRow {
  readonly taskId: string
  readonly contextId: string
  readonly state: string
  readonly timestampMs: number
}
export interface ContextRow extends OwnedRow {
  readonly contextId: string
}
export interface PushConfigRow extends OwnedRow {
  readonly taskId: string
  readonly configId: string
}

export const ownershipVersion = 1
export const ownershipSchema = `
  CREATE TABLE owner (
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, tenant TEXT NOT NULL, caller TEXT NOT NULL, origin TEXT NOT NULL,
    UNIQUE (agent, tenant, caller, origin)
  ) STRICT;
  CREATE TABLE group_set (id INTEGER PRIMARY KEY, groups TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE task (
    agent TEXT NOT NULL, tenant TEXT NOT NULL, task_id TEXT NOT NULL,
    owner INTEGER NOT NULL, group_set INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    context_id TEXT NOT NULL, state TEXT NOT NULL, timestamp_ms INTEGER NOT NULL,
    PRIMARY KEY (agent, tenant, task_id)
  ) STRICT;
  CREATE INDEX task_by_time ON task (owner, timestamp_ms, task_id);
  CREATE INDEX task_by_state ON task (owner, state, timestamp_ms, task_id);
  CREATE INDEX task_by_context ON task (owner, context_id, timestamp_ms, task_id);
  CREATE TABLE task_count (owner INTEGER NOT NULL, state TEXT NOT NULL, tasks INTEGER NOT NULL, PRIMARY KEY (owner, state)) STRICT, WITHOUT ROWID;
  CREATE TRIGGER task_added AFTER INSERT ON task BEGIN
    INSERT INTO task_count VALUES (new.owner, new.state, 1) ON CONFLICT DO UPDATE SET tasks = tasks + 1;
  END;
  CREATE TRIGGER task_removed AFTER DELETE ON task BEGIN
    UPDATE task_count SET tasks = tasks - 1 WHERE owner = old.owner AND state = old.state;
  END;
  CREATE TRIGGER task_moved AFTER UPDATE OF owner, state ON task WHEN old.owner <> new.owner OR old.state <> new.state BEGIN
    UPDATE task_count SET tasks = tasks - 1 WHERE owner = old.owner AND state = old.state;
    INSERT INTO task_count VALUES (new.owner, new.state, 1) ON CONFLICT DO UPDATE SET tasks = tasks + 1;
  END;
  CREATE TABLE context (
    agent TEXT NOT NULL, tenant TEXT NOT NULL, context_id TEXT NOT NULL,
    owner INTEGER NOT NULL, group_set INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (agent, tenant, context_id)
  ) STRICT;
  CREATE TABLE push_config (
    agent TEXT NOT NULL, tenant TEXT NOT NULL, task_id TEXT NOT NULL, config_id TEXT NOT NULL,
    owner INTEGER NOT NULL, group_set INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (agent, tenant, task_id, config_id)
  ) STRICT;
  CREATE TABLE applied (origin TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT`

const joined = 'JOIN owner o ON o.id = r.owner JOIN group_set g ON g.id = r.group_set'
const ownedColumns = 'o.caller, o.origin, g.groups, r.created_at_ms'

export class OwnershipTables {
  readonly tasks: TableStatements<TaskRow> & {
    load(agent: string, tenant: string, taskId: string): TaskRow | undefined
  }
  readonly contexts: TableStatements<ContextRow> & {
    load(agent: string, tenant: string, contextId: string): ContextRow | undefined
  }
  readonly pushConfigs: TableStatements<PushConfigRow> & {
    load(agent: string, tenant: string, taskId: string, configId: string): PushConfigRow | undefined
    idsOf(agent: string, tenant: string, taskId: string): readonly string[]
  }
  readonly #owners: Numbers
  readonly #groupSets: Numbers

  constructor(database: DatabaseSync) {
    this.#owners = new Numbers(database, 'owner', ['agent', 'tenant', 'caller', 'origin'])
    this.#groupSets = new Numbers(database, 'group_set', ['groups'])
    this.tasks = this.#taskStatements(database)
    this.contexts = this.#contextStatements(database)
    this.pushConfigs = this.#pushConfigStatements(database)
  }

  /** Numbers given within a transaction that failed mean nothing. */
  forgetNumbers(): void {
    this.#owners.forget()
    this.#groupSets.forget()
  }

  #ownerAndGroups(row: OwnedRow): [number, number] {
    const owner = this.#owners.of([row.agent, row.tenant, row.owner.caller, row.owner.origin])
    return [owner, this.#groupSets.of([JSON.stringify(row.groups)])]
  }

  #taskStatements(database: DatabaseSync): OwnershipTables['tasks'] {
    const load = database.prepare(
      `SELECT ${ownedColumns}, r.context_id, r.state, r.timestamp_ms FROM task r ${joined} WHERE r.agent = ? AND r.tenant = ? AND r.task_id = ?`,
    )
    const save = database.prepare(`
      INSERT INTO task (agent, tenant, task_id, owner, group_set, created_at_ms, context_id, state, timestamp_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET owner = excluded.owner, group_set = excluded.group_set, created_at_ms = excluded.created_at_ms,
        context_id = excluded.context_id, state = excluded.state, timestamp_ms = excluded.timestamp_ms`)
    const remove = database.prepare('DELETE FROM task WHERE agent = ? AND tenant = ? AND task_id = ?')
    return {
      load: (agent, tenant, taskId) => {
        const row = load.get(agent, tenant, taskId)
        if (row === undefined) return undefined
        const [contextId, state, timestampMs] = [
          text(row, 'context_id'),
          text(row, 'state'),
          integer(row, 'timestamp_ms'),
        ]
        return { agent, tenant, taskId, ...readOwned(row), contextId, state, timestampMs }
      },
      save: (row) => {
        const [owner, groups] = this.#ownerAndGroups(row)
        save.run(
          row.agent,
          row.tenant,
          row.taskId,
          owner,
          groups,
          row.createdAtMs,
          row.contextId,
          row.state,
          row.timestampMs,
        )
      },
      remove: (row) => void remove.run(row.agent, row.tenant, row.taskId),
    }
  }

  #contextStatements(database: DatabaseSync): OwnershipTables['contexts'] {
    const load = database.prepare(
      `SELECT ${ownedColumns} FROM context r ${joined} WHERE r.agent = ? AND r.tenant = ? AND r.context_id = ?`,
    )
    const save = database.prepare(
      'INSERT OR REPLACE INTO context (agent, tenant, context_id, owner, group_set, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
    )
    const remove = database.prepare('DELETE FROM context WHERE agent = ? AND tenant = ? AND context_id = ?')
    return {
      load: (agent, tenant, contextId) => {
        const row = load.get(agent, tenant, contextId)
        return row && { agent, tenant, contextId, ...readOwned(row) }
      },
      save: (row) => void save.run(row.agent, row.tenant, row.contextId, ...this.#ownerAndGroups(row), row.createdAtMs),
      remove: (row) => void remove.run(row.agent, row.tenant, row.contextId),
    }
  }

  #pushConfigStatements(database: DatabaseSync): OwnershipTables['pushConfigs'] {
    const load = database.prepare(
      `SELECT ${ownedColumns} FROM push_config r ${joined} WHERE r.agent = ? AND r.tenant = ? AND r.task_id = ? AND r.config_id = ?`,
    )
    const ids = database.prepare('SELECT config_id FROM push_config WHERE agent = ? AND tenant = ? AND task_id = ?')
    const save = database.prepare(
      'INSERT OR REPLACE INTO push_config (agent, tenant, task_id, config_id, owner, group_set, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    const remove = database.prepare(
      'DELETE FROM push_config WHERE agent = ? AND tenant = ? AND task_id = ? AND config_id = ?',
    )
    return {
      load: (agent, tenant, taskId, configId) => {
        const row = load.get(agent, tenant, taskId, configId)
        return row && { agent, tenant, taskId, configId, ...readOwned(row) }
      },
      idsOf: (agent, tenant, taskId) => ids.all(agent, tenant, taskId).map((row) => text(row, 'config_id')),
      save: (row) =>
        void save.run(row.agent, row.tenant, row.taskId, row.configId, ...this.#ownerAndGroups(row), row.createdAtMs),
      remove: (row) => void remove.run(row.agent, row.tenant, row.taskId, row.configId),
    }
  }
}

function readOwned(row: Columns): Pick<OwnedRow, 'owner' | 'groups' | 'createdAtMs'> {
  return {
    owner: { caller: text(row, 'caller'), origin: text(row, 'origin') },
    groups: readGroups(text(row, 'groups')),
    createdAtMs: integer(row, 'created_at_ms'),
  }
}

const noGroups: readonly string[] = Object.freeze([])

function readGroups(json: string): readonly string[] {
  if (json === '[]') return noGroups
  const groups: unknown = JSON.parse(json)
  invariant(
    Array.isArray(groups) && groups.every((group) => typeof group === 'string'),
    'a set of groups is not a list of names',
  )
  return groups
}

/** Gives each distinct tuple a number, once. */
class Numbers {
  readonly #add
  readonly #find
  readonly #known: BoundedCache<{ readonly id: number }> = createBoundedCache(8192)

  constructor(database: DatabaseSync, table: string, columns: readonly string[]) {
    const places = columns.map(() => '?').join(', ')
    this.#add = database.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
    this.#find = database.prepare(`SELECT id FROM ${table} WHERE (${columns.join(', ')}) = (${places})`)
  }

  of(tuple: readonly string[]): number {
    const key = JSON.stringify(tuple)
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
