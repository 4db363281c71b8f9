// Reads JSON for the record so that no number stands in it as another one: what JavaScript would round becomes
// `{"number":"<as it was sent>"}`. The text passed the strict parser before. Texts too long to be read a second time
// are left to whoever records: see take-content.ts, which marks what was rounded.

import type { JsonValue } from '../base/strict-json.ts'

const maxChars = 262_144 // bound: text that is read once more for the exact numbers in it
/** without this there is no number that is rounded */
const hint = /[\d.]{16}|\d[eE][+\d]/

/** undefined where there is nothing to gain, and the value that is known already will do */
export function parseExactly(text: string): JsonValue | undefined {
  if (text.length > maxChars || !hint.test(text)) return undefined
  return JSON.parse(text, keepSource) as JsonValue // what JSON.parse gives is JSON, with or without these objects
}

function keepSource(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && isRounded(value, source) ? { number: source } : value
}

function isRounded(value: number, source: string): boolean {
  if (Number.isInteger(value)) return !Number.isSafeInteger(value)
  const digits = source.replace(/[eE].*$/, '').replaceAll(/[.-]/g, '')
  return digits.replace(/^0+/, '').length > 15 && String(value) !== source
}
