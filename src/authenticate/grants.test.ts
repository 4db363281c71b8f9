// How long a grant lasts, call by call and task by task, and what bounds it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { createGrantBook, type GrantBook } from './grants.ts'

const hour = 3_600_000

function makeBook(): {
  clock: ManualClock
  grants: GrantBook
  open: (call: string, fields?: { origin?: string; agent?: string }) => () => void
  hear: (call: string, state: string, fields?: { taskId?: string; agent?: string; reads?: boolean }) => void
  isLive: (call: string, agent?: string) => boolean
} {
  const clock = createManualClock()
  const grants = createGrantBook({ clock })
  return {
    clock,
    grants,
    open: (call, { origin = 'user:corp/alice', agent = 'planner' } = {}) =>
      grants.open({
        call,
        agent,
        delegation: { origin: { id: origin, groups: [], display: origin }, chain: [] },
        deadlineMs: clock.nowMs() + 8 * hour,
      }),
    hear: (call, state, { taskId = 't1', agent = 'planner', reads = false } = {}) =>
      grants.heard({ call, agent, tenant: '', carriesMessage: !reads }, [{ taskId, state }]),
    isLive: (call, agent = 'planner') => grants.find(call, agent) !== undefined,
  }
}

test('ends with its call where no task came of it', () => {
  const { open, isLive, grants } = makeBook()
  const end = open('c1')
  assert.equal(isLive('c1'), true)
  end()
  assert.equal(isLive('c1'), false)
  assert.equal(grants.size, 0)
})

test('a call that never was has none, and neither has another agent', () => {
  const { open, isLive } = makeBook()
  open('c1')
  assert.equal(isLive('c2'), false)
  assert.equal(isLive('c1', 'calculator'), false)
})

test('a task holds it beyond the call, until any answer says that the task has ended', () => {
  for (const state of ['COMPLETED', 'FAILED', 'CANCELED', 'REJECTED']) {
    const { open, hear, isLive, clock, grants } = makeBook()
    const end = open('c1')
    hear('c1', 'TASK_STATE_WORKING')
    end()
    clock.advance(2 * hour)
    hear('another', 'TASK_STATE_INPUT_REQUIRED', { reads: true })
    hear('another', 'TASK_STATE_AUTH_REQUIRED', { reads: true })
    assert.equal(isLive('c1'), true)
    hear('another', `TASK_STATE_${state}`, { reads: true })
    assert.equal(isLive('c1'), false)
    assert.equal(grants.size, 0)
  }
})

test("another agent's task of the same name ends nothing", () => {
  const { open, hear, isLive } = makeBook()
  const end = open('c1')
  hear('c1', 'TASK_STATE_WORKING')
  end()
  hear('another', 'TASK_STATE_COMPLETED', { agent: 'calculator' })
  assert.equal(isLive('c1'), true)
})

test('an agent that takes back the end of a task gets nothing by it', () => {
  const { open, hear, isLive } = makeBook()
  const end = open('c1')
  hear('c1', 'TASK_STATE_COMPLETED')
  hear('c1', 'TASK_STATE_WORKING')
  end()
  hear('c1', 'TASK_STATE_WORKING')
  assert.equal(isLive('c1'), false)
})

test('whoever only reads a task lends nobody his name beyond the call', () => {
  const { open, hear, isLive } = makeBook()
  const end = open('c1', { origin: 'user:corp/on-call' })
  hear('c1', 'TASK_STATE_WORKING', { reads: true })
  assert.equal(isLive('c1'), true)
  end()
  assert.equal(isLive('c1'), false)
})

test('ends at its deadline, whatever is open', () => {
  const { open, hear, isLive, clock } = makeBook()
  open('c1')
  hear('c1', 'TASK_STATE_WORKING')
  clock.advance(8 * hour - 1)
  assert.equal(isLive('c1'), true)
  clock.advance(1)
  assert.equal(isLive('c1'), false)
})

test('one origin cannot push out the grants of others', () => {
  const { open, hear, isLive, grants } = makeBook()
  const hold = (call: string, origin: string): void => {
    const end = open(call, { origin })
    hear(call, 'TASK_STATE_WORKING', { taskId: call })
    end()
  }
  hold('alice', 'user:corp/alice')
  for (let index = 0; index < 1_001; index += 1) hold(`m${index}`, 'key:mallory')
  assert.equal(isLive('alice'), true)
  assert.equal(isLive('m0'), false)
  assert.equal(isLive('m1'), true)
  assert.equal(grants.size, 1_001)
})

test('holds no more than it may, over all', () => {
  const { open, hear, isLive, grants } = makeBook()
  for (let index = 0; index < 20_010; index += 1) {
    const end = open(`c${index}`, { origin: `user:corp/${index % 100}` })
    hear(`c${index}`, 'TASK_STATE_WORKING', { taskId: `t${index}` })
    end()
  }
  assert.equal(grants.size, 20_000)
  assert.equal(isLive('c9'), false)
  assert.equal(isLive('c10'), true)
})

test('one call is held by sixteen tasks at most', () => {
  const { open, hear, grants } = makeBook()
  const end = open('c1')
  for (let index = 0; index < 40; index += 1) hear('c1', 'TASK_STATE_WORKING', { taskId: `t${index}` })
  end()
  assert.equal(grants.kept()[0]?.tasks.length, 16)
})

test('what a task holds outlives a restart, without a name in it; an open call does not', () => {
  const { open, hear, grants, clock } = makeBook()
  open('open')
  const end = open('c1')
  hear('c1', 'TASK_STATE_WORKING')
  end()
  const kept = JSON.stringify(grants.kept())
  assert.equal(kept.includes('alice'), false)
  const next = createGrantBook({ clock })
  next.restore(grants.kept())
  assert.notEqual(next.find('c1', 'planner'), undefined)
  assert.equal(next.find('c1', 'planner')?.delegation, undefined)
  assert.equal(next.find('open', 'planner'), undefined)
  next.heard({ call: 'x', agent: 'planner', tenant: '', carriesMessage: false }, [
    { taskId: 't1', state: 'TASK_STATE_COMPLETED' },
  ])
  assert.equal(next.find('c1', 'planner'), undefined)
})
