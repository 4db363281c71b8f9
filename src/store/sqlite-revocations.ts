// Revoked tokens and subjects in state.db. An entry is committed with a full sync before it is in force, so that a
// restart does not bring a revoked token back.

import { Fault } from '../base/fault.ts'
import type { Revocation, RevocationStore } from '../authenticate/authenticate.ts'
import { integer, text } from './columns.ts'
import { openStateDatabase } from './state-database.ts'

export interface SqliteRevocationStore extends RevocationStore {
  close(): void
}

/** Opens or creates the file. Throws a Fault when it cannot be used. */
export function openRevocationStore(path: string): SqliteRevocationStore {
  const database = openStateDatabase(path)
  const write = database.prepare(`
    INSERT INTO token_revocation (kind, issuer, id, before_ms, revoked_at_ms, until_ms)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (kind, issuer, id) DO UPDATE SET before_ms = excluded.before_ms,
      revoked_at_ms = excluded.revoked_at_ms, until_ms = excluded.until_ms`)
  const drop = database.prepare('DELETE FROM token_revocation WHERE until_ms <= ?')
  const read = database.prepare('SELECT * FROM token_revocation ORDER BY before_ms, kind, issuer, id')

  const change = (work: () => void): void => {
    try {
      work()
    } catch (cause) {
      const hint = 'nothing was changed; check that the disk has room'
      throw new Fault('STORE_UNREACHABLE', `cannot write ${path}`, { cause, hint })
    }
  }

  return {
    list: () =>
      read.all().map((row): Revocation => {
        const kind = text(row, 'kind') === 'token' ? 'token' : 'subject'
        const [issuer, id] = [text(row, 'issuer'), text(row, 'id')]
        const [beforeMs, revokedAtMs] = [integer(row, 'before_ms'), integer(row, 'revoked_at_ms')]
        return { kind, issuer, id, beforeMs, revokedAtMs, untilMs: integer(row, 'until_ms') }
      }),
    save: ({ kind, issuer, id, beforeMs, revokedAtMs, untilMs }) =>
      change(() => write.run(kind, issuer, id, beforeMs, revokedAtMs, untilMs)),
    drop: (endedBeforeMs) => change(() => drop.run(endedBeforeMs)),
    close: () => database.close(),
  }
}
