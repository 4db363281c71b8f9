// Records of calls as OCSF: decisions and completions as API Activity (6003), refused credentials as Authentication
// (3002), a caller that comes to own something, or asks for a token for its next hop, as Authorize Session (3003). The class and activity follow from the
// envelope alone, so that an erasure never moves a record from one class to another.

import { isOperation, type Operation } from '../a2a/operations.ts'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { aborted, classify, control, failed, ocsfClass, severity, succeeded } from './ocsf-names.ts'
import {
  agentResource,
  callerOf,
  endpointOf,
  filled,
  gatewayActor,
  readEvent,
  resourceOf,
  traceOf,
  unmappedOf,
  type EventReader,
} from './ocsf-parts.ts'
import type { OcsfSource } from './read-ledger.ts'

type Place = { readonly origin: string }

/** A class, its profiles, and its members: what is left is the same for every record. */
export interface OcsfMembers {
  readonly profiles: readonly string[]
  readonly members: JsonObject
}

const [create, read, update, remove] = [1, 2, 3, 4]
const activities: Readonly<Record<Operation, number>> = {
  SendMessage: create,
  SendStreamingMessage: create,
  GetTask: read,
  ListTasks: read,
  CancelTask: update,
  SubscribeToTask: read,
  CreateTaskPushNotificationConfig: create,
  GetTaskPushNotificationConfig: read,
  ListTaskPushNotificationConfigs: read,
  DeleteTaskPushNotificationConfig: remove,
  GetExtendedAgentCard: read,
}
/** what discovery serves */
const discoveryOperations: readonly string[] = ['ListAgents', 'GetAgentCard']

function activityOf(operation: string): number {
  if (isOperation(operation)) return activities[operation]
  return discoveryOperations.includes(operation) ? read : 0
}

/** A decision or a completion. */
export function callEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const event = readEvent(record.event)
  const principal = event.text('caller')
  const onBehalf = event.text('origin')
  const version = event.text('version')
  const tenant = event.text('tenant')
  const detail = event.text('detail')
  const status = event.number('status') ?? 0
  const trace = event.text('trace')
  const traced = traceOf(trace)
  const decision = envelope.outcome === 'refused' ? 'Denied' : 'Allowed'
  const rules = event.texts('rules')
  const user = callerOf(record, principal)
  const credential = credentialOf(event)
  return {
    profiles: traced === undefined ? ['security_control'] : ['security_control', 'trace'],
    members: {
      ...classify(ocsfClass.apiActivity, activityOf(envelope.operation), envelope.operation),
      ...severity(severityOf(record)),
      ...outcomeOf(record),
      ...filled({ status_code: envelope.code, status_detail: detail }),
      actor: filled({
        user: credential === undefined ? user : { ...user, programmatic_credentials: [credential] },
        authorizations: rules.length === 0 ? undefined : rules.map((rule) => ({ decision, policy: { name: rule } })),
      }),
      api: filled({
        operation: envelope.operation === '' ? 'unknown' : envelope.operation,
        request: envelope.call === '' ? undefined : { uid: envelope.call },
        response: responseOf(status, envelope.code),
        service: envelope.agent === '' ? undefined : { uid: `agent:${envelope.agent}`, name: envelope.agent },
        version,
      }),
      src_endpoint: endpointOf(event.text('source')),
      ...wireMembers(record, event, status),
      ...filled({ trace: traced }),
      ...resourceMembers(record, event, tenant),
      unmapped: unmappedOf(record, origin, {
        ...delegationOf(principal, onBehalf, event.texts('chain')),
        ...callRest(event, { tenant, traceparent: trace }),
      }),
    },
  }
}

function severityOf({ envelope }: OcsfSource): Parameters<typeof severity>[0] {
  if (envelope.code === 'GATEWAY_INTERNAL' || envelope.code === 'AUDIT_UNAVAILABLE') return 'high'
  if (envelope.outcome === 'failed') return 'medium'
  return envelope.outcome === 'refused' ? 'low' : 'informational'
}

function outcomeOf({ envelope }: OcsfSource): JsonObject {
  const isOurs = envelope.code === 'GATEWAY_INTERNAL' || envelope.code === 'AUDIT_UNAVAILABLE'
  if (envelope.outcome === 'refused') return { ...failed, ...(isOurs ? control.erred : control.blocked) }
  // an answer that nobody may see was held back; anything else went wrong by itself
  const isHeldBack = envelope.code.startsWith('RELEASE_')
  if (envelope.outcome === 'failed') return { ...failed, ...(isHeldBack ? control.blocked : control.erred) }
  return { ...(envelope.outcome === 'aborted' ? aborted : succeeded), ...control.allowed }
}

function credentialOf(event: EventReader): JsonObject | undefined {
  const [type, uid] = [event.text('authentication'), event.text('credential')]
  return uid === '' ? undefined : filled({ uid, type })
}

function responseOf(status: number, code: string): JsonObject | undefined {
  if (status === 0 && code === '') return undefined
  return filled({ code: status === 0 ? undefined : status, error: code })
}

