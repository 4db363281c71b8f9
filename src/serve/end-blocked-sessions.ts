// A block ends the sessions of whom it blocks at once. What the admin API asks of blocks at every request would refuse
// them anyway; an ended session does not come back when the block is lifted.

import type { AdminListener } from '../admin/admin.ts'
import { findBlockedPerson } from '../authorize/authorize.ts'
import type { Snapshot } from '../config/config.ts'
import type { State } from './state.ts'

/** What is returned ends it. */
export function endBlockedSessions(
  sessions: AdminListener['sessions'],
  { blocks, audit, snapshot }: Pick<State, 'blocks' | 'audit'> & { readonly snapshot: () => Snapshot },
): () => void {
  return blocks.onChange(() => {
    for (const { id, principal, groups } of sessions.list()) {
      const blocked = findBlockedPerson({ id: principal, groups }, snapshot(), blocks)
      if (blocked === undefined) continue
      sessions.end(id)
      // taken away first; that the block itself is recorded says why
      audit
        .administered('admin.logout', principal, { session: id, why: `${blocked} is blocked` })
        .catch(() => undefined)
    }
  })
}
