// Names and bundles against what C2SP tlog-tiles says, by its own examples, and against hostile spellings.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBundle, encodeBundle, levelsOf, parseTilePath, tilePath } from './tiles.ts'

test('names are those of the specification', () => {
  assert.equal(tilePath(0, 1_234_067), 'tile/0/x001/x234/067')
  assert.equal(tilePath('entries', 1_234_067, 17), 'tile/entries/x001/x234/067.p/17')
  assert.equal(tilePath(2, 0, 1), 'tile/2/000.p/1')
  assert.equal(tilePath(1, 999), 'tile/1/999')
  assert.equal(tilePath(1, 1_000), 'tile/1/x001/000')
  assert.equal(tilePath(63, 255), 'tile/63/255')
})

test('every name reads back to what it names', () => {
  const level = fc.oneof(fc.nat(63), fc.constant('entries' as const))
  fc.assert(
    fc.property(level, fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (each, index, width) => {
      assert.deepEqual(parseTilePath(tilePath(each, index, width)), { level: each, index, width })
    }),
  )
})

test('a name that is spelled another way is none', () => {
  for (const path of [
    '',
    'tile',
    'tile/0',
    'tile/00/000',
    'tile/01/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/0/x000/000',
    'tile/0/x000/067',
    'tile/0/x01/067',
    'tile/0/X001/067',
    'tile/0/001/067',
    'tile/0/x001/x067',
    'tile/0/000.p',
    'tile/0/000.p/',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/1000',
    'tile/0/000/1',
    'tile/0/000.p/1/2',
    'tile/0/000 ',
    'tile/0/000\n',
    '/tile/0/000',
    'tile//0/000',
    'tile/entries/x009/x999/x999/x999/x999/999',
    'tile/entry/000',
    'tile/0/../0/000',
  ])
    assert.equal(parseTilePath(path), undefined, path)
})

test('a tree of 70,000 leaves has the tiles that the specification counts', () => {
  assert.deepEqual(levelsOf(70_000), [
    { level: 0, full: 273, partial: 112 },
    { level: 1, full: 1, partial: 17 },
    { level: 2, full: 0, partial: 1 },
  ])
  assert.deepEqual(levelsOf(0), [])
  assert.deepEqual(levelsOf(1), [{ level: 0, full: 0, partial: 1 }])
  assert.deepEqual(levelsOf(255), [{ level: 0, full: 0, partial: 255 }])
  assert.deepEqual(levelsOf(256), [
    { level: 0, full: 1, partial: 0 },
    { level: 1, full: 0, partial: 1 },
  ])
  assert.deepEqual(levelsOf(257), [
    { level: 0, full: 1, partial: 1 },
    { level: 1, full: 0, partial: 1 },
  ])
  assert.deepEqual(levelsOf(65_536).at(-1), { level: 2, full: 0, partial: 1 })
})

test('a bundle is entries behind their lengths, big-endian', () => {
  assert.equal(
    encodeBundle([Buffer.from('ab'), Buffer.alloc(0), Buffer.from('c')]).toString('hex'),
    '000261620000000163',
  )
  const large = Buffer.alloc(65_535, 7)
  assert.deepEqual(decodeBundle(encodeBundle([large]), 1), [large])
  assert.throws(() => encodeBundle([Buffer.alloc(65_536)]))
  assert.deepEqual(decodeBundle(Buffer.alloc(0), 0), [])
})

test('a bundle of another count, cut off or longer is none', () => {
  const bundle = encodeBundle([Buffer.from('one'), Buffer.from('two')])
  assert.equal(decodeBundle(bundle, 1), undefined)
  assert.equal(decodeBundle(bundle, 3), undefined)
  assert.equal(decodeBundle(Buffer.concat([bundle, Buffer.alloc(1)]), 2), undefined)
  for (let length = 0; length < bundle.length; length += 1)
    assert.equal(decodeBundle(bundle.subarray(0, length), 2), undefined)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(256), (bytes, count) => {
      const entries = decodeBundle(Buffer.from(bytes), count)
      if (entries !== undefined) assert.deepEqual(encodeBundle(entries), Buffer.from(bytes))
    }),
  )
})
