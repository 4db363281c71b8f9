import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { test } from 'node:test'
import type { KeyUse } from '../authenticate/authenticate.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { openKeyUseStore } from './sqlite-key-use.ts'
import { openKeyStore } from './sqlite-keys.ts'

test('what was written is there after a restart', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openKeyUseStore(path)
  const never = { lastUsedMs: undefined, network: '', wrongSecrets: 3, wrongSinceMs: 5, wrongNetworks: 1 }
  const used = { lastUsedMs: 7, network: '10.0.0.0/24', wrongSecrets: 0, wrongSinceMs: undefined, wrongNetworks: 0 }
  store.save(new Map([['a', never]]))
  store.save(
    new Map<string, KeyUse>([
      ['a', { ...never, wrongSecrets: 4 }],
      ['b', used],
    ]),
  )
  store.close()
  const again = openKeyUseStore(path)
  assert.deepEqual(
    [...again.load()],
    [
      ['a', { ...never, wrongSecrets: 4 }],
      ['b', used],
    ],
  )
  again.close()
})

test('scope and networks of a key are there after a restart, empty lists as empty lists', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openKeyStore(path)
  const base = { environment: 'live', secrets: [], createdAtMs: 1, expiresAtMs: Infinity, revokedAtMs: undefined }
  const wide = { ...base, id: 'wide', name: 'ci', scope: undefined, networks: undefined }
  const narrow = {
    ...base,
    id: 'narrow',
    name: 'ci',
    scope: { agents: [], operations: ['GetTask'] as const },
    networks: [],
  }
  store.save(wide)
  store.save(narrow)
  store.close()
  const again = openKeyStore(path)
  assert.deepEqual(again.find('wide'), wide)
  assert.deepEqual(again.find('narrow'), narrow)
  again.close()
})

test('a file from before there were scopes is brought up: its keys are narrowed by nothing', () => {
  const path = join(temporaryFolder(), 'state.db')
  const old = new DatabaseSync(path)
  old.exec(`
    CREATE TABLE api_key (id TEXT PRIMARY KEY, name TEXT NOT NULL, environment TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER, revoked_at_ms INTEGER) STRICT;
    CREATE TABLE api_key_secret (key_id TEXT NOT NULL REFERENCES api_key (id), position INTEGER NOT NULL,
      hmac BLOB NOT NULL, not_after_ms INTEGER, PRIMARY KEY (key_id, position)) STRICT;
    INSERT INTO api_key VALUES ('k', 'ci', 'live', 1, NULL, NULL);
    PRAGMA user_version = 1`)
  old.close()
  const store = openKeyStore(path)
  assert.equal(store.find('k')?.scope, undefined)
  assert.equal(store.find('k')?.networks, undefined)
  store.close()
})
