// A caller makes proofs faster than they can be remembered, so that one of somebody else's, or its own, is forgotten
// and can be shown again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createReplayGuard } from './replay-guard.ts'

const keepMs = 120_000

test('at its own bound a caller is refused, nobody else is, and nothing is forgotten', () => {
  const clock = createManualClock()
  const guard = createReplayGuard({ clock, keepMs, maxPerOwner: 3, maxInAll: 100 })
  for (const id of ['a', 'b', 'c']) assert.equal(guard.take('mallory', id), 'fresh')
  assert.equal(guard.take('mallory', 'd'), 'full')
  for (const id of ['a', 'b', 'c']) assert.equal(guard.take('mallory', id), 'seen')
  assert.equal(guard.take('alice', 'a'), 'fresh')
  clock.advance(keepMs)
  assert.equal(guard.take('mallory', 'd'), 'fresh')
  assert.equal(guard.take('alice', 'b'), 'fresh')
})

test('at the bound of all, the one that fills it is closed out until what it showed is too old', () => {
  const clock = createManualClock()
  const guard = createReplayGuard({ clock, keepMs, maxPerOwner: 90, maxInAll: 100 })
  assert.equal(guard.take('alice', 'a'), 'fresh')
  for (let i = 0; i < 90; i++) assert.equal(guard.take('mallory', String(i)), 'fresh')
  for (let i = 0; i < 20; i++) assert.equal(guard.take(`user-${i}`, 'x'), 'fresh')
  assert.equal(guard.take('alice', 'a'), 'seen')
  assert.equal(guard.take('alice', 'b'), 'fresh')
  clock.advance(keepMs - 1)
  for (const id of ['0', '89', 'new']) assert.equal(guard.take('mallory', id), 'full')
  clock.advance(1)
  assert.equal(guard.take('mallory', 'new'), 'fresh')
  assert.ok(guard.size <= 100)
})

test('what is too old for anybody is forgotten', () => {
  const clock = createManualClock()
  const guard = createReplayGuard({ clock, keepMs })
  for (let i = 0; i < 1000; i++) guard.take(`user-${i}`, 'x')
  assert.equal(guard.size, 1000)
  clock.advance(keepMs)
  guard.take('alice', 'x')
  assert.equal(guard.size, 1)
})
