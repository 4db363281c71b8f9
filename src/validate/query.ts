// Query parameters of the HTTP+JSON binding (A2A 1.0 §11.5): camelCase, each at most once, each of one strict
// spelling. Names are compared raw, so an encoded, bracketed or miscased name is simply unknown, and unknown is
// refused: the query that the agent gets is rebuilt from what was understood.

import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import type { Operation } from '../a2a/operations.ts'

type ParameterKind = 'text' | 'count' | 'boolean'
type Parameters = ReadonlyMap<string, ParameterKind>

const tenant = ['tenant', 'text'] as const
const none: Parameters = new Map()
const tenantOnly: Parameters = new Map([tenant])

// Where a body may carry the tenant, the query may not (google.api.http `body: "*"`).
// prettier-ignore
const parameters: Readonly<Record<Operation, Parameters>> = Object.freeze({
  SendMessage:                      none,
  SendStreamingMessage:             none,
  GetTask:                          new Map<string, ParameterKind>([tenant, ['historyLength', 'count']]),
  ListTasks:                        new Map<string, ParameterKind>([tenant, ['contextId', 'text'], ['status', 'text'], ['pageSize', 'count'], ['pageToken', 'text'],
                                      ['historyLength', 'count'], ['statusTimestampAfter', 'text'], ['includeArtifacts', 'boolean']]),
  CancelTask:                       none,
  SubscribeToTask:                  tenantOnly,
  CreateTaskPushNotificationConfig: none,
  GetTaskPushNotificationConfig:    tenantOnly,
  ListTaskPushNotificationConfigs:  new Map<string, ParameterKind>([tenant, ['pageSize', 'count'], ['pageToken', 'text']]),
  DeleteTaskPushNotificationConfig: tenantOnly,
  GetExtendedAgentCard:             tenantOnly,
})

export interface Query {
  /** A2A-Version, where the query names it */
  readonly version: string | undefined
  /** parameters of the operation as its JSON members */
  readonly members: JsonObject
}

const versionParameter = 'A2A-Version'
const noQuery: Query = Object.freeze({ version: undefined, members: Object.freeze({}) })

/** `operation` undefined (JSON-RPC) allows A2A-Version only. A text answer says what was wrong, privately. */
export function readQuery(raw: string, operation: Operation | undefined): Query | string {
  if (raw === '') return noQuery
  const known = operation === undefined ? none : parameters[operation]
  const members: JsonObject = {}
  let version: string | undefined
  for (const pair of raw.split('&')) {
    const equals = pair.indexOf('=')
    const name = equals === -1 ? pair : pair.slice(0, equals)
    const value = equals === -1 ? undefined : decodeValue(pair.slice(equals + 1))
    if (value === undefined) return 'a parameter has no readable value'
    if (name === versionParameter) {
      if (version !== undefined) return 'a parameter is repeated'
      version = value
      continue
    }
    const kind = known.get(name)
    if (kind === undefined) return 'an unknown parameter'
    if (Object.hasOwn(members, name)) return 'a parameter is repeated'
    const member = readMember(value, kind)
    if (member === undefined) return `${name} is malformed`
    members[name] = member
  }
  return { version, members }
}

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const control = /[\u0000-\u001f\u007f-\u009f]/

/** Form decoding, once: '+' is a space. undefined when it is not UTF-8 or holds control characters. */
function decodeValue(raw: string): string | undefined {
  try {
    const value = decodeURIComponent(raw.replaceAll('+', ' '))
    return control.test(value) ? undefined : value
  } catch {
    return undefined // not UTF-8
  }
}

const count = /^(?:0|[1-9]\d{0,9})$/
const largestCount = 2 ** 31 - 1

function readMember(value: string, kind: ParameterKind): JsonValue | undefined {
  if (kind === 'text') return value
  if (kind === 'count') return count.test(value) && Number(value) <= largestCount ? Number(value) : undefined
  return value === 'true' ? true : value === 'false' ? false : undefined
}

/** Writes the members that the agent should get; the tenant travels in the path. */
export function buildQuery(members: JsonObject): string {
  let query = ''
  for (const [name, value] of Object.entries(members)) {
    if (name === 'tenant' || value === '' || typeof value === 'object') continue
    query += `${query === '' ? '' : '&'}${name}=${encodeURIComponent(value)}`
  }
  return query
}
