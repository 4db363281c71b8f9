// A reload of the configuration must not hand everyone a new allowance, or reloads become a way around limits;
// nor may it forget the streams that are open.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import { createLimiter } from './limit.ts'

const limitsOf = (limits: NonNullable<ConfigInput['limits']>) => configSchema.parse({ limits }).limits
const alice = { id: 'key:alice', groups: [] }

describe('a reload', () => {
  it('keeps what was used, also when the rate changes', () => {
    const limiter = createLimiter({
      clock: createManualClock(),
      limits: limitsOf([{ per: ['caller'], requests: '5/m' }]),
    })
    const admitted = (): number =>
      Array.from({ length: 50 }, () => limiter.take(alice, 'a', false)).filter((taken) => taken.ok).length
    assert.equal(admitted(), 5)
    limiter.reconfigure(
      limitsOf([
        { per: ['agent'], requests: '1000/m' },
        { per: ['caller'], requests: '5/m' },
      ]),
    )
    assert.equal(admitted(), 0)
    limiter.reconfigure(limitsOf([{ per: ['caller'], requests: '10/m', burst: 5 }]))
    assert.equal(admitted(), 0)
  })
  it("keeps the default's counters too", () => {
    const limiter = createLimiter({ clock: createManualClock(), limits: [] })
    for (let index = 0; index < 600; index++) limiter.take(alice, 'a', false)
    limiter.reconfigure([])
    assert.equal(limiter.take(alice, 'a', false).ok, false)
  })
  it('keeps open streams, and their release', () => {
    const limits = limitsOf([{ per: ['caller'], concurrentStreams: 1 }])
    const limiter = createLimiter({ clock: createManualClock(), limits })
    const first = limiter.take(alice, 'a', true)
    limiter.reconfigure(limits)
    assert.equal(limiter.take(alice, 'a', true).ok, false)
    assert.ok(first.ok)
    first.release()
    assert.equal(limiter.take(alice, 'a', true).ok, true)
  })
})
