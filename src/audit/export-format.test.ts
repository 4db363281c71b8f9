// Lines of exports from a hostile hand: read as what they are, or not at all, and nothing throws.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readByteLines } from './byte-lines.ts'
import { formatEnd, formatLeaf, formatRecordLine, parseHeader, parseLine } from './export-format.ts'
import type { OpenFile } from './files.ts'
import { parseExtra } from './proof-extra.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text.trimEnd())
const leaf = 'A'.repeat(43)

test('reads the lines that it writes', () => {
  assert.deepEqual(parseLine(bytesOf(formatLeaf(leaf))), { kind: 'leaf', leaf: Buffer.alloc(32) })
  const record = { entry: '{"a":"\\n"}', event: { text: '{}', fields: { a: { salt: 's', value: 'v' } }, salt: 't' } }
  assert.deepEqual(parseLine(bytesOf(formatRecordLine(record))), { kind: 'record', record })
  assert.deepEqual(parseLine(bytesOf(formatEnd(3, 'f00'))), { kind: 'end', lines: 3, sha256: 'f00' })
})

for (const text of [
  '',
  '[]',
  'null',
  '{}',
  `{"leaf":"${leaf}","leaf":"${leaf}"}`,
  `{"leaf":"${leaf}","entry":""}`,
  `{"leaf":"${leaf}="}`,
  `{"leaf":"${leaf.slice(1)}"}`,
  '{"leaf":7}',
  '{"entry":7}',
  '{"entry":"a","more":1}',
  '{"event":{"text":"{}","fields":{}},"entry":"a"}',
  '{"entry":"a","event":{}}',
  '{"entry":"a","event":{"text":"{}","fields":[]}}',
  '{"entry":"a","event":{"text":"{}","fields":{"a":{"salt":1,"value":""}}}}',
  '{"entry":"a","event":{"text":"{}","fields":{},"ocsf":[]}}',
  '{"entry":"a","event":{"text":"{}","fields":{},"more":1}}',
  '{"end":{"lines":-1,"sha256":""}}',
  '{"end":{"lines":1.5,"sha256":""}}',
  '{"end":null}',
  '['.repeat(200),
]) {
  test(`refuses ${text.slice(0, 60)}`, () => assert.equal(parseLine(Buffer.from(text)), undefined))
}

test('never throws on any bytes or any JSON', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.jsonValue(), (noise, value) => {
      for (const bytes of [Buffer.from(noise), Buffer.from(JSON.stringify(value))]) {
        parseLine(bytes)
        parseHeader(bytes)
        parseExtra(bytes)
      }
      const header = { format: 'sallyport-export/v1', query: value, from: value, to: value, vkeys: value }
      assert.equal(parseHeader(Buffer.from(JSON.stringify(header))), undefined)
    }),
    { interruptAfterTimeLimit: 500 },
  )
})

const fileOf = (bytes: Buffer): Pick<OpenFile, 'read'> => ({
  read: (into, position) => Promise.resolve(bytes.copy(into, 0, position)),
})

test('gives lines as they stand, however they lie in what is read at once', async () => {
  const lines = [0, 1, 1_048_575, 1_048_576, 1_048_577, 3, 2_500_000].map((length, at) =>
    'abcdefg'.charAt(at).repeat(length),
  )
  const file = fileOf(Buffer.from(`${lines.join('\n')}\nrest`)) as OpenFile // it is only read
  const found: string[] = []
  for await (const { bytes, isWhole } of readByteLines(file, 3_000_000)) found.push(`${isWhole}${bytes.toString()}`)
  assert.deepEqual(found, [...lines.map((line) => `true${line}`), 'falserest'])
})

test('stops at a line that is longer than the bound, in bounded memory', async () => {
  const endless = { read: (into: Buffer) => Promise.resolve(into.fill(120).length) } as unknown as OpenFile // likewise
  for (const file of [endless, fileOf(Buffer.from(`${'x'.repeat(100)}\nnext\n`)) as OpenFile]) {
    let count = 0
    for await (const { isWhole } of readByteLines(file, 50)) {
      count += 1
      assert.equal(isWhole, false)
    }
    assert.equal(count, 1)
  }
})
