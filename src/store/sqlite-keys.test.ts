import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { test } from 'node:test'
import { administerKeys, type KeyAdministration } from '../authenticate/authenticate.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { openKeyStore, type SqliteKeyStore } from './sqlite-keys.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

function administer(store: SqliteKeyStore): KeyAdministration {
  return administerKeys({ store, clock: createManualClock(), environment: 'live', pepper: Buffer.alloc(32, 1) })
}

test('finds after a restart just what was there before it', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openKeyStore(path)
  const admin = administer(store)
  const { record: rotated } = admin.create({ name: 'rotated', expiresAtMs: 1_900_000_000_000 })
  admin.rotate('rotated')
  admin.create({ name: 'revoked' })
  admin.revoke('revoked')
  const before = store.list()
  store.close()
  const again = openKeyStore(path)
  assert.deepEqual([...again.list()].sort(byId), [...before].sort(byId))
  assert.equal(again.find(rotated.id)?.secrets.length, 2)
  again.close()
})

test('tells how long a name lives, by the keys that are not revoked', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openKeyStore(path)
  const admin = administer(store)
  const { record: brief } = admin.create({ name: 'ci', expiresAtMs: 1_900_000_000_000 })
  const { record: lasting } = admin.create({ name: 'ci' })
  admin.create({ name: 'gone' })
  admin.revoke('gone')
  admin.revoke(lasting.id)
  for (const reader of [store, openKeyStore(path)]) {
    assert.equal(reader.liveUntilMs('ci'), 1_900_000_000_000)
    assert.equal(reader.liveUntilMs('gone'), -Infinity)
    assert.equal(reader.liveUntilMs('never'), -Infinity)
    if (reader !== store) reader.close()
  }
  admin.create({ name: 'ci' })
  assert.equal(store.liveUntilMs('ci'), Infinity)
  admin.revoke(brief.id)
  admin.revoke('ci')
  assert.equal(store.liveUntilMs('ci'), -Infinity)
  store.close()
})

const byId = (one: { id: string }, other: { id: string }): number => (one.id < other.id ? -1 : 1)

test('a change is on disk when it is reported, for another reader too', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openKeyStore(path)
  const admin = administer(store)
  const { record } = admin.create({ name: 'ci' })
  const reader = openKeyStore(path)
  assert.deepEqual(reader.find(record.id), record)
  reader.close()
  admin.revoke('ci')
  const later = openKeyStore(path)
  assert.notEqual(later.find(record.id)?.revokedAtMs, undefined)
  later.close()
  store.close()
})

test('no file can be read by others, and none holds a secret', () => {
  const directory = temporaryFolder()
  const store = openKeyStore(join(directory, 'state.db'))
  const { key } = administer(store).create({ name: 'ci' })
  const files = readdirSync(directory)
  assert.ok(files.includes('state.db-wal'))
  for (const file of files) {
    assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
    assert.equal(readFileSync(join(directory, file)).includes(key.split('_')[3]?.slice(0, 43) ?? ''), false)
  }
  store.close()
})

test('a change that cannot be written does not take effect', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openKeyStore(path)
  const admin = administer(store)
  const { record } = admin.create({ name: 'ci' })
  const other = new DatabaseSync(path)
  other.exec('DROP TABLE api_key_secret')
  assert.throws(
    () => admin.revoke('ci'),
    (error) => error instanceof Fault && error.code === 'STORE_UNREACHABLE',
  )
  assert.throws(
    () => admin.create({ name: 'new' }),
    (error) => error instanceof Fault && error.code === 'STORE_UNREACHABLE',
  )
  assert.equal(store.find(record.id), record)
  assert.equal(store.list().length, 1)
  other.close()
  store.close()
})

test('refuses a file that is no database, or of another version, and leaves it alone', () => {
  const path = join(temporaryFolder(), 'state.db')
  const isStoreFault = (error: unknown): boolean => error instanceof Fault && error.code === 'STORE_UNREACHABLE'
  writeFileSync(path, 'not a database, but precious'.repeat(100))
  assert.throws(() => openKeyStore(path), isStoreFault)
  assert.ok(readFileSync(path, 'utf8').startsWith('not a database'))
  rmSync(path)
  const newer = new DatabaseSync(path)
  newer.exec('PRAGMA user_version = 1000')
  newer.close()
  assert.throws(() => openKeyStore(path), isStoreFault)
})

test('a file of the first version is brought up, and keeps its keys', () => {
  const path = join(temporaryFolder(), 'state.db')
  const old = new DatabaseSync(path)
  old.exec(`
    CREATE TABLE api_key (id TEXT PRIMARY KEY, name TEXT NOT NULL, environment TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER, revoked_at_ms INTEGER) STRICT;
    CREATE TABLE api_key_secret (key_id TEXT NOT NULL REFERENCES api_key (id), position INTEGER NOT NULL,
      hmac BLOB NOT NULL, not_after_ms INTEGER, PRIMARY KEY (key_id, position)) STRICT;
    INSERT INTO api_key VALUES ('abcdefghijkl', 'ci', 'live', 1, NULL, NULL);
    INSERT INTO api_key_secret VALUES ('abcdefghijkl', 0, x'00', NULL);
    PRAGMA user_version = 1`)
  old.close()
  for (let time = 0; time < 2; time += 1) {
    const store = openKeyStore(path)
    assert.equal(store.find('abcdefghijkl')?.name, 'ci')
    assert.equal(store.liveUntilMs('ci'), Infinity)
    store.close()
  }
})
