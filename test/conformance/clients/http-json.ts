// The HTTP+JSON binding (1.0 §11; 0.3.0 §5.6.3): verb and path say the operation, ids are in the path, and the rest is
// a query or a body.

import { errorInfoIn, headersOf, type Address, type Answer, type CallOptions, type Client } from './client.ts'
import { exchange, openStream, type HttpAnswer, type HttpRequest } from './http.ts'
import { current, objectOf, type JsonObject, type JsonValue, type Operation } from '../wire/dialect.ts'
import { legacyProto } from '../wire/legacy-proto.ts'

interface Route {
  readonly method: string
  readonly path: string
  /** all parameters; a push configuration; what the path does not say, if there is anything; or none */
  readonly body?: 'all' | 'config' | 'rest'
}

// {id} and {task} stand for what the operation's parameters call so; what is in no path goes into the query.
// prettier-ignore
const routes: Readonly<Record<Operation, Route>> = {
  SendMessage:                      { method: 'POST',   path: '/message:send', body: 'all' },
  SendStreamingMessage:             { method: 'POST',   path: '/message:stream', body: 'all' },
  GetTask:                          { method: 'GET',    path: '/tasks/{id}' },
  ListTasks:                        { method: 'GET',    path: '/tasks' },
  CancelTask:                       { method: 'POST',   path: '/tasks/{id}:cancel', body: 'rest' },
  SubscribeToTask:                  { method: 'GET',    path: '/tasks/{id}:subscribe' },
  CreateTaskPushNotificationConfig: { method: 'POST',   path: '/tasks/{taskId}/pushNotificationConfigs', body: 'config' },
  GetTaskPushNotificationConfig:    { method: 'GET',    path: '/tasks/{taskId}/pushNotificationConfigs/{id}' },
  ListTaskPushNotificationConfigs:  { method: 'GET',    path: '/tasks/{taskId}/pushNotificationConfigs' },
  DeleteTaskPushNotificationConfig: { method: 'DELETE', path: '/tasks/{taskId}/pushNotificationConfigs/{id}' },
  GetExtendedAgentCard:             { method: 'GET',    path: '/extendedAgentCard' },
}

export function httpJsonClient(address: Address): Client {
  const isLegacy = address.face.version === '0.3'
  const dialect = isLegacy ? legacyProto : current
  const spell = (operation: Operation, params: JsonObject, options?: CallOptions): HttpRequest => {
    const { method, path, body } = routes[operation]
    const filled = fill(isLegacy && operation === 'GetExtendedAgentCard' ? '/card' : path, params)
    const root = isLegacy ? '/v1' : address.tenant === '' ? '' : `/${encodeURIComponent(address.tenant)}`
    const query = body === undefined ? queryOf(filled.rest) : ''
    const sent = bodyOf(body, operation, params, filled.rest)
    return httpJsonRequest(address, { method, path: `${root}${filled.path}${query}`, body: sent }, options)
  }
  const bodyOf = (
    body: Route['body'],
    operation: Operation,
    params: JsonObject,
    rest: JsonObject,
  ): JsonValue | undefined => {
    if (body === undefined) return undefined
    if (body === 'rest') return Object.keys(rest).length === 0 ? undefined : rest
    if (body === 'config' && !isLegacy) return rest
    const encoded = dialect.encode(operation, params)
    return body === 'config' ? encoded['config'] : encoded
  }
  return {
    address,
    call: async (operation, params, options) =>
      readHttpJson(await exchange(spell(operation, params, options)), (result) => dialect.decode(operation, result)),
    stream: async (operation, params, options) => {
      const opened = await openStream(spell(operation, params, options), (data) => dialect.decodeEvent(data))
      return 'kind' in opened ? opened : readHttpJson(opened, (result) => result)
    },
    close: () => undefined,
  }
}

export interface HttpJsonCall {
  readonly method: string
  readonly path: string
  readonly body?: JsonValue | undefined
}

/** Any path and body, sent as the binding sends them. */
export function httpJsonRequest(address: Address, call: HttpJsonCall, options?: CallOptions): HttpRequest {
  const { method, path, body } = call
  const mediaType = address.face.version === '0.3' ? 'application/json' : 'application/a2a+json'
  const headers = { ...(body !== undefined && { 'content-type': mediaType }), ...headersOf(address, options) }
  return { method, url: `${address.url}${path}`, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
}

export function readHttpJson(answer: HttpAnswer, decode: (result: JsonValue) => JsonValue): Answer {
  const { status: http, headers, json } = answer
  const common = { kind: 'answer', http, headers, wire: json } as const
  if (http < 400) {
    // 204 has no body
    const result = answer.text === '' ? {} : objectOf(decode(json), 'a result')
    return { ...common, result, failure: undefined }
  }
  // 1.0 wraps it, 0.3 does not
  const isWrapped = json['error'] !== undefined
  const error = isWrapped ? objectOf(json['error'], 'an error') : json
  const inner = isWrapped ? undefined : Number(error['code'])
  const status = typeof error['status'] === 'string' ? error['status'] : ''
  const message = typeof error['message'] === 'string' ? error['message'] : answer.text.slice(0, 200)
  const failure = { code: http, inner, status, ...errorInfoIn(error['details'] ?? error['data']), message }
  return { ...common, result: {}, failure }
}

function fill(path: string, params: JsonObject): { readonly path: string; readonly rest: JsonObject } {
  const rest = { ...params }
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = rest[name]
    delete rest[name]
    return encodeURIComponent(typeof value === 'string' ? value : '')
  })
  return { path: filled, rest }
}

function queryOf(params: JsonObject): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    query.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  return query.size === 0 ? '' : `?${query.toString()}`
}
