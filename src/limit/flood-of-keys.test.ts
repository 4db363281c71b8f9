// Counting must not become the way to exhaust memory, and a full table must not become the way to be forgotten:
// counters in use stay, and a key for which there is no room is refused.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createBucketTable } from './bucket-table.ts'
import { createLimiter, createSourceLimiter } from './limit.ts'

describe('a flood of keys', () => {
  it('does not make a table grow beyond its bound', () => {
    const table = createBucketTable(100)
    for (let index = 0; index < 10_000; index++) {
      const bucket = table.get(`k${index}`, index)
      if (bucket !== undefined) bucket.emptyMs = index + 50
    }
    assert.ok(table.size <= 100)
  })
  it('does not make a used-up source forgotten', () => {
    const clock = createManualClock()
    const limiter = createSourceLimiter({ clock, rate: { count: 1, periodMs: 60_000 }, maxSources: 50 })
    assert.equal(limiter.take('192.0.2.1'), true)
    for (let index = 0; index < 5000; index++) limiter.take(`198.51.100.${index}`)
    assert.equal(limiter.take('192.0.2.1'), false)
  })
  it('does not make an open stream forgotten', () => {
    const clock = createManualClock()
    const limits = [{ per: ['caller' as const], agents: ['*'], concurrentStreams: 1 }]
    const limiter = createLimiter({ clock, limits, maxKeys: 20 })
    const alice = { id: 'key:alice', groups: [] }
    assert.equal(limiter.take(alice, 'a', true).ok, true)
    for (let index = 0; index < 500; index++) {
      clock.advance(60_000)
      limiter.take({ id: `key:${index}`, groups: [] }, 'a', false)
    }
    assert.equal(limiter.take(alice, 'a', true).ok, false)
  })
  it('makes room again as counters fall out of use', () => {
    const clock = createManualClock()
    const limiter = createSourceLimiter({ clock, rate: { count: 1, periodMs: 1000 }, maxSources: 10 })
    for (let index = 0; index < 10; index++) limiter.take(`192.0.2.${index}`)
    assert.equal(limiter.take('198.51.100.1'), false)
    clock.advance(1001)
    assert.equal(limiter.take('198.51.100.1'), true)
  })
})
