// The REST paths of A2A 0.3 (specification §3.5.3 and the annotations of a2a.proto): those of 1.0 below /v1, without
// tenants, the extended card at /v1/card. Matched and built as strictly as paths.ts does it, by the same rules for ids.
// `GET /v1/tasks` is not there: §3.5.6 names it, but a2a.v1 defines no answer, and no server of 0.3 was found that
// gives one (that in Python answers 500, that in JavaScript 404).

import type { Operation } from '../operations.ts'
import { decodePathId, type RestMatch, type RestMethod, type RestPath } from '../paths.ts'

const prefix = '/v1/'
type ByMethod = Readonly<Partial<Record<string, Operation>>>

// prettier-ignore
const collections: ReadonlyMap<string, ByMethod> = new Map<string, ByMethod>([
  ['message:send',   { POST: 'SendMessage' }],
  ['message:stream', { POST: 'SendStreamingMessage' }],
  ['card',           { GET: 'GetExtendedAgentCard' }],
])
const taskVerbs: ReadonlyMap<string, ByMethod> = new Map<string, ByMethod>([
  ['', { GET: 'GetTask' }],
  [':cancel', { POST: 'CancelTask' }],
  // a2a.proto and Python say GET; the JavaScript client of 0.3 sends POST.
  [':subscribe', { GET: 'SubscribeToTask', POST: 'SubscribeToTask' }],
])
const configList: ByMethod = { GET: 'ListTaskPushNotificationConfigs', POST: 'CreateTaskPushNotificationConfig' }
const configItem: ByMethod = { GET: 'GetTaskPushNotificationConfig', DELETE: 'DeleteTaskPushNotificationConfig' }
const configSegment = 'pushNotificationConfigs'

/** True for a path that belongs to 0.3, found or not: no tenant of 1.0 may look like it. */
export function isRestPath03(rawPath: string): boolean {
  return rawPath.startsWith(prefix)
}

/** As matchRestPath; `tenant` is always ''. */
export function matchRestPath03(method: string, rawPath: string): RestMatch {
  if (!isRestPath03(rawPath)) return 'not-found'
  const segments = rawPath.slice(prefix.length).split('/', 5)
  if (segments.length > 4) return 'not-found'
  const [head = '', task, configs, config] = segments
  if (task === undefined) return choose(collections.get(head), method, '', '')
  if (head !== 'tasks') return 'not-found'
  if (configs === undefined) return matchTask(method, task)
  const taskId = decodePathId(task)
  if (configs !== configSegment || taskId === undefined) return 'not-found'
  if (config === undefined) return choose(configList, method, taskId, '')
  const configId = decodePathId(config)
  return configId === undefined ? 'not-found' : choose(configItem, method, taskId, configId)
}

function matchTask(method: string, segment: string): RestMatch {
  const colon = segment.lastIndexOf(':')
  const verb = colon === -1 ? '' : segment.slice(colon)
  const known = taskVerbs.has(verb) ? verb : ''
  const taskId = decodePathId(known === '' ? segment : segment.slice(0, colon))
  return taskId === undefined ? 'not-found' : choose(taskVerbs.get(known), method, taskId, '')
}

function choose(methods: ByMethod | undefined, method: string, taskId: string, configId: string): RestMatch {
  if (methods === undefined) return 'not-found'
  const operation = Object.hasOwn(methods, method) ? methods[method] : undefined
  return operation === undefined ? 'method-not-allowed' : { operation, tenant: '', taskId, configId }
}

const taskPath = ({ taskId }: RestPath): string => `/v1/tasks/${encodeURIComponent(taskId)}`
const configsPath = (path: RestPath): string => `${taskPath(path)}/${configSegment}`
const configPath = (path: RestPath): string => `${configsPath(path)}/${encodeURIComponent(path.configId)}`

// prettier-ignore
const builders: Readonly<Partial<Record<Operation, readonly [RestMethod, (path: RestPath) => string]>>> = Object.freeze({
  SendMessage:                      ['POST',   () => '/v1/message:send'],
  SendStreamingMessage:             ['POST',   () => '/v1/message:stream'],
  GetTask:                          ['GET',    taskPath],
  CancelTask:                       ['POST',   (path: RestPath) => `${taskPath(path)}:cancel`],
  SubscribeToTask:                  ['GET',    (path: RestPath) => `${taskPath(path)}:subscribe`],
  CreateTaskPushNotificationConfig: ['POST',   configsPath],
  GetTaskPushNotificationConfig:    ['GET',    configPath],
  ListTaskPushNotificationConfigs:  ['GET',    configsPath],
  DeleteTaskPushNotificationConfig: ['DELETE', configPath],
  GetExtendedAgentCard:             ['GET',    () => '/v1/card'],
} as const)

/** The agent's path; `query` comes without '?'. Ids have come through isPathId. undefined for ListTasks. */
export function buildRestPath03(path: RestPath, query = ''): string | undefined {
  const built = builders[path.operation]?.[1](path)
  return built === undefined || query === '' ? built : `${built}?${query}`
}

/** The HTTP method that agents of 0.3 expect. */
export function restMethod03(operation: Operation): RestMethod | undefined {
  return builders[operation]?.[0]
}
