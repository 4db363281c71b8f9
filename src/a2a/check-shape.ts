// Walks a parsed value along a shape and finds what two decoders could read differently: another spelling of a
// known field, a second member of a union, an enum as a number, a value of the wrong kind. It never changes the
// value, never looks inside `data` and `metadata`, and lets unknown fields pass (A2A specification §5.7).

import { isRawNumber, plainNumber } from '../base/exact-json.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'

/** One way in which a value misses its shape. `path` names schema positions, `reason` is a closed code. */
export interface ShapeProblem {
  readonly path: string
  readonly reason: 'alias' | 'type' | 'missing' | 'union' | 'enum' | 'identifier' | 'range' | 'base64' | 'empty'
}

type Kind =
  | 'string'
  | 'identifier'
  | 'boolean'
  | 'integer'
  | 'count'
  | 'base64'
  | 'struct'
  | 'anything'
  | 'object'
  | ReadonlySet<string>

export interface FieldSpec {
  readonly kind: Kind
  readonly shape?: Shape
  readonly repeated?: boolean
  /** must be there, and not empty where it is an identifier or a list */
  readonly required?: boolean
  /** a member of the shape's union: exactly one of them is there */
  readonly union?: boolean
}

export interface Shape {
  readonly fields: ReadonlyMap<string, FieldSpec>
  /** every known name in the form that aliases fold to */
  readonly folded: ReadonlySet<string>
  readonly required: readonly string[]
  readonly hasUnion: boolean
  readonly nullable: boolean
  /** which shape it is, told by the text of a member (`kind` in A2A 0.3); then nothing above is looked at */
  readonly variants?: { readonly by: string; readonly shapes: ReadonlyMap<string, Shape> }
  /** a list of such values in place of an object */
  readonly items?: Shape
}

const longestIdentifier = 256
// Far beyond any schema; an unknown name costs a fold, and a body could hold a hundred thousand of them.
const mostMembers = 256
const longestAlias = 64
const largestCount = 2 ** 31 - 1

/** Builds a shape. `retired` are old names of a known position, refused like any other alias. */
export function defineShape(
  fields: Readonly<Record<string, FieldSpec>>,
  options: { readonly retired?: readonly string[]; readonly nullable?: boolean } = {},
): Shape {
  const entries = Object.entries(fields)
  return Object.freeze({
    fields: new Map(entries),
    folded: new Set([...Object.keys(fields), ...(options.retired ?? [])].map(foldName)),
    required: entries.filter(([, field]) => field.required).map(([name]) => name),
    hasUnion: entries.some(([, field]) => field.union),
    nullable: options.nullable ?? false,
  })
}

/** One of several shapes, told apart by the text of the member `by`, which each of them describes as well. */
export function defineVariants(by: string, shapes: Readonly<Record<string, Shape>>): Shape {
  return Object.freeze({ ...defineShape({}), variants: { by, shapes: new Map(Object.entries(shapes)) } })
}

/** A list whose elements all have the shape. */
export function defineList(items: Shape): Shape {
  return Object.freeze({ ...defineShape({}), items })
}

/**
 * What the decoders of A2A agents make of a name: ProtoJSON also takes snake_case, Go ignores case by Unicode
 * folding (the long s and the Kelvin sign included, hence first upper, then lower case).
 */
export function foldName(name: string): string {
  return name.toUpperCase().toLowerCase().replaceAll('_', '')
}

/** True when `name` is not in `known` (folded names) itself but some decoder would take it for one of them. */
export function isAlias(name: string, folded: ReadonlySet<string>): boolean {
  return name.length <= longestAlias && folded.has(foldName(name))
}

/** undefined when the value has the shape. */
export function checkShape(value: JsonValue, shape: Shape): ShapeProblem | undefined {
  if (value === null && shape.nullable) return undefined
  if (shape.items) return checkList(value, { kind: 'object', shape: shape.items })
  return isJsonObject(value) ? checkObject(value, shape) : problem('type')
}