/** Sizes and times, as far as this record has them. */
function wireMembers({ envelope }: OcsfSource, event: EventReader, status: number): JsonObject {
  const requestBytes = event.number('requestBytes')
  const answerBytes = event.number('answerBytes')
  const duration = event.number('durationMs')
  const end = Date.parse(envelope.time)
  const whole = duration === undefined ? undefined : Math.max(0, Math.round(duration))
  return filled({
    duration: whole,
    start_time: whole === undefined ? undefined : end - whole,
    end_time: whole === undefined ? undefined : end,
    http_request: requestBytes === undefined ? undefined : { body_length: requestBytes },
    // 0 where nothing could be said to the caller
    http_response: status === 0 ? undefined : filled({ code: status, body_length: answerBytes }),
  })
}

function resourceMembers({ envelope }: OcsfSource, event: EventReader, tenant: string): JsonObject {
  const [task, context] = [event.text('task'), event.text('context')]
  const resources = [
    ...(envelope.agent === '' ? [] : [agentResource(envelope.agent)]),
    ...(task === '' ? [] : [resourceOf('task', task, tenant)]),
    ...(context === '' ? [] : [resourceOf('context', context, tenant)]),
  ]
  return resources.length === 0 ? {} : { resources }
}

/** On whose behalf, and through whom: 1.8.0 has no chain. */
function delegationOf(principal: string, onBehalf: string, chain: readonly string[]): JsonObject {
  if (chain.length === 0 && (onBehalf === '' || onBehalf === principal)) return {}
  return { delegation: filled({ origin: onBehalf, chain: chain.length === 0 ? undefined : [...chain] }) }
}

/** The rest of a call's event as it was recorded; message content only where a rule had it recorded. */
function callRest(event: EventReader, more: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const content = event.value('content')
  const isCut = event.value('contentCut')
  const binding = event.text('binding')
  return filled({ ...more, binding, content, content_cut: isCut, event: event.rest() })
}

/** A credential that was refused, or was missing. */
export function authenticationEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const event = readEvent(record.event)
  const user = callerOf(record, event.text('caller'))
  const method = event.text('authentication')
  const detail = event.text('detail')
  const requestBytes = event.number('requestBytes')
  const trace = event.text('trace')
  const tenant = event.text('tenant')
  return {
    profiles: ['security_control'],
    members: {
      ...classify(ocsfClass.authentication, 1, ''),
      ...severity('low'),
      ...failed,
      ...control.blocked,
      ...filled({ status_code: envelope.code, status_detail: detail }),
      user,
      actor: gatewayActor(origin),
      service: { uid: origin, name: 'Sallyport' },
      src_endpoint: endpointOf(event.text('source')),
      is_remote: true,
      ...(method !== '' && { auth_protocol_id: 99, auth_protocol: method }),
      ...filled({ http_request: requestBytes === undefined ? undefined : { body_length: requestBytes } }),
      unmapped: unmappedOf(record, origin, {
        ...filled({ operation: envelope.operation }),
        ...delegationOf('', event.text('origin'), event.texts('chain')),
        ...callRest(event, { tenant, traceparent: trace }),
      }),
    },
  }
}

const idMembers: Readonly<Record<string, string>> = { task: 'taskId', context: 'contextId', pushConfig: 'configId' }

/** A caller that comes to own a task, a context or a push configuration. */
export function ownershipEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const event = readEvent(record.event)
  const principal = event.text('caller')
  const onBehalf = event.text('origin')
  const claims = event.objects('claims')
  const named = claims.map((claim) => {
    const kind = textOf(claim['kind'])
    return `own ${kind} ${textOf(claim[idMembers[kind] ?? ''])}`.trim()
  })
  return {
    profiles: [],
    members: {
      ...classify(ocsfClass.authorizeSession, 1, ''),
      ...severity('informational'),
      ...succeeded,
      user: callerOf(record, principal),
      actor: gatewayActor(origin),
      privileges: named.length === 0 ? ['own'] : named,
      unmapped: unmappedOf(record, origin, {
        ...filled({ operation: envelope.operation }),
        ...delegationOf(principal, onBehalf, []),
        ...filled({ claims: claims.length === 0 ? undefined : claims, event: event.rest() }),
      }),
    },
  }
}

/** The operation of a token request, which is no operation of A2A. */
export const tokenOperation = 'ExchangeToken'

/** An agent that got, or was refused, a token for its next hop. */
export function tokenEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const event = readEvent(record.event)
  const principal = event.text('caller')
  const detail = event.text('detail')
  const isRefused = envelope.outcome === 'refused'
  return {
    profiles: [],
    members: {
      ...classify(ocsfClass.authorizeSession, 1, ''),
      ...severity(severityOf(record)),
      ...(isRefused ? failed : succeeded),
      ...filled({ status_code: envelope.code, status_detail: detail }),
      user: callerOf(record, principal),
      actor: gatewayActor(origin),
      privileges: [envelope.agent === '' ? 'act' : `act at agent:${envelope.agent}`],
      src_endpoint: endpointOf(event.text('source')),
      unmapped: unmappedOf(record, origin, {
        ...filled({ operation: envelope.operation }),
        ...delegationOf(principal, event.text('origin'), event.texts('chain')),
        ...filled({ event: event.rest() }),
      }),
    },
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
