// The functions a condition may call: those of CEL's standard library that make sense of names, sizes, media
// types and times, and inNetwork() for addresses. Whatever is costly to prepare (patterns, networks, time zones)
// is a literal, prepared when policy is loaded. matches() is RE2, linear in its input; V8's own regular
// expressions can be made to hang.

import { BlockList, isIP } from 'node:net'
import { RE2JS } from 're2js'
import { asInt, asString, asTime, exact, fail, type Frame, isList, type Value } from './condition-value.ts'

export type Method = (frame: Frame, target: Value, first?: Value, second?: Value) => Value

/** Functions of one argument, `size(x)`. */
const functions: Readonly<Record<string, Method>> = Object.freeze({
  size,
  int: parseInteger,
  string: toText,
  timestamp,
})

/** Methods by name and number of arguments, `x.size()`. */
const methods: Readonly<Record<string, Method>> = Object.freeze({
  'size/0': size,
  'startsWith/1': onText((text, argument) => text.startsWith(argument)),
  'endsWith/1': onText((text, argument) => text.endsWith(argument)),
  'contains/1': contains,
  'lowerAscii/0': mapText((text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())),
  'upperAscii/0': mapText((text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())),
  'trim/0': mapText((text) => text.trim()),
  'substring/1': substring,
  'substring/2': substring,
  'getFullYear/0': onTime((time) => time.getUTCFullYear()),
  'getMonth/0': onTime((time) => time.getUTCMonth()),
  'getDate/0': onTime((time) => time.getUTCDate()),
  'getDayOfMonth/0': onTime((time) => time.getUTCDate() - 1),
  'getDayOfWeek/0': onTime((time) => time.getUTCDay()),
  'getHours/0': onTime((time) => time.getUTCHours()),
  'getMinutes/0': onTime((time) => time.getUTCMinutes()),
})

/** Methods whose one argument is a literal string: prepared once; a text says what is wrong with the literal. */
const preparers: Readonly<Record<string, (literal: string) => Method | string>> = Object.freeze({
  matches: prepareMatches,
  inNetwork: prepareNetwork,
  getHours: (zone: string) => prepareZone(zone, 'hour'),
  getMinutes: (zone: string) => prepareZone(zone, 'minute'),
  getDayOfWeek: (zone: string) => prepareZone(zone, 'weekday'),
})

export function findFunction(name: string, argumentCount: number): Method | undefined {
  return argumentCount === 1 && Object.hasOwn(functions, name) ? functions[name] : undefined
}

export function findMethod(name: string, argumentCount: number): Method | undefined {
  const key = `${name}/${argumentCount}`
  return Object.hasOwn(methods, key) ? methods[key] : undefined
}

export function findPreparer(name: string, argumentCount: number): ((literal: string) => Method | string) | undefined {
  return argumentCount === 1 && Object.hasOwn(preparers, name) ? preparers[name] : undefined
}

function size(frame: Frame, value: Value): number {
  if (isList(value)) return value.length
  const text = asString(value)
  frame.payFor(text)
  // CEL counts code points, JavaScript UTF-16 units: a surrogate pair is one.
  let count = 0
  for (let index = 0; index < text.length; index++) {
    if ((text.codePointAt(index) ?? 0) > 0xffff) index++
    count++
  }
  return count
}

function parseInteger(frame: Frame, value: Value): number {
  if (typeof value === 'number') return value
  const text = asString(value)
  frame.payFor(text)
  return /^-?\d{1,16}$/.test(text) ? exact(Number(text)) : fail('not an int')
}

function toText(_frame: Frame, value: Value): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : asString(value)
}

function onText(apply: (text: string, argument: string) => boolean): Method {
  return (frame, target, argument) => {
    const part = asString(argument)
    frame.payFor(part)
    return apply(asString(target), part)
  }
}

function mapText(apply: (text: string) => string): Method {
  return (frame, target) => {
    const text = asString(target)
    frame.payFor(text)
    return apply(text)
  }
}

