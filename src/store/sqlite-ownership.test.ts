import assert from 'node:assert/strict'
import { renameSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Fault } from '../base/fault.ts'
import type { Claim, ClaimResult, TaskOwner } from '../exchange/exchange.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const alice: TaskOwner = { caller: 'key:alice', origin: 'key:alice' }
const bob: TaskOwner = { caller: 'key:bob', origin: 'key:bob' }

interface Rig {
  readonly path: string
  index: OwnershipIndex
  /** runs what was planned for later, once */
  later(): void
  /** closes and opens again */
  restart(): Promise<void>
  /** opens again without closing, as after kill -9 */
  crash(): void
}

function rig(context: TestContext, cachedRows = 50_000): Rig {
  const directory = temporaryFolder()
  const path = join(directory, 'index.db')
  let planned: (() => void)[] = []
  const opened: OwnershipIndex[] = []
  const open = (): OwnershipIndex => {
    const index = openOwnershipIndex({ path, cachedRows, schedule: (callback) => void planned.push(callback) })
    opened.push(index)
    return index
  }
  const made: Rig = {
    path,
    index: open(),
    later: () => {
      const due = planned
      planned = []
      for (const callback of due) callback()
    },
    restart: async () => {
      await made.index.close()
      made.index = open()
    },
    crash: () => {
      planned = []
      made.index = open()
    },
  }
  context.after(async () => {
    // what a crash left behind may be unable to write: that is its test's business
    for (const index of opened) await index.close().catch(() => undefined)
  })
  return made
}

function task(taskId: string, owner: TaskOwner, changed: Partial<Extract<Claim, { kind: 'task' }>> = {}): Claim {
  return {
    kind: 'task',
    agent: 'calculator',
    tenant: '',
    taskId,
    contextId: 'c1',
    owner,
    groups: [],
    createdAtMs: 1000,
    ...changed,
  }
}
function context(contextId: string, owner: TaskOwner): Claim {
  return {
    kind: 'context',
    agent: 'calculator',
    tenant: '',
    contextId,
    owner,
    groups: ['group:corp/a'],
    createdAtMs: 1000,
  }
}
function pushConfig(taskId: string, configId: string, owner: TaskOwner): Claim {
  return { kind: 'pushConfig', agent: 'calculator', tenant: '', taskId, configId, owner, groups: [], createdAtMs: 1000 }
}
function taken(result: ClaimResult): Extract<ClaimResult, { ok: true }> {
  assert.ok(result.ok)
  return result
}

test('a claim holds at once, before anything is written, and after a restart', async (t) => {
  const made = rig(t)
  const claims = [task('t1', alice), context('c1', alice), pushConfig('t1', 'p1', alice)]
  assert.deepEqual(taken(made.index.claim(claims)).fresh, claims)
  for (const restart of [async (): Promise<void> => {}, () => made.index.flush(), () => made.restart()]) {
    await restart()
    assert.deepEqual(made.index.task('calculator', '', 't1')?.owner, alice)
    assert.equal(made.index.task('calculator', '', 't1')?.contextId, 'c1')
    assert.deepEqual(made.index.context('calculator', '', 'c1')?.groups, ['group:corp/a'])
    assert.deepEqual(made.index.pushConfig('calculator', '', 't1', 'p1')?.owner, alice)
  }
})

test('keys do not run into each other', async (t) => {
  const { index } = rig(t)
  taken(index.claim([task('t1', alice), pushConfig('ab', 'c', alice)]))
  assert.equal(index.task('calculator', 't1', ''), undefined)
  assert.equal(index.task('other', '', 't1'), undefined)
  assert.equal(index.task('calculator', 'tenant', 't1'), undefined)
  assert.equal(index.task('calculator', '', 'T1'), undefined)
  assert.equal(index.pushConfig('calculator', '', 'a', 'bc'), undefined)
  assert.equal(index.context('calculator', '', 't1'), undefined)
})

