// Somebody was erased, and another names the context or the task that was theirs: the agent behind it still has the
// conversation. The id stays taken, for everybody, the one who was erased included.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Claim, TaskOwner } from '../exchange/exchange.ts'
import { beginIndexAnew } from './open-index.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'

const alice: TaskOwner = { caller: 'key:alice', origin: 'key:alice' }
const bob: TaskOwner = { caller: 'key:bob', origin: 'key:bob' }
const forAlice: TaskOwner = { caller: 'agent:planner', origin: 'key:alice' }
const planner: TaskOwner = { caller: 'agent:planner', origin: 'agent:planner' }

const owned = (owner: TaskOwner): Pick<Claim, 'agent' | 'tenant' | 'owner' | 'groups' | 'createdAtMs'> => ({
  agent: 'calculator',
  tenant: '',
  owner,
  groups: ['group:corp/analysts'],
  createdAtMs: 1,
})
const task = (taskId: string, owner: TaskOwner, contextId = 'c1'): Claim => ({
  kind: 'task',
  taskId,
  contextId,
  ...owned(owner),
})
const context = (contextId: string, owner: TaskOwner): Claim => ({ kind: 'context', contextId, ...owned(owner) })
const config = (owner: TaskOwner): Claim => ({ kind: 'pushConfig', taskId: 't1', configId: 'p1', ...owned(owner) })
const ofAlice = (owner: TaskOwner): Claim[] => [task('t1', owner), context('c1', owner), config(owner)]

interface Rig {
  readonly path: string
  index: OwnershipIndex
  reopen(between?: () => void): Promise<void>
}

function rig(t: TestContext): Rig {
  const path = join(temporaryFolder(), 'index.db')
  const open = (): OwnershipIndex => openOwnershipIndex({ path, schedule: () => {} })
  const made: Rig = {
    path,
    index: open(),
    async reopen(between) {
      await made.index.close()
      between?.()
      made.index = open()
    },
  }
  t.after(() => made.index.close())
  return made
}

async function assertNobodys(index: OwnershipIndex): Promise<void> {
  for (const who of [bob, alice, forAlice, planner]) {
    for (const claim of ofAlice(who)) assert.equal(index.claim([claim]).ok, false, `${claim.kind} ${who.caller}`)
    assert.equal((await index.list('calculator', '', who, { limit: 10, contextId: 'c1' })).total, 0)
  }
  for (const row of [
    index.task('calculator', '', 't1'),
    index.context('calculator', '', 'c1'),
    index.pushConfig('calculator', '', 't1', 'p1'),
  ]) {
    assert.match(row?.owner.caller ?? '', /^erased:/)
    assert.match(row?.owner.origin ?? '', /^erased:/)
    // whoever shares a group with one who was erased has nothing of it
    assert.deepEqual(row?.groups, [])
  }
}

const bytesOf = (path: string): string =>
  ['', '-wal'].map((suffix) => (existsSync(path + suffix) ? readFileSync(path + suffix, 'latin1') : '')).join('')

test('ids of one who was erased are free to nobody, now, after a restart, and when the index is begun anew', async (t) => {
  for (const owner of [alice, forAlice]) {
    const made = rig(t)
    assert.ok(made.index.claim(ofAlice(owner)).ok)
    made.index.setApplied('log', 3)
    assert.equal(await made.index.forget('key:alice'), 3)
    await assertNobodys(made.index)
    await made.reopen()
    await assertNobodys(made.index)
    assert.ok(made.index.claim([task('t2', bob), context('c2', bob)]).ok)
    await made.reopen(() => beginIndexAnew(made.path))
    await assertNobodys(made.index)
    assert.equal(made.index.applied('log'), 0)
    assert.equal(made.index.task('calculator', '', 't2'), undefined)
    assert.equal((await made.index.list('calculator', '', bob, { limit: 10 })).total, 0)
  }
})

test('neither a second erasure nor one of nobody frees them', async (t) => {
  const made = rig(t)
  assert.ok(made.index.claim(ofAlice(alice)).ok)
  assert.equal(await made.index.forget('key:alice'), 3)
  assert.equal(await made.index.forget('key:alice'), 0)
  assert.equal(await made.index.forget('erased:'), 0)
  await assertNobodys(made.index)
})

test('what an agent says of a task while its owner is being erased gives it to nobody again', async (t) => {
  for (const isPosted of [false, true]) {
    const made = rig(t)
    assert.ok(made.index.claim(ofAlice(alice)).ok)
    await made.index.flush()
    const forgotten = made.index.forget('key:alice')
    // after the last flush, before the thread is through
    await Promise.resolve()
    made.index.noteState('calculator', '', 't1', 'TASK_STATE_WORKING', 5)
    const news = isPosted ? made.index.flush() : undefined
    await forgotten
    await news
    await assertNobodys(made.index)
    await made.index.flush()
    await made.reopen()
    await assertNobodys(made.index)
    assert.equal(bytesOf(made.path).includes('key:alice'), false)
  }
})

test('a call that fails after its caller was erased frees nothing', async (t) => {
  const made = rig(t)
  const claimed = made.index.claim(ofAlice(alice))
  assert.ok(claimed.ok)
  await made.index.forget('key:alice')
  claimed.undo()
  await assertNobodys(made.index)
  await made.reopen()
  await assertNobodys(made.index)
})
