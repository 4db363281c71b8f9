import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import type { Claim, TaskOwner } from '../exchange/exchange.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'

const alice: TaskOwner = { caller: 'key:alice', origin: 'key:alice' }
const bob: TaskOwner = { caller: 'key:bob', origin: 'key:bob' }
const retention = { finished: 1_000, open: 10_000, contexts: 20_000, tombstones: 50_000 }

interface Rig {
  readonly clock: ManualClock
  index: OwnershipIndex
  restart(): Promise<void>
  claim(claim: Claim): boolean
  /** the task as it is found */
  has(taskId: string): boolean
}

function rig(t: TestContext): Rig {
  const path = join(temporaryFolder(), 'index.db')
  const clock = createManualClock()
  const open = (): OwnershipIndex =>
    openOwnershipIndex({ path, retention, nowMs: () => clock.nowMs(), schedule: () => undefined })
  const made: Rig = {
    clock,
    index: open(),
    async restart() {
      await made.index.close()
      made.index = open()
    },
    claim: (claim) => made.index.claim([claim]).ok,
    has: (taskId) => made.index.task('a', '', taskId) !== undefined,
  }
  t.after(() => made.index.close())
  return made
}

const task = ({ clock }: Rig, taskId: string, owner: TaskOwner, contextId = ''): Claim => ({
  kind: 'task',
  agent: 'a',
  tenant: '',
  taskId,
  contextId,
  owner,
  groups: [],
  createdAtMs: clock.nowMs(),
})
const context = ({ clock }: Rig, contextId: string, owner: TaskOwner): Claim => ({
  kind: 'context',
  agent: 'a',
  tenant: '',
  contextId,
  owner,
  groups: [],
  createdAtMs: clock.nowMs(),
})
const completed = 'TASK_STATE_COMPLETED'

test('a task that is over is there for its time, an open one for longer, and both leave the file after it', async (t) => {
  const made = rig(t)
  const { index, clock } = made
  assert.ok(made.claim(task(made, 'done', alice)))
  assert.ok(made.claim(task(made, 'open', alice)))
  index.noteState('a', '', 'done', completed, clock.nowMs())
  assert.equal(await index.expire(), 0)
  clock.advance(999)
  assert.deepEqual([made.has('done'), made.has('open')], [true, true])
  clock.advance(1)
  // at once, whether or not it has left the file
  assert.deepEqual([made.has('done'), made.has('open')], [false, true])
  assert.equal((await index.list('a', '', alice, { limit: 10 })).rows.length, 1)
  assert.equal((await index.list('a', '', alice, { limit: 10 })).total, 1)
  assert.equal(await index.expire(), 1)
  assert.equal(index.openTasks({ caller: 'key:alice' }), 1)
  clock.advance(9_000)
  assert.equal(made.has('open'), false)
  assert.equal(await index.expire(), 1)
  assert.equal(index.openTasks({ caller: 'key:alice' }), 0)
  assert.equal((await index.list('a', '', alice, { limit: 10 })).total, 0)
})

test('an id that has left is nobody else’s, before and after a restart, until its time is over too', async (t) => {
  const made = rig(t)
  assert.ok(made.claim(task(made, 't', alice)))
  made.clock.advance(10_000)
  // before it has left the file
  assert.equal(made.claim(task(made, 't', bob)), false)
  assert.equal(await made.index.expire(), 1)
  for (let times = 0; times < 2; times += 1) {
    assert.equal(made.claim(task(made, 't', bob)), false)
    assert.equal(made.claim(task(made, 't', { ...alice, origin: 'key:bob' })), false)
    assert.equal(made.has('t'), false)
    await made.restart()
  }
  made.clock.advance(50_000)
  assert.equal(await made.index.expire(), 1)
  assert.ok(made.claim(task(made, 't', bob)))
})

