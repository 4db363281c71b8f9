// What an agent answered, brought from its own form into the one of A2A 1.0 in JSON that everything is judged by. The
// text has passed the strict parser; nothing here decides who may see it. A form that cannot be read is told as text.

import { errorOfJsonRpc, errorOfStatus, type AgentError } from '../a2a/errors.ts'
import type { Operation } from '../a2a/operations.ts'
import { checkShape, jsonRpcAnswerShape, restErrorShape } from '../a2a/shape.ts'
import { isJsonObject, memberRange, type JsonValue } from '../base/strict-json.ts'

/** A result in canonical form. */
export interface OpenedResult {
  readonly kind: 'result'
  readonly value: JsonValue
  /** the JSON text of `value`, numbers as the agent wrote them */
  readonly text: () => string
}

/** The agent's own error. */
export interface OpenedError {
  readonly kind: 'error'
  readonly error: AgentError
}

export type Opened = OpenedResult | OpenedError

/** A JSON-RPC answer. `requestId` is the id of the request as a value. A string says what was wrong. */
export function openJsonRpc(text: string, value: JsonValue, requestId: JsonValue | undefined): Opened | string {
  const problem = checkShape(value, jsonRpcAnswerShape)
  if (problem !== undefined) return `envelope: ${problem.reason} at ${problem.path}`
  if (!isJsonObject(value)) return 'not an object'
  const error = value['error']
  if (isJsonObject(error)) {
    const { code, message } = error
    if (typeof code !== 'number' || !Number.isInteger(code)) return 'an error without an integer code'
    // an agent that could not read the request answers with a null id
    if (value['id'] !== requestId && value['id'] !== null) return 'the answer is to another request'
    return { kind: 'error', error: errorOfJsonRpc(code, typeof message === 'string' ? message : '', error['data']) }
  }
  if (value['id'] !== requestId) return 'the answer is to another request'
  return { kind: 'result', value: value['result'] ?? null, text: () => cut(text, ['result']) }
}

/** An HTTP+JSON error body, or the data of an error event, which has no status of its own. */
export function openRestError(value: JsonValue, httpStatus: number | undefined): OpenedError | string {
  const problem = checkShape(value, restErrorShape)
  if (problem !== undefined) return `error: ${problem.reason} at ${problem.path}`
  const error = isJsonObject(value) && isJsonObject(value['error']) ? value['error'] : {}
  const { code, status, message, details } = error
  const http = httpStatus ?? (typeof code === 'number' ? code : undefined)
  const found = errorOfStatus(textOf(status), textOf(message), Array.isArray(details) ? details : [], http)
  return { kind: 'error', error: found }
}

export function openRestResult(text: string, value: JsonValue): OpenedResult {
  return { kind: 'result', value, text: () => cut(text, []) }
}

const cut = (text: string, path: readonly string[]): string => {
  const range = memberRange(text, path)
  return range === undefined ? 'null' : text.slice(range.start, range.end)
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

/** Operations whose result is nothing: agents say `null`, `{}` or no body at all. */
export const answersNothing = (operation: Operation): boolean => operation === 'DeleteTaskPushNotificationConfig'
