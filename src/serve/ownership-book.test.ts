import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { createGrantBook } from '../authenticate/authenticate.ts'
import { createManualClock } from '../base/clock.ts'
import { openOwnershipIndex } from '../store/store.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import { createOwnershipBook } from './ownership-book.ts'

test('a status without a time is of the moment when it was first heard', async (t) => {
  const index = openOwnershipIndex({ path: join(temporaryFolder(), 'index.db'), schedule: () => undefined })
  t.after(() => index.close())
  const clock = createManualClock()
  const book = createOwnershipBook(index, clock, createGrantBook({ clock }), Buffer.alloc(32))
  const owner = { caller: 'key:alice', origin: 'key:alice' }
  const ids = { agent: 'calculator', tenant: '', taskId: 't1', contextId: '' }
  book.claim([{ kind: 'task', ...ids, owner, groups: [], createdAtMs: 5 }])
  const note = (state: string, timestampMs: number): void =>
    book.note([{ taskId: 't1', contextId: '', state, timestampMs }], admittedOf())
  const known = (): unknown[] => {
    const row = index.task('calculator', '', 't1')
    return [row?.state, row?.timestampMs]
  }
  note('', 0)
  assert.deepEqual(known(), ['', 5])
  const heardMs = clock.nowMs()
  note('TASK_STATE_WORKING', 0)
  clock.advance(1_000)
  note('TASK_STATE_WORKING', 0)
  assert.deepEqual(known(), ['TASK_STATE_WORKING', heardMs])
  note('TASK_STATE_WORKING', 7_000)
  assert.deepEqual(known(), ['TASK_STATE_WORKING', 7_000])
  note('TASK_STATE_COMPLETED', 0)
  assert.deepEqual(known(), ['TASK_STATE_COMPLETED', heardMs + 1_000])
})
