// Objects of OCSF events that several classes share: who acted, from where, what was concerned. Every one is valid
// from the envelope alone; what the body adds is added where it can be read. What the record says of a caller was
// proven; what a client merely sent (its traceparent) is looked at again before it is believed to be one.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { OcsfSource } from './read-ledger.ts'

/** Takes members of an event one by one: what nobody took is still there, and can be kept as it is. */
export interface EventReader {
  text(name: string): string
  number(name: string): number | undefined
  texts(name: string): string[]
  objects(name: string): JsonObject[]
  value(name: string): JsonValue | undefined
  /** what was not taken; undefined when nothing is left */
  rest(): JsonObject | undefined
}

export function readEvent(event: JsonObject | undefined): EventReader {
  const left = new Map(Object.entries(event ?? {}))
  const take = (name: string): JsonValue | undefined => {
    const value = left.get(name)
    left.delete(name)
    return value
  }
  const list = (name: string): JsonValue[] => {
    const value = take(name)
    return Array.isArray(value) ? value : []
  }
  return {
    text(name) {
      const value = take(name)
      return typeof value === 'string' ? value : ''
    },
    number(name) {
      const value = take(name)
      return typeof value === 'number' ? value : undefined
    },
    texts: (name) => list(name).filter((item) => typeof item === 'string'),
    objects: (name) => list(name).filter(isJsonObject),
    value: take,
    rest: () => (left.size === 0 ? undefined : Object.fromEntries(left)),
  }
}

/** Members that say something: no empty texts, no undefined. */
export function filled(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const kept: [string, JsonValue][] = []
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined && value !== '') kept.push([name, value])
  }
  return Object.fromEntries(kept)
}

const userTypes = { user: { type_id: 1, type: 'User' }, service: { type_id: 4, type: 'Service' } } as const
const unknownType = { type_id: 0, type: 'Unknown' }

/** A principal as a user. */
export function userOf(principal: string, pseudonym = ''): JsonObject {
  const type = principal.startsWith('user:') ? userTypes.user : userTypes.service
  return filled({ uid: principal, uid_alt: pseudonym, ...type })
}

/** The caller of a record: by name, by pseudonym where its body cannot be read; or nobody we know. */
export function callerOf({ envelope, event }: OcsfSource, principal: string): JsonObject {
  if (principal !== '') return userOf(principal, envelope.actor)
  if (envelope.actor === '') return { uid: 'unknown', ...unknownType }
  if (event === undefined) return { uid: envelope.actor, ...unknownType }
  return { uid: 'anonymous', uid_alt: envelope.actor, ...unknownType }
}

/** The gateway itself, where no caller acted. */
export const gatewayActor = (origin: string): JsonObject => ({ app_name: 'Sallyport', app_uid: origin })

const addressBytes = 40
const address = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i

/** Where a call came from. The listener wrote it: an address, or a word where there is none. */
export function endpointOf(source: string): JsonObject {
  if (source.length <= addressBytes && address.test(source)) return { ip: source }
  return { name: source === '' ? 'unknown' : source }
}

const target = { role_id: 1, role: 'Target' }
const affected = { role_id: 3, role: 'Affected' }

export function agentResource(agent: string): JsonObject {
  return { uid: `agent:${agent}`, name: agent, type: 'agent', ...target }
}

export function resourceOf(type: string, uid: string, namespace: string): JsonObject {
  return filled({ uid, type, namespace, ...affected })
}

/** Profile `trace`; undefined when it is no traceparent of W3C Trace Context. */
export function traceOf(traceparent: string): JsonObject | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)
  const uid = match?.[1] ?? ''
  return uid === '' || /^0*$/.test(uid) ? undefined : { uid }
}

/** What 1.8.0 has no place for, under the names that 1.9 has where it has some. */
export function unmappedOf(record: OcsfSource, origin: string, more: JsonObject): JsonObject {
  const { envelope } = record
  const isOwn = envelope.kind === 'lifecycle' || envelope.kind === 'subject-key'
  return filled({
    attestation_list: [
      {
        authority_uid: origin,
        chain_uid: origin,
        fingerprint: {
          algorithm_id: 3,
          algorithm: 'SHA-256',
          encoding_id: 3,
          encoding: 'Base64URL',
          value: record.leafHash,
        },
      },
    ],
    ...(envelope.agent !== '' && { ai_agent: { uid: `agent:${envelope.agent}`, name: envelope.agent } }),
    configuration: envelope.snapshot,
    // of what the ledger says about itself they are no commitments, but say what they say
    [isOwn ? 'fields' : 'commitments']: Object.keys(envelope.fields).length === 0 ? undefined : { ...envelope.fields },
    body: missingBody(record),
    ...more,
  })
}

/** Why there is no event; undefined where there is one, or never was. */
function missingBody(record: OcsfSource): string | undefined {
  if (record.event !== undefined || record.envelope.body === '') return undefined
  if (record.erased) return 'erased'
  return record.expired ? 'expired' : 'unreadable'
}
