// Any message that a schema allows, as the ProtoJSON that this codec writes, for property-based tests.

import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { isRequired } from './schema.ts'

const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('t1', 'c1', '__proto__', '\u0000'))
const keys = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('constructor', 'toString', ''))
const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))

/** Any JSON that a google.protobuf.Value may hold. */
export const jsonValues: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    doubles,
    texts,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(keys, tie('value')), { selector: ([key]) => key, maxLength: 3 })
    .map((entries): JsonObject => Object.fromEntries(entries)),
})).value

const structs = fc
  .uniqueArray(fc.tuple(keys, jsonValues), { selector: ([key]) => key, maxLength: 3 })
  .map((entries): JsonObject => Object.fromEntries(entries))

// the official SDK writes times before 1970 wrongly
const timestamps = fc
  .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString().replace('.000Z', 'Z'))

const nothing: ReadonlySet<string> = new Set()
const built = new WeakMap<ReadonlySet<string>, Map<string, fc.Arbitrary<JsonValue>>>()

/** What `decodeRequest` or `decodeAnswer` would say of some message of this kind, `without` fields by their full names. */
export function messagesOf(
  message: DescMessage,
  without: ReadonlySet<string> = nothing,
  depth = 0,
): fc.Arbitrary<JsonValue> {
  const known = built.get(without) ?? new Map<string, fc.Arbitrary<JsonValue>>()
  built.set(without, known)
  const key = `${message.typeName} ${depth}`
  const arbitrary = known.get(key) ?? build(message, without, depth)
  known.set(key, arbitrary)
  return arbitrary
}

function build(message: DescMessage, without: ReadonlySet<string>, depth: number): fc.Arbitrary<JsonValue> {
  switch (message.typeName) {
    case 'google.protobuf.Value':
      return jsonValues
    case 'google.protobuf.Struct':
      return structs
    case 'google.protobuf.Timestamp':
      return timestamps
    default:
  }
  // one member of each union, or none
  const unions = message.oneofs.map((oneof) =>
    fc.oneof(
      fc.constant<JsonObject>({}),
      ...oneof.fields.map((field) =>
        valuesOf(field, without, depth).map((value): JsonObject => ({ [field.jsonName]: value })),
      ),
    ),
  )
  const plain = message.fields.filter(
    (field) => field.oneof === undefined && !without.has(`${message.typeName}.${field.name}`),
  )
  const members = plain.map((field) =>
    fc.option(valuesOf(field, without, depth), { nil: undefined, freq: depth > 3 ? 1 : 3 }).map((value): JsonObject => {
      if (value === undefined || isLeftOut(field, value)) return requiredDefault(field)
      return { [field.jsonName]: value }
    }),
  )
  return fc.tuple(...members, ...unions).map((parts) => Object.assign({}, ...parts) as JsonObject)
}

function valuesOf(field: DescField, without: ReadonlySet<string>, depth: number): fc.Arbitrary<JsonValue> {
  switch (field.fieldKind) {
    case 'list':
      return fc.array(onesOf(field, without, depth + 1), { maxLength: depth > 2 ? 1 : 3 })
    case 'map':
      return fc
        .uniqueArray(fc.tuple(keys, onesOf(field, without, depth + 1)), { selector: ([key]) => key, maxLength: 2 })
        .map((entries): JsonObject => Object.fromEntries(entries))
    default:
      return onesOf(field, without, depth + 1)
  }
}

function onesOf(field: DescField, without: ReadonlySet<string>, depth: number): fc.Arbitrary<JsonValue> {
  if (field.message !== undefined) return fc.constant(0).chain(() => messagesOf(field.message, without, depth))
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ name }) => name))
  switch (field.scalar) {
    case ScalarType.BOOL:
      return fc.boolean()
    case ScalarType.INT32:
      return fc.integer()
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'))
    default:
      return texts
  }
}

/** proto3 does not write defaults of fields without presence. */
function isLeftOut(field: DescField, value: JsonValue): boolean {
  if (field.fieldKind === 'list' || field.fieldKind === 'map') return value === null || Object.keys(value).length === 0
  if (field.fieldKind === 'message' || field.proto.proto3Optional) return false
  return value === '' || value === 0 || value === false || value === field.enum?.values[0]?.name
}

function requiredDefault(field: DescField): JsonObject {
  if (!isRequired(field) || field.enum !== undefined) return {}
  if (field.fieldKind === 'list') return { [field.jsonName]: [] }
  if (field.fieldKind === 'map') return { [field.jsonName]: {} }
  if (field.fieldKind !== 'scalar') return {}
  const zero = field.scalar === ScalarType.STRING ? '' : field.scalar === ScalarType.BOOL ? false : 0
  return { [field.jsonName]: zero }
}
