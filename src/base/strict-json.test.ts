// Strict JSON: own vectors always, the public vectors where they are, properties for a second.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  decodeUtf8,
  detach,
  insertMember,
  isJsonObject,
  memberRange,
  parseStrictJson,
  spliceMember,
  type StrictJsonReason,
  type StrictJsonResult,
} from './strict-json.ts'

const bounds = { maxDepth: 64, maxNodes: 100_000 }
const parse = (text: string): StrictJsonResult => parseStrictJson(text, bounds)

/** undefined when accepted, also for bytes that are no text at all */
function reasonOf(bytes: Buffer): StrictJsonReason | undefined {
  const text = decodeUtf8(bytes)
  if (text === undefined) return 'encoding'
  const result = parse(text)
  return result.ok ? undefined : result.reason
}

const refused: readonly [name: string, text: string, reason: StrictJsonReason][] = [
  ['nothing', '', 'syntax'],
  ['white space only', ' \n', 'syntax'],
  ['two values', '{}{}', 'syntax'],
  ['a second value after a newline', '{}\n{}', 'syntax'],
  ['a trailing comma', '[1,]', 'syntax'],
  ['a trailing comma in an object', '{"a":1,}', 'syntax'],
  ['a comment', '{}//x', 'syntax'],
  ['a byte order mark', '\ufeff{}', 'encoding'],
  ['a no-break space', '\u00a0{}', 'syntax'],
  ['a vertical tab', '\v{}', 'syntax'],
  ['single quotes', "{'a':1}", 'syntax'],
  ['a bare key', '{a:1}', 'syntax'],
  ['a number as key', '{1:1}', 'syntax'],
  ['NaN', 'NaN', 'syntax'],
  ['Infinity', '-Infinity', 'syntax'],
  ['a leading zero', '01', 'syntax'],
  ['a leading plus', '+1', 'syntax'],
  ['a bare minus', '-', 'syntax'],
  ['a number that ends in a dot', '1.', 'syntax'],
  ['a number that begins with a dot', '.1', 'syntax'],
  ['an empty exponent', '1e+', 'syntax'],
  ['a hexadecimal number', '0x1', 'syntax'],
  ['a number no double holds', '1e999', 'syntax'],
  ['a word in capitals', 'True', 'syntax'],
  ['half a word', 'nul', 'syntax'],
  ['a word and more', 'nulll', 'syntax'],
  ['a raw newline in a string', '"a\nb"', 'syntax'],
  ['a raw NUL in a string', '"a\0b"', 'syntax'],
  ['an unknown escape', '"\\x41"', 'syntax'],
  ['an escaped apostrophe', '"\\\'"', 'syntax'],
  ['three hexadecimal digits', '"\\u004"', 'syntax'],
  ['a capital U escape', '"\\U0041"', 'syntax'],
  ['an unfinished string', '"abc', 'syntax'],
  ['an unfinished escape', '"abc\\', 'syntax'],
  ['an unfinished object', '{"a":1', 'syntax'],
  ['a missing colon', '{"a" 1}', 'syntax'],
  ['a mismatched bracket', '[1}', 'syntax'],
  ['a repeated key', '{"a":1,"a":1}', 'duplicate-key'],
  ['a repeated key, once escaped', '{"id":1,"\\u0069d":2}', 'duplicate-key'],
  ['a repeated key, once with a solidus escape', '{"a/b":1,"a\\/b":2}', 'duplicate-key'],
  ['a repeated empty key', '{"":1,"":2}', 'duplicate-key'],
  ['a repeated key whose first value is null', '{"a":null,"a":1}', 'duplicate-key'],
  ['a repeated __proto__', '{"__proto__":1,"__proto__":2}', 'duplicate-key'],
  ['a repeated constructor', '{"constructor":1,"constructor":2}', 'duplicate-key'],
  ['a repeated number-like key', '{"0":1,"x":2,"0":3}', 'duplicate-key'],
  ['a repeated key deep inside', '[{"a":{"b":1,"c":[],"b":2}}]', 'duplicate-key'],
  ['a raw lone high surrogate', '"\ud800"', 'encoding'],
  ['a raw lone low surrogate', '"\udc00"', 'encoding'],
  ['an escaped lone high surrogate', '"\\ud800"', 'encoding'],
  ['an escaped lone low surrogate', '"\\udc00x"', 'encoding'],
  ['surrogates in the wrong order', '"\\udc00\\ud800"', 'encoding'],
  ['two high surrogates', '"\\ud800\\ud800"', 'encoding'],
  ['half a pair escaped, half raw', '"\\ud83d\ude00"', 'encoding'],
  ['half a pair raw, half escaped', '"\ud83d\\ude00"', 'encoding'],
  ['a lone surrogate in a key', '{"\\ud800":1}', 'encoding'],
  ['a megabyte of opening brackets', '['.repeat(1_000_000), 'depth'],
  ['a megabyte of opening objects', '{"a":'.repeat(200_000), 'depth'],
  ['depth 65', '['.repeat(65) + ']'.repeat(65), 'depth'],
  ['one value too many', `[${'1,'.repeat(99_999)}1]`, 'nodes'],
]

