// Tables of audit.db, the search index of the ledger: disposable, and in clear beside the log, so it holds no more
// than envelopes say. A record's number is its log's times 2^36 plus its index, so that a log's records lie together.
// Names are stored once and referred to by number; every filter of a search has an index that ends in the time.

import type { DatabaseShape } from './open-database.ts'

/** Indices of one log that a record's number has room for. */
export const logSpan: number = 2 ** 36

const schema = `
  CREATE TABLE log (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key_check TEXT NOT NULL,
    first INTEGER NOT NULL, records INTEGER NOT NULL, leaf TEXT NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, group_index INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE segment (
    log INTEGER NOT NULL, first INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (log, first)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE word (id INTEGER PRIMARY KEY, role TEXT NOT NULL, word TEXT NOT NULL, UNIQUE (role, word)) STRICT;
  CREATE TABLE actor (id INTEGER PRIMARY KEY, pseudonym BLOB NOT NULL UNIQUE) STRICT;
  CREATE TABLE record (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind INTEGER NOT NULL, call INTEGER NOT NULL,
    actor INTEGER NOT NULL, agent INTEGER NOT NULL, operation INTEGER NOT NULL, outcome INTEGER NOT NULL,
    code INTEGER NOT NULL, snapshot INTEGER NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, position INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX record_by_time ON record (time);
  CREATE INDEX record_by_kind ON record (kind, time);
  CREATE INDEX record_by_call ON record (call, time) WHERE call <> 0;
  CREATE INDEX record_by_actor ON record (actor, time) WHERE actor <> 0;
  CREATE INDEX record_by_agent ON record (agent, time) WHERE agent <> 0;
  CREATE INDEX record_by_operation ON record (operation, time) WHERE operation <> 0;
  CREATE INDEX record_by_outcome ON record (outcome, time);
  CREATE INDEX record_by_code ON record (code, time) WHERE code <> 0;
  CREATE TABLE mention (
    name BLOB NOT NULL, time INTEGER NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (name, time, record)
  ) STRICT, WITHOUT ROWID`

/** NORMAL: after a power cut the last transactions may be gone, each with the mark of how far it had come. */
export const auditIndexShape: DatabaseShape = { version: 1, schema, synchronous: 'NORMAL' }
