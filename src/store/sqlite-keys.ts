// API keys in state.db: ids, names and HMACs, never a key. All records lie in memory, so that a lookup never
// waits; a change is committed with a full sync before anyone can see it, and is in force from that moment.

import type { DatabaseSync } from 'node:sqlite'
import { Fault } from '../base/fault.ts'
import type { KeyRecord, KeySecret, KeyStore } from '../authenticate/authenticate.ts'
import { bytes, integer, optionalInteger, text, type Columns } from './columns.ts'
import { inTransaction } from './open-database.ts'
import { openStateDatabase } from './state-database.ts'

export interface SqliteKeyStore extends KeyStore {
  close(): void
}

/** Opens or creates the file. Throws a Fault when it cannot be used. */
export function openKeyStore(path: string): SqliteKeyStore {
  const database = openStateDatabase(path)
  const records = readAll(database)
  const write = prepareWrite(database)
  const liveUntil = new Map<string, number>()
  for (const record of records.values()) {
    liveUntil.set(record.name, Math.max(liveUntil.get(record.name) ?? -Infinity, endOf(record)))
  }
  return {
    find: (id) => records.get(id),
    liveUntilMs: (name) => liveUntil.get(name) ?? -Infinity,
    list: () => [...records.values()],
    save: (record) => {
      try {
        inTransaction(database, () => write(record))
      } catch (cause) {
        throw new Fault('STORE_UNREACHABLE', `cannot write ${path}`, {
          cause,
          hint: 'nothing was changed; check that the disk has room',
        })
      }
      records.set(record.id, record)
      liveUntil.set(record.name, latestEnd(records, record.name))
    },
    close: () => database.close(),
  }
}

function readAll(database: DatabaseSync): Map<string, KeyRecord> {
  const secrets = new Map<string, KeySecret[]>()
  for (const row of database.prepare('SELECT * FROM api_key_secret ORDER BY key_id, position').iterate()) {
    const secret = {
      hmac: bytes(row, 'hmac'),
      notAfterMs: optionalInteger(row, 'not_after_ms') ?? Infinity,
      ...(row['made_by'] !== null && { madeBy: text(row, 'made_by') }),
    }
    const others = secrets.get(text(row, 'key_id'))
    if (others === undefined) secrets.set(text(row, 'key_id'), [secret])
    else others.push(secret)
  }
  const records = new Map<string, KeyRecord>()
  for (const row of database.prepare('SELECT * FROM api_key ORDER BY created_at_ms, id').iterate()) {
    records.set(text(row, 'id'), readRecord(row, secrets.get(text(row, 'id')) ?? []))
  }
  return records
}

function latestEnd(records: ReadonlyMap<string, KeyRecord>, name: string): number {
  let latestMs = -Infinity
  for (const record of records.values()) {
    if (record.name === name) latestMs = Math.max(latestMs, endOf(record))
  }
  return latestMs
}

function endOf({ expiresAtMs, revokedAtMs }: KeyRecord): number {
  return revokedAtMs === undefined ? expiresAtMs : -Infinity
}

function readRecord(row: Columns, secrets: readonly KeySecret[]): KeyRecord {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    environment: text(row, 'environment'),
    secrets,
    createdAtMs: integer(row, 'created_at_ms'),
    expiresAtMs: optionalInteger(row, 'expires_at_ms') ?? Infinity,
    revokedAtMs: optionalInteger(row, 'revoked_at_ms'),
    scope: readJson(row, 'scope') as KeyRecord['scope'], // both written below, from such values
    networks: readJson(row, 'networks') as KeyRecord['networks'],
  }
}

function prepareWrite(database: DatabaseSync): (record: KeyRecord) => void {
  const writeKey = database.prepare(`
    INSERT INTO api_key (id, name, environment, created_at_ms, expires_at_ms, revoked_at_ms, scope, networks)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, environment = excluded.environment,
      expires_at_ms = excluded.expires_at_ms, revoked_at_ms = excluded.revoked_at_ms,
      scope = excluded.scope, networks = excluded.networks`)
  const dropSecrets = database.prepare('DELETE FROM api_key_secret WHERE key_id = ?')
  const writeSecret = database.prepare(
    'INSERT INTO api_key_secret (key_id, position, hmac, not_after_ms, made_by) VALUES (?, ?, ?, ?, ?)',
  )
  return (record) => {
    const { id, name, environment, createdAtMs, expiresAtMs, revokedAtMs } = record
    const [scope, networks] = [record.scope, record.networks].map((value) => JSON.stringify(value) ?? null)
    writeKey.run(
      id,
      name,
      environment,
      createdAtMs,
      finite(expiresAtMs),
      revokedAtMs ?? null,
      scope ?? null,
      networks ?? null,
    )
    dropSecrets.run(id)
    record.secrets.forEach(({ hmac, notAfterMs, madeBy }, position) =>
      writeSecret.run(id, position, hmac, finite(notAfterMs), madeBy ?? null),
    )
  }
}

/** What cannot be read ends the opening: a key without its bounds would be worth more. */
function readJson(row: Columns, name: string): unknown {
  return row[name] === null ? undefined : JSON.parse(text(row, name))
}

function finite(timeMs: number): number | null {
  return timeMs === Infinity ? null : timeMs
}
