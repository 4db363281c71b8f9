// The HTTP+JSON paths of A2A 1.0 (a2a.proto, specification §11): our own matcher and builder, so that gateway and
// agent cannot see different routes. Case-sensitive, no trailing slash; identifiers are decoded exactly once, and
// whatever another router could cut, decode or match otherwise is not found. The upstream path is rebuilt from
// what was understood, never passed through.

import type { Operation } from './operations.ts'

/** What a path names; same members as the walk's RestTarget. */
export interface RestPath {
  readonly operation: Operation
  readonly tenant: string
  readonly taskId: string
  readonly configId: string
}

export type RestMatch = RestPath | 'not-found' | 'method-not-allowed'

export type RestMethod = 'GET' | 'POST' | 'DELETE'

const longestId = 256 // bound: an id in a path

/** Operations of a path by HTTP method. */
export type ByMethod = Readonly<Partial<Record<string, Operation>>>
/** What the first segment alone names. */
export type Collections = ReadonlyMap<string, ByMethod>

// prettier-ignore
const collections: Collections = new Map<string, ByMethod>([
  ['message:send',      { POST: 'SendMessage' }],
  ['message:stream',    { POST: 'SendStreamingMessage' }],
  ['tasks',             { GET: 'ListTasks' }],
  ['extendedAgentCard', { GET: 'GetExtendedAgentCard' }],
])
const taskVerbs: ReadonlyMap<string, ByMethod> = new Map<string, ByMethod>([
  ['', { GET: 'GetTask' }],
  [':cancel', { POST: 'CancelTask' }],
  // The proto says GET, the specification's §11.3.2 says POST; agents of both minds exist. So it is in 0.3.
  [':subscribe', { GET: 'SubscribeToTask', POST: 'SubscribeToTask' }],
])
const configList: ByMethod = { GET: 'ListTaskPushNotificationConfigs', POST: 'CreateTaskPushNotificationConfig' }
const configItem: ByMethod = { GET: 'GetTaskPushNotificationConfig', DELETE: 'DeleteTaskPushNotificationConfig' }
const configSegment = 'pushNotificationConfigs'

// Lower case: several agents' routers ignore case. A tenant of such a name would make a path mean two things.
const reservedTenants: ReadonlySet<string> = new Set(
  [...collections.keys(), configSegment, '.well-known'].map((name) => name.toLowerCase()),
)

/** True for a tenant that could be taken for a segment of the route, or cannot stand in a path at all. */
export function isReservedTenant(tenant: string): boolean {
  return reservedTenants.has(tenant.toLowerCase()) || (tenant !== '' && !isPathId(tenant))
}

/**
 * Matches the raw path behind the agent's root, still percent-encoded, beginning with '/', without query.
 * 'method-not-allowed' only where the path itself is right.
 */
export function matchRestPath(method: string, rawPath: string): RestMatch {
  if (!rawPath.startsWith('/')) return 'not-found'
  const segments = rawPath.slice(1).split('/', 6)
  if (segments.length > 5) return 'not-found'
  const plain = matchSegments(collections, method, segments, '')
  if (plain !== 'not-found' || segments.length < 2) return plain
  const tenant = decodePathId(segments[0] ?? '')
  if (tenant === undefined || isReservedTenant(tenant)) return 'not-found'
  return matchSegments(collections, method, segments.slice(1), tenant)
}

/** The segments behind prefix and tenant, the same in every version but for the collections. */
export function matchSegments(
  known: Collections,
  method: string,
  segments: readonly string[],
  tenant: string,
): RestMatch {
  const [head = '', task, configs, config] = segments
  if (task === undefined) return choose(known.get(head), method, { tenant, taskId: '', configId: '' })
  if (head !== 'tasks' || segments.length > 4) return 'not-found'
  if (configs === undefined) return matchTask(method, task, tenant)
  const taskId = decodeTaskId(task)
  if (configs !== configSegment || taskId === undefined) return 'not-found'
  if (config === undefined) return choose(configList, method, { tenant, taskId, configId: '' })
  const configId = decodePathId(config)
  return configId === undefined ? 'not-found' : choose(configItem, method, { tenant, taskId, configId })
}

function matchTask(method: string, segment: string, tenant: string): RestMatch {
  const colon = segment.lastIndexOf(':')
  const verb = colon === -1 ? '' : segment.slice(colon)
  const known = taskVerbs.has(verb) ? verb : ''
  const taskId = decodeTaskId(known === '' ? segment : segment.slice(0, colon))
  return taskId === undefined ? 'not-found' : choose(taskVerbs.get(known), method, { tenant, taskId, configId: '' })
}

