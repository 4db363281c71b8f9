// A ProtoJSON value along a descriptor: what of it a protobuf message can hold, what has no place in one, and the first
// thing that does not fit. It takes one spelling of each kind where ProtoJSON takes several (no numbers in strings, no
// enums as numbers, no snake_case), because the gateway's JSON has passed its shape and agents' answers too.

import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { decodedBase64Bytes } from '../a2a/shape.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'

export type FitReason = 'type' | 'enum' | 'range' | 'base64' | 'union' | 'timestamp' | 'null' | 'key'

export type Fitted =
  | { readonly ok: true; readonly value: JsonValue; readonly lost: readonly string[] }
  | { readonly ok: false; readonly path: string; readonly reason: FitReason }

/** A message's JSON without what the schema does not know, or where it does not fit. */
export function fitToSchema(message: DescMessage, value: JsonValue): Fitted {
  const fitter = new Fitter()
  const fitted = fitter.message(message, value, '')
  if (fitted !== undefined) return { ok: true, value: fitted, lost: fitter.lost }
  return { ok: false, path: fitter.path, reason: fitter.reason }
}

// Names come from a body that holds up to a hundred thousand of them.
const mostNamed = 100 // bound: lost members that are named
const longestName = 256

class Fitter {
  readonly lost: string[] = []
  path = ''
  reason: FitReason = 'type'

  fail(path: string, reason: FitReason): undefined {
    this.path = path
    this.reason = reason
    return undefined
  }

  lose(path: string): void {
    if (this.lost.length < mostNamed) this.lost.push(path.slice(0, longestName))
  }

  message(message: DescMessage, value: JsonValue, path: string): JsonValue | undefined {
    if (message.typeName.startsWith('google.protobuf.')) return this.wellKnown(message.typeName, value, path)
    if (!isJsonObject(value)) return this.fail(path, 'type')
    const fitted: JsonObject = {}
    const unions = new Set<string>()
    const fields = fieldsOf(message)
    for (const [name, member] of Object.entries(value)) {
      const inner = path === '' ? name : `${path}.${name}`
      const field = fields.get(name)
      if (field === undefined) {
        this.lose(inner)
        continue
      }
      const isNull = member === null && field.message?.typeName !== 'google.protobuf.Value'
      // ProtoJSON reads null as "not there"; in a union it would still count for some
      if (isNull && field.oneof === undefined) continue
      if (field.oneof !== undefined) {
        if (unions.has(field.oneof.name)) return this.fail(path, 'union')
        unions.add(field.oneof.name)
      }
      const one = this.field(field, member, inner)
      if (one === undefined) return undefined
      fitted[name] = one
    }
    return fitted
  }

  field(field: DescField, value: JsonValue, path: string): JsonValue | undefined {
    switch (field.fieldKind) {
      case 'scalar':
        return this.scalar(field.scalar, value, path)
      case 'enum':
        return this.enumeration(field, value, path)
      case 'message':
        return this.message(field.message, value, path)
      case 'list':
        return this.list(field, value, path)
      case 'map':
        return this.map(field, value, path)
      default:
        return field satisfies never
    }
  }

  list(field: DescField & { fieldKind: 'list' }, value: JsonValue, path: string): JsonValue | undefined {
    if (!Array.isArray(value)) return this.fail(path, 'type')
    const fitted: JsonValue[] = []
    for (const [at, each] of value.entries()) {
      const inner = `${path}[${at}]`
      const one = this.element(field, each, inner)
      if (one === undefined) return undefined
      fitted.push(one)
    }
    return fitted
  }

  map(field: DescField & { fieldKind: 'map' }, value: JsonValue, path: string): JsonValue | undefined {
    if (!isJsonObject(value)) return this.fail(path, 'type')
    const fitted: JsonObject = {}
    for (const [key, each] of Object.entries(value)) {
      if (key === prototype) return this.fail(path, 'key')
      const one = this.element(field, each, `${path}.${key}`)
      if (one === undefined) return undefined
      fitted[key] = one
    }
    return fitted
  }

  element(field: DescField, value: JsonValue, path: string): JsonValue | undefined {
    if (value === null) return this.fail(path, 'null')
    if (field.message !== undefined) return this.message(field.message, value, path)
    if (field.enum !== undefined) return this.enumeration(field, value, path)
    return field.scalar === undefined ? this.fail(path, 'type') : this.scalar(field.scalar, value, path)
  }

  scalar(scalar: ScalarType, value: JsonValue, path: string): JsonValue | undefined {
    switch (scalar) {
      case ScalarType.STRING:
        return typeof value === 'string' ? value : this.fail(path, 'type')
      case ScalarType.BYTES:
        if (typeof value !== 'string') return this.fail(path, 'type')
        return decodedBase64Bytes(value) === undefined ? this.fail(path, 'base64') : value
      case ScalarType.BOOL:
        return typeof value === 'boolean' ? value : this.fail(path, 'type')
      case ScalarType.INT32:
        if (typeof value !== 'number') return this.fail(path, 'type')
        return (value | 0) === value ? value : this.fail(path, 'range')
      default:
        return this.fail(path, 'type')
    }
  }

  enumeration(field: DescField, value: JsonValue, path: string): JsonValue | undefined {
    if (typeof value !== 'string') return this.fail(path, 'type')
    return field.enum?.values.some(({ name }) => name === value) === true ? value : this.fail(path, 'enum')
  }

  wellKnown(typeName: string, value: JsonValue, path: string): JsonValue | undefined {
    switch (typeName) {
      case 'google.protobuf.Value':
        return holdsPrototype(value) ? this.fail(path, 'key') : value
      case 'google.protobuf.Struct':
        if (!isJsonObject(value)) return this.fail(path, 'type')
        return holdsPrototype(value) ? this.fail(path, 'key') : value
      case 'google.protobuf.Timestamp':
        return typeof value === 'string' && timestamp.test(value) ? value : this.fail(path, 'timestamp')
      case 'google.protobuf.Empty':
        if (value !== null && !isJsonObject(value)) return this.fail(path, 'type')
        for (const name of Object.keys(value ?? {})) this.lose(path === '' ? name : `${path}.${name}`)
        return {}
      default:
        return this.fail(path, 'type')
    }
  }
}

// scanWire refuses it as a key, so nothing with it is written.
const prototype = '__proto__'

function holdsPrototype(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(holdsPrototype)
  if (!isJsonObject(value)) return false
  return Object.hasOwn(value, prototype) || Object.values(value).some(holdsPrototype)
}

// RFC 3339 as ProtoJSON has it: up to nine digits of a second, UTC or an offset.
const timestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

const known = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>()

function fieldsOf(message: DescMessage): ReadonlyMap<string, DescField> {
  const before = known.get(message)
  if (before !== undefined) return before
  const fields = new Map(message.fields.map((field) => [field.jsonName, field]))
  known.set(message, fields)
  return fields
}
