import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Claim, TaskOwner } from '../exchange/exchange.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'

const path = (): string => join(temporaryFolder(), 'index.db')
const open = (at: string): OwnershipIndex => openOwnershipIndex({ path: at, schedule: () => undefined })

const ownerOf = (caller: string, origin = caller): TaskOwner => ({ caller, origin })

function task(taskId: string, owner: TaskOwner, agent = 'calculator'): Claim {
  return { kind: 'task', agent, tenant: '', taskId, contextId: '', owner, groups: [], createdAtMs: 1 }
}

const alice = ownerOf('key:alice')
const behalf = ownerOf('agent:planner', 'key:alice')

function rig(t: TestContext): { index: OwnershipIndex; restart(): Promise<OwnershipIndex> } {
  const at = path()
  const made = {
    index: open(at),
    async restart() {
      await made.index.close()
      return (made.index = open(at))
    },
  }
  t.after(() => made.index.close())
  return made
}

function countsOf(index: OwnershipIndex): number[] {
  const asked = [
    { caller: 'key:alice' },
    { caller: 'agent:planner' },
    { agent: 'calculator' },
    { agent: 'vault' },
    { agent: 'vault', caller: 'key:alice' },
  ]
  return asked.map((of) => index.openTasks(of))
}

test('counts what is unfinished by caller, agent and both, and is right after a restart', async (t) => {
  const made = rig(t)
  let { index } = made
  const claims = [task('t1', alice), task('t2', alice, 'vault'), task('t3', behalf), task('t4', behalf)]
  assert.ok(index.claim(claims).ok)
  assert.deepEqual(countsOf(index), [2, 2, 3, 1, 1])
  index.noteState('calculator', '', 't1', 'TASK_STATE_INPUT_REQUIRED', 5)
  index.noteState('calculator', '', 't3', 'TASK_STATE_COMPLETED', 5)
  assert.deepEqual(countsOf(index), [2, 1, 2, 1, 1])
  index = await made.restart()
  assert.deepEqual(countsOf(index), [2, 1, 2, 1, 1])
  assert.equal(index.isOpen('calculator', '', 't1'), true)
  assert.equal(index.isOpen('calculator', '', 't3'), false)
  assert.equal(index.isOpen('calculator', '', 'unknown'), false)
  // an agent that changes its mind
  index.noteState('calculator', '', 't3', 'TASK_STATE_WORKING', 6)
  assert.deepEqual(countsOf(index), [2, 2, 3, 1, 1])
})

test('a claim that is known, refused or taken back counts once, or not', (t) => {
  const { index } = rig(t)
  const first = index.claim([task('t1', alice)])
  assert.ok(first.ok)
  assert.ok(index.claim([task('t1', alice)]).ok)
  assert.equal(index.claim([task('t2', behalf), task('t1', behalf)]).ok, false)
  assert.deepEqual(countsOf(index), [1, 0, 1, 0, 0])
  first.undo()
  assert.deepEqual(countsOf(index), [0, 0, 0, 0, 0])
  const second = index.claim([task('t1', alice)])
  assert.ok(second.ok)
  index.noteState('calculator', '', 't1', 'TASK_STATE_COMPLETED', 5)
  second.undo()
  assert.deepEqual(countsOf(index), [0, 0, 0, 0, 0])
})

test('what an erased subject had counts for nobody, as caller and as origin, nor does it after a restart', async (t) => {
  const made = rig(t)
  let { index } = made
  assert.ok(index.claim([task('t1', alice), task('t3', behalf), task('t4', ownerOf('key:bob'))]).ok)
  await index.forget('key:alice')
  assert.deepEqual(countsOf(index), [0, 0, 1, 0, 0])
  index.noteState('calculator', '', 't1', 'TASK_STATE_COMPLETED', 5)
  index.noteState('calculator', '', 't3', 'TASK_STATE_WORKING', 5)
  assert.deepEqual(countsOf(index), [0, 0, 1, 0, 0])
  index = await made.restart()
  assert.deepEqual(countsOf(index), [0, 0, 1, 0, 0])
})
