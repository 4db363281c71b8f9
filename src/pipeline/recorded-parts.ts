// What of a request and an answer may be recorded as content: the message of a send, the result of an answer or an
// event. Both were judged by validate and release before; nothing here is shown to anybody but the record.

import { operations } from '../a2a/operations.ts'
import { isJsonObject, memberRange, type JsonValue } from '../base/strict-json.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { parseExactly } from './exact-numbers.ts'

/** undefined where an operation carries none */
export function messageOf({ operation, params, paramsText }: Admitted): JsonValue | undefined {
  if (!operations[operation].carriesMessage) return undefined
  const text = paramsText()
  const range = memberRange(text, ['message'])
  return (range && parseExactly(text.slice(range.start, range.end))) ?? params['message']
}

/** The result, or the error that stands in its place. The text passed release, so that it is JSON. */
export function resultOf({ binding }: Pick<Admitted, 'binding'>, text: string): JsonValue | undefined {
  if (text === '') return undefined
  const answer = parseExactly(text) ?? (JSON.parse(text) as JsonValue) // what JSON.parse gives is JSON
  if (binding !== 'JSONRPC' || !isJsonObject(answer)) return answer
  return answer['result'] ?? answer['error']
}
