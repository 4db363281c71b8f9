import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { nextEmptyMs, type Rate, remaining, waitMs } from './gcra.ts'

/** The plain model: a bucket of `burst` tokens that refills evenly, in exact thousandths of a token. */
function naive(rate: Rate, gapsMs: readonly number[]): boolean[] {
  let units = rate.burst * rate.periodMs
  return gapsMs.map((gapMs) => {
    units = Math.min(rate.burst * rate.periodMs, units + gapMs * rate.count)
    if (units < rate.periodMs) return false
    units -= rate.periodMs
    return true
  })
}

function measured(rate: Rate, gapsMs: readonly number[]): boolean[] {
  let nowMs = 1000
  let emptyMs = 0
  return gapsMs.map((gapMs) => {
    nowMs += gapMs
    const next = nextEmptyMs(rate, emptyMs, nowMs)
    if (next === undefined) return false
    emptyMs = next
    return true
  })
}

const rates = fc
  .record({
    // Divisors of the period: the model and the tolerance for rounding then agree exactly.
    count: fc.constantFrom(1, 2, 3, 4, 5, 10, 20, 60),
    periodMs: fc.constantFrom(1000, 60_000, 3_600_000),
    burst: fc.integer({ min: 1, max: 30 }),
  })
  .map((rate) => ({ ...rate, periodMs: rate.periodMs * 3 }))

describe('the generic cell rate algorithm', () => {
  it('admits exactly what a token bucket admits', () => {
    const scenario = rates.chain((rate) => {
      const step = rate.periodMs / rate.count
      // Gaps are multiples of half a call's worth, or none.
      return fc.tuple(
        fc.constant(rate),
        fc.array(fc.constantFrom(0, 0, 0, step / 2, step, step * 3), { maxLength: 60 }),
      )
    })
    fc.assert(
      fc.property(scenario, ([rate, gaps]) => assert.deepEqual(measured(rate, gaps), naive(rate, gaps))),
      { numRuns: 500, interruptAfterTimeLimit: 1000 },
    )
  })
  it('says to wait exactly until the next call is admitted', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 }), (rate, gaps) => {
        let nowMs = 0
        let emptyMs = 0
        for (const gap of gaps) {
          nowMs += gap
          const wait = waitMs(rate, emptyMs, nowMs)
          const next = nextEmptyMs(rate, emptyMs, nowMs)
          assert.equal(next !== undefined, wait === 0)
          assert.equal(remaining(rate, emptyMs, nowMs) > 0, next !== undefined)
          assert.notEqual(nextEmptyMs(rate, emptyMs, nowMs + wait + 0.001), undefined)
          emptyMs = next ?? emptyMs
        }
      }),
      { numRuns: 300, interruptAfterTimeLimit: 1000 },
    )
  })
  it('never admits more than the burst and the rate together, however calls come', () => {
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 200 }),
        (rate, gaps) => {
          const count = measured(rate, gaps).filter(Boolean).length
          const spanMs = gaps.slice(1).reduce((sum, gap) => sum + gap, 0)
          assert.ok(count <= rate.burst + (spanMs * rate.count) / rate.periodMs + 0.0002)
        },
      ),
      { numRuns: 300, interruptAfterTimeLimit: 1000 },
    )
  })
})
