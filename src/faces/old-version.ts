// Between A2A 0.3 and the canonical form, as texts: what is judged is the text that comes of it, and numbers stand in it as
// they were written. Which of the two forms of 0.3 it is depends on the binding: JSON-RPC has one of its own.

import type { Binding, Operation } from '../a2a/operations.ts'
import { answerFrom03, answerTo03 } from '../a2a/v0-3/answers.ts'
import { methodOf03, type Form03 } from '../a2a/v0-3/names.ts'
import { requestFrom03, requestTo03, type Translated } from '../a2a/v0-3/requests.ts'
import { requestFromRest03, requestToRest03 } from '../a2a/v0-3/rest.ts'
import type { RestPath } from '../a2a/paths.ts'
import { parseExact } from '../base/exact-json.ts'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { encodeRequest } from '../protobuf/encode.ts'
import { methodOf } from '../protobuf/schema.ts'
import type { CanonicalCall, EncodedRequest } from './encode-request.ts'

/** A translated text, with the members that had no place on the other side. */
export interface TranslatedText {
  readonly text: string
  readonly lost: readonly string[]
}

export const formOf = (binding: Binding): Form03 => (binding === 'JSONRPC' ? 'json' : 'proto')

/** `text` has passed the strict parser; '' for none. A string says what cannot be said, and where. */
function exact(text: string): JsonValue | undefined {
  return text === '' ? undefined : parseExact(text)
}

function written(translated: Translated): TranslatedText | string {
  if (!translated.ok) return `${translated.path}: ${translated.reason}`
  return { text: JSON.stringify(translated.value), lost: translated.lost }
}

/** Parameters of JSON-RPC, or the ProtoJSON of a gRPC message. */
export function paramsFromOld(operation: Operation, text: string, binding: Binding): TranslatedText | string {
  return written(requestFrom03(operation, exact(text), formOf(binding)))
}

export function paramsFromOldRest(path: RestPath, query: JsonObject, body: string): TranslatedText | string {
  return written(requestFromRest03(path, query, exact(body)))
}

/** The request of a call for an agent that speaks 0.3. `requestId` is a JSON token. */
export function encodeOld(call: CanonicalCall, binding: Binding, requestId: string): EncodedRequest | string {
  const params = parseExact(call.text) as JsonObject // it is the canonical text of an object
  if (binding === 'HTTP+JSON') {
    const made = requestToRest03(call.operation, params)
    if (!made.ok) return `${made.path}: ${made.reason}`
    const body = made.body === undefined ? '' : JSON.stringify(made.body)
    return { method: made.method, path: made.path, body, lost: made.lost }
  }
  const translated = requestTo03(call.operation, params, formOf(binding))
  if (!translated.ok) return `${translated.path}: ${translated.reason}`
  const { value, lost } = translated
  if (binding === 'JSONRPC') {
    const method = methodOf03(call.operation) ?? ''
    const body = `{"jsonrpc":"2.0","id":${requestId},"method":"${method}","params":${JSON.stringify(value)}}`
    return { method: 'POST', path: '', body, lost }
  }
  // the codec knows nothing of numbers that are kept as they were spelled
  const plain = JSON.parse(JSON.stringify(value)) as JsonValue
  const encoded = encodeRequest(call.operation, plain, '0.3')
  if (!encoded.ok) return `${encoded.path}: ${encoded.reason}`
  const path = methodOf(call.operation, '0.3')?.path ?? ''
  return { method: 'POST', path, body: '', message: encoded.bytes, lost: [...lost, ...encoded.lost] }
}

/** A result or event of an agent that speaks 0.3. */
export function resultFromOld(operation: Operation, text: string, binding: Binding): TranslatedText | string {
  return written(answerFrom03(operation, exact(text), formOf(binding)))
}

/** The same for a caller that speaks 0.3; `text` is in canonical form. */
export function resultToOld(operation: Operation, text: string, binding: Binding): TranslatedText | string {
  return written(answerTo03(operation, parseExact(text), formOf(binding)))
}
