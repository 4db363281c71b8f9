// Logins and logouts of administrators as OCSF Authentication (3002). That somebody unknown was refused is a record of
// refused credentials (ocsf-calls.ts); here is who is known.

import type { OcsfMembers } from './ocsf-calls.ts'
import { classify, control, failed, ocsfClass, severity, succeeded } from './ocsf-names.ts'
import { callerOf, endpointOf, filled, gatewayActor, readEvent, unmappedOf } from './ocsf-parts.ts'
import type { OcsfSource } from './read-ledger.ts'

const [logon, logoff] = [1, 2]
const activities: Readonly<Record<string, number>> = {
  'admin.login': logon,
  'admin.login.refused': logon,
  'admin.logout': logoff,
}

export const isLogin = (operation: string): boolean => Object.hasOwn(activities, operation)

export function loginEvent(record: OcsfSource, { origin }: { readonly origin: string }): OcsfMembers {
  const { operation } = record.envelope
  const event = readEvent(record.event)
  event.value('action')
  const [who, via, detail] = [event.text('caller'), event.text('via'), event.text('detail')]
  const source = event.text('source')
  const isRefused = operation.endsWith('.refused')
  return {
    profiles: ['security_control'],
    members: {
      ...classify(ocsfClass.authentication, activities[operation] ?? 0, ''),
      ...severity(isRefused ? 'medium' : 'informational'),
      ...(isRefused ? { ...failed, ...control.blocked } : { ...succeeded, ...control.allowed }),
      ...filled({ status_detail: detail }),
      user: callerOf(record, who),
      actor: gatewayActor(origin),
      service: { uid: origin, name: 'Sallyport' },
      src_endpoint: endpointOf(source),
      is_remote: true,
      ...(via !== '' && { auth_protocol_id: 99, auth_protocol: via }),
      unmapped: unmappedOf(record, origin, filled({ action: operation, event: event.rest() })),
    },
  }
}
