// The daily round of retention: when it runs, and that a failure ends nothing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createAuditUpkeep } from './audit-upkeep.ts'

const hourMs = 3_600_000

test('it runs soon after the start, then once a day', async () => {
  const clock = createManualClock()
  let runs = 0
  let callback: (() => void) | undefined
  const upkeep = createAuditUpkeep({
    clock,
    run: () => Promise.resolve((runs += 1)),
    onProblem: (error) => assert.fail(String(error)),
    every: (given) => {
      callback = given
      return () => (callback = undefined)
    },
  })
  const seen: number[] = []
  for (let hour = 0; hour < 49; hour += 1) {
    await upkeep.tick()
    if (runs > seen.length) seen.push(hour)
    clock.advance(hourMs)
  }
  assert.deepEqual(seen, [1, 25])
  assert.notEqual(callback, undefined)
  upkeep.stop()
  assert.equal(callback, undefined)
})

test('what failed is told and tried again a day later, and two never run at once', async () => {
  const clock = createManualClock()
  const problems: unknown[] = []
  let [runs, running] = [0, 0]
  const upkeep = createAuditUpkeep({
    clock,
    async run() {
      running += 1
      assert.equal(running, 1)
      await Promise.resolve()
      running -= 1
      runs += 1
      throw new Error('the disk says no')
    },
    onProblem: (error) => problems.push(error),
    every: () => () => undefined,
  })
  clock.advance(hourMs)
  await Promise.all([upkeep.tick(), upkeep.tick()])
  clock.advance(24 * hourMs)
  await upkeep.tick()
  assert.equal(runs, 2)
  assert.equal(problems.length, 2)
})
