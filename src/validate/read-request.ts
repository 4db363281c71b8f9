// What the three bindings have in common when a request is read: bytes to strict JSON, parameters to facts. Shape first,
// then meaning.

import type { Operation, ProtocolVersion } from '../a2a/operations.ts'
import type { RestMethod } from '../a2a/paths.ts'
import { checkShape, requestShape, type Shape } from '../a2a/shape.ts'
import type { TranslatedText } from '../faces/old-version.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Routed } from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { readParams, type Facts, type PathIds } from './read-params.ts'

/** A request of any binding, understood: what `Validated` is minted from. */
export interface Understood {
  readonly operation: Operation
  readonly version: ProtocolVersion
  readonly params: JsonObject
  readonly paramsText: () => string
  readonly facts: Facts
  readonly body: Body
  readonly wire: Buffer | undefined
  readonly requestId: string
  readonly deadlineMs: number
  readonly upstreamPath: string
  readonly upstreamMethod: RestMethod
}

export type OnBody = (bytes: Buffer) => void

export interface Body {
  readonly text: string
  /** undefined when there is none */
  readonly value: JsonValue | undefined
}

export const noBody: Body = Object.freeze({ text: '', value: undefined })
export const noPath: PathIds = Object.freeze({ tenant: '', taskId: '', configId: '' })

export async function readJson(routed: Routed, onBody: OnBody): Promise<Body | Refusal> {
  const bytes = await routed.readBody()
  if (isRefusal(bytes)) return bytes
  onBody(bytes)
  return parseBody(routed, bytes)
}

export function parseBody(routed: Routed, bytes: Buffer): Body | Refusal {
  const text = decodeUtf8(bytes)
  if (text === undefined)
    return refuse('VALIDATE_JSON', 'not UTF-8, or a byte order mark', {
      hint: 'the body must be UTF-8 without byte order mark',
    })
  const { jsonDepth: maxDepth, jsonNodes: maxNodes } = routed.snapshot.config.gateway.bounds
  const parsed = parseStrictJson(text, { maxDepth, maxNodes })
  if (parsed.ok) return { text, value: parsed.value }
  const where = `${parsed.detail} at offset ${parsed.offset}`
  return refuse('VALIDATE_JSON', `${parsed.reason}: ${where}`, { hint: where })
}

/** Shape first, then meaning. Without a shape the members come from a query, which has a table of its own. */
export function readCall(
  routed: Routed,
  operation: Operation,
  params: JsonValue,
  shape: Shape | undefined,
  path: PathIds,
): Facts | Refusal {
  if (!isJsonObject(params)) return refuseParams('params: an object is needed')
  const crowded = findCrowd(params, routed.snapshot.config.gateway.bounds.parts)
  if (crowded !== undefined) return refuseParams(crowded)
  const problem = shape && checkShape(params, shape)
  if (problem) return refuseParams(`${problem.path.slice(0, 200)}: ${problem.reason}`)
  const facts = readParams(operation, params, path, routed.agent.tenant)
  return typeof facts === 'string' ? refuseParams(facts) : facts
}

/** What policy sees of a message, and the record keeps, grows with these: bounded before anything walks them. */
const mostMetadataKeys = 1_000 // bound: keys in the metadata of a message
const mostListed = 1_000 // bound: extensions of a message

function findCrowd(params: JsonObject, mostParts: number): string | undefined {
  const { message } = params
  if (!isJsonObject(message)) return undefined
  const { parts, metadata, extensions, referenceTaskIds } = message
  if (Array.isArray(parts) && parts.length > mostParts) return `message.parts: more than ${mostParts}`
  if (isJsonObject(metadata) && Object.keys(metadata).length > mostMetadataKeys)
    return 'message.metadata: too many keys'
  for (const list of [extensions, referenceTaskIds]) {
    if (Array.isArray(list) && list.length > mostListed) return 'message: a list is too long'
  }
  return undefined
}

export const refuseParams = (detail: string): Refusal => refuse('VALIDATE_PARAMS', detail, { hint: detail })

/** A request of 0.3 as the parameters that it means; what is judged is the text that comes of it. */
export function readOldCall(
  routed: Routed,
  operation: Operation,
  translated: TranslatedText | string,
): { readonly facts: Facts; readonly params: JsonObject; readonly paramsText: () => string } | Refusal {
  if (typeof translated === 'string') return refuseParams(translated.slice(0, 200))
  const { text } = translated
  const { jsonDepth: maxDepth, jsonNodes: maxNodes } = routed.snapshot.config.gateway.bounds
  const parsed = parseStrictJson(text, { maxDepth, maxNodes })
  if (!parsed.ok || !isJsonObject(parsed.value)) return refuseParams('the parameters cannot be read')
  const params = parsed.value
  const facts = readCall(routed, operation, params, requestShape(operation), noPath)
  return isRefusal(facts) ? facts : { facts, params, paramsText: () => text }
}
