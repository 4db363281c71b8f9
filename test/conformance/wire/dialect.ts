// How one version spells parameters and answers. Tests are written in the words of A2A 1.0; what is sent and what came
// back is in the dialect of the column. A translation is strict where a test relies on it: what a version must say
// (`kind`, `final`) and does not makes the test fail.

import type { JsonObject, JsonValue } from '../../../src/base/strict-json.ts'
import type { Operation } from '../../../src/a2a/operations.ts'

export type { JsonObject, JsonValue } from '../../../src/base/strict-json.ts'
export type { Operation } from '../../../src/a2a/operations.ts'

export interface Dialect {
  encode(operation: Operation, params: JsonObject): JsonObject
  decode(operation: Operation, result: JsonValue): JsonValue
  /** one event of a stream, as a StreamResponse of 1.0 */
  decodeEvent(event: JsonValue): JsonObject
}

/** What came is not of the dialect. */
export class Misspelt extends Error {}

export function objectOf(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new Misspelt(`${what} is not an object: ${JSON.stringify(value)}`)
}

export function listOf(value: JsonValue | undefined, what: string): JsonValue[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  throw new Misspelt(`${what} is not a list: ${JSON.stringify(value)}`)
}

/** '' when there is none. */
export function textIn(object: JsonObject, member: string): string {
  const value = object[member]
  return typeof value === 'string' ? value : ''
}

/** The members that are there. */
export function present(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const entries = Object.entries(members).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  )
  return Object.fromEntries(entries)
}

/** Applies where there is something to apply to. */
export function maybe(value: JsonValue | undefined, change: (value: JsonValue) => JsonValue): JsonValue | undefined {
  return value === undefined ? undefined : change(value)
}

/** A2A 1.0 says what tests say. */
export const current: Dialect = {
  encode: (_operation, params) => params,
  decode: (_operation, result) => result,
  decodeEvent: (event) => objectOf(event, 'an event'),
}
