// Reads columns of a row with the type that the schema (STRICT tables) promises; anything else is a bug.

import type { SQLOutputValue } from 'node:sqlite'
import { invariant } from '../base/invariant.ts'

export type Columns = Record<string, SQLOutputValue>

export function text(row: Columns, name: string): string {
  const value = row[name]
  invariant(typeof value === 'string', `column ${name} holds no text`)
  return value
}

export function integer(row: Columns, name: string): number {
  const value = row[name]
  invariant(typeof value === 'number', `column ${name} holds no integer`)
  return value
}

export function optionalInteger(row: Columns, name: string): number | undefined {
  return row[name] === null ? undefined : integer(row, name)
}

export function bytes(row: Columns, name: string): Buffer {
  const value = row[name]
  invariant(value instanceof Uint8Array, `column ${name} holds no bytes`)
  return Buffer.from(value)
}
