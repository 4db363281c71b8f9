// Scans the wire form of a message that an attacker wrote, along its descriptor, so that no two decoders can read it
// differently: no singular field twice (the last one wins, or they merge), one member per union, no repeated key in a
// map, no enum or integer that some decoders would cut, one spelling for every varint, UTF-8 in texts, no groups, no
// depth and no number of fields beyond a bound, nothing behind the end. Fields that the schema does not know pass unread,
// as unknown members of JSON do, but for those that other drafts of the same package read (schema.ts). It allocates nothing but the keys of maps, never throws, and reads every byte at most once.

import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { isUtf8 } from 'node:buffer'
import { Bug, invariant } from '../base/invariant.ts'
import { retiredNumbers } from './schema.ts'

export type WireReason =
  | 'truncated'
  | 'varint'
  | 'tag'
  | 'group'
  | 'wire-type'
  | 'repeated'
  | 'union'
  | 'duplicate-key'
  | 'map-entry'
  | 'key'
  | 'enum'
  | 'range'
  | 'number'
  | 'encoding'
  | 'depth'
  | 'fields'
  | 'retired'

export interface WireBounds {
  /** deepest nesting of messages, entries of maps included */
  readonly maxDepth: number
  /** most fields, at every level together */
  readonly maxFields: number
}

/** What most decoders stop at, and as many fields as JSON may have values. */
export const wireBounds: WireBounds = Object.freeze({
  maxDepth: 100, // bound: nesting of a protobuf message
  maxFields: 100_000, // bound: fields of a protobuf message
})

export interface WireFailure {
  readonly ok: false
  readonly reason: WireReason
  /** of the byte where it was noticed */
  readonly offset: number
  /** private: says what was wrong, quotes nothing of the bytes */
  readonly detail: string
}

export type WireResult = { readonly ok: true } | WireFailure

/** Whether `bytes` are one message of this kind that every decoder reads alike. */
export function scanWire(message: DescMessage, bytes: Uint8Array, bounds: WireBounds = wireBounds): WireResult {
  const scanner = new Scanner(bytes, bounds)
  if (scanner.message(planOf(message), bytes.length, 1)) return { ok: true }
  return { ok: false, reason: scanner.reason, offset: scanner.position, detail: scanner.detail }
}

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const START_GROUP = 3
const END_GROUP = 4
const FIXED32 = 5

type Kind = 'string' | 'key' | 'bytes' | 'bool' | 'int32' | 'int64' | 'double' | 'enum' | 'message' | 'map'

interface FieldPlan {
  readonly kind: Kind
  readonly wireType: number
  /** one bit for each field that may come once; 0 for lists and maps */
  readonly bit: number
  /** one bit for each union; 0 outside of one */
  readonly union: number
  /** of an enum */
  readonly values: ReadonlySet<number>
  /** of a message, or of the entries of a map */
  readonly inner: MessagePlan | undefined
}

interface MessagePlan {
  readonly fields: Map<number, FieldPlan>
  readonly isEntry: boolean
  /** bits that must be set: a google.protobuf.Value without a member is no JSON */
  readonly mustHave: number
  /** not in the schema, and of a meaning elsewhere */
  readonly retired: ReadonlySet<number>
}

const valueName = 'google.protobuf.Value'
const plans = new WeakMap<DescMessage, MessagePlan>()

function planOf(message: DescMessage): MessagePlan {
  const known = plans.get(message)
  if (known !== undefined) return known
  const mustHave = message.typeName === valueName ? ~0 : 0
  const retired = retiredNumbers(message.typeName)
  const plan: MessagePlan = { fields: new Map(), isEntry: false, mustHave, retired }
  // before its fields: schemas are recursive
  plans.set(message, plan)
  invariant(message.fields.length < 32, `${message.typeName} has more fields than bits`)
  message.fields.forEach((field, index) => plan.fields.set(field.number, planField(field, 1 << index)))
  return plan
}

const noValues: ReadonlySet<number> = new Set()

function planField(field: DescField, bit: number): FieldPlan {
  const single = { bit, union: unionBit(field), values: noValues, inner: undefined }
  switch (field.fieldKind) {
    case 'scalar':
      return { ...single, ...planScalar(field, field.scalar) }
    case 'enum':
      return {
        ...single,
        kind: 'enum',
        wireType: VARINT,
        values: new Set(field.enum.values.map((each) => each.number)),
      }
    case 'message':
      invariant(!field.delimitedEncoding, `${field.name} is a group`)
      return { ...single, kind: 'message', wireType: LENGTH, inner: planOf(field.message) }
    case 'map':
      return { ...single, kind: 'map', wireType: LENGTH, bit: 0, inner: planEntry(field) }
    case 'list':
      return { ...single, ...planList(field), bit: 0 }
    default:
      return field satisfies never
  }
}

