import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FilterPart, hashOf, IdFilter } from './id-filter.ts'

const key = (number: number): string => number.toString(16).padStart(12, '0')

function claimedMissing(filter: IdFilter, from: number, to: number): number {
  let missing = 0
  for (let i = from; i < to; i++) if (filter.isMissing('task', key(i))) missing += 1
  return missing
}

test('never says that an id is missing which was added, however often it grew', () => {
  const filter = new IdFilter(7, true)
  for (let i = 0; i < 200_000; i++) filter.add('task', key(i))
  assert.equal(claimedMissing(filter, 0, 200_000), 0)
})

test('knows almost every id that was not added', () => {
  const filter = new IdFilter(7, true)
  for (let i = 0; i < 100_000; i++) filter.add('task', key(i))
  assert.ok(claimedMissing(filter, 1_000_000, 1_050_000) > 49_000)
})

test('knows nothing to be missing before all that was there is in it', () => {
  const filter = new IdFilter(7, false)
  assert.equal(claimedMissing(filter, 0, 1000), 0)
  filter.add('task', key(1))
  const before = FilterPart.for(1000)
  for (let i = 1000; i < 2000; i++) before.add(hashOf('task', key(i), filter.seed))
  filter.complete(before.bits)
  assert.equal(claimedMissing(filter, 1, 2), 0)
  assert.equal(claimedMissing(filter, 1000, 2000), 0)
  assert.ok(claimedMissing(filter, 2000, 3000) > 900)
})

test('adding again takes no room', () => {
  const filter = new IdFilter(7, true)
  for (let i = 0; i < 500_000; i++) filter.add('task', key(i % 10))
  assert.ok(claimedMissing(filter, 1000, 2000) > 990)
})

test('the three kinds of ids are apart', () => {
  const filter = new IdFilter(7, true)
  filter.add('task', key(1))
  assert.ok(filter.isMissing('context', key(1)))
  assert.ok(filter.isMissing('pushConfig', key(1)))
})

test('other seeds make other hashes', () => {
  const { first } = hashOf('task', key(1), 1)
  assert.notEqual(hashOf('task', key(1), 2).first, first)
})
