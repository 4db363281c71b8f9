// From the canonical form to what the caller reads: the caller's binding and version. Where caller and agent speak alike
// the agent's own bytes go out instead, and only their frame is made here.

import type { AgentError } from '../a2a/errors.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { Admitted, HeaderRecord } from '../exchange/exchange.ts'
import { resultToOld, type TranslatedText } from '../faces/old-version.ts'
import { errorCodeTo03, restErrorTo03 } from '../a2a/v0-3/errors.ts'
import { grpcErrorFields, grpcFailureFields, grpcOk, type GrpcFailure } from '../faces/grpc-error.ts'
import { answersNothing } from '../faces/open-answer.ts'
import { encodeAnswer } from '../protobuf/encode.ts'
import { frameMessage } from '../protobuf/frames.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'

/** What goes out: text on JSON, bytes on gRPC, where text is the canonical form for the record. */
export interface DressedBody {
  readonly text: string
  readonly bytes?: Buffer
  /** on gRPC: with what the call ends */
  readonly trailers?: HeaderRecord
  /** fields of the head */
  readonly headers?: HeaderRecord
}

export interface Dressed extends DressedBody {
  readonly status: number
  readonly contentType: string
}

export interface DressedEvent extends DressedBody {
  /** 'error' or '' */
  readonly name: string
}

/** What JSON is called in the caller's binding and version (A2A 1.0.1 §9.1, §11.1); never by the agent's word. */
export function jsonTypeOf({ binding, version }: Admitted): string {
  return binding === 'HTTP+JSON' && version !== '0.3' ? 'application/a2a+json' : 'application/json'
}

const grpc = { status: 200, contentType: 'application/grpc' } as const
const nothing = Buffer.alloc(0)

/** `text` is the JSON of a result in canonical form. */
export function dressResult(admitted: Admitted, text: string, lost?: readonly string[]): Dressed | Refusal {
  const said = speak(admitted, text, lost)
  if (isRefusal(said)) return said
  const headers = lostFields(said.lost)
  if (admitted.binding === 'GRPC') {
    const body = encode(admitted, said)
    return isRefusal(body) ? body : { ...grpc, trailers: grpcOk, ...body }
  }
  const head = { status: 200, contentType: jsonTypeOf(admitted), ...(headers && { headers }) }
  if (admitted.binding === 'JSONRPC') return { ...head, text: envelope(admitted, said.text) }
  // 200 with a body for everything: what clients of every language take for success
  return { ...head, text: answersNothing(admitted.operation) ? '{}' : said.text }
}

/** In the caller's version of A2A. */
function speak(
  { operation, version, binding }: Admitted,
  text: string,
  lost: readonly string[] = [],
): TranslatedText | Refusal {
  if (version !== '0.3') return { text, lost }
  const old = resultToOld(operation, text, binding)
  if (typeof old === 'string') return refuse('RELEASE_INVALID_ANSWER', old)
  return { text: old.text, lost: [...lost, ...old.lost] }
}

export function dressError(admitted: Admitted, error: AgentError): Dressed {
  if (admitted.binding === 'GRPC') return { ...grpc, text: '', bytes: nothing, headers: grpcErrorFields(error) }
  const head = { contentType: jsonTypeOf(admitted) }
  if (admitted.binding === 'JSONRPC') return { ...head, status: 200, text: jsonRpcError(admitted, error) }
  return { ...head, status: error.http, text: restError(admitted, error) }
}

export function dressEvent(admitted: Admitted, text: string): DressedEvent | Refusal {
  const said = speak(admitted, text)
  if (isRefusal(said)) return said
  if (admitted.binding === 'GRPC') {
    const body = encode(admitted, said)
    return isRefusal(body) ? body : { name: '', ...body }
  }
  return { name: '', text: admitted.binding === 'JSONRPC' ? envelope(admitted, said.text) : said.text }
}

export function dressEventError(admitted: Admitted, error: AgentError): DressedEvent {
  if (admitted.binding === 'GRPC') return { name: 'error', text: '', bytes: nothing, trailers: grpcErrorFields(error) }
  if (admitted.binding === 'JSONRPC') return { name: '', text: jsonRpcError(admitted, error) }
  return { name: 'error', text: restError(admitted, error) }
}

/** A message of an agent that speaks gRPC to a caller that does: its own bytes. */
export function frameOriginal(original: Buffer, text: string): Dressed {
  return { ...grpc, text, bytes: frameMessage(original), trailers: grpcOk }
}

/** The error of such an agent, in its own words and details. */
export function passFailure(failure: GrpcFailure): Dressed {
  return { ...grpc, text: '', bytes: nothing, headers: grpcFailureFields(failure) }
}

function encode({ operation, version }: Admitted, { text, lost }: TranslatedText): DressedBody | Refusal {
  // made by ourselves, or passed by the strict scanner
  const encoded = encodeAnswer(operation, JSON.parse(text) as JsonValue, version)
  if (!encoded.ok) return refuse('RELEASE_INVALID_ANSWER', `${encoded.reason} at ${encoded.path}`)
  const headers = lostFields([...lost, ...encoded.lost])
  return { text, bytes: frameMessage(encoded.bytes), ...(headers && { headers }) }
}

const mostNamed = 20 // bound: lost members that an answer names

/** Names what the caller's form has no place for: nothing is dropped in silence. */
export function lostFields(lost: readonly string[], name = 'sallyport-lost-fields'): HeaderRecord | undefined {
  if (lost.length === 0) return undefined
  const named = lost.slice(0, mostNamed).map((path) => encodeURIComponent(path).slice(0, 200))
  return { [name]: named.join(', ') }
}

function envelope(admitted: Admitted, result: string): string {
  return `{"jsonrpc":"2.0","id":${admitted.requestId},"result":${result}}`
}

function jsonRpcError(admitted: Admitted, { jsonRpc, message, details }: AgentError): string {
  const code = admitted.version === '0.3' ? errorCodeTo03(jsonRpc) : jsonRpc
  const data = details.length === 0 ? '' : `,"data":${JSON.stringify(details)}`
  return `{"jsonrpc":"2.0","id":${admitted.requestId},"error":{"code":${code},"message":${JSON.stringify(message)}${data}}}`
}

function restError({ version }: Admitted, { http, jsonRpc, grpc: status, message, details }: AgentError): string {
  if (version === '0.3') return JSON.stringify(restErrorTo03({ code: jsonRpc, message }))
  return JSON.stringify({ error: { code: http, status, message, details } })
}
