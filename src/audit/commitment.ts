// Commitments to single values: SHA-256(salt ‖ u32 length of name ‖ name ‖ u32 length of value ‖ value), lengths
// little-endian, base64url. The salt of 32 random bytes is what keeps a short value ("yes", an address) from being
// guessed; it lies encrypted with the value, and giving both away discloses this one field and no other.

import { hash } from 'node:crypto'
import { canonicalString } from '../base/canonical-json.ts'

export const saltBytes = 32

/** What is the same for every commitment under one name. */
export interface FieldName {
  readonly name: string
  /** as canonical JSON */
  readonly quoted: string
  /** u32 length of name ‖ name */
  readonly prefix: Buffer
}

/**
 * Names in the order of RFC 8785, made ready, with those that every record has. The last few lists are remembered:
 * records come in few shapes.
 */
export function createFieldNames(always: readonly string[] = []): (names: readonly string[]) => readonly FieldName[] {
  const known: { readonly given: readonly string[]; readonly fields: readonly FieldName[] }[] = []
  const shapes = 8
  return (names) => {
    for (const { given, fields } of known) if (isSameList(given, names)) return fields
    const fields = [...names, ...always].toSorted().map(toFieldName)
    if (known.length === shapes) known.shift()
    known.push({ given: [...names], fields })
    return fields
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false
  return true
}

export function toFieldName(name: string): FieldName {
  const quoted = canonicalString(name)
  const prefix = Buffer.alloc(4 + Buffer.byteLength(name))
  prefix.writeUInt32LE(prefix.length - 4)
  prefix.write(name, 4)
  return { name, quoted, prefix }
}

const usualBytes = 16_384
let scratch = Buffer.alloc(usualBytes)

/** The commitment with the salt that stands at `bytes[at, at + 32)`. */
export function commitTo(bytes: Buffer, at: number, field: FieldName, value: string): string {
  const bound = saltBytes + field.prefix.length + 4 + 3 * value.length
  if (bound > scratch.length) scratch = Buffer.alloc(bound)
  let end = bytes.copy(scratch, 0, at, at + saltBytes)
  end += field.prefix.copy(scratch, end)
  const length = scratch.write(value, end + 4)
  scratch.writeUInt32LE(length, end)
  const commitment = hash('sha256', scratch.subarray(0, end + 4 + length), 'base64url')
  if (scratch.length > usualBytes) scratch = Buffer.alloc(usualBytes)
  return commitment
}
