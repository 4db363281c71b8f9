// Reads a record of the ledger as an event of OCSF 1.8.0, for people's tools: what is stored stays as compact as it
// is. The same record always gives the same event. Without its body (no key, erased, expired) it gives fewer members
// of the same class. Nothing here decrypts, and no message content appears but what a rule had recorded as such.

import type { JsonObject } from '../base/strict-json.ts'
import { ownOperation } from './encode-record.ts'
import {
  authenticationEvent,
  callEvent,
  ownershipEvent,
  tokenEvent,
  tokenOperation,
  type OcsfMembers,
} from './ocsf-calls.ts'
import { ocsfVersion } from './ocsf-names.ts'
import { isLogin, loginEvent } from './ocsf-logins.ts'
import { administrationEvent, complianceEvent, floodEvent, isCompliance, lifecycleEvent } from './ocsf-upkeep.ts'
import { filled } from './ocsf-parts.ts'
import type { OcsfSource } from './read-ledger.ts'

export interface OcsfContext {
  /** of the log, as in its checkpoints */
  readonly origin: string
  /** of this Sallyport, which reads the record */
  readonly version: string
}

/** The event of a record; plain JSON, made anew at every call. */
export function toOcsf(record: OcsfSource, context: OcsfContext): JsonObject {
  const { envelope } = record
  const { origin, version } = context
  const { profiles, members } = eventOf(record, context)
  return {
    metadata: filled({
      version: ocsfVersion,
      product: { name: 'Sallyport', vendor_name: 'Sallyport', version },
      uid: `${origin}/${envelope.index}`,
      log_name: origin,
      sequence: envelope.index,
      event_code: envelope.kind,
      correlation_uid: envelope.call,
      original_time: envelope.time,
      profiles: profiles.length === 0 ? undefined : [...profiles],
    }),
    time: Date.parse(envelope.time),
    ...members,
  }
}

function eventOf(record: OcsfSource, context: OcsfContext): OcsfMembers {
  const { kind, operation, code } = record.envelope
  if (kind === 'decision' || kind === 'completion') {
    if (code.startsWith('AUTHN_')) return authenticationEvent(record, context)
    return operation === tokenOperation ? tokenEvent(record, context) : callEvent(record, context)
  }
  if (kind === 'ownership') return ownershipEvent(record, context)
  if (kind === 'folded') return floodEvent(record, context)
  if (isCompliance(operation)) return complianceEvent(record, context)
  if (isLogin(operation)) return loginEvent(record, context)
  const isLifecycle = kind === 'lifecycle' && operation !== ownOperation.erased
  return isLifecycle ? lifecycleEvent(record, context) : administrationEvent(record, context)
}