function choose(methods: ByMethod | undefined, method: string, ids: Omit<RestPath, 'operation'>): RestMatch {
  if (methods === undefined) return 'not-found'
  const operation = Object.hasOwn(methods, method) ? methods[method] : undefined
  return operation === undefined ? 'method-not-allowed' : { operation, ...ids }
}

// RFC 3986: pchar without percent; what may stand raw in a segment.
const rawSegment = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]+$/
const encodedSegment = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+$/
// An unreserved character needs no encoding; whoever encodes one hopes to be read differently further on.
const needlesslyEncoded = /%(?:2[dDeE]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])/

/** The identifier that a raw path segment spells, or undefined when it could be read in a second way. */
export function decodePathId(segment: string): string | undefined {
  let id = segment
  if (!rawSegment.test(segment)) {
    if (!encodedSegment.test(segment) || needlesslyEncoded.test(segment)) return undefined
    try {
      id = decodeURIComponent(segment)
    } catch {
      return undefined // not UTF-8
    }
  }
  return isPathId(id) ? id : undefined
}

function decodeTaskId(segment: string): string | undefined {
  const id = decodePathId(segment)
  return id !== undefined && isTaskPathId(id) ? id : undefined
}

/**
 * True for a task's identifier that a path can hold. `/tasks/extendedAgentCard` is the card of the tenant `tasks` for
 * routers that try tenants first (js).
 */
export function isTaskPathId(id: string): boolean {
  return isPathId(id) && !isReservedTenant(id)
}

// Delimiters, a second layer of encoding, C0, DEL, C1, line separators and lone surrogates.
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const forbiddenInId = /[/\\%?#\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u
// `x%3Acancel` is a task's name here and a verb for routers that match the decoded path.
const endsLikeVerb = /:(?:cancel|subscribe|send|stream)$/i

/** True for an identifier that every router reads alike once it is percent-encoded. */
export function isPathId(id: string): boolean {
  if (id === '' || id.length > longestId || id === '.' || id.includes('..')) return false
  return !forbiddenInId.test(id) && !endsLikeVerb.test(id)
}

const taskPath = ({ taskId }: RestPath): string => `/tasks/${encodeURIComponent(taskId)}`
const configsPath = (path: RestPath): string => `${taskPath(path)}/${configSegment}`
const configPath = (path: RestPath): string => `${configsPath(path)}/${encodeURIComponent(path.configId)}`

// prettier-ignore
const builders: Readonly<Record<Operation, (path: RestPath) => string>> = Object.freeze({
  SendMessage:                      () => '/message:send',
  SendStreamingMessage:             () => '/message:stream',
  GetTask:                          taskPath,
  ListTasks:                        () => '/tasks',
  CancelTask:                       (path: RestPath) => `${taskPath(path)}:cancel`,
  SubscribeToTask:                  (path: RestPath) => `${taskPath(path)}:subscribe`,
  CreateTaskPushNotificationConfig: configsPath,
  GetTaskPushNotificationConfig:    configPath,
  ListTaskPushNotificationConfigs:  configsPath,
  DeleteTaskPushNotificationConfig: configPath,
  GetExtendedAgentCard:             () => '/extendedAgentCard',
})

/** The methods that agents are called with. */
// prettier-ignore
export const restMethods: Readonly<Record<Operation, RestMethod>> = Object.freeze({
  SendMessage:                      'POST',
  SendStreamingMessage:             'POST',
  GetTask:                          'GET',
  ListTasks:                        'GET',
  CancelTask:                       'POST',
  SubscribeToTask:                  'GET',
  CreateTaskPushNotificationConfig: 'POST',
  GetTaskPushNotificationConfig:    'GET',
  ListTaskPushNotificationConfigs:  'GET',
  DeleteTaskPushNotificationConfig: 'DELETE',
  GetExtendedAgentCard:             'GET',
})

/** Rebuilds the agent's path. `query` comes without '?'; '' for none. Ids have come through matchRestPath. */
export function buildRestPath(path: RestPath, query = ''): string {
  const root = path.tenant === '' ? '' : `/${encodeURIComponent(path.tenant)}`
  const built = root + builders[path.operation](path)
  return query === '' ? built : `${built}?${query}`
}
