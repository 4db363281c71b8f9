// Splits the body of a watch into its lines, one JSON value each, however the bytes were cut on the way. A line has
// a bound: an API server, or whoever stands in its place, must not fill our memory with one that never ends.

import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import { ClusterFault } from './cluster-fault.ts'

const maxLineBytes = 4 * 1024 * 1024 // bound: an event of a watch
const newline = 0x0a

export interface JsonLines {
  /** Calls back for each line that is whole. Throws ClusterFault GARBAGE; nothing may be pushed after that. */
  push(chunk: Buffer): void
  /** The stream is over. Throws when it ended within a line. */
  end(): void
}

export function createJsonLines(onValue: (value: JsonObject) => void, maxBytes = maxLineBytes): JsonLines {
  let held: Buffer[] = []
  let heldBytes = 0

  const take = (piece: Buffer): void => {
    const line = held.length === 0 ? piece : Buffer.concat([...held, piece], heldBytes + piece.length)
    held = []
    heldBytes = 0
    if (line.length > maxBytes) throw tooLong(maxBytes)
    if (line.length > 0 && !isBlank(line)) onValue(parseObject(line))
  }

  return {
    push(chunk) {
      let start = 0
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, start)) {
        take(chunk.subarray(start, at))
        start = at + 1
      }
      if (start === chunk.length) return
      const rest = chunk.subarray(start)
      heldBytes += rest.length
      if (heldBytes > maxBytes) throw tooLong(maxBytes)
      held.push(rest)
    },
    end() {
      if (heldBytes > 0) throw new ClusterFault('GARBAGE', 'the watch ended within an event')
    },
  }
}

const tooLong = (maxBytes: number): ClusterFault =>
  new ClusterFault('GARBAGE', `an event of more than ${maxBytes} bytes`)

const isBlank = (line: Buffer): boolean => line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)

const maxNodes = 1_000_000 // bound: values in one answer of an API server

/** One JSON object, strictly: what two parsers could read differently is not believed, whoever says it. */
export function parseObject(bytes: Buffer): JsonObject {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw new ClusterFault('GARBAGE', 'not UTF-8')
  const parsed = parseStrictJson(text, { maxDepth: 64, maxNodes })
  if (!parsed.ok) throw new ClusterFault('GARBAGE', `not acceptable JSON: ${parsed.reason}`)
  if (!isJsonObject(parsed.value)) throw new ClusterFault('GARBAGE', 'not a JSON object')
  return parsed.value
}

/** An own member that is an object; undefined otherwise. */
export function objectAt(value: JsonObject, name: string): JsonObject | undefined {
  const member = Object.hasOwn(value, name) ? value[name] : undefined
  return isJsonObject(member) ? member : undefined
}

/** An own member that is text; undefined otherwise. */
export function textAt(value: JsonObject | undefined, name: string): string | undefined {
  const member = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined
  return typeof member === 'string' ? member : undefined
}
