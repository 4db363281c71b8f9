// A message of the gRPC binding as the ProtoJSON text that the JSON bindings would carry: JSON-RPC `params`, a `result`,
// one event. Scanned first, so that the text says what every decoder reads. What the schema does not know is not in the
// text; it stays in the bytes, which are what is forwarded. Required fields that have their default are written out,
// where proto3 leaves them out: the specification wants them (§3.1.4, §5.7).

import { fromBinary, ScalarType, toJson, type DescField, type DescMessage } from '@bufbuild/protobuf'
import type { Operation, ProtocolVersion } from '../a2a/operations.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { scanWire, wireBounds, type WireBounds, type WireReason } from './scan-wire.ts'
import { isRequired, methodOf } from './schema.ts'

export interface DecodeFailure {
  readonly ok: false
  /** 'value': a value that ProtoJSON cannot say, such as a time beyond the year 9999; 'operation': not in this version */
  readonly reason: WireReason | 'value' | 'operation'
  /** private: says what was wrong, quotes nothing of the bytes */
  readonly detail: string
}

export type Decoded = { readonly ok: true; readonly text: string } | DecodeFailure

/** The request message of this operation as ProtoJSON text. */
export function decodeRequest(
  operation: Operation,
  bytes: Uint8Array,
  version: ProtocolVersion = '1.0',
  bounds: WireBounds = wireBounds,
): Decoded {
  return decode(methodOf(operation, version)?.request, bytes, bounds)
}

/** The answer of this operation, or one event where it streams. */
export function decodeAnswer(
  operation: Operation,
  bytes: Uint8Array,
  version: ProtocolVersion = '1.0',
  bounds: WireBounds = wireBounds,
): Decoded {
  return decode(methodOf(operation, version)?.answer, bytes, bounds)
}

function decode(message: DescMessage | undefined, bytes: Uint8Array, bounds: WireBounds): Decoded {
  if (message === undefined) return { ok: false, reason: 'operation', detail: 'the version has no such operation' }
  const scanned = scanWire(message, bytes, bounds)
  if (!scanned.ok) return { ok: false, reason: scanned.reason, detail: `${scanned.detail} (byte ${scanned.offset})` }
  try {
    // the scan has counted entries of maps as a level, and the library does not: its limit is never the first
    const value = fromBinary(message, bytes, { readUnknownFields: false, recursionLimit: bounds.maxDepth + 1 })
    const json = toJson(message, value)
    if (isJsonObject(json)) addRequired(message, json)
    return { ok: true, text: JSON.stringify(json) }
  } catch {
    return { ok: false, reason: 'value', detail: 'ProtoJSON cannot say one of its values' }
  }
}

interface Required {
  /** required fields that proto3 leaves out when they have their default, with that default */
  readonly defaults: readonly (readonly [name: string, value: () => JsonValue])[]
  /** fields that hold messages of the same kind of schema */
  readonly inner: readonly DescField[]
}

const known = new WeakMap<DescMessage, Required>()

function addRequired(message: DescMessage, json: JsonObject): void {
  const { defaults, inner } = requiredOf(message)
  for (const [name, value] of defaults) if (!Object.hasOwn(json, name)) json[name] = value()
  for (const field of inner) {
    const value = json[field.jsonName]
    if (value === undefined || field.message === undefined) continue
    for (const each of eachOf(field, value)) if (isJsonObject(each)) addRequired(field.message, each)
  }
}

function eachOf({ fieldKind }: DescField, value: JsonValue): readonly JsonValue[] {
  if (fieldKind === 'map') return isJsonObject(value) ? Object.values(value) : []
  return Array.isArray(value) ? value : [value]
}

function requiredOf(message: DescMessage): Required {
  const before = known.get(message)
  if (before !== undefined) return before
  const required = {
    defaults: message.fields.filter(isRequired).flatMap((field) => {
      const value = defaultOf(field)
      return value === undefined ? [] : [[field.jsonName, value] as const]
    }),
    // what google.protobuf has is JSON of its own
    inner: message.fields.filter((field) => field.message?.typeName.startsWith('google.protobuf.') === false),
  }
  known.set(message, required)
  return required
}

const zeros: ReadonlyMap<ScalarType, JsonValue> = new Map<ScalarType, JsonValue>([
  [ScalarType.STRING, ''],
  [ScalarType.INT32, 0],
  [ScalarType.BOOL, false],
])

/** None for messages, which are there or not, nor for enums, whose default says nothing. */
function defaultOf(field: DescField): (() => JsonValue) | undefined {
  if (field.fieldKind === 'list') return () => []
  if (field.fieldKind === 'map') return () => ({})
  if (field.fieldKind !== 'scalar' || field.oneof !== undefined) return undefined
  const value = zeros.get(field.scalar)
  return value === undefined ? undefined : () => value
}