for (const [name, text, reason] of refused) {
  test(`refuses ${name}`, () => {
    const result = parse(text)
    assert.equal(result.ok ? 'accepted' : result.reason, reason)
    assert.ok(!result.ok && result.offset >= 0 && result.offset <= text.length)
  })
}

const accepted: readonly [name: string, text: string][] = [
  ['every kind of value', ' { "a" : [ 1 , -0.5e+3 , true , false , null , "x" , { } , [ ] ] } \r\n\t'],
  ['every escape', '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\ud83d\\ude00"'],
  ['raw text of every plane', '"aé€😀\u2028\uffff"'],
  ['names that every object inherits', '{"constructor":1,"toString":2,"hasOwnProperty":3,"valueOf":4}'],
  ['keys that differ in case only', '{"id":1,"ID":2,"Id":3}'],
  ['the largest double', '[1.7976931348623157e308,5e-324,1e-999,-0]'],
  ['depth 64', '['.repeat(64) + ']'.repeat(64)],
  ['as many values as allowed', `[${'1,'.repeat(99_998)}1]`],
]

for (const [name, text] of accepted) {
  test(`accepts ${name}, like JSON.parse`, () => {
    const result = parse(text)
    assert.ok(result.ok)
    assert.deepEqual(result.value, JSON.parse(text))
  })
}

test('makes __proto__ an ordinary own key and leaves every prototype alone', () => {
  const result = parse('{"__proto__":{"admin":true},"a":{"__proto__":null,"b":1}}')
  assert.ok(result.ok && isJsonObject(result.value))
  assert.equal(Object.getPrototypeOf(result.value), Object.prototype)
  assert.ok(Object.hasOwn(result.value, '__proto__'))
  assert.equal(result.value.admin, undefined)
  assert.equal(({} as Record<string, unknown>).admin, undefined)
  assert.equal(JSON.stringify(result.value), '{"__proto__":{"admin":true},"a":{"__proto__":null,"b":1}}')
})

test('never lets the stack run over, whatever depth the caller allows', () => {
  const result = parseStrictJson('[{"a":'.repeat(500_000), { maxDepth: 1e9, maxNodes: 1e9 })
  assert.ok(!result.ok && result.reason === 'depth')
})

test('finds a repeated key among 100,000 without taking a time that grows with the square', () => {
  const members = Array.from({ length: 100_000 }, (_, index) => `"k${index}":1`)
  const startedMs = performance.now()
  const result = parseStrictJson(`{${members.join()},"k99999":2}`, { maxDepth: 4, maxNodes: 200_000 })
  assert.ok(!result.ok && result.reason === 'duplicate-key')
  // Quadratic work would take minutes; the bound is generous because machines are shared.
  assert.ok(performance.now() - startedMs < 5_000)
})

const vectors = new URL('../../../shared/vectors/json/', import.meta.url)
// By design we refuse what RFC 8259 lets pass but two readers understand differently.
const exceptions: Readonly<Record<string, StrictJsonReason>> = {
  'y_object_duplicated_key.json': 'duplicate-key',
  'y_object_duplicated_key_and_value.json': 'duplicate-key',
}

test(
  'agrees with the public parsing vectors',
  { skip: existsSync(vectors) ? false : 'shared/vectors/json is absent' },
  () => {
    const files = readdirSync(vectors).filter((file) => file.endsWith('.json'))
    assert.ok(files.length > 300)
    for (const file of files) {
      const reason = reasonOf(readFileSync(new URL(file.replaceAll('%', '%25').replaceAll('#', '%23'), vectors)))
      if (file.startsWith('y_')) assert.equal(reason, exceptions[file], file)
      else if (file.startsWith('n_')) assert.notEqual(reason, undefined, file)
      else if (file.includes('surrogate') || file.includes('utf') || file.includes('UTF'))
        assert.notEqual(reason, undefined, file)
    }
  },
)

test('decodes well-formed UTF-8 and refuses everything else', () => {
  assert.equal(decodeUtf8(Buffer.from('é😀')), 'é😀')
  assert.equal(decodeUtf8(Buffer.alloc(0)), '')
  const bad = ['efbbbf7b7d', 'ff', 'c080', 'c3', 'eda080', 'f4908080', 'e28281f0', '22e022', 'fe', 'f8888080af']
  for (const hex of bad) assert.equal(decodeUtf8(Buffer.from(hex, 'hex')), undefined, hex)
})