test("claiming again what is one's own is fine and no news", async (t) => {
  const { index } = rig(t)
  taken(index.claim([task('t1', alice)]))
  const again = taken(index.claim([task('t1', alice), context('c1', alice)]))
  assert.deepEqual(
    again.fresh.map(({ kind }) => kind),
    ['context'],
  )
  again.undo()
  assert.deepEqual(index.task('calculator', '', 't1')?.owner, alice)
  assert.equal(index.context('calculator', '', 'c1'), undefined)
})

test('a conflict anywhere takes nothing at all', async (t) => {
  const { index } = rig(t)
  taken(index.claim([context('c2', alice)]))
  const foreign = context('c2', bob)
  assert.deepEqual(index.claim([task('t9', bob), pushConfig('t9', 'p', bob), foreign]), {
    ok: false,
    conflict: foreign,
  })
  assert.equal(index.task('calculator', '', 't9'), undefined)
  assert.equal(index.pushConfig('calculator', '', 't9', 'p'), undefined)
  assert.deepEqual(index.context('calculator', '', 'c2')?.owner, alice)
})

test('an owner is both, who called and on whose behalf', async (t) => {
  const { index } = rig(t)
  taken(index.claim([task('t1', { caller: 'agent:concierge', origin: 'key:alice' })]))
  for (const owner of [
    alice,
    { caller: 'agent:concierge', origin: 'agent:concierge' },
    { caller: 'agent:concierge', origin: 'key:bob' },
  ]) {
    assert.equal(index.claim([task('t1', owner)]).ok, false)
  }
})

test('what was undone can be claimed by another, whether or not it had been written', async (t) => {
  for (const isWritten of [false, true]) {
    const made = rig(t)
    const claimed = taken(made.index.claim([task('t1', alice)]))
    if (isWritten) await made.index.flush()
    claimed.undo()
    claimed.undo()
    assert.equal(made.index.task('calculator', '', 't1'), undefined)
    taken(made.index.claim([task('t1', bob)]))
    await made.restart()
    assert.deepEqual(made.index.task('calculator', '', 't1')?.owner, bob)
    assert.equal((await made.index.list('calculator', '', alice, { limit: 10 })).total, 0)
    assert.equal((await made.index.list('calculator', '', bob, { limit: 10 })).total, 1)
  }
})

test('a context that is learned later is news, once', async (t) => {
  const made = rig(t)
  taken(made.index.claim([task('t1', alice, { contextId: '' })]))
  assert.equal(taken(made.index.claim([task('t1', alice)])).fresh.length, 1)
  assert.equal(taken(made.index.claim([task('t1', alice)])).fresh.length, 0)
  await made.restart()
  assert.equal(made.index.task('calculator', '', 't1')?.contextId, 'c1')
})

test('what was taken back after it was written is gone, and nothing else is', async (t) => {
  const made = rig(t)
  taken(made.index.claim([pushConfig('t2', 'p1', alice)]))
  const claimed = taken(
    made.index.claim([
      task('t1', alice),
      pushConfig('t1', 'p1', alice),
      pushConfig('t1', 'p2', alice),
      pushConfig('t2', 'p1', alice),
    ]),
  )
  await made.index.flush()
  claimed.undo()
  for (const restart of [async (): Promise<void> => {}, () => made.restart()]) {
    await restart()
    assert.equal(made.index.task('calculator', '', 't1'), undefined)
    assert.equal(made.index.pushConfig('calculator', '', 't1', 'p1'), undefined)
    assert.equal(made.index.pushConfig('calculator', '', 't1', 'p2'), undefined)
    assert.deepEqual(made.index.pushConfig('calculator', '', 't2', 'p1')?.owner, alice)
  }
})

test('a state is kept of known tasks only, and rubbish for a time is not kept', async (t) => {
  const made = rig(t)
  taken(made.index.claim([task('t1', alice)]))
  made.index.noteState('calculator', '', 'unknown', 'TASK_STATE_WORKING', 2000)
  made.index.noteState('calculator', '', 't1', 'TASK_STATE_WORKING', NaN)
  const [row, ...others] = (await made.index.list('calculator', '', alice, { limit: 10 })).rows
  assert.deepEqual(
    [row?.taskId, row?.contextId, row?.state, row?.timestampMs, row?.createdAtMs, others.length],
    ['t1', 'c1', 'TASK_STATE_WORKING', 1000, 1000, 0],
  )
  made.index.noteState('calculator', '', 't1', 'TASK_STATE_COMPLETED', 3000)
  await made.restart()
  assert.equal(
    (await made.index.list('calculator', '', alice, { limit: 10, status: 'TASK_STATE_COMPLETED' })).rows[0]
      ?.timestampMs,
    3000,
  )
  assert.equal((await made.index.list('calculator', '', alice, { limit: 10, status: 'TASK_STATE_WORKING' })).total, 0)
})

