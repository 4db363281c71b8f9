import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { placesBelow, replaceStrings, type StringPlaces } from './replace-strings.ts'
import { isJsonObject, parseStrictJson, type JsonValue } from './strict-json.ts'

const message: StringPlaces = { id: true }
const places: StringPlaces = { id: true, status: { message }, history: [message] }
const mark = (value: string): string => `<${value}>`

const changes: readonly [what: string, text: string, replaced: string][] = [
  ['a member', '{"id":"a"}', '{"id":"<a>"}'],
  [
    'white space and what stands beside it',
    '{ "x" : 1e2 ,\t"id" : "a" , "y":[ ] }',
    '{ "x" : 1e2 ,\t"id" : "<a>" , "y":[ ] }',
  ],
  ['an escaped key', '{"\\u0069d":"a"}', '{"\\u0069d":"<a>"}'],
  ['an escaped value', '{"id":"\\u0061\\"b"}', '{"id":"<a\\"b>"}'],
  [
    'each element',
    '{"history":[{"id":"a"},{"x":"id"},{"id":"b"}]}',
    '{"history":[{"id":"<a>"},{"x":"id"},{"id":"<b>"}]}',
  ],
  [
    'deep',
    '{"status":{"n":{"id":"x"},"message":{"id":"a"}},"id":"b"}',
    '{"status":{"n":{"id":"x"},"message":{"id":"<a>"}},"id":"<b>"}',
  ],
  ['large numbers stay', '{"n":12345678901234567890.0,"id":"a"}', '{"n":12345678901234567890.0,"id":"<a>"}'],
]
for (const [what, text, replaced] of changes)
  test(`replaces, and nothing else: ${what}`, () => assert.equal(replaceStrings(text, places, mark), replaced))

const untouched: readonly [what: string, text: string][] = [
  ['the same key elsewhere', '{"metadata":{"id":"a"},"x":[{"id":"b"}]}'],
  ['a string in a string', '{"text":"{\\"id\\":\\"a\\"}"}'],
  ['no string', '{"id":7,"status":[],"history":{"id":"a"}}'],
  ['null', '{"id":null,"status":null,"history":[null,[]]}'],
  ['names of objects', '{"__proto__":{"id":"a"},"constructor":{"id":"a"},"toString":"x"}'],
  ['empty', '{}'],
  ['no object', '"id"'],
]
for (const [what, text] of untouched)
  test(`leaves alone: ${what}`, () => assert.equal(replaceStrings(text, places, mark), text))

test('what is renamed to itself keeps its spelling', () => {
  const text = '{"id":"\\u0061"}'
  assert.equal(
    replaceStrings(text, places, (value) => value),
    text,
  )
})

test('a path before the places leads into an envelope', () => {
  const inEnvelope = placesBelow(['result'], places)
  assert.equal(replaceStrings('{"id":"1","result":{"id":"a"}}', inEnvelope, mark), '{"id":"1","result":{"id":"<a>"}}')
})

test('on text that is no JSON it ends, and says something', () => {
  for (const text of ['', '{', '{"id"', '{"id":', '{"id":"', '{"history":[', '{"history":[{', '{"id":"a"', '[', '"'])
    assert.equal(typeof replaceStrings(text, places, mark), 'string')
})

/** The same, slowly: on the value. */
function renameIn(value: JsonValue, at: StringPlaces): JsonValue {
  if (at === true) return typeof value === 'string' ? mark(value) : value
  if (Array.isArray(at)) return Array.isArray(value) ? value.map((element) => renameIn(element, at[0])) : value
  if (!isJsonObject(value)) return value
  const inner = new Map(Object.entries(at))
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const next = inner.get(key)
      return [key, next === undefined ? member : renameIn(member, next)]
    }),
  )
}

const keys = fc.constantFrom('id', 'status', 'message', 'history', 'x', '__proto__', 'a"b\\')
const someValue = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom<JsonValue>(null, true, 0, -1.5, '', 'id', '"', '\\', '\\"'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value
const parse = (text: string): JsonValue => {
  const parsed = parseStrictJson(text, { maxDepth: 64, maxNodes: 100_000 })
  assert.ok(parsed.ok)
  return parsed.value
}

test('any value: what is read afterwards is what was meant, and there and back is the same text', () => {
  fc.assert(
    fc.property(someValue, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      const replaced = replaceStrings(text, places, mark)
      assert.deepEqual(parse(replaced), renameIn(parse(text), places))
      assert.equal(
        replaceStrings(replaced, places, (name) => name.slice(1, -1)),
        text,
      )
    }),
    { interruptAfterTimeLimit: 2_000, numRuns: 20_000 },
  )
})
