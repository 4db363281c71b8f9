// The attack: a messageId is free again after its window. A message that is taken for a repetition when limits are asked,
// and for a new one a moment later, opens a task that no limit has counted.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { admittedOf, snapshotOf } from '../../test/fakes/walk.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { createDuplicateBook } from './duplicates.ts'

const windowMs = 60_000
const agents = [{ name: 'calculator', url: 'http://127.0.0.1:9/', duplicates: { window: '60s' } }]

function admittedWith(messageId: string): Admitted {
  const admitted = admittedOf({ snapshot: snapshotOf({ agents }) })
  return Object.assign(admitted, { message: { ...admitted.message, messageId } })
}

test('what may be new by the time it is met is no repetition', () => {
  const clock = createManualClock()
  const book = createDuplicateBook({ clock })
  const first = book.meet(admittedWith('m'))
  assert.ok(!isRefusal(first) && first.kind === 'first')
  first.first.reached()
  first.first.end()
  assert.deepEqual([book.isRepeated(admittedWith('m')), book.isRepeated(admittedWith('n'))], [true, false])
  clock.advance(windowMs - 1)
  assert.equal(book.isRepeated(admittedWith('m')), false)
  assert.ok(isRefusal(book.meet(admittedWith('m'))), 'and yet it is not sent twice')
  clock.advance(1)
  const met = book.meet(admittedWith('m'))
  assert.ok(!isRefusal(met) && met.kind === 'first')
})