test('the mark of what was applied never runs ahead of what it stands for', async (t) => {
  const made = rig(t)
  for (let run = 1; run <= 12; run++) {
    const applied = made.index.applied('log')
    for (let i = 0; i < applied; i++) assert.ok(made.index.task('calculator', '', `t${i}`))
    for (let i = applied; i < run * 200; i++) {
      taken(made.index.claim([task(`t${i}`, alice)]))
      made.index.setApplied('log', i + 1)
    }
    made.index.setApplied('log', 5)
    assert.equal(made.index.applied('log'), run * 200)
    // killed before, during and after the transaction
    const written = run % 2 === 0 ? undefined : made.index.flush()
    if (run % 3 === 0) await written
    made.crash()
  }
  taken(made.index.claim([task('last', alice)]))
  made.index.setApplied('log', 5000)
  await made.restart()
  assert.equal(made.index.applied('log'), 5000)
})

test('a file that cannot be used is begun anew, and says that nothing was applied', async (t) => {
  const made = rig(t)
  taken(made.index.claim([task('t1', alice)]))
  made.index.setApplied('log', 1)
  await made.index.close()
  writeFileSync(made.path, 'rubbish'.repeat(1000))
  made.crash()
  assert.equal(made.index.applied('log'), 0)
  assert.equal(made.index.task('calculator', '', 't1'), undefined)
  taken(made.index.claim([task('t1', alice)]))
  assert.equal(statSync(made.path).mode & 0o777, 0o600)
  await made.restart()
  assert.ok(made.index.task('calculator', '', 't1'))
})

test('rows that fell out of the cache are read again', async (t) => {
  const made = rig(t, 10)
  for (let i = 0; i < 200; i++) taken(made.index.claim([task(`t${i}`, i % 2 === 0 ? alice : bob)]))
  await made.index.flush()
  for (let i = 0; i < 200; i++)
    assert.deepEqual(made.index.task('calculator', '', `t${i}`)?.owner, i % 2 === 0 ? alice : bob)
  assert.equal(made.index.claim([task('t1', alice)]).ok, false)
})

const isUnreachable = (error: unknown): boolean => error instanceof Fault && error.code === 'STORE_UNREACHABLE'
const failing = "CREATE TRIGGER failing BEFORE INSERT ON task BEGIN SELECT RAISE(ABORT, 'disk full'); END"

test('a disk that fails is reported, loses nothing, and is tried again', async (t) => {
  const made = rig(t)
  const other = new DatabaseSync(made.path)
  other.exec(failing)
  taken(made.index.claim([task('t1', alice), context('c1', alice)]))
  await assert.rejects(made.index.flush(), isUnreachable)
  assert.notEqual(made.index.problem, undefined)
  await assert.rejects(made.index.list('calculator', '', alice, { limit: 10 }), isUnreachable)
  assert.deepEqual(made.index.task('calculator', '', 't1')?.owner, alice)
  assert.equal(made.index.claim([task('t1', bob)]).ok, false)
  other.exec('DROP TRIGGER failing')
  other.close()
  made.later()
  await made.index.flush()
  assert.equal(made.index.problem, undefined)
  await made.restart()
  assert.deepEqual(made.index.task('calculator', '', 't1')?.owner, alice)
})

test('when too much waits for a disk that fails, nothing more is claimed', async (t) => {
  const made = rig(t)
  const other = new DatabaseSync(made.path)
  other.exec(failing)
  const claimMany = (): void => {
    for (let i = 0; i <= 100_001; i++) made.index.claim([task(`t${i}`, alice)])
  }
  assert.throws(claimMany, isUnreachable)
  other.close()
})

