// Requests on the REST paths of 0.3: path, query and body together are the parameters. Bodies are ProtoJSON of a2a.v1.
// Where the path names a task the body may repeat it, and must then agree.

import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import { checkShape } from '../check-shape.ts'
import type { Operation } from '../operations.ts'
import { isPathId, type RestMethod, type RestPath } from '../paths.ts'
import { configFrom03, readConfigName, readTaskName, withConfigId } from './push-configs.ts'
import { bareConfig, requestFrom03, requestTo03 } from './requests.ts'
import { buildRestPath03, restMethod03 } from './rest-paths.ts'
import { restBodies03 } from './shapes-proto.ts'
import {
  inexpressible,
  isObject,
  objectMember,
  textMember,
  translate,
  type Losses,
  type Translated,
} from './translation.ts'

/**
 * The parameters of 1.0 that a REST request of 0.3 means. `query` holds the members that its query names, already read
 * (historyLength, pageSize, pageToken); `body` is undefined where there was none.
 */
export function requestFromRest03(path: RestPath, query: JsonObject, body: JsonValue | undefined): Translated {
  const { operation, taskId, configId } = path
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return requestFrom03(operation, body, 'proto')
    case 'GetTask':
      return plain({ id: taskId, ...query }, body)
    case 'CancelTask':
    case 'SubscribeToTask':
      return ofTask(taskId, body)
    case 'CreateTaskPushNotificationConfig':
      return newConfig(taskId, body)
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig':
      return plain({ taskId, id: configId }, body)
    case 'ListTaskPushNotificationConfigs':
      return plain({ taskId, ...query }, body)
    case 'GetExtendedAgentCard':
      return plain({}, body)
    case 'ListTasks':
      break
  }
  return { ok: false, path: '', reason: 'inexpressible' }
}

function plain(value: JsonObject, body: JsonValue | undefined): Translated {
  return body === undefined ? { ok: true, value, lost: [] } : { ok: false, path: 'body', reason: 'type' }
}

/** The Python client repeats the task as `{name}`; those in JavaScript and Go send nothing, or null. */
function ofTask(taskId: string, body: JsonValue | undefined): Translated {
  const given = body ?? {}
  const problem = checkShape(given, restBodies03.cancel)
  if (problem !== undefined) return { ok: false, ...problem }
  return translate((lost) => {
    if (!isObject(given)) return inexpressible('')
    const name = textMember(given, 'name')
    if (name !== '' && readTaskName(name) !== taskId) inexpressible('name')
    for (const key of Object.keys(given)) if (key !== 'name') lost.add('', key)
    return { id: taskId }
  })
}

function newConfig(taskId: string, body: JsonValue | undefined): Translated {
  const given = body ?? {}
  const isWhole = isObject(given) && Object.hasOwn(given, 'config')
  const problem = checkShape(given, isWhole ? restBodies03.newConfig : restBodies03.plainConfig)
  if (problem !== undefined) return { ok: false, ...problem }
  return translate((lost) => {
    if (!isObject(given)) return inexpressible('')
    return { taskId, ...(isWhole ? wholeConfig(given, taskId, lost) : plainConfig(given, taskId, lost)) }
  })
}

function wholeConfig(body: JsonObject, taskId: string, lost: Losses): JsonObject {
  const parent = textMember(body, 'parent')
  if (parent !== '' && readTaskName(parent) !== taskId) inexpressible('parent')
  for (const key of Object.keys(body)) if (!wholeMembers.has(key)) lost.add('', key)
  const config = bareConfig(objectMember(body, 'config') ?? {}, taskId, lost)
  return withConfigId(config, textMember(body, 'configId'), 'configId')
}

const wholeMembers: ReadonlySet<string> = new Set(['parent', 'configId', 'config'])

function plainConfig(body: JsonObject, taskId: string, lost: Losses): JsonObject {
  const inner = objectMember(body, 'pushNotificationConfig') ?? {}
  const config = configFrom03(inner, 'proto', 'pushNotificationConfig', lost)
  for (const key of Object.keys(body)) if (key !== 'name' && key !== 'pushNotificationConfig') lost.add('', key)
  const name = textMember(body, 'name')
  if (name === '') return config
  const named = readConfigName(name)
  return named?.taskId === taskId ? withConfigId(config, named.configId, 'name') : inexpressible('name')
}

export type RestRequest03 =
  | {
      readonly ok: true
      readonly method: RestMethod
      /** below the agent's root, with its query */
      readonly path: string
      readonly body: JsonValue | undefined
      readonly lost: readonly string[]
    }
  | Extract<Translated, { ok: false }>

/** The REST request of 0.3 for parameters of 1.0, which have passed requestShape. */
export function requestToRest03(operation: Operation, params: JsonObject): RestRequest03 {
  const translated = requestTo03(operation, params, 'proto')
  const method = restMethod03(operation)
  if (!translated.ok || method === undefined)
    return translated.ok ? { ok: false, path: '', reason: 'inexpressible' } : translated
  const ids = idsOf(operation, params)
  for (const [name, id] of Object.entries(ids))
    if (id !== '' && !isPathId(id)) return { ok: false, path: name, reason: 'inexpressible' }
  const { historyLength, pageSize, pageToken } = isObject(translated.value) ? translated.value : {}
  const query = method === 'GET' ? queryOf({ historyLength, pageSize, pageToken }) : ''
  const path = buildRestPath03({ operation, tenant: '', taskId: ids.taskId, configId: ids.id }, query) ?? ''
  const hasBody = method === 'POST' && operation !== 'SubscribeToTask'
  const body = hasBody ? bodyTo03(operation, translated.value) : undefined
  const lost = body === undefined ? [...translated.lost, ...lostInQuery(translated.value)] : translated.lost
  return { ok: true, method, path, body, lost }
}

const queryNames: ReadonlySet<string> = new Set(['name', 'historyLength', 'pageSize', 'pageToken'])

/** Without a body there is no place for what nobody defined. */
const lostInQuery = (value: JsonValue): string[] =>
  isObject(value) ? Object.keys(value).filter((name) => !queryNames.has(name)) : []

/**
 * Of a new webhook Python's agents read the whole request, JavaScript's its `config` alone, as a2a.proto says; each passes
 * over what the other reads, so both are sent.
 */
function bodyTo03(operation: Operation, request: JsonValue): JsonValue {
  if (operation !== 'CreateTaskPushNotificationConfig' || !isObject(request)) return request
  return { ...objectMember(request, 'config'), ...request }
}

function idsOf(operation: Operation, params: JsonObject): { readonly taskId: string; readonly id: string } {
  const taskId = textMember(params, 'taskId')
  return taskId === '' ? { taskId: textMember(params, 'id'), id: '' } : { taskId, id: textMember(params, 'id') }
}

function queryOf(members: Readonly<Record<string, JsonValue | undefined>>): string {
  const pairs = Object.entries(members).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [`${name}=${encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value))}`],
  )
  return pairs.join('&')
}