function planList(field: DescField & { fieldKind: 'list' }): Pick<FieldPlan, 'kind' | 'wireType' | 'inner'> {
  if (field.listKind === 'message') return { kind: 'message', wireType: LENGTH, inner: planOf(field.message) }
  invariant(field.listKind === 'scalar', `${field.name} is a list of enums`)
  const scalar = planScalar(field, field.scalar)
  // numbers could come packed or not, which nothing here needs
  invariant(scalar.wireType === LENGTH, `${field.name} is a list of numbers`)
  return { ...scalar, inner: undefined }
}

/** Not the synthetic ones that `optional` makes: they have one member. */
function unionBit(field: DescField): number {
  return field.oneof === undefined ? 0 : 1 << field.parent.oneofs.indexOf(field.oneof)
}

function planScalar(field: DescField, scalar: ScalarType): { kind: Kind; wireType: number } {
  switch (scalar) {
    case ScalarType.STRING:
      return { kind: 'string', wireType: LENGTH }
    case ScalarType.BYTES:
      return { kind: 'bytes', wireType: LENGTH }
    case ScalarType.BOOL:
      return { kind: 'bool', wireType: VARINT }
    case ScalarType.INT32:
      return { kind: 'int32', wireType: VARINT }
    case ScalarType.INT64:
      return { kind: 'int64', wireType: VARINT }
    case ScalarType.DOUBLE:
      return { kind: 'double', wireType: FIXED64 }
    default:
      throw new Bug(`${field.name} has a type that this scan does not know`)
  }
}

function planEntry(field: DescField & { fieldKind: 'map' }): MessagePlan {
  invariant(field.mapKey === ScalarType.STRING, `${field.name} has keys that are no strings`)
  const plain = { union: 0, values: noValues, inner: undefined }
  const key: FieldPlan = { ...plain, bit: 1, kind: 'key', wireType: LENGTH }
  invariant(field.mapKind !== 'enum', `${field.name} is a map of enums`)
  const value: FieldPlan =
    field.mapKind === 'message'
      ? { ...plain, bit: 2, kind: 'message', wireType: LENGTH, inner: planOf(field.message) }
      : { ...plain, bit: 2, ...planScalar(field, field.scalar) }
  const fields = new Map([
    [1, key],
    [2, value],
  ])
  // encoders leave out what is empty; of a Struct's values none is
  const isJson = field.mapKind === 'message' && field.message.typeName === valueName
  return { fields, isEntry: true, mustHave: isJson ? 2 : 0, retired: noValues }
}

/** After a failure every method returns false at once. */
class Scanner {
  readonly bytes: Buffer
  readonly view: DataView
  readonly maxDepth: number
  fieldsLeft: number
  position = 0
  /** of the varint read last */
  low = 0
  high = 0
  /** bytes of the key of the map's entry read last, one character each */
  key = ''
  reason: WireReason = 'truncated'
  detail = ''

