// Tables of index.db. Agents with their tenants, owners and sets of groups are stored once and referred to by number,
// and rows are appended: ids are random, so every index that holds one spreads the writes of a transaction over
// the whole file. Two are needed for look-ups and one for ListTasks of a context. Totals of an owner are kept by
// triggers: counting a hundred thousand tasks on every ListTasks would not be flat.

import type { DatabaseShape } from './open-database.ts'
import { tombstoneSchema } from './expired-rows.ts'
import { sentSchema } from './sent-rows.ts'

const schema = `
  CREATE TABLE scope (id INTEGER PRIMARY KEY, agent TEXT NOT NULL, tenant TEXT NOT NULL, UNIQUE (agent, tenant)) STRICT;
  CREATE TABLE owner (
    id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, caller TEXT NOT NULL, origin TEXT NOT NULL,
    UNIQUE (scope, caller, origin)
  ) STRICT;
  CREATE TABLE group_set (id INTEGER PRIMARY KEY, groups TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE task (
    id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, task_id TEXT NOT NULL,
    owner INTEGER NOT NULL, group_set INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    context_id TEXT NOT NULL, state TEXT NOT NULL, timestamp_ms INTEGER NOT NULL,
    UNIQUE (task_id, scope)
  ) STRICT;
  CREATE INDEX task_by_time ON task (owner, timestamp_ms);
  CREATE INDEX task_by_state ON task (owner, state, timestamp_ms);
  CREATE INDEX task_by_context ON task (context_id, owner, timestamp_ms);
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
    scope INTEGER NOT NULL, context_id TEXT NOT NULL,
    owner INTEGER NOT NULL, group_set INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (context_id, scope)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE push_config (
    scope INTEGER NOT NULL, task_id TEXT NOT NULL, config_id TEXT NOT NULL,
    owner INTEGER NOT NULL, group_set INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (task_id, scope, config_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE applied (origin TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT`

// of a context, what its owner calls it; '' where that is its id
const names = "ALTER TABLE context ADD COLUMN name TEXT NOT NULL DEFAULT ''"

// messages in a context that was known already, where a limit asks for them
const turns = 'ALTER TABLE context ADD COLUMN turns INTEGER NOT NULL DEFAULT 0'

/** NORMAL: after a power cut the last transactions may be gone, each with its mark of what was applied. */
export const indexShape: DatabaseShape = {
  version: 6,
  schema,
  upgrades: [sentSchema, names, turns, tombstoneSchema],
  synchronous: 'NORMAL',
}
