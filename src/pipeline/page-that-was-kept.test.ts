// The attack: an agent hands out a page with a script, its operator forbids that, and whoever sends the old message again
// is given the page from memory.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { admittedOf, snapshotOf } from '../../test/fakes/walk.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { createDuplicateBook, type FirstSend } from './duplicates.ts'

function admittedWith(mediaTypes: string[] | undefined): Admitted {
  const artifacts = mediaTypes && { artifacts: { mediaTypes } }
  const agents = [{ name: 'calculator', url: 'http://127.0.0.1:9/', ...artifacts }]
  const admitted = admittedOf({ snapshot: snapshotOf({ agents }) })
  return Object.assign(admitted, { message: { ...admitted.message, messageId: 'm' } })
}

const page = { status: 200, contentType: 'application/json', released: { text: '<script>' }, states: [{ taskId: 't' }] }

test('an answer is kept from a repetition once other rules hold for artifacts, and its task is told', () => {
  const book = createDuplicateBook({ clock: createManualClock() })
  const met = book.meet(admittedWith(['text/html']))
  assert.ok(!isRefusal(met) && met.kind === 'first')
  met.first.reached()
  met.first.answered(page as unknown as Parameters<FirstSend['answered']>[0])
  for (const now of [['text/plain'], ['text/html', 'text/plain'], [], undefined]) {
    const again = book.meet(admittedWith(now))
    assert.ok(isRefusal(again), String(now))
    assert.deepEqual([again.code, again.metadata], ['LIMIT_DUPLICATE', { taskId: 't' }])
  }
  // another snapshot with the same rules
  const again = book.meet(admittedWith(['text/html']))
  assert.ok(!isRefusal(again) && again.kind === 'again')
})
