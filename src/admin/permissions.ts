// What each role of administrators may do: the one table. A permission that is not here does not exist, and a role
// that is not named beside one does not have it (default deny). Every route names its permission; a test holds that.

import type { AdminRole } from '../config/config.ts'

const everyone: readonly AdminRole[] = ['viewer', 'auditor', 'operator', 'admin']
const auditors: readonly AdminRole[] = ['auditor', 'admin']
const operators: readonly AdminRole[] = ['operator', 'admin']
const admins: readonly AdminRole[] = ['admin']

// prettier-ignore
export const permissions = {
  'session.own':          everyone,
  'status.read':          everyone,
  'agents.read':          everyone,
  'policy.read':          everyone,
  'ledger.read':          auditors,
  'holds.read':           auditors,
  'keys.read':            operators,
  'keys.write':           operators,
  'configuration.reload': operators,
  'approvals.read':       operators,
  'approvals.decide':     operators,
  'blocks.read':          operators,
  'blocks.write':         operators,
  'tokens.read':          operators,
  'tokens.revoke':        operators,
  'holds.write':          admins,
  'erasures.write':       admins,
  'retention.run':        admins,
  'ledger.rotate-key':    admins,
  'assertion.rotate-key': admins,
  'secrets.read':         admins,
  'secrets.write':        admins,
  'sessions.read':        admins,
  'sessions.end':         admins,
  'administrators.read':  admins,
} as const satisfies Record<string, readonly AdminRole[]>

export type Permission = keyof typeof permissions

export function isPermitted(roles: readonly AdminRole[], permission: Permission): boolean {
  const having: readonly AdminRole[] = permissions[permission]
  return roles.some((role) => having.includes(role))
}

/** In the order of the table. */
export function permissionsOf(roles: readonly AdminRole[]): Permission[] {
  return (Object.keys(permissions) as Permission[]).filter((permission) => isPermitted(roles, permission)) // its keys
}
