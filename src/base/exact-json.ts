// Reads JSON so that writing it again changes no number: what a double cannot hold, or would spell differently
// (2^64, 1.0, -0, 1e2), becomes a raw number that JSON.stringify writes back as it stood. For text that a strict scan
// has already passed and bounded (strict-json.ts), when a call must be translated rather than spliced; what is decided
// on is the strict value, never this one.

import type { JsonValue } from './strict-json.ts'

/** ECMAScript 2026, which TypeScript's own library does not describe yet. */
interface SourceText {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
  isRawJSON(value: unknown): boolean
}
const json = JSON as unknown as SourceText

/**
 * The value of `text`. INVARIANT: the text has passed parseStrictJson, so its size, depth and keys are bounded and
 * nothing is repeated; text that is not JSON throws, as JSON.parse does.
 */
export function parseExact(text: string): JsonValue {
  return json.parse(text, (_key, value, { source }) =>
    typeof value !== 'number' || source === undefined || String(value) === source ? value : json.rawJSON(source),
  ) as JsonValue
}

/** True for a number that parseExact kept as it was spelled. It looks like an object and is none. */
export function isRawNumber(value: unknown): boolean {
  return json.isRawJSON(value)
}

/** The number that such a value stands for, as a double; any other value as it is. */
export function plainNumber(value: JsonValue): JsonValue {
  return isRawNumber(value) ? Number((value as { rawJSON: string }).rawJSON) : value
}