function contains(frame: Frame, target: Value, argument?: Value): boolean {
  const text = asString(target)
  const part = asString(argument)
  // V8 is not proven linear here: a long needle pays for the product.
  frame.spend(1 + (text.length >> 3) * (1 + (part.length >> 4)))
  return text.includes(part)
}

function substring(frame: Frame, target: Value, first?: Value, second?: Value): string {
  const text = asString(target)
  const start = asInt(first)
  const length = size(frame, text)
  const end = second === undefined ? length : asInt(second)
  if (start < 0 || end < start || end > length) return fail('substring is out of range')
  if (length === text.length) return text.slice(start, end)
  // Positions count code points, as size() does: else a few emoji in a name would shift what is compared.
  frame.spend(length >> 1)
  const from = unitOf(text, start)
  return text.slice(from, from + unitOf(text.slice(from), end - start))
}

/** Where in UTF-16 units the code point of a position begins. */
function unitOf(text: string, position: number): number {
  let unit = 0
  for (let left = position; left > 0; left--) unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1
  return unit
}

/** From seconds since the epoch, or from RFC 3339 text with an explicit zone. */
function timestamp(frame: Frame, value: Value): Date {
  if (value instanceof Date) return value
  if (typeof value === 'number') return validTime(new Date(value * 1000))
  const text = asString(value)
  frame.payFor(text)
  const isRfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)
  return isRfc3339 && isOnCalendar(text) ? validTime(new Date(text)) : fail('not a timestamp')
}

/** Date would read 30 February as 2 March, and 24:00 as the next day. */
function isOnCalendar(text: string): boolean {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10)) && text.slice(11, 13) !== '24'
}

function validTime(time: Date): Date {
  return Number.isNaN(time.getTime()) ? fail('not a timestamp') : time
}

function onTime(part: (time: Date) => number): Method {
  return (_frame, target) => part(asTime(target))
}

const maxPatternLength = 1000 // bound: a pattern in a condition
const maxProgramSize = 500

/** True when the pattern is found anywhere in the text, as in CEL. */
function prepareMatches(pattern: string): Method | string {
  if (pattern.length > maxPatternLength) return `the pattern is longer than ${maxPatternLength} characters`
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(pattern)
  } catch (error) {
    return `the pattern is not valid: ${error instanceof Error ? error.message : 'unknown'}; it is RE2, without lookaround`
  }
  const programSize = compiled.programSize()
  if (programSize > maxProgramSize)
    return `the pattern is too complex (${programSize} steps, at most ${maxProgramSize})`
  return (frame, target) => {
    const text = asString(target)
    frame.spend(10 + Math.ceil((text.length * programSize) / 4))
    return compiled.test(text)
  }
}

function prepareNetwork(network: string): Method | string {
  const [address = '', bits, ...rest] = network.split('/')
  const family = isIP(address)
  const width = family === 4 ? 32 : 128
  const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  if (family === 0 || rest.length > 0 || prefix < 0 || prefix > width)
    return `${network} is not a network such as 10.0.0.0/8`
  const list = new BlockList()
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  return (frame, target) => {
    const text = asString(target)
    frame.spend(100)
    const kind = isIP(text)
    if (kind === 0) return fail('not an IP address')
    return list.check(text, kind === 4 ? 'ipv4' : 'ipv6')
  }
}

const weekdays: readonly string[] = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

function prepareZone(timeZone: string, part: 'hour' | 'minute' | 'weekday'): Method | string {
  let format: Intl.DateTimeFormat
  try {
    const field = part === 'weekday' ? 'short' : 'numeric'
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      [part]: field,
      ...(part === 'hour' ? { hourCycle: 'h23' } : {}),
    })
  } catch {
    // The only thing that can be wrong here is the zone's name.
    return `${timeZone} is not a time zone such as Europe/Berlin`
  }
  return (frame, target) => {
    frame.spend(300)
    const text = format.format(asTime(target))
    return part === 'weekday' ? weekdays.indexOf(text) : exact(Number(text))
  }
}