function checkObject(object: JsonObject, shape: Shape): ShapeProblem | undefined {
  if (shape.variants) return checkVariant(object, shape.variants)
  let unionMembers = 0
  const keys = Object.keys(object)
  if (keys.length > mostMembers) return problem('range')
  for (const key of keys) {
    const field = shape.fields.get(key)
    if (field === undefined) {
      if (isAlias(key, shape.folded)) return problem('alias', key)
      continue
    }
    const value = object[key] ?? null
    if (field.union) unionMembers++
    // ProtoJSON reads null as "not there". In a union it would still count for some decoders, so it is a value.
    else if (value === null && !field.required) continue
    const found = field.repeated ? checkList(value, field) : checkOne(value, field)
    if (found)
      return {
        path: found.path === '' ? key : `${key}${found.path.startsWith('[') ? '' : '.'}${found.path}`,
        reason: found.reason,
      }
  }
  if (shape.hasUnion && unionMembers !== 1) return problem('union')
  for (const name of shape.required) if (!Object.hasOwn(object, name)) return problem('missing', name)
  return undefined
}

function checkVariant(object: JsonObject, { by, shapes }: NonNullable<Shape['variants']>): ShapeProblem | undefined {
  if (!Object.hasOwn(object, by)) return problem('missing', by)
  const name = object[by]
  if (typeof name !== 'string') return problem('type', by)
  const shape = shapes.get(name)
  return shape === undefined ? problem('enum', by) : checkObject(object, shape)
}

function checkList(value: JsonValue, field: FieldSpec): ShapeProblem | undefined {
  if (!Array.isArray(value)) return problem('type')
  if (field.required && value.length === 0) return problem('empty')
  for (let index = 0; index < value.length; index++) {
    const found = checkOne(value[index] ?? null, field)
    if (found) return { path: found.path === '' ? `[${index}]` : `[${index}].${found.path}`, reason: found.reason }
  }
  return undefined
}

function checkOne(given: JsonValue, field: FieldSpec): ShapeProblem | undefined {
  const { kind } = field
  const value = typeof given === 'object' && isRawNumber(given) ? plainNumber(given) : given
  if (typeof kind !== 'string') {
    if (typeof value !== 'string') return problem('type')
    return kind.has(value) ? undefined : problem('enum')
  }
  switch (kind) {
    case 'object':
      if (!isJsonObject(value) || field.shape === undefined) return problem('type')
      return checkObject(value, field.shape)
    case 'string':
      return typeof value === 'string' ? undefined : problem('type')
    case 'identifier':
      if (typeof value !== 'string') return problem('type')
      if (value === '') return field.required || field.repeated ? problem('identifier') : undefined
      return isIdentifier(value) ? undefined : problem('identifier')
    case 'boolean':
      return typeof value === 'boolean' ? undefined : problem('type')
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : problem('type')
    case 'count':
      if (typeof value !== 'number') return problem('type')
      return Number.isInteger(value) && value >= 0 && value <= largestCount ? undefined : problem('range')
    case 'base64':
      if (typeof value !== 'string') return problem('type')
      return decodedBase64Bytes(value) === undefined ? problem('base64') : undefined
    case 'struct':
      return isJsonObject(value) ? undefined : problem('type')
    case 'anything':
      break
  }
  return undefined
}

const problem = (reason: ShapeProblem['reason'], path = ''): ShapeProblem => ({ path, reason })

/** 1 to 256 UTF-16 units without control characters or line separators. */
export function isIdentifier(text: string): boolean {
  if (text === '' || text.length > longestIdentifier) return false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029) return false
  }
  return true
}

/** How many bytes this base64 stands for; undefined unless it is the one standard spelling (RFC 4648 §4). */
export function decodedBase64Bytes(text: string): number | undefined {
  if (text.length % 4 !== 0) return undefined
  const end = text.length - base64Padding(text)
  for (let at = 0; at < end; at++) if ((sextets[text.charCodeAt(at)] ?? -1) < 0) return undefined
  // The bits beyond the last byte must be zero, or one content would have several spellings.
  const last = end === 0 ? 0 : (sextets[text.charCodeAt(end - 1)] ?? 0)
  const looseBits = text.length - end === 2 ? 0b1111 : text.length - end === 1 ? 0b11 : 0
  return (last & looseBits) === 0 ? base64Bytes(text) : undefined
}

/** The same of text that has already passed: only arithmetic. */
export function base64Bytes(text: string): number {
  return (text.length / 4) * 3 - base64Padding(text)
}

function base64Padding(text: string): number {
  return text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const sextets: Int8Array = Int8Array.from({ length: 128 }, (_, code) => alphabet.indexOf(String.fromCharCode(code)))
