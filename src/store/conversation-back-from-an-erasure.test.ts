// The attack: somebody is erased and comes back, waits until retention has let the rows go, and calls a conversation as
// before. The agent still has it, and ids of contexts are made from who calls and by what name: they must be others.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Claim, TaskOwner } from '../exchange/exchange.ts'
import { createContextNames, type ContextNames } from './context-names.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'

const alice: TaskOwner = { caller: 'key:alice', origin: 'key:alice' }
const forAlice: TaskOwner = { caller: 'agent:planner', origin: 'key:alice' }
const bob: TaskOwner = { caller: 'key:bob', origin: 'key:bob' }
const retention = { finished: 1_000, open: 1_000, contexts: 1_000, tombstones: 10_000 }

interface Rig {
  readonly clock: ManualClock
  readonly index: OwnershipIndex
  readonly names: ContextNames
  /** what a message in this context does; answers the agent's id */
  talk(owner: TaskOwner, name: string): string
  expire(afterMs: number): Promise<void>
}

function rig(t: TestContext): Rig {
  const clock = createManualClock()
  const path = join(temporaryFolder(), 'index.db')
  const index = openOwnershipIndex({ path, retention, nowMs: () => clock.nowMs(), schedule: () => undefined })
  t.after(() => index.close())
  const names = createContextNames(randomBytes(32), index.context.bind(index))
  return {
    clock,
    index,
    names,
    talk(owner, name) {
      const { contextId, isFresh } = names.meantContext({ agent: 'a', tenant: '', owner }, name)
      const claim: Claim = {
        kind: 'context',
        agent: 'a',
        tenant: '',
        contextId,
        name,
        owner,
        groups: [],
        createdAtMs: clock.nowMs(),
      }
      assert.ok(!isFresh || index.claim([claim]).ok, `${owner.caller} is refused ${name}`)
      return contextId
    },
    async expire(afterMs) {
      clock.advance(afterMs)
      for (let round = 0; round < 3; round += 1) await index.expire()
    },
  }
}

for (const owner of [alice, forAlice]) {
  test(`a context that was erased is never its name's again, for ${owner.caller}`, async (t) => {
    const made = rig(t)
    const before = made.talk(owner, 'default')
    await made.index.forget('key:alice')
    for (const afterMs of [2_000, 2_000, 20_000]) {
      await made.expire(afterMs)
      assert.notEqual(made.talk(owner, 'default'), before)
    }
  })

  test(`nor one that retention had let go before, for ${owner.caller}`, async (t) => {
    const made = rig(t)
    const before = made.talk(owner, 'default')
    const other = made.talk(bob, 'default')
    await made.expire(2_000)
    assert.equal(made.index.context('a', '', before), undefined)
    await made.index.forget('key:alice')
    for (const afterMs of [0, 2_000, 20_000]) {
      await made.expire(afterMs)
      assert.notEqual(made.talk(owner, 'default'), before)
      // who was not erased has what was theirs
      assert.equal(made.talk(bob, 'default'), other)
    }
  })
}

test('a task that had expired is not given back to who was erased', async (t) => {
  const made = rig(t)
  const task = (): Claim => ({
    kind: 'task',
    agent: 'a',
    tenant: '',
    taskId: 't',
    contextId: '',
    owner: alice,
    groups: [],
    createdAtMs: made.clock.nowMs(),
  })
  assert.ok(made.index.claim([task()]).ok)
  await made.expire(2_000)
  await made.index.forget('key:alice')
  assert.equal(made.index.claim([task()]).ok, false)
})