test('a writer that ends is followed by another, and nothing is lost', async (t) => {
  const made = rig(t)
  taken(made.index.claim([task('t1', alice), context('c1', alice)]))
  made.index.setApplied('log', 7)
  const directory = dirname(made.path)
  renameSync(directory, `${directory}-away`) // the thread cannot open its file
  await assert.rejects(made.index.flush(), isUnreachable)
  assert.notEqual(made.index.problem, undefined)
  taken(made.index.claim([task('t2', alice)]))
  made.index.noteState('calculator', '', 't1', 'TASK_STATE_WORKING', 2000)
  renameSync(`${directory}-away`, directory)
  await made.index.flush()
  assert.equal(made.index.problem, undefined)
  await made.restart()
  const { rows } = await made.index.list('calculator', '', alice, { limit: 10, status: 'TASK_STATE_WORKING' })
  assert.deepEqual(
    rows.map(({ taskId }) => taskId),
    ['t1'],
  )
  assert.deepEqual(made.index.task('calculator', '', 't2')?.owner, alice)
  assert.deepEqual(made.index.context('calculator', '', 'c1')?.owner, alice)
  assert.equal(made.index.applied('log'), 7)
})

test('what was there before is found before, while and after the filter of ids is filled', async (t) => {
  const made = rig(t)
  for (let i = 0; i < 300; i++) {
    taken(made.index.claim([task(`t${i}`, alice), context(`c${i}`, bob), pushConfig(`t${i}`, 'p', alice)]))
  }
  await made.restart()
  assert.equal(made.index.task('calculator', '', 'absent'), undefined)
  taken(made.index.claim([task('new', bob)]))
  for (const wait of [async (): Promise<void> => {}, () => made.index.list('calculator', '', alice, { limit: 1 })]) {
    await wait()
    for (let i = 0; i < 300; i++) {
      assert.equal(made.index.claim([task(`t${i}`, bob)]).ok, false)
      assert.deepEqual(made.index.context('calculator', '', `c${i}`)?.owner, bob)
      assert.deepEqual(made.index.pushConfig('calculator', '', `t${i}`, 'p')?.owner, alice)
    }
    assert.deepEqual(made.index.task('calculator', '', 'new')?.owner, bob)
    assert.equal(made.index.task('calculator', '', 'absent'), undefined)
  }
})

test('a closed index keeps all that was claimed, and answers no page any more', async (t) => {
  const made = rig(t)
  taken(made.index.claim([task('t1', alice)]))
  await made.index.flush()
  const page = assert.rejects(made.index.list('calculator', '', alice, { limit: 1 }), isUnreachable)
  taken(made.index.claim([task('t2', alice)]))
  await Promise.all([page, made.restart()])
  assert.equal((await made.index.list('calculator', '', alice, { limit: 10 })).total, 2)
})

test('what an owner calls a context is kept, in memory, on disk, and beside rows of the version before', async (t) => {
  const made = rig(t)
  taken(made.index.claim([{ ...context('c1', alice), name: 'plan' } as Claim, context('c2', alice)]))
  const names = (): unknown[] => ['c1', 'c2', 'old'].map((id) => made.index.context('calculator', '', id)?.name)
  assert.deepEqual(names(), ['plan', 'c2', undefined])
  await made.restart()
  assert.deepEqual(names(), ['plan', 'c2', undefined])
  await made.index.close()
  const database = new DatabaseSync(made.path)
  database.exec(`
    DROP TABLE tombstone;
    ALTER TABLE context DROP COLUMN turns;
    ALTER TABLE context DROP COLUMN name;
    INSERT INTO context SELECT scope, 'old', owner, group_set, created_at_ms FROM context WHERE context_id = 'c2';
    PRAGMA user_version = 3`)
  database.close()
  made.crash()
  assert.deepEqual(names(), ['c1', 'c2', 'old'])
  assert.deepEqual(made.index.context('calculator', '', 'old')?.owner, alice)
  // an erasure takes the name too
  taken(made.index.claim([{ ...context('c3', alice), name: 'plan' } as Claim]))
  await made.index.forget('key:alice')
  assert.equal(made.index.context('calculator', '', 'c3')?.name, 'c3')
})
