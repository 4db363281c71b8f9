// Door of release: what comes back is as hostile as what goes in. Answers, events and errors of agents pass the same
// strict scanner, the A2A shape and ownership before the caller sees a byte; what two parsers could read differently,
// or what names another owner's task, becomes InvalidAgentResponse. What passes, passes as the agent wrote it.

import { frameCard, rebuildCard } from '../a2a/card.ts'
import { acceptedMethods } from '../config/config.ts'
import { namedIds, type NamedTask } from '../a2a/named-ids.ts'
import { answerShape, checkShape, jsonRpcAnswerShape, restErrorShape } from '../a2a/shape.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonValue } from '../base/strict-json.ts'
import type { Admitted, Claim, Released, ReleasedFields } from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { filterConfigs } from './filter-configs.ts'
import { claimNamed, type OwnershipBook } from './settle-ownership.ts'

export { claimOfRequest } from './settle-ownership.ts'
export type { OwnershipBook } from './settle-ownership.ts'

/** What an agent sent back, unread. */
export interface UnreadAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

interface Settled {
  readonly released: Released
  /** new ownership, already taken in memory, to be made durable before the caller sees the text */
  readonly claims: readonly Claim[]
  /** what was said of the caller's tasks, for ListTasks */
  readonly states: readonly NamedTask[]
  /** gives the claims back when they could not be made durable */
  readonly undo: () => void
}
export interface ReleasedAnswer extends Settled {
  readonly status: number
  readonly contentType: string
}
export interface ReleasedEvent extends Settled {
  readonly name: string
}

const invalid = (detail: string): Refusal => refuse('RELEASE_INVALID_ANSWER', detail)
const nothing = (): void => undefined

/** A page of a web server says nothing but its status: whoever reads the detail needs it. */
function withStatus(refusal: Refusal, status: number): Refusal {
  if (status < 400 || refusal.code !== 'RELEASE_INVALID_ANSWER') return refusal
  return invalid(`${refusal.detail} (status ${status})`)
}

/** A unary answer: a result, or an error that the agent has a right to give. */
export function releaseAnswer(
  admitted: Admitted,
  answer: UnreadAnswer,
  ownership: OwnershipBook,
): ReleasedAnswer | Refusal {
  const unusable = checkStatus(answer.status)
  if (unusable !== undefined) return unusable
  if (answer.body.length === 0) return releaseEmpty(admitted, answer)
  const parsed = parseAnswer(admitted, answer.body)
  if (isRefusal(parsed)) return withStatus(parsed, answer.status)
  const { text, value } = parsed
  if (admitted.binding === 'JSONRPC') {
    const result = openEnvelope(admitted, value)
    if (isRefusal(result)) return withStatus(result, answer.status)
    if (result === agentError) return pass(text, 200)
    return releaseResult(admitted, { text, value: result.result, status: 200 }, ownership)
  }
  if (answer.status >= 400) return releaseRestError(value, text, answer.status)
  return releaseResult(admitted, { text, value, status: answer.status }, ownership)
}

/** One event of a stream: a result, or the error with which the agent ends it. */
export function releaseEvent(
  admitted: Admitted,
  event: { readonly name: string; readonly data: string },
  ownership: OwnershipBook,
): ReleasedEvent | Refusal {
  if (event.name !== '' && event.name !== 'message' && event.name !== 'error')
    return invalid('an event of unknown kind')
  const parsed = parseText(admitted, event.data)
  if (isRefusal(parsed)) return parsed
  const name = event.name === 'error' ? 'error' : ''
  let { value } = parsed
  if (admitted.binding === 'JSONRPC') {
    const result = openEnvelope(admitted, value)
    if (isRefusal(result)) return result
    if (result === agentError) return { name, ...settledText(event.data) }
    value = result.result
  } else if (name === 'error' || (isJsonObject(value) && Object.hasOwn(value, 'error'))) {
    const problem = checkShape(value, restErrorShape)
    if (problem !== undefined) return invalid(`error event: ${problem.reason} at ${problem.path}`)
    return { name: 'error', ...settledText(event.data) }
  }
  if (name === 'error') return invalid('a result in an error event')
  const settled = settle(admitted, value, event.data, ownership)
  return isRefusal(settled) ? settled : { ...settled, name }
}

/** Statuses that say something of the agent's relation to the gateway, not of the caller's request. */
function checkStatus(status: number): Refusal | undefined {
  if (status >= 502 && status <= 504) return refuse('FORWARD_UNAVAILABLE', `the agent answered ${status}`)
  if (status === 401 || status === 403 || status === 407) {
    return refuse('FORWARD_UNAVAILABLE', `the agent refused the gateway with ${status}`)
  }
  if (status < 200 || (status >= 300 && status < 400)) return invalid(`status ${status}`)
  return undefined
}

function releaseEmpty(admitted: Admitted, answer: UnreadAnswer): ReleasedAnswer | Refusal {
  const isDelete = admitted.operation === 'DeleteTaskPushNotificationConfig' && admitted.binding === 'HTTP+JSON'
  if (!isDelete || answer.status >= 300) return invalid(`status ${answer.status} without a body`)
  return { status: 204, contentType: 'application/json', ...settledText('') }
}