test('a detached text equals the original, short, long and beyond ASCII', () => {
  for (const text of ['', 'abc', 'é😀€', 'x'.repeat(1024), '€'.repeat(1024), '😀'.repeat(5000)])
    assert.equal(detach(text), text)
})

const budget = { interruptAfterTimeLimit: 500, numRuns: 1_000 } as const

test('agrees with JSON.parse on any valid JSON, in any spacing', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, undefined, space)
      const result = parseStrictJson(text, { maxDepth: 1000, maxNodes: 1e6 })
      // fast-check may generate lone surrogates, which JSON.stringify escapes and we refuse.
      if (!result.ok) return result.reason === 'encoding' && /\\ud[89a-f]/.test(text)
      assert.deepEqual(result.value, JSON.parse(text))
      return true
    }),
    budget,
  )
})

test('never throws and never accepts what JSON.parse refuses', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0019aeE+-. \n\ttrufalsn\ud800\udc00é'.split('')) })
  fc.assert(
    fc.property(fc.oneof(noise, fc.string({ unit: 'binary' })), (text) => {
      const result = parse(text)
      if (result.ok) assert.deepEqual(result.value, JSON.parse(text))
      memberRange(text, ['a', 0, 'b'])
      spliceMember(text, ['a'], '1')
    }),
    budget,
  )
})

test('one wrong character in valid JSON is refused or understood as JSON.parse understands it', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (text, at, character) => {
      const position = at % text.length
      const mutated = text.slice(0, position) + character + text.slice(position + 1)
      const result = parseStrictJson(mutated, { maxDepth: 1000, maxNodes: 1e6 })
      if (result.ok) assert.deepEqual(result.value, JSON.parse(mutated))
    }),
    budget,
  )
})

test('finds the range of a value through escapes, nesting and spacing', () => {
  const text = ' { "x" : "}\\"]" , "p\\u0061rams" : { "list" : [ [1] , {"a\\\\":-1.5e3} , "y" ] , "id":  "q" } } '
  const at = (...path: (string | number)[]): string | undefined => {
    const range = memberRange(text, path)
    return range && text.slice(range.start, range.end)
  }
  assert.equal(at('x'), '"}\\"]"')
  assert.equal(at('params', 'id'), '"q"')
  assert.equal(at('params', 'list', 0), '[1]')
  assert.equal(at('params', 'list', 1, 'a\\'), '-1.5e3')
  assert.equal(at('params', 'list', 2), '"y"')
  assert.equal(at(), text.trim())
  for (const path of [['y'], ['params', 'list', 3], ['x', 'z'], ['params', 0], ['params', 'list', 'a'], [0]])
    assert.equal(at(...path), undefined)
})

test('does not take a raw key for an escaped one that looks the same', () => {
  assert.equal(spliceMember('{"a\\nb":1}', ['a\\nb'], '2'), undefined)
  assert.equal(spliceMember('{"a\\nb":1}', ['a\nb'], '2'), '{"a\\nb":2}')
})

function ownMember(text: string, key: string): unknown {
  const document: { body: Record<string, unknown> } = JSON.parse(text)
  assert.ok(Object.hasOwn(document.body, key))
  return document.body[key]
}

test('a splice changes the one value and leaves every other byte alone', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { minKeys: 1, noNullPrototype: true }),
      fc.nat(),
      fc.constantFrom(undefined, 2),
      (object, pick, space) => {
        const keys = Object.keys(object)
        const key = keys[pick % keys.length] ?? ''
        const text = JSON.stringify({ before: [1, '"'], body: object, after: 1.0 }, undefined, space)
        if (!parse(text).ok) return
        const range = memberRange(text, ['body', key])
        assert.ok(range)
        assert.deepEqual(JSON.parse(text.slice(range.start, range.end)), ownMember(text, key))
        const spliced = spliceMember(text, ['body', key], '"new"')
        assert.equal(spliced, `${text.slice(0, range.start)}"new"${text.slice(range.end)}`)
        assert.equal(ownMember(spliced, key), 'new')
        for (const other of keys) if (other !== key) assert.deepEqual(ownMember(spliced, other), ownMember(text, other))
      },
    ),
    budget,
  )
})

test('inserts a member into an empty and into a full object, and into nothing else', () => {
  assert.equal(insertMember('{"p": { }}', ['p'], 'a', '1'), '{"p": {"a":1 }}')
  assert.equal(insertMember('{"p":{"b":2}}', ['p'], 'a', '1'), '{"p":{"a":1,"b":2}}')
  assert.equal(insertMember('{"p":{"b":2}}', [], 'a', '1'), '{"a":1,"p":{"b":2}}')
  assert.equal(insertMember('{"p":[]}', ['p'], 'a', '1'), undefined)
  assert.equal(insertMember('{"p":[]}', ['q'], 'a', '1'), undefined)
})
