// A call as an agent of another binding than the caller's is to read it, made from the canonical form. Where both speak
// alike nothing of this is used: the original bytes go through.

import { encodeRequest as encodeGrpcRequest } from '../protobuf/encode.ts'
import { methodOf } from '../protobuf/schema.ts'
import type { Operation } from '../a2a/operations.ts'
import { buildRestPath, isPathId, isTaskPathId, restMethods, type RestMethod } from '../a2a/paths.ts'
import { placeTenant } from '../a2a/place-tenant.ts'
import { removeMember, type JsonObject, type JsonValue } from '../base/strict-json.ts'

/** A call in canonical form. */
export interface CanonicalCall {
  readonly operation: Operation
  readonly params: JsonObject
  readonly text: string
  /** the agent's own */
  readonly tenant: string
}

export interface EncodedRequest {
  readonly method: RestMethod
  /** below the agent's base URL; '' on JSON-RPC */
  readonly path: string
  readonly body: string
  /** on gRPC, instead of a body */
  readonly message?: Buffer
  /** members of the caller's request that this form has no place for */
  readonly lost?: readonly string[]
}

/** The message of a gRPC call; a string says which member cannot be said there. */
export function encodeGrpc({ operation, text, tenant }: CanonicalCall): EncodedRequest | string {
  const path = methodOf(operation)?.path ?? ''
  const params = JSON.parse(text) as JsonObject // it is the canonical text of an object
  const encoded = encodeGrpcRequest(operation, tenant === '' ? params : { ...params, tenant })
  if (!encoded.ok) return `${encoded.path}: ${encoded.reason}`
  return { method: 'POST', path, body: '', message: encoded.bytes, lost: encoded.lost }
}

/** The id of JSON-RPC requests that the gateway makes itself, as a value and as a JSON token: answers must name it. */
export const ownRequestId = 1
export const ownRequestToken: string = String(ownRequestId)

/** `requestId` is a JSON token. */
export function encodeJsonRpc(call: CanonicalCall, requestId: string): EncodedRequest {
  const body = `{"jsonrpc":"2.0","id":${requestId},"method":"${call.operation}","params":${call.text}}`
  return { method: 'POST', path: '', body: placeTenant(body, call.tenant) }
}

/**
 * What stands in the path, and so not in query or body (a2a.proto, google.api.http). A string says which id no path can
 * hold: `..` would be another resource for the agent's server.
 */
export function encodeRest({ operation, params, text, tenant }: CanonicalCall): EncodedRequest | string {
  const method = restMethods[operation]
  const isConfig = operation.includes('PushNotificationConfig')
  const taskId = textOf(isConfig ? params['taskId'] : params['id'])
  const isNewConfig = operation === 'CreateTaskPushNotificationConfig'
  const configId = isConfig && !isNewConfig ? textOf(params['id']) : ''
  const inPath = isConfig ? (isNewConfig ? ['taskId', 'tenant'] : ['taskId', 'id', 'tenant']) : ['tenant']
  if (operation === 'GetTask' || operation === 'CancelTask' || operation === 'SubscribeToTask') inPath.push('id')
  const path = { operation, tenant, taskId, configId }
  if (taskId !== '' && !isTaskPathId(taskId)) return 'the id of the task cannot stand in a path'
  if (configId !== '' && !isPathId(configId)) return 'the id of the configuration cannot stand in a path'
  if (method !== 'POST')
    return { method, path: buildRestPath(path, queryOf(params)), body: '', lost: lostInQuery(params, inPath) }
  const body = inPath.reduce(removeMember, text)
  return { method, path: buildRestPath(path), body }
}

/** Those that the operations without a body have beside their ids (§11.5). */
const queryNames: ReadonlySet<string> = new Set(['historyLength', 'pageSize', 'pageToken'])

function queryOf(params: JsonObject): string {
  const query = new URLSearchParams()
  for (const name of queryNames) {
    const value = params[name]
    if (typeof value === 'string' || typeof value === 'number') query.set(name, String(value))
  }
  return query.toString()
}

/** A query has no place for what nobody defined. */
const lostInQuery = (params: JsonObject, inPath: readonly string[]): string[] =>
  Object.keys(params).filter((name) => !inPath.includes(name) && !queryNames.has(name))

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
