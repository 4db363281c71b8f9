// Any message that a schema allows, as the ProtoJSON that this codec writes, for property-based tests.

import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { isRequired } from './schema.ts'

const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('t1', 'c1', '__proto__', '\u0000'))
const keys = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('__proto__', 'constructor', ''))
const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))

/** Any JSON that a google.protobuf.Value holds; `__proto__` is a member as any other. */
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
  object: fc.uniqueArray(fc.tuple(keys, tie('value')), { selector: ([key]) => key, maxLength: 3 }).map(ownMembers),
})).value

const structs = fc
  .uniqueArray(fc.tuple(keys, jsonValues), { selector: ([key]) => key, maxLength: 3 })
  .map((entries) => ownMembers(entries))

function ownMembers(entries: readonly [string, JsonValue][]): JsonObject {
  const object: JsonObject = {}
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  return object
}

const timestamps = fc
  .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString().replace('.000Z', 'Z'))

/** What `decodeRequest` or `decodeAnswer` would say of some message of this kind. */
export function messagesOf(message: DescMessage, depth = 0): fc.Arbitrary<JsonValue> {
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
      ...oneof.fields.map((field) => valuesOf(field, depth).map((value): JsonObject => ({ [field.jsonName]: value }))),
    ),
  )
  const plain = message.fields.filter((field) => field.oneof === undefined)
  const members = plain.map((field) =>
    fc.option(valuesOf(field, depth), { nil: undefined, freq: depth > 3 ? 1 : 3 }).map((value): JsonObject => {
      if (value === undefined || isLeftOut(field, value)) return requiredDefault(field)
      return { [field.jsonName]: value }
    }),
  )
  return fc.tuple(...members, ...unions).map((parts) => Object.assign({}, ...parts) as JsonObject)
}

function valuesOf(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  switch (field.fieldKind) {
    case 'list':
      return fc.array(onesOf(field, depth + 1), { maxLength: depth > 2 ? 1 : 3 })
    case 'map':
      return fc
        .uniqueArray(fc.tuple(keys, onesOf(field, depth + 1)), { selector: ([key]) => key, maxLength: 2 })
        .map(ownMembers)
    default:
      return onesOf(field, depth + 1)
  }
}

function onesOf(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  if (field.message !== undefined) return fc.constant(0).chain(() => messagesOf(field.message, depth))
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
