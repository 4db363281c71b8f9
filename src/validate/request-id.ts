// The JSON-RPC id as it stood in the request, so that an answer can echo it to the byte, also when the request was
// refused (JSON-RPC 2.0 §5). What cannot be read for certain is `null`; the text is never trusted to be well-formed.

import { isJsonObject, memberRange, type JsonValue } from '../base/strict-json.ts'
import type { Refusal } from '../refusal/refusal.ts'

/** A refusal of validate that could still read whom to answer. */
export interface ValidateRefusal extends Refusal {
  /** raw JSON: a string or a number */
  readonly requestId?: string
}

const longestRawId = 1024 // bound: the id of a JSON-RPC request

/** The raw id to put into an error answer: a JSON string or number, or `null` when none could be read. */
export function requestIdOf(refusal: Refusal & { readonly requestId?: unknown }): string {
  return typeof refusal.requestId === 'string' ? refusal.requestId : 'null'
}

/** The raw id of a parsed request; undefined when it is missing, null, or a number that readers would round. */
export function rawRequestId(text: string, body: JsonValue): string | undefined {
  if (!isJsonObject(body) || !Object.hasOwn(body, 'id')) return undefined
  const { id } = body
  const isUsable =
    typeof id === 'string' || (typeof id === 'number' && (!Number.isInteger(id) || Number.isSafeInteger(id)))
  const range = isUsable ? memberRange(text, ['id']) : undefined
  if (range === undefined || range.end - range.start > longestRawId) return undefined
  return text.slice(range.start, range.end)
}
