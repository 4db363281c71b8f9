// Administrators, as the control socket sees them: a one-time token for the first session, and what sessions there are.
// Making a token is recorded before it holds; a session ends before that is recorded.

import { rolesOf, type AdminListener } from '../admin/admin.ts'
import type { AuditTrail } from '../audit/audit.ts'
import type { AdminMethods } from '../cli/ports.ts'
import type { Config } from '../config/config.ts'

export function createAdminMethods(parts: {
  readonly admin: () => Pick<AdminListener, 'bootstrap' | 'sessions' | 'origin'>
  readonly audit: Pick<AuditTrail, 'administered'>
  readonly config: () => Config
}): AdminMethods {
  const { admin, audit, config } = parts
  return {
    async 'admin.bootstrap'() {
      const made = await admin().bootstrap.make((expiresAtMs) =>
        audit.administered('admin.bootstrap', '', { expiresAtMs }),
      )
      return { ...made, url: admin().origin }
    },
    'admin.sessions': () => {
      const { administrators } = config().admin
      const sessions = admin().sessions.list()
      return Promise.resolve(
        sessions.map((session) => ({
          id: session.id,
          principal: session.principal,
          display: session.display,
          via: session.via,
          roles: session.via === 'bootstrap' ? ['admin'] : rolesOf(session, administrators),
          createdAtMs: session.createdAtMs,
          usedAtMs: session.usedAtMs,
          endsAtMs: session.endsAtMs,
        })),
      )
    },
    async 'admin.logout'({ id }) {
      const ended = admin().sessions.end(id)
      if (ended !== undefined) await audit.administered('admin.logout', ended.principal, { session: id })
      return { ended: ended !== undefined }
    },
  }
}
