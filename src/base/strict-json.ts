// Reads JSON text that an attacker wrote, so that no two readers can understand it differently: RFC 8259 to the
// letter, and beyond it no duplicate keys (after unescaping), no lone surrogates, no numbers beyond a double,
// and bounds on depth and node count. It never repairs, never throws, and never touches a prototype: `__proto__`
// is an ordinary own key. Look members up with Object.hasOwn. Offsets count UTF-16 units of the text.
// The text itself stays the thing that is forwarded; `memberRange` and `spliceMember` find and change parts of it.

import { isUtf8 } from 'node:buffer'

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export type JsonObject = { [key: string]: JsonValue }

export type StrictJsonReason = 'syntax' | 'duplicate-key' | 'depth' | 'nodes' | 'encoding'

export interface StrictJsonFailure {
  readonly ok: false
  readonly reason: StrictJsonReason
  readonly offset: number
  /** private: says what was wrong, quotes nothing of the text */
  readonly detail: string
}

export type StrictJsonResult = { readonly ok: true; readonly value: JsonValue } | StrictJsonFailure

export interface StrictJsonBounds {
  /** deepest nesting of arrays and objects; never more than 1,024, so that the stack holds */
  readonly maxDepth: number
  /** most values, containers included */
  readonly maxNodes: number
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of well-formed UTF-8, or undefined: Buffer.toString() would repair it, and a BOM is refused. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  if (bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return undefined
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

const scratch = Buffer.allocUnsafeSlow(4096)

/**
 * A copy that shares no memory. Parsed strings may be slices of the text: one short id kept in a cache would
 * keep a whole body alive. Copy whatever outlives the call. Expects well-formed text, as the parser gives.
 */
export function detach(text: string): string {
  // V8 makes slices from 13 characters on; shorter texts are copies already.
  if (text.length < 13) return text
  if (text.length > 1024) return Buffer.from(text, 'utf8').toString('utf8')
  return scratch.toString('utf8', 0, scratch.write(text, 0, 'utf8'))
}

/** Parses strictly. What is refused names a reason and where; nothing is thrown, whatever the text. */
export function parseStrictJson(text: string, bounds: StrictJsonBounds): StrictJsonResult {
  const parser = new Parser(text, bounds)
  const value = parser.document()
  if (parser.reason === undefined) return { ok: true, value }
  return { ok: false, reason: parser.reason, offset: parser.position, detail: parser.detail }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const ZERO = 0x30
const MINUS = 0x2d
const MAX_STACK_DEPTH = 1024

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/** Recursive descent, at most MAX_STACK_DEPTH deep. After a failure every method returns at once. */
class Parser {
  readonly text: string
  readonly maxDepth: number
  nodesLeft: number
  position = 0
  depth = 0
  reason: StrictJsonReason | undefined = undefined
  detail = ''

  constructor(text: string, bounds: StrictJsonBounds) {
    this.text = text
    this.maxDepth = Math.min(bounds.maxDepth, MAX_STACK_DEPTH)
    this.nodesLeft = bounds.maxNodes
  }

  document(): JsonValue {
    if (this.text.charCodeAt(0) === 0xfeff) return this.fail('encoding', 'byte order mark')
    const value = this.value(this.skipSpace())
    if (this.reason !== undefined) return null
    this.skipSpace()
    if (this.position < this.text.length) return this.fail('syntax', 'something follows the value')
    return value
  }

  fail(reason: StrictJsonReason, detail: string): null {
    if (this.reason === undefined) {
      this.reason = reason
      this.detail = detail
    }
    return null
  }

  /** Moves to the next character that is no white space and returns its code, NaN at the end. */
  skipSpace(): number {
    const text = this.text
    let position = this.position
    let code = text.charCodeAt(position)
    while (code <= 0x20 && isSpace(code)) code = text.charCodeAt(++position)
    this.position = position
    return code
  }

  value(code: number): JsonValue {
    if (--this.nodesLeft < 0) return this.fail('nodes', 'too many values')
    if (code === QUOTE) return this.string()
    if (code === OPEN_OBJECT) return this.object()
    if (code === OPEN_ARRAY) return this.array()
    if (code === MINUS || isDigit(code)) return this.number(code)
    if (code === 0x74) return this.word('true', true)
    if (code === 0x66) return this.word('false', false)
    if (code === 0x6e) return this.word('null', null)
    return this.fail('syntax', 'a value was expected')
  }

  word(word: string, value: JsonValue): JsonValue {
    if (!this.text.startsWith(word, this.position)) return this.fail('syntax', 'a value was expected')
    this.position += word.length
    return value
  }

  object(): JsonValue {
    const object: JsonObject = {}
    if (++this.depth > this.maxDepth) return this.fail('depth', 'nested too deeply')
    this.position++
    let code = this.skipSpace()
    if (code === CLOSE_OBJECT) return this.close(object)
    for (;;) {
      if (code !== QUOTE) return this.fail('syntax', 'a key was expected')
      const keyAt = this.position
      const key = this.string()
      if (this.reason !== undefined) return null
      if (this.skipSpace() !== COLON) return this.fail('syntax', 'a colon was expected')
      // No JSON value is undefined, so a plain read finds repeats; hasOwn tells inherited names such as "constructor".
      if (object[key] !== undefined && Object.hasOwn(object, key)) {
        this.position = keyAt
        return this.fail('duplicate-key', 'a key is repeated')
      }
      this.position++
      const value = this.value(this.skipSpace())
      if (this.reason !== undefined) return null
      if (key === '__proto__') define(object, key, value)
      else object[key] = value
      code = this.skipSpace()
      if (code === CLOSE_OBJECT) return this.close(object)
      if (code !== COMMA) return this.fail('syntax', 'a comma or a closing brace was expected')
      this.position++
      code = this.skipSpace()
    }
  }

  array(): JsonValue {
    const array: JsonValue[] = []
    if (++this.depth > this.maxDepth) return this.fail('depth', 'nested too deeply')
    this.position++
    let code = this.skipSpace()
    if (code === CLOSE_ARRAY) return this.close(array)
    for (;;) {
      array.push(this.value(code))
      if (this.reason !== undefined) return null
      code = this.skipSpace()
      if (code === CLOSE_ARRAY) return this.close(array)
      if (code !== COMMA) return this.fail('syntax', 'a comma or a closing bracket was expected')
      this.position++
      code = this.skipSpace()
    }
  }

  close(container: JsonValue): JsonValue {
    this.depth--
    this.position++
    return container
  }

  number(first: number): JsonValue {
    const { text, position: start } = this
    let position = start
    if (first === MINUS) position++
    let code = text.charCodeAt(position)
    if (code === ZERO) code = text.charCodeAt(++position)
    else if (isDigit(code)) code = text.charCodeAt((position = this.skipDigits(position)))
    else return this.failNumber(position)
    if (code === 0x2e) {
      if (!isDigit(text.charCodeAt(position + 1))) return this.failNumber(position)
      code = text.charCodeAt((position = this.skipDigits(position + 1)))
    }
    if (code === 0x65 || code === 0x45) {
      code = text.charCodeAt(++position)
      if (code === 0x2b || code === MINUS) code = text.charCodeAt(++position)
      if (!isDigit(code)) return this.failNumber(position)
      position = this.skipDigits(position)
    }
    this.position = position
    const value = Number(text.slice(start, position))
    return Number.isFinite(value) ? value : this.fail('syntax', 'a number is out of range')
  }

  skipDigits(from: number): number {
    let position = from
    while (isDigit(this.text.charCodeAt(position))) position++
    return position
  }

  failNumber(position: number): null {
    this.position = position
    return this.fail('syntax', 'a digit was expected')
  }

  /** Reads from the opening quote to behind the closing one; a string without escapes is one slice. */
  string(): string {
    const text = this.text
    const start = this.position + 1
    let position = start
    for (;;) {
      const code = text.charCodeAt(position)
      if (code === QUOTE) {
        this.position = position + 1
        return text.slice(start, position)
      }
      if (code === BACKSLASH) return this.escapedString(start, position)
      if (code >= 0x20 && (code < 0xd800 || code > 0xdfff)) position++
      else if (isPair(code, text.charCodeAt(position + 1))) position += 2
      else return this.failString(position, code)
    }
  }

  /** The rest of a string whose first escape stands at `escape`. Runs between escapes are copied whole. */
  escapedString(start: number, escape: number): string {
    const text = this.text
    let result = ''
    let runStart = start
    let position = escape
    for (;;) {
      const code = text.charCodeAt(position)
      if (code === QUOTE) {
        this.position = position + 1
        return result + text.slice(runStart, position)
      }
      if (code === BACKSLASH) {
        result += text.slice(runStart, position)
        this.position = position
        result += this.escape()
        if (this.reason !== undefined) return ''
        position = runStart = this.position
      } else if (code >= 0x20 && (code < 0xd800 || code > 0xdfff)) position++
      else if (isPair(code, text.charCodeAt(position + 1))) position += 2
      else return this.failString(position, code)
    }
  }

  failString(position: number, code: number): string {
    this.position = position
    if (code < 0x20) return this.failText('syntax', 'a control character in a string')
    if (code >= 0xd800) return this.failText('encoding', 'a lone surrogate')
    return this.failText('syntax', 'a string does not end')
  }

  failText(reason: StrictJsonReason, detail: string): string {
    this.fail(reason, detail)
    return ''
  }

  escape(): string {
    const code = this.text.charCodeAt(this.position + 1)
    if (code !== 0x75) {
      const plain = escapes.get(code)
      if (plain === undefined) return this.failText('syntax', 'an unknown escape')
      this.position += 2
      return plain
    }
    const unit = hexUnit(this.text, this.position + 2)
    if (unit < 0) return this.failText('syntax', 'four hexadecimal digits were expected')
    if (unit < 0xd800 || unit > 0xdfff) {
      this.position += 6
      return String.fromCharCode(unit)
    }
    // An escaped high surrogate pairs only with an escaped low one: half raw, half escaped cannot be UTF-8.
    const low = this.text.startsWith('\\u', this.position + 6) ? hexUnit(this.text, this.position + 8) : -1
    if (!isPair(unit, low)) return this.failText('encoding', 'a lone surrogate')
    this.position += 12
    return String.fromCharCode(unit, low)
  }
}

const escapes: ReadonlyMap<number, string> = new Map([
  [QUOTE, '"'],
  [BACKSLASH, '\\'],
  [0x2f, '/'],
  [0x62, '\b'],
  [0x66, '\f'],
  [0x6e, '\n'],
  [0x72, '\r'],
  [0x74, '\t'],
])

const isPair = (high: number, low: number): boolean =>
  high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff

/** The UTF-16 unit of four hexadecimal digits, or -1. */
function hexUnit(text: string, from: number): number {
  let unit = 0
  for (let position = from; position < from + 4; position++) {
    const code = text.charCodeAt(position)
    if (isDigit(code)) unit = unit * 16 + code - 0x30
    else if (code >= 0x61 && code <= 0x66) unit = unit * 16 + code - 0x57
    else if (code >= 0x41 && code <= 0x46) unit = unit * 16 + code - 0x37
    else return -1
  }
  return unit
}

function define(object: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

export interface TextRange {
  readonly start: number
  readonly end: number
}

/**
 * Where the value at `path` stands in the text. INVARIANT: the text has passed parseStrictJson; on any other
 * text the answer is undefined or some range within it, never an exception.
 */
export function memberRange(text: string, path: readonly (string | number)[]): TextRange | undefined {
  let start: number | undefined = afterSpace(text, 0)
  for (const step of path) {
    start = typeof step === 'number' ? elementStart(text, start, step) : memberStart(text, start, step)
    if (start === undefined) return undefined
  }
  const end = valueEnd(text, start)
  return end > start ? { start, end } : undefined
}

/** The text with the value at `path` replaced and every other character left alone; undefined when it is not there. */
export function spliceMember(
  text: string,
  path: readonly (string | number)[],
  replacement: string,
): string | undefined {
  const range = memberRange(text, path)
  return range && text.slice(0, range.start) + replacement + text.slice(range.end)
}

/** The text with a first member put into the object at `path`, which must not have that key yet. */
export function insertMember(
  text: string,
  path: readonly (string | number)[],
  key: string,
  valueText: string,
): string | undefined {
  const range = memberRange(text, path)
  if (!range || text.charCodeAt(range.start) !== OPEN_OBJECT) return undefined
  const inside = range.start + 1
  const comma = text.charCodeAt(afterSpace(text, inside)) === CLOSE_OBJECT ? '' : ','
  return `${text.slice(0, inside)}${JSON.stringify(key)}:${valueText}${comma}${text.slice(inside)}`
}

/** The text without one member of the outermost object; every other character stays. */
export function removeMember(text: string, key: string): string {
  const range = memberRange(text, [key])
  if (range === undefined) return text
  // back over `"key" :` (a key cannot hold a bare quote: of the last two quotes the first opens it)
  const keyStart = text.lastIndexOf('"', text.lastIndexOf('"', range.start - 1) - 1)
  const after = /^\s*,/.exec(text.slice(range.end))
  if (after !== null) return text.slice(0, keyStart) + text.slice(range.end + after[0].length)
  return text.slice(0, keyStart).replace(/,\s*$/, '') + text.slice(range.end)
}

/** For those who walk a text that has passed parseStrictJson: the next character that is no white space. */
export function afterSpace(text: string, from: number): number {
  let position = from
  while (isSpace(text.charCodeAt(position))) position++
  return position
}

function memberStart(text: string, objectStart: number, key: string): number | undefined {
  if (text.charCodeAt(objectStart) !== OPEN_OBJECT) return undefined
  let position = afterSpace(text, objectStart + 1)
  while (text.charCodeAt(position) === QUOTE) {
    const keyEnd = stringEnd(text, position)
    const found = isKey(text, position, keyEnd, key)
    position = afterSpace(text, keyEnd)
    if (text.charCodeAt(position) !== COLON) return undefined
    position = afterSpace(text, position + 1)
    if (found) return position
    position = afterSpace(text, valueEnd(text, position))
    if (text.charCodeAt(position) !== COMMA) return undefined
    position = afterSpace(text, position + 1)
  }
  return undefined
}

function elementStart(text: string, arrayStart: number, index: number): number | undefined {
  if (text.charCodeAt(arrayStart) !== OPEN_ARRAY) return undefined
  let position = afterSpace(text, arrayStart + 1)
  if (text.charCodeAt(position) === CLOSE_ARRAY) return undefined
  for (let at = 0; at < index; at++) {
    position = afterSpace(text, valueEnd(text, position))
    if (text.charCodeAt(position) !== COMMA) return undefined
    position = afterSpace(text, position + 1)
  }
  return position
}

function isKey(text: string, start: number, end: number, key: string): boolean {
  return readString(text, start, end) === key
}

export const isQuote = (text: string, at: number): boolean => text.charCodeAt(at) === QUOTE

/** What the string from `start` to `end`, quotes included, says. */
export function readString(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1)
  if (!raw.includes('\\')) return raw
  const parsed = parseStrictJson(text.slice(start, end), { maxDepth: 1, maxNodes: 1 })
  return parsed.ok && typeof parsed.value === 'string' ? parsed.value : raw
}

/** Behind the value that starts here, by counting brackets outside strings; the text's end at the latest. */
export function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === QUOTE) return stringEnd(text, start)
  let position = start
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    while (position < text.length && !endsScalar(text.charCodeAt(position))) position++
    return position
  }
  let depth = 0
  while (position < text.length) {
    const code = text.charCodeAt(position)
    if (code === QUOTE) {
      position = stringEnd(text, position)
      continue
    }
    position++
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++
    else if ((code === CLOSE_OBJECT || code === CLOSE_ARRAY) && --depth === 0) return position
  }
  return position
}

const endsScalar = (code: number): boolean =>
  code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY || isSpace(code)

/** Behind the closing quote: the first one that an even number of backslashes stands before. */
export function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return quote + 1
    quote = text.indexOf('"', quote + 1)
  }
  return text.length
}
