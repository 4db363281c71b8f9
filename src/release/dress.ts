// From the canonical form to what the caller reads: the caller's binding and version. Where caller and agent speak alike
// the agent's own text goes out instead, and nothing here is asked.

import type { AgentError } from '../a2a/errors.ts'
import { answersNothing } from '../faces/open-answer.ts'
import type { Admitted } from '../exchange/exchange.ts'

/** An answer as the caller's binding has it. */
export interface Dressed {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

const json = 'application/json'

/** `text` is the JSON of a result in canonical form. */
export function dressResult(admitted: Admitted, text: string): Dressed {
  if (admitted.binding === 'JSONRPC') return { status: 200, contentType: json, text: envelope(admitted, text) }
  if (answersNothing(admitted.operation)) return { status: 204, contentType: json, text: '' }
  return { status: 200, contentType: json, text }
}

export function dressError(admitted: Admitted, error: AgentError): Dressed {
  if (admitted.binding === 'JSONRPC') return { status: 200, contentType: json, text: jsonRpcError(admitted, error) }
  return { status: error.http, contentType: json, text: restError(error) }
}

export interface DressedEvent {
  /** 'error' or '' */
  readonly name: string
  readonly text: string
}

export function dressEvent(admitted: Admitted, text: string): DressedEvent {
  return { name: '', text: admitted.binding === 'JSONRPC' ? envelope(admitted, text) : text }
}

export function dressEventError(admitted: Admitted, error: AgentError): DressedEvent {
  if (admitted.binding === 'JSONRPC') return { name: '', text: jsonRpcError(admitted, error) }
  return { name: 'error', text: restError(error) }
}

function envelope(admitted: Admitted, result: string): string {
  return `{"jsonrpc":"2.0","id":${admitted.requestId},"result":${result}}`
}

function jsonRpcError(admitted: Admitted, { jsonRpc, message, details }: AgentError): string {
  const data = details.length === 0 ? '' : `,"data":${JSON.stringify(details)}`
  return `{"jsonrpc":"2.0","id":${admitted.requestId},"error":{"code":${jsonRpc},"message":${JSON.stringify(message)}${data}}}`
}

function restError({ http, grpc, message, details }: AgentError): string {
  return JSON.stringify({ error: { code: http, status: grpc, message, details } })
}