  constructor(bytes: Uint8Array, bounds: WireBounds) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.maxDepth = bounds.maxDepth
    this.fieldsLeft = bounds.maxFields
  }

  fail(reason: WireReason, detail: string): false {
    this.reason = reason
    this.detail = detail
    return false
  }

  message(plan: MessagePlan, end: number, depth: number): boolean {
    if (depth > this.maxDepth) return this.fail('depth', 'nested too deeply')
    let seen = 0
    let unions = 0
    let keys: Map<number, Set<string>> | undefined
    if (plan.isEntry) this.key = ''
    while (this.position < end) {
      if (--this.fieldsLeft < 0) return this.fail('fields', 'too many fields')
      if (!this.varint(end)) return false
      const number = this.low >>> 3
      const wireType = this.low & 7
      if (this.high !== 0 || number === 0) return this.fail('tag', 'no field has this number')
      if (wireType === START_GROUP || wireType === END_GROUP) return this.fail('group', 'a group')
      const field = plan.fields.get(number)
      if (field === undefined) {
        if (plan.isEntry) return this.fail('map-entry', "a map's entry has a third field")
        if (plan.retired.has(number)) return this.fail('retired', 'a field that another draft of this version reads')
        if (!this.skip(wireType, end)) return false
        continue
      }
      if (wireType !== field.wireType) return this.fail('wire-type', 'a known field has another wire type')
      if ((seen & field.bit) !== 0) {
        if (plan.isEntry) return this.fail('map-entry', "a map's entry repeats a field")
        return this.fail('repeated', 'a field that may come once comes again')
      }
      if ((unions & field.union) !== 0) return this.fail('union', 'a second member of a union')
      seen |= field.bit
      unions |= field.union
      const outerKey = this.key
      if (!this.value(field, end, depth)) return false
      if (field.kind === 'map') {
        const known = (keys ??= new Map<number, Set<string>>()).get(number)
        if (known === undefined) keys.set(number, new Set([this.key]))
        else if (known.has(this.key)) return this.fail('duplicate-key', "a map's key is repeated")
        else known.add(this.key)
      }
      // what lies within an entry's value has keys of its own
      if (plan.isEntry && number !== 1) this.key = outerKey
    }
    if (plan.mustHave !== 0 && (seen & plan.mustHave) === 0) return this.fail('union', 'a value that is nothing')
    return true
  }

  value(field: FieldPlan, end: number, depth: number): boolean {
    if (field.wireType === VARINT) return this.varint(end) && this.integer(field)
    if (field.wireType === FIXED64) return this.double(end)
    const innerEnd = this.length(end)
    if (innerEnd < 0) return false
    if (field.inner !== undefined) return this.message(field.inner, innerEnd, depth + 1)
    const start = this.position
    this.position = innerEnd
    if (field.kind === 'bytes') return true
    if (!isUtf8(this.bytes.subarray(start, innerEnd))) return this.fail('encoding', 'a text is not UTF-8')
    if (field.kind === 'key') {
      this.key = this.bytes.toString('latin1', start, innerEnd)
      // the official JavaScript codec makes it the prototype of the map: members that nobody else sees
      if (this.key === '__proto__') return this.fail('key', 'a key that some make a prototype of')
    }
    return true
  }

  integer({ kind, values }: FieldPlan): boolean {
    const { low, high } = this
    if (kind === 'int64') return true
    if (kind === 'bool') return high === 0 && low <= 1 ? true : this.fail('range', 'a boolean is neither 0 nor 1')
    const isInt32 = high === 0 ? low <= 0x7fff_ffff : high === 0xffff_ffff && low >= 0x8000_0000
    if (!isInt32) return this.fail('range', 'an integer has more than 32 bits')
    if (kind === 'enum' && !values.has(low | 0)) return this.fail('enum', 'an enum has no such value')
    return true
  }

  double(end: number): boolean {
    if (end - this.position < 8) return this.fail('truncated', 'a number does not end')
    const value = this.view.getFloat64(this.position, true)
    this.position += 8
    return Number.isFinite(value) ? true : this.fail('number', 'a number is not finite')
  }

  /** Where the length-delimited value ends that starts here, or -1. */
  length(end: number): number {
    if (!this.varint(end)) return -1
    if (this.high === 0 && this.low <= end - this.position) return this.position + this.low
    this.fail('truncated', 'a length goes beyond the end')
    return -1
  }

  skip(wireType: number, end: number): boolean {
    if (wireType === VARINT) return this.varint(end)
    if (wireType === LENGTH) {
      const innerEnd = this.length(end)
      if (innerEnd < 0) return false
      this.position = innerEnd
      return true
    }
    const bytes = wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : 0
    if (bytes === 0) return this.fail('wire-type', 'no such wire type')
    if (end - this.position < bytes) return this.fail('truncated', 'a number does not end')
    this.position += bytes
    return true
  }

  /** At most ten bytes, 64 bits, and in the shortest spelling: decoders differ on all three. */
  varint(end: number): boolean {
    const { bytes } = this
    let low = 0
    let high = 0
    for (let count = 0; count < 10; count++) {
      if (this.position >= end) return this.fail('truncated', 'a varint does not end')
      const byte = bytes[this.position++] ?? 0
      const bits = byte & 0x7f
      if (count < 4) low |= bits << (7 * count)
      else if (count === 4) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (7 * count - 32)
      if (byte < 0x80) {
        if (byte === 0 && count > 0) return this.fail('varint', 'a varint is longer than it needs to be')
        if (count === 9 && byte > 1) return this.fail('varint', 'a varint has more than 64 bits')
        this.low = low >>> 0
        this.high = high >>> 0
        return true
      }
    }
    return this.fail('varint', 'a varint has more than ten bytes')
  }
}