function parseAnswer(admitted: Admitted, body: Buffer): { text: string; value: JsonValue } | Refusal {
  const text = decodeUtf8(body)
  return text === undefined ? invalid('not UTF-8') : parseText(admitted, text)
}

function parseText(admitted: Admitted, text: string): { text: string; value: JsonValue } | Refusal {
  const { jsonDepth, jsonNodes } = admitted.snapshot.config.gateway.bounds
  const parsed = parseStrictJson(text, { maxDepth: jsonDepth, maxNodes: jsonNodes })
  return parsed.ok ? { text, value: parsed.value } : invalid(`${parsed.reason} at ${parsed.offset}`)
}

/** The agent's own error, passed on as it is. */
const agentError: unique symbol = Symbol('agent error')

function openEnvelope(admitted: Admitted, value: JsonValue): { result: JsonValue } | typeof agentError | Refusal {
  const problem = checkShape(value, jsonRpcAnswerShape)
  if (problem !== undefined) return invalid(`envelope: ${problem.reason} at ${problem.path}`)
  if (!isJsonObject(value)) return invalid('not an object')
  const requestId = isJsonObject(admitted.body) ? admitted.body['id'] : undefined
  const error = value['error']
  if (isJsonObject(error)) {
    const code = error['code']
    if (!Number.isInteger(code)) return invalid('an error without an integer code')
    // an agent that could not read the request answers with a null id
    if (value['id'] !== requestId && value['id'] !== null) return invalid('the answer is to another request')
    // said in our own words, so that it cannot be told from what a foreign task answers
    return code === -32001 ? refuse('AUTHZ_TASK_NOT_FOUND', 'the agent does not know the task') : agentError
  }
  if (value['id'] !== requestId) return invalid('the answer is to another request')
  return { result: value['result'] ?? null }
}

/** A text that names nobody's task, or only such as were settled before. */
function pass(text: string, status: number): ReleasedAnswer {
  return { status, contentType: 'application/json', ...settledText(text) }
}

function settledText(text: string): Settled {
  return { released: release(text), claims: [], states: [], undo: nothing }
}

function releaseRestError(value: JsonValue, text: string, status: number): ReleasedAnswer | Refusal {
  const problem = checkShape(value, restErrorShape)
  if (problem !== undefined) return withStatus(invalid(`error: ${problem.reason} at ${problem.path}`), status)
  if (status === 404) return refuse('AUTHZ_TASK_NOT_FOUND', 'the agent does not know the task')
  return pass(text, status)
}

function releaseResult(
  admitted: Admitted,
  answer: { readonly text: string; readonly value: JsonValue; readonly status: number },
  ownership: OwnershipBook,
): ReleasedAnswer | Refusal {
  if (admitted.operation === 'GetExtendedAgentCard') return releaseCard(admitted, answer.value)
  const settled = settle(admitted, answer.value, answer.text, ownership)
  return isRefusal(settled) ? settled : { ...settled, status: answer.status, contentType: 'application/json' }
}

/** Shape and ownership of a result or event; the text that may go out. */
function settle(admitted: Admitted, value: JsonValue, text: string, ownership: OwnershipBook): Settled | Refusal {
  const problem = checkShape(value, answerShape(admitted.operation, admitted.binding))
  if (problem !== undefined) return invalid(`${problem.reason} at ${problem.path}`)
  const named = namedIds(admitted.operation, value)
  if (admitted.operation === 'ListTaskPushNotificationConfigs') {
    const filtered = filterConfigs(admitted, value, text, ownership)
    return isRefusal(filtered) ? filtered : settledText(filtered)
  }
  const claims = claimNamed(admitted, named, ownership)
  if (isRefusal(claims)) return claims
  return { released: release(text), claims: claims.fresh, states: named.tasks, undo: claims.undo }
}

/** A list of tasks that were each released before, put together here. */
export function releaseList(
  admitted: Admitted,
  tasks: readonly string[],
  page: { readonly nextToken: string; readonly pageSize: number; readonly totalSize: number },
): ReleasedAnswer {
  const { pageSize, totalSize } = page
  const body = `{"tasks":[${tasks.join(',')}],"nextPageToken":"${page.nextToken}","pageSize":${pageSize},"totalSize":${totalSize}}`
  return pass(inEnvelope(admitted, body), 200)
}

function inEnvelope(admitted: Admitted, result: string): string {
  return admitted.binding === 'JSONRPC' ? `{"jsonrpc":"2.0","id":${admitted.requestId},"result":${result}}` : result
}

function releaseCard(admitted: Admitted, value: JsonValue): ReleasedAnswer | Refusal {
  const { snapshot, agent } = admitted
  const card = rebuildCard(value, frameCard(snapshot.publicUrl, agent, acceptedMethods(snapshot.config, agent)))
  if (typeof card === 'string') return invalid(card)
  return pass(inEnvelope(admitted, JSON.stringify(card)), 200)
}

/** The one mint of Released. */
function release(text: string): Released {
  const fields: ReleasedFields = { text }
  return fields as Released
}
