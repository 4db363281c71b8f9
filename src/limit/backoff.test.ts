import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createBackoff } from './backoff.ts'

test('the first tries wait for nothing, then each waits twice as long, up to a bound', () => {
  const clock = createManualClock()
  const backoff = createBackoff({ clock, free: 3 })
  for (let index = 0; index < 4; index += 1) assert.equal(backoff.fail('k'), 0)
  const waits: number[] = []
  for (let index = 0; index < 12; index += 1) {
    const waitMs = backoff.fail('k')
    waits.push(waitMs / 1_000)
    clock.advance(waitMs)
    assert.equal(backoff.fail('k'), 0)
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
})

test('trying on does not lengthen the wait', () => {
  const clock = createManualClock()
  const backoff = createBackoff({ clock, free: 0 })
  backoff.fail('k')
  for (let index = 0; index < 1_000; index += 1) assert.equal(backoff.fail('k'), 1_000)
  clock.advance(400)
  assert.equal(backoff.fail('k'), 600)
  clock.advance(600)
  assert.equal(backoff.fail('k'), 0)
})

test('what was long ago is forgotten', () => {
  const clock = createManualClock()
  const backoff = createBackoff({ clock, free: 2 })
  for (let index = 0; index < 3; index += 1) backoff.fail('k')
  assert.notEqual(backoff.fail('k'), 0)
  clock.advance(900_000)
  for (let index = 0; index < 3; index += 1) assert.equal(backoff.fail('k'), 0)
  assert.notEqual(backoff.fail('k'), 0)
})

test('names are counted apart', () => {
  const backoff = createBackoff({ clock: createManualClock(), free: 0 })
  backoff.fail('k')
  assert.notEqual(backoff.fail('k'), 0)
  assert.equal(backoff.fail('another'), 0)
})

test('a flood of invented names takes no memory and forgets nobody', () => {
  const clock = createManualClock()
  const backoff = createBackoff({ clock, free: 0, counters: 1_024 })
  backoff.fail('k')
  for (let index = 0; index < 20_000; index += 1) backoff.fail(`invented-${index}`)
  assert.notEqual(backoff.fail('k'), 0)
})
