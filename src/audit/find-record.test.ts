// Names of records as people write them, and what is none.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRecordName } from './find-record.ts'

const leafHash = 'A'.repeat(43)
const place = { kind: 'place', log: '1a2b3c4d', index: 17, origin: undefined, leafHash: undefined }
const origin = 'sallyport.local/1a2b3c4d'

for (const [text, name] of [
  [`${origin}/17/${leafHash}`, { ...place, origin, leafHash }],
  [`${origin}/17`, { ...place, origin }],
  [`${origin}#17`, { ...place, origin }],
  ['1a2b3c4d/17', place],
  ['1a2b3c4d#17', place],
  ['1a2b3c4d#0', { ...place, index: 0 }],
  ['call0000000000000000000012', { kind: 'call', call: 'call0000000000000000000012' }],
  ['17', { kind: 'call', call: '17' }],
] as const) {
  test(`reads ${text.slice(0, 40)}`, () => assert.deepEqual(parseRecordName(text), name))
}

for (const text of [
  '',
  '/17',
  '#17',
  '1a2b3c4d/',
  '1a2b3c4d/017',
  '1a2b3c4d/-1',
  '1a2b3c4d/1.5',
  '1a2b3c4d/9999999999999999',
  '1a2b3c4d /17',
  '1A2B3C4D/17',
  '../17',
  '../../1a2b3c4d/../17',
  `${origin}/17/${leafHash}=`,
  `${origin}/17/short`,
  'two words',
  'x'.repeat(257),
  'call\u0000',
]) {
  test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(parseRecordName(text), undefined))
}

test('never names a folder that is no log, and never throws', () => {
  const pieces = fc.constantFrom('..', '/', '#', '1a2b3c4d', '17', leafHash, origin, '\\', '%2f', ' ')
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), fc.string(), (parts, noise) => {
      for (const text of [parts.join(''), noise]) {
        const name = parseRecordName(text)
        if (name?.kind === 'place') assert.match(name.log, /^[0-9a-f]{8}$/)
      }
    }),
    { interruptAfterTimeLimit: 300 },
  )
})
