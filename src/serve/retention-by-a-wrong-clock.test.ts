// Retention as the gateway runs it, when its clock has jumped: it goes by what the ledger vouches for, and beside it only
// a witness, or somebody who says that the clock is right, is believed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { configSchema } from '../config/config.ts'
import { home } from './fake-state.ts'
import { applyRetention, type RetentionRun } from './audit-upkeep.ts'
import { openState } from './state.ts'

const dayMs = 86_400_000

test('a jump removes nothing by itself; a witness or an operator may say that it was none', async (t) => {
  const manual = createManualClock()
  let aheadMs = 0
  const clock = { nowMs: () => manual.nowMs() + aheadMs, monotonicMs: () => manual.monotonicMs() }
  const state = await openState({
    dataDir: home(),
    loaded: undefined,
    role: 'gateway',
    clock,
    snapshotDigest: () => 'd',
    onFatal: (fault) => assert.fail(fault),
  })
  t.after(() => state.close())
  const config = configSchema.parse({ audit: { retention: { bodies: '30d' } } })
  const run = (changes: Partial<RetentionRun> = {}): ReturnType<typeof applyRetention> =>
    applyRetention(state, { config, isDryRun: false, minimumExported: () => undefined, ...changes })
  aheadMs = 400 * dayMs
  const asked: (number | undefined)[] = []
  const { ledger } = state
  const original = ledger.applyRetention.bind(ledger)
  ledger.applyRetention = (wanted) => {
    asked.push(wanted.vouchedMs)
    return original(wanted)
  }
  await run()
  const startMs = manual.nowMs()
  await run({ witnessedMs: () => startMs + 100 * dayMs })
  await run({ isClockTrusted: true })
  assert.deepEqual(asked, [startMs + dayMs, startMs + 100 * dayMs, Infinity])
})
