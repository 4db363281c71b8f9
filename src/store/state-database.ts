// state.db: what is precious and small. Every concern has tables and a connection of its own; what the file holds is
// written down here, once, as a first version and the steps from each version to the next. A step that was released
// is never changed.

import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from './open-database.ts'

const firstVersion = `
  CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    environment TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
  ) STRICT;
  CREATE TABLE api_key_secret (
    key_id TEXT NOT NULL REFERENCES api_key (id),
    position INTEGER NOT NULL,
    hmac BLOB NOT NULL,
    not_after_ms INTEGER,
    PRIMARY KEY (key_id, position)
  ) STRICT`

/** Version n + 1 is version n and the n-th of these. */
const upgrades: readonly string[] = [
  `
  ALTER TABLE api_key ADD COLUMN scope TEXT;
  ALTER TABLE api_key ADD COLUMN networks TEXT;
  CREATE TABLE api_key_use (
    key_id TEXT PRIMARY KEY,
    last_used_ms INTEGER,
    network TEXT NOT NULL,
    wrong_secrets INTEGER NOT NULL,
    wrong_since_ms INTEGER,
    wrong_networks INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE block (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER,
    PRIMARY KEY (kind, id)
  ) STRICT`,
  `CREATE TABLE approval (
    id TEXT PRIMARY KEY,
    tag BLOB NOT NULL,
    caller TEXT NOT NULL,
    origin TEXT NOT NULL,
    chain TEXT NOT NULL,
    agent TEXT NOT NULL,
    operation TEXT NOT NULL,
    task TEXT NOT NULL,
    rules TEXT NOT NULL,
    parts TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'granted', 'denied', 'used')),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    decided_by TEXT NOT NULL
  ) STRICT;
  CREATE INDEX approval_by_tag ON approval (tag)`,
  `
  CREATE TABLE stored_secret (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    set_at_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE token_revocation (
    kind TEXT NOT NULL CHECK (kind IN ('token', 'subject')),
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    before_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, issuer, id)
  ) STRICT;
  CREATE TABLE spent_token (
    id TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
  ) STRICT`,
  `ALTER TABLE approval ADD COLUMN decided_as TEXT;
  ALTER TABLE api_key_secret ADD COLUMN made_by TEXT`,
]

/** Opens or creates the file, and brings an older one up. Throws a Fault when it cannot be used. */
export function openStateDatabase(path: string): DatabaseSync {
  return openDatabase(path, { version: 1 + upgrades.length, schema: firstVersion, upgrades, synchronous: 'FULL' })
}
