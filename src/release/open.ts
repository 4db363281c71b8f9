// What came back from an agent, in whichever form it speaks, read by the same strict scanner into the one form that
// shape and ownership are judged by.

import { answersNothing, openJsonRpc, openRestError, openRestResult, type Opened } from '../faces/open-answer.ts'
import { errorOfGrpc, type GrpcFailure } from '../faces/grpc-error.ts'
import { resultFromOld } from '../faces/old-version.ts'
import { errorOfJsonRpc } from '../a2a/errors.ts'
import { errorFromRest03 } from '../a2a/v0-3/errors.ts'
import { decodeAnswer } from '../protobuf/decode.ts'
import { speaksAlike } from '../faces/choose-face.ts'
import { ownRequestId } from '../faces/encode-request.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonValue } from '../base/strict-json.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'

/** What an agent sent back, unread. */
export interface UnreadAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
  /** on gRPC: with what the agent ended the call, other than OK */
  readonly grpc?: GrpcFailure | undefined
}

/** One event as it came from the stream's parser. */
export interface UnreadEvent {
  readonly name: string
  readonly data: string
  /** on gRPC, instead of name and data: a message, or with what the agent ended its stream */
  readonly grpc?: Buffer | GrpcFailure | undefined
}

/** `original`: what may go out as it is, where caller and agent speak alike. */
export type OpenedAnswer = Opened & {
  readonly original: string | Buffer | GrpcFailure
  /** members that the canonical form has no place for */
  readonly lost?: readonly string[] | undefined
}

export const invalid = (detail: string): Refusal => refuse('RELEASE_INVALID_ANSWER', detail)

export function openAnswer(admitted: Admitted, answer: UnreadAnswer): OpenedAnswer | Refusal {
  if (admitted.agentFace.binding === 'GRPC') return openGrpc(admitted, answer.grpc ?? answer.body)
  const unusable = checkStatus(answer.status)
  if (unusable !== undefined) return unusable
  if (answer.body.length === 0) return openEmpty(admitted, answer)
  const text = decodeUtf8(answer.body)
  const parsed = text === undefined ? invalid('not UTF-8') : parseText(admitted, text)
  if (isRefusal(parsed)) return withStatus(parsed, answer.status)
  const opened = openText(admitted, parsed, answer.status)
  const result = typeof opened === 'string' ? invalid(opened) : canonical(admitted, opened, parsed.text)
  return isRefusal(result) ? withStatus(result, answer.status) : result
}

export function openEvent(admitted: Admitted, event: UnreadEvent): OpenedAnswer | Refusal {
  if (event.grpc !== undefined) return openGrpc(admitted, event.grpc)
  if (event.name !== '' && event.name !== 'message' && event.name !== 'error')
    return invalid('an event of unknown kind')
  const parsed = parseText(admitted, event.data)
  if (isRefusal(parsed)) return parsed
  const opened = openEventText(admitted, parsed, event.name === 'error')
  return typeof opened === 'string' ? invalid(opened) : canonical(admitted, opened, parsed.text)
}

function openGrpc(admitted: Admitted, original: Buffer | GrpcFailure): OpenedAnswer | Refusal {
  if (!Buffer.isBuffer(original)) return { kind: 'error', error: errorOfGrpc(original), original }
  const decoded = decodeAnswer(admitted.operation, original, admitted.agentFace.version)
  if (!decoded.ok) return invalid(`${decoded.reason}: ${decoded.detail}`)
  const parsed = parseText(admitted, decoded.text)
  if (isRefusal(parsed)) return parsed
  return canonical(admitted, { kind: 'result', value: parsed.value, text: () => parsed.text }, original)
}

/** What an agent of 0.3 answered is judged as what it means in 1.0. */
function canonical(admitted: Admitted, opened: Opened, original: OpenedAnswer['original']): OpenedAnswer | Refusal {
  const { operation, agentFace } = admitted
  if (agentFace.version !== '0.3' || opened.kind === 'error') return { ...opened, original }
  const translated = resultFromOld(operation, opened.text(), agentFace.binding)
  if (typeof translated === 'string') return invalid(translated)
  const parsed = parseText(admitted, translated.text)
  if (isRefusal(parsed)) return parsed
  return { kind: 'result', value: parsed.value, text: () => parsed.text, original, lost: translated.lost }
}

interface Parsed {
  readonly text: string
  readonly value: JsonValue
}

function openText(admitted: Admitted, { text, value }: Parsed, status: number): Opened | string {
  if (admitted.agentFace.binding === 'JSONRPC') return openJsonRpc(text, value, requestIdFor(admitted))
  if (status < 400) return openRestResult(text, value)
  return admitted.agentFace.version === '0.3' ? openOldRestError(admitted, value, status) : openRestError(value, status)
}

function openEventText(admitted: Admitted, { text, value }: Parsed, isError: boolean): Opened | string {
  if (admitted.agentFace.binding === 'JSONRPC') {
    const opened = openJsonRpc(text, value, requestIdFor(admitted))
    return typeof opened !== 'string' && opened.kind === 'result' && isError ? 'a result in an error event' : opened
  }
  if (admitted.agentFace.version === '0.3')
    return isError ? openOldRestError(admitted, value, 500) : openRestResult(text, value)
  if (isError || (isJsonObject(value) && Object.hasOwn(value, 'error'))) {
    const opened = openRestError(value, undefined)
    return typeof opened === 'string' ? `error event: ${opened}` : opened
  }
  return openRestResult(text, value)
}

function openOldRestError({ operation }: Admitted, value: JsonValue, status: number): Opened {
  const { code, message } = errorFromRest03(operation, status, value)
  return { kind: 'error', error: { ...errorOfJsonRpc(code, message, undefined), http: status } }
}

/** The id that our request to the agent carried: the caller's own where it went through as it was. */
function requestIdFor(admitted: Admitted): JsonValue | undefined {
  if (!speaksAlike(admitted)) return ownRequestId
  return isJsonObject(admitted.body) ? admitted.body['id'] : undefined
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

function openEmpty(admitted: Admitted, answer: UnreadAnswer): OpenedAnswer | Refusal {
  const isDelete = answersNothing(admitted.operation) && admitted.agentFace.binding === 'HTTP+JSON'
  if (!isDelete || answer.status >= 300) return invalid(`status ${answer.status} without a body`)
  const opened: Opened = { kind: 'result', value: {}, text: () => '{}' }
  return admitted.agentFace.version === '0.3' ? { ...opened, original: '' } : canonical(admitted, opened, '')
}

function parseText(admitted: Admitted, text: string): Parsed | Refusal {
  const { jsonDepth, jsonNodes } = admitted.snapshot.config.gateway.bounds
  const parsed = parseStrictJson(text, { maxDepth: jsonDepth, maxNodes: jsonNodes })
  return parsed.ok ? { text, value: parsed.value } : invalid(`${parsed.reason} at ${parsed.offset}`)
}

/** A page of a web server says nothing but its status: whoever reads the detail needs it. */
function withStatus(refusal: Refusal, status: number): Refusal {
  if (status < 400 || refusal.code !== 'RELEASE_INVALID_ANSWER') return refusal
  return invalid(`${refusal.detail} (status ${status})`)
}
