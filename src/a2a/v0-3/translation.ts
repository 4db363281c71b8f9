// What every translation between 0.3 and 1.0 is made of: copying members that have the same name on both sides,
// carrying unknown ones along where the position exists on both, and naming what finds no place. Nothing disappears
// without its path in `lost`. `metadata`, `data` and unknown members are passed on as the very values they are, so
// that numbers which parseExact kept as they were spelled survive.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/strict-json.ts'
import { isRawNumber } from '../../base/exact-json.ts'
import { isAlias, type Shape, type ShapeProblem } from '../check-shape.ts'

export type Translated =
  | { readonly ok: true; readonly value: JsonValue; readonly lost: readonly string[] }
  | { readonly ok: false; readonly path: string; readonly reason: ShapeProblem['reason'] | 'inexpressible' }

const mostLost = 64 // bound: paths of what one translation loses
const longestName = 64 // bound: of a member's name in such a path

/** Gathers the paths of what has no place on the other side. */
export class Losses {
  readonly paths: string[] = []

  add(path: string, name = ''): void {
    if (this.paths.length === mostLost) this.paths.push('…')
    if (this.paths.length <= mostLost) this.paths.push(join(path, name))
  }
}

/** Thrown inside this folder only, where a value cannot be said on the other side at all; `translate` catches it. */
class Inexpressible extends Error {
  readonly path: string
  constructor(path: string) {
    super(path)
    this.path = path
  }
}

export function inexpressible(path: string): never {
  throw new Inexpressible(path)
}

export function translate(build: (lost: Losses) => JsonValue): Translated {
  const lost = new Losses()
  try {
    return { ok: true, value: build(lost), lost: lost.paths }
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error
    return { ok: false, path: error.path, reason: 'inexpressible' }
  }
}

/** `message` and `parts` make `message.parts`; names are an attacker's text, so they are cut. */
export function join(path: string, name: string | number): string {
  if (typeof name === 'number') return `${path}[${name}]`
  const short = name.length > longestName ? `${name.slice(0, longestName)}…` : name
  return path === '' ? short : short === '' ? path : `${path}.${short}`
}

export function put(to: JsonObject, name: string, value: JsonValue): void {
  if (name === '__proto__')
    Object.defineProperty(to, name, { value, writable: true, enumerable: true, configurable: true })
  else to[name] = value
}

/** The member, or undefined where it is not there or null, which ProtoJSON takes for the same. */
export function member(from: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(from, name) ? (from[name] ?? undefined) : undefined
}

export function textMember(from: JsonObject, name: string): string {
  const value = member(from, name)
  return typeof value === 'string' ? value : ''
}

/** An object, and not a number that only looks like one. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return isJsonObject(value) && !isRawNumber(value)
}

export function objectMember(from: JsonObject, name: string): JsonObject | undefined {
  const value = member(from, name)
  return isObject(value) ? value : undefined
}

export function listMember(from: JsonObject, name: string): readonly JsonValue[] | undefined {
  const value = member(from, name)
  return Array.isArray(value) ? value : undefined
}

/** Copies members of the same name and meaning. */
export function copy(from: JsonObject, to: JsonObject, ...names: readonly string[]): void {
  for (const name of names) {
    const value = member(from, name)
    if (value !== undefined) to[name] = value
  }
}

/** Copies ids, of which '' means that there is none. */
export function copyIds(from: JsonObject, to: JsonObject, ...names: readonly string[]): void {
  for (const name of names) {
    const value = textMember(from, name)
    if (value !== '') to[name] = value
  }
}

/** What a position consists of on both sides; `path` says where it stands in the value that is translated. */
export interface Position {
  readonly from: Shape
  readonly to: Shape
  readonly path: string
}

/**
 * Carries members that `at.from` does not know. One that the other side would take for a member it knows is lost:
 * it would begin to mean something there that nobody has looked at.
 */
export function carryUnknown(from: JsonObject, to: JsonObject, at: Position, lost: Losses): void {
  for (const name of Object.keys(from)) {
    if (at.from.fields.has(name)) continue
    if (Object.hasOwn(to, name) || isAlias(name, at.to.folded)) lost.add(at.path, name)
    else put(to, name, from[name] ?? null)
  }
}

/** The members that a position knows: a shape's fields, or just their names. */
export interface Names {
  has(name: string): boolean
}

/** Names unknown members of a position that the other side does not have. */
export function loseUnknown(from: JsonObject, known: Names, path: string, lost: Losses): void {
  for (const name of Object.keys(from)) if (!known.has(name)) lost.add(path, name)
}

/** Names those of the known members that have no place on the other side, unless they say nothing. */
export function loseMembers(from: JsonObject, path: string, lost: Losses, ...names: readonly string[]): void {
  for (const name of names) if (saysSomething(member(from, name))) lost.add(path, name)
}

function saysSomething(value: JsonValue | undefined): boolean {
  if (value === undefined || value === '' || value === false || value === 0) return false
  if (Array.isArray(value)) return value.length > 0
  return !isObject(value) || Object.keys(value).length > 0
}

/** Translates each element that is an object; shapes have seen to it that all are. */
export function each(
  list: readonly JsonValue[],
  path: string,
  one: (value: JsonObject, path: string) => JsonValue,
): JsonValue[] {
  return list.map((value, index) => (isObject(value) ? one(value, join(path, index)) : value))
}
