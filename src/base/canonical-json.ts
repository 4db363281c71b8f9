// RFC 8785 (JSON Canonicalization Scheme): one value, one text, so that a hash of the text is a hash of the
// value. For values of our own making; text from outside goes through strict-json.ts first. It throws a Bug on
// what JSON cannot hold (a lone surrogate, NaN), because quietly changing it would change what is signed.

import { invariant } from './invariant.ts'
import type { JsonValue } from './strict-json.ts'

const maxDepth = 100

/** The canonical text of a value. ECMAScript's number and string forms are the ones that RFC 8785 asks for. */
export function canonicalJson(value: JsonValue): string {
  return write(value, 0)
}

/** A string as canonical JSON writes it. */
export function canonicalString(text: string): string {
  invariant(text.isWellFormed(), 'a lone surrogate has no canonical form')
  return JSON.stringify(text)
}

function write(value: JsonValue, depth: number): string {
  invariant(depth <= maxDepth, 'nested too deeply for a canonical form')
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'number') {
    invariant(Number.isFinite(value), 'only finite numbers have a canonical form')
    // String(-0) is "0", as RFC 8785 §3.2.2.3 wants it
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`
  const members: string[] = []
  // the default order of sort() is by UTF-16 code units: RFC 8785 §3.2.3
  for (const name of Object.keys(value).sort()) {
    const member = value[name]
    invariant(member !== undefined, 'undefined has no canonical form')
    members.push(`${canonicalString(name)}:${write(member, depth + 1)}`)
  }
  return `{${members.join(',')}}`
}
