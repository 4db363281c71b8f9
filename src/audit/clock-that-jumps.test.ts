// The wall clock jumps ahead, by a wrong time server or a hand, and by it everything is old enough to go. Retention goes
// by what the log vouches for: the newest record from before it was opened, and a clock that only counts on.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSample, sampleRecord, sampleStartMs, type Sample } from '../../test/fakes/sample-ledger.ts'
import type { Clock } from '../base/clock.ts'
import type { RetentionResult } from './expire.ts'
import type { Ledger, WantedRetention } from './ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const wanted: WantedRetention = {
  rules: { bodiesMs: { decision: 90 * dayMs }, recordsMs: 400 * dayMs },
  heldSubjects: [],
  isDryRun: false,
}

/** A record every ten hours for fifty days. */
async function filled(): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 120; number += 1) {
    await ledger.append(sampleRecord(number, { timeMs: sample.clock.nowMs() }))
    sample.clock.advance(10 * hourMs)
  }
  await ledger.close()
  return sample
}

/** Both of its times move on by themselves, as those of a machine do; the wall clock also jumps. */
function jumpy(sample: Sample): { clock: Clock; jump: (ms: number) => void } {
  let ahead = 0
  const { clock } = sample
  const jump = (ms: number): void => {
    ahead += ms
  }
  return { clock: { nowMs: () => clock.nowMs() + ahead, monotonicMs: () => clock.monotonicMs() }, jump }
}

async function withLedger(sample: Sample, clock: Clock, work: (ledger: Ledger) => Promise<void>): Promise<void> {
  const ledger = await sample.open({ clock })
  await work(ledger).finally(() => ledger.close())
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
}

const gone = ({ bodies, records }: RetentionResult): number => bodies + records

test('a jump while the log is open removes nothing, and is told', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  const before = readdirSync(join(sample.dir, 'segments'))
  await withLedger(sample, clock, async (ledger) => {
    jump(500 * dayMs)
    const { size } = ledger
    const result = await ledger.applyRetention(wanted)
    assert.equal(gone(result), 0)
    assert.ok(Math.abs(result.clockAheadMs - 499 * dayMs) < dayMs)
    assert.equal(ledger.size, size)
  })
  assert.deepEqual(readdirSync(join(sample.dir, 'segments')), before)
})

test('a clock that was wrong at the start removes nothing, whatever is recorded by it since', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  jump(500 * dayMs)
  await withLedger(sample, clock, async (ledger) => {
    await ledger.append(sampleRecord(1, { timeMs: clock.nowMs() }))
    const result = await ledger.applyRetention(wanted)
    assert.equal(gone(result), 0)
    assert.ok(result.clockAheadMs > 400 * dayMs)
  })
})

test('a dry run says the same', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  await withLedger(sample, clock, async (ledger) => {
    jump(500 * dayMs)
    const result = await ledger.applyRetention({ ...wanted, isDryRun: true })
    assert.equal(gone(result), 0)
    assert.ok(result.clockAheadMs > 0)
  })
})

test('a jump by which nothing more would go is nobody’s concern', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  await withLedger(sample, clock, async (ledger) => {
    jump(10 * dayMs)
    assert.equal((await ledger.applyRetention(wanted)).clockAheadMs, 0)
  })
})

test('time that passes while the log is open counts, and what is due by it goes in spite of a jump', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  await withLedger(sample, clock, async (ledger) => {
    sample.clock.advance(60 * dayMs)
    jump(1_000 * dayMs)
    const result = await ledger.applyRetention(wanted)
    assert.ok(result.bodies > 0)
    assert.equal(result.records, 0)
    assert.ok(result.clockAheadMs > 900 * dayMs)
  })
})

test('somebody who says that the clock is right, or another clock that says so, is believed', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  await withLedger(sample, clock, async (ledger) => {
    jump(500 * dayMs)
    const some = await ledger.applyRetention({ ...wanted, vouchedMs: sampleStartMs + 120 * dayMs })
    assert.ok(some.bodies > 0 && some.records === 0 && some.clockAheadMs > 0)
    const all = await ledger.applyRetention({ ...wanted, vouchedMs: Infinity })
    assert.ok(all.records > 0)
    assert.equal(all.clockAheadMs, 0)
  })
})

test('a clock that went back lets go what it says, and no more', async () => {
  const sample = await filled()
  const { clock, jump } = jumpy(sample)
  await withLedger(sample, clock, async (ledger) => {
    jump(-40 * dayMs)
    sample.clock.advance(60 * dayMs)
    assert.deepEqual([gone(await ledger.applyRetention(wanted))], [0])
  })
})
