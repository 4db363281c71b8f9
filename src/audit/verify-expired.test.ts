// What bodies that are gone are held against: records that name them, and those of earlier versions, which do not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCount, u64 } from './kept-lines.ts'
import { createBodyChecker, type BodyChecker } from './verify-expired.ts'
import { createRetentionChecker } from './verify-retention.ts'

const file = 'segments/00000000000000000010.seg'
const kinds = { 'expired-kinds': 'decision', 'expired-before': '20' }

function goneOf(...indices: readonly number[]): BodyChecker {
  const checker = createBodyChecker()
  for (const index of indices) checker.meet({ index, kind: 'decision', file, offset: 0 })
  return checker
}

function named(...indices: readonly number[]): Record<string, string> {
  const count = createCount()
  for (const index of indices) count.add(u64(index))
  return { ...kinds, 'expired-bodies': `10 ${count.text()}` }
}

function said(checker: BodyChecker): string[] {
  const all: string[] = []
  checker.finish({
    body: ({ index }) => all.push(`body ${index}`),
    others: ({ index }) => all.push(`others ${index}`),
    unnamed: (which) => all.push(`unnamed ${which}`),
  })
  return all
}

test('a record of an earlier version, which names no bodies, vouches for its kinds, and that is told', () => {
  const checker = goneOf(11, 12)
  checker.take(30, kinds)
  assert.deepEqual(said(checker), [`unnamed ${file}`])
  const beyond = goneOf(11, 21)
  beyond.take(30, kinds)
  assert.deepEqual(said(beyond), ['body 21'])
})

test('a record that names bodies vouches for these alone, from its own segment', () => {
  const all: [number[], Record<string, string>, string[]][] = [
    [[11, 12], named(11, 12), []],
    [[11], named(11, 12), ['others 11']],
    [[11, 12], named(11), ['others 11']],
    [[11, 12], { ...named(11, 12), 'expired-kinds': 'completion' }, ['body 11']],
    [[11, 12], { ...kinds, 'expired-bodies': 'x' }, ['others 11']],
    [
      [11, 12],
      { ...named(11, 12), 'expired-bodies': named(11, 12)['expired-bodies']?.replace('10 ', '9 ') ?? '' },
      ['others 11'],
    ],
  ]
  for (const [gone, fields, wanted] of all) {
    const checker = goneOf(...gone)
    checker.take(30, fields)
    assert.deepEqual(said(checker), wanted)
  }
})

test('a record that was interrupted leaves what the one before it named', () => {
  const checker = goneOf(11)
  checker.take(30, named(11))
  checker.take(31, named(11, 12))
  assert.deepEqual(said(checker), [])
})

test('of a pruning of an earlier version nothing is known of key lines', () => {
  const checker = createRetentionChecker(undefined)
  checker.take(30, { 'minimum-index': '20' })
  assert.deepEqual(checker.pruning, { recordIndex: 30, minimumIndex: 20, kept: undefined })
  checker.take(40, { 'minimum-index': '50', 'kept-lines': 'x', 'kept-erased': 'x' })
  assert.equal(checker.pruning?.recordIndex, 30)
})