test('an id that was free again, and somebody else’s since, is theirs after the index is made again from the ledger', async (t) => {
  const made = rig(t)
  const early = task(made, 't', alice)
  made.clock.advance(60_000)
  const late = task(made, 't', bob)
  // what the ledger says, in its order, with no round between that would have let the row go
  assert.deepEqual([made.claim(early), made.claim(late)], [true, true])
  assert.deepEqual(made.index.task('a', '', 't')?.owner, bob)
  await made.restart()
  assert.deepEqual(made.index.task('a', '', 't')?.owner, bob)
  // one millisecond sooner it was nobody else's
  const other = task(made, 'u', alice)
  made.clock.advance(59_999)
  assert.deepEqual([made.claim(other), made.claim(task(made, 'u', bob))], [true, false])
})

test('its owner has it as new when the agent names it again', async (t) => {
  const made = rig(t)
  assert.ok(made.claim(task(made, 'file', alice)))
  assert.ok(made.claim(task(made, 'left', alice)))
  made.index.noteState('a', '', 'left', completed, made.clock.nowMs())
  made.clock.advance(1_000)
  assert.equal(await made.index.expire(), 1)
  made.clock.advance(9_000)
  // one of them is still in the file, the other is not
  for (const id of ['file', 'left']) {
    assert.equal(made.has(id), false)
    const again = made.index.claim([task(made, id, alice)])
    assert.ok(again.ok)
    assert.equal(again.fresh.length, 1)
    assert.equal(made.has(id), true)
    again.undo()
    assert.equal(made.has(id), false)
    assert.ok(made.claim(task(made, id, alice)))
  }
  assert.equal(made.index.openTasks({ caller: 'key:alice' }), 2)
  assert.equal(await made.index.expire(), 0)
  await made.restart()
  assert.deepEqual([made.has('file'), made.has('left')], [true, true])
  assert.equal(made.index.openTasks({ caller: 'key:alice' }), 2)
})

test('an agent that names a time to come makes nothing last longer', async (t) => {
  const made = rig(t)
  assert.ok(made.claim(task(made, 't', alice)))
  made.index.noteState('a', '', 't', completed, made.clock.nowMs() + 1e12)
  made.clock.advance(1_000)
  assert.equal(made.has('t'), false)
  assert.equal(await made.index.expire(), 1)
})

test('a context stays while a task is kept in it, and its id is nobody else’s after that', async (t) => {
  const made = rig(t)
  assert.ok(made.claim(context(made, 'c', alice)))
  made.clock.advance(15_000)
  assert.ok(made.claim(task(made, 't', alice, 'c')))
  made.clock.advance(6_000)
  assert.equal(await made.index.expire(), 0)
  made.clock.advance(4_000)
  assert.equal(await made.index.expire(), 2)
  assert.equal(made.index.context('a', '', 'c'), undefined)
  assert.equal(made.claim(context(made, 'c', bob)), false)
  assert.ok(made.claim(context(made, 'c', alice)))
})

test('what is nobody’s leaves like the rest, and stays nobody’s', async (t) => {
  const made = rig(t)
  assert.ok(made.claim(task(made, 't', alice)))
  await made.index.forget('key:alice')
  made.clock.advance(10_000)
  assert.equal(await made.index.expire(), 1)
  assert.equal(made.claim(task(made, 't', alice)), false)
  assert.equal(made.claim(task(made, 't', bob)), false)
})

test('rules that give more time bring back what has not left the file, and only that', async (t) => {
  const made = rig(t)
  assert.ok(made.claim(task(made, 't', alice)))
  made.clock.advance(10_000)
  assert.equal(made.has('t'), false)
  made.index.retain({ ...retention, open: 1e9 })
  assert.equal(made.has('t'), true)
})

test('thousands are looked at piece by piece, and all that have expired leave', async (t) => {
  const made = rig(t)
  for (let at = 0; at < 5_000; at += 1) assert.ok(made.claim(task(made, `t${at}`, alice)))
  made.clock.advance(10_000)
  assert.ok(made.claim(task(made, 'fresh', alice)))
  const rounds: number[] = []
  for (let round = 0; round < 4; round += 1) rounds.push(await made.index.expire())
  assert.deepEqual(rounds, [2_000, 2_000, 1_000, 0])
  assert.equal(made.index.openTasks({ caller: 'key:alice' }), 1)
  assert.equal(made.has('fresh'), true)
})
