import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createSourceLimiter } from './limit.ts'

const rate = { count: 3, periodMs: 60_000 }

describe('a source of unauthenticated calls', () => {
  it('may fail so often and no more, until time has passed', () => {
    const clock = createManualClock()
    const limiter = createSourceLimiter({ clock, rate })
    const takes = (count: number): boolean[] => Array.from({ length: count }, () => limiter.take('192.0.2.1'))
    assert.deepEqual(takes(5), [true, true, true, false, false])
    assert.equal(limiter.retryAfterSeconds('192.0.2.1'), 20)
    clock.advance(20_000)
    assert.deepEqual(takes(2), [true, false])
  })
  it('does not cost another source anything', () => {
    const limiter = createSourceLimiter({ clock: createManualClock(), rate })
    for (let index = 0; index < 10; index++) limiter.take('192.0.2.1')
    assert.equal(limiter.take('192.0.2.2'), true)
  })
  it('can be asked about without being counted', () => {
    const limiter = createSourceLimiter({ clock: createManualClock(), rate })
    for (let index = 0; index < 10; index++) assert.equal(limiter.isExhausted('192.0.2.1'), false)
    assert.equal(limiter.retryAfterSeconds('192.0.2.1'), 1)
    for (let index = 0; index < 3; index++) limiter.take('192.0.2.1')
    assert.equal(limiter.isExhausted('192.0.2.1'), true)
  })
})
