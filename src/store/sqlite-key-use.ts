// When keys were last used, in state.db. Worth little and written often: its connection does not wait for the disk,
// so that no batch holds up the calls of a process; after a power cut the last minutes may be missing.

import type { KeyUse, KeyUseStore } from '../authenticate/authenticate.ts'
import { integer, optionalInteger, text } from './columns.ts'
import { inTransaction } from './open-database.ts'
import { openStateDatabase } from './state-database.ts'

export interface SqliteKeyUseStore extends KeyUseStore {
  close(): void
}

export function openKeyUseStore(path: string): SqliteKeyUseStore {
  const database = openStateDatabase(path)
  // checkpoints, which do sync, are kept short
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 100')
  const write = database.prepare(`
    INSERT INTO api_key_use (key_id, last_used_ms, network, wrong_secrets, wrong_since_ms, wrong_networks)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key_id) DO UPDATE SET last_used_ms = excluded.last_used_ms, network = excluded.network,
      wrong_secrets = excluded.wrong_secrets, wrong_since_ms = excluded.wrong_since_ms,
      wrong_networks = excluded.wrong_networks`)
  return {
    load: () => {
      const uses = new Map<string, KeyUse>()
      for (const row of database.prepare('SELECT * FROM api_key_use').iterate()) {
        uses.set(text(row, 'key_id'), {
          lastUsedMs: optionalInteger(row, 'last_used_ms'),
          network: text(row, 'network'),
          wrongSecrets: integer(row, 'wrong_secrets'),
          wrongSinceMs: optionalInteger(row, 'wrong_since_ms'),
          wrongNetworks: integer(row, 'wrong_networks'),
        })
      }
      return uses
    },
    save: (uses) =>
      inTransaction(database, () => {
        for (const [id, { lastUsedMs, network, wrongSecrets, wrongSinceMs, wrongNetworks }] of uses)
          write.run(id, lastUsedMs ?? null, network, wrongSecrets, wrongSinceMs ?? null, wrongNetworks)
      }),
    close: () => database.close(),
  }
}
