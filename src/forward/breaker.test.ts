import assert from 'node:assert/strict'
import test from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { createBreaker, type Breaker } from './breaker.ts'

function make(): { clock: ManualClock; breaker: Breaker; fail: (times: number) => void } {
  const clock = createManualClock()
  const breaker = createBreaker(clock, { failures: 3, cooldown: 1_000 })
  return {
    clock,
    breaker,
    fail: (times) => {
      for (let count = 0; count < times; count += 1) breaker.failed()
    },
  }
}

test('a closed circuit admits everyone, and fewer failures than the bound leave it closed', () => {
  const { breaker, fail } = make()
  fail(2)
  assert.equal(breaker.isOpen, false)
  assert.equal(breaker.admit(), true)
})

test('a success between failures starts the count anew', () => {
  const { breaker, fail } = make()
  fail(2)
  breaker.succeeded()
  fail(2)
  assert.equal(breaker.admit(), true)
})

test('refuses everyone from the bound on until the cooldown ends', () => {
  const { breaker, clock, fail } = make()
  fail(3)
  assert.equal(breaker.isOpen, true)
  assert.equal(breaker.admit(), false)
  clock.advance(999)
  assert.equal(breaker.admit(), false)
})

test('after the cooldown one call tries, the others are still refused', () => {
  const { breaker, clock, fail } = make()
  fail(3)
  clock.advance(1_000)
  assert.equal(breaker.admit(), true)
  assert.equal(breaker.admit(), false)
  assert.equal(breaker.isOpen, true)
})

test('whether the agent is there is what a call or a check found last; a check opens and closes nothing', () => {
  const { breaker, fail } = make()
  assert.equal(breaker.isUp, true)
  fail(1)
  assert.equal(breaker.isUp, false)
  breaker.succeeded()
  assert.equal(breaker.isUp, true)
  for (let count = 0; count < 5; count += 1) breaker.checked(false)
  assert.deepEqual([breaker.isUp, breaker.isOpen], [false, false])
  fail(3)
  breaker.checked(true)
  assert.deepEqual([breaker.isUp, breaker.isOpen, breaker.admit()], [true, true, false])
})

test('a failed trial opens the circuit for another cooldown', () => {
  const { breaker, clock, fail } = make()
  fail(3)
  clock.advance(1_000)
  breaker.admit()
  fail(1)
  assert.equal(breaker.admit(), false)
  clock.advance(999)
  assert.equal(breaker.admit(), false)
  clock.advance(1)
  assert.equal(breaker.admit(), true)
})

test('a good trial closes the circuit for all', () => {
  const { breaker, clock, fail } = make()
  fail(3)
  clock.advance(1_000)
  breaker.admit()
  breaker.succeeded()
  assert.equal(breaker.isOpen, false)
  assert.equal(breaker.admit(), true)
  assert.equal(breaker.admit(), true)
})

test('a trial that never reports back gives its place away after a cooldown', () => {
  const { breaker, clock, fail } = make()
  fail(3)
  clock.advance(1_000)
  breaker.admit()
  clock.advance(999)
  assert.equal(breaker.admit(), false)
  clock.advance(1)
  assert.equal(breaker.admit(), true)
})

test('calls that fail late, when the circuit is open already, keep it open', () => {
  const { breaker, clock, fail } = make()
  fail(3)
  clock.advance(900)
  fail(1)
  clock.advance(900)
  assert.equal(breaker.admit(), false)
})

test('takes up other bounds and forgets nothing', () => {
  const { breaker, clock, fail } = make()
  fail(2)
  breaker.reconfigure({ failures: 2, cooldown: 500 })
  assert.equal(breaker.isOpen, true)
  fail(1)
  clock.advance(499)
  assert.equal(breaker.admit(), false)
  clock.advance(1)
  assert.equal(breaker.admit(), true)
})
