// A grant is used after its approver was blocked, lost the key that proved it, was taken from the list, or turned out to
// be a party: it does not count any more, at the very call that would use it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { fakeApprovals, type FakeApprovals } from './fake-approvals.ts'

const approvals = { approvers: ['key:boss', 'user:staff/lead', 'group:staff/operators'] }
const input: ConfigInput = { approvals }
const groups = ['group:staff/operators']

const lapses: readonly [why: string, change: (world: FakeApprovals) => void, expected: RegExp][] = [
  ['was blocked', ({ block }) => block('key:boss'), /key:boss is blocked/],
  ['is no approver any more', ({ configure }) => configure({}), /is no approver/],
  ['has no such key any more', ({ state }) => void state.keys.revoke('boss'), /not good any more/],
  ['has a key that has expired', ({ clock }) => clock.advance(7_200_000), /not granted|not good/],
  [
    'turns out to be the caller',
    ({ configure }) => configure({ approvals, aliases: [{ name: 'one', principals: ['key:boss', 'key:alice'] }] }),
    /is part of this call/,
  ],
  [
    'acts as an agent by now',
    ({ configure }) =>
      configure({ approvals, agents: [{ name: 'a', url: 'http://127.0.0.1:9', principals: ['key:boss'] }] }),
    /acts as the agent/,
  ],
  [
    "has made a key of the caller's since",
    ({ state }) => void state.keys.create({ name: 'alice', madeBy: 'key:boss' }),
    /has made a key of/,
  ],
]
for (const [why, change, expected] of lapses)
  test(`its approver ${why}`, async (t) => {
    const world = await fakeApprovals(t, input)
    const expiresAtMs = world.clock.nowMs() + 3_600_000
    assert.equal(await world.grantByKey(world.state.keys.create({ name: 'boss', expiresAtMs }).key), '')
    assert.equal(world.lapse(), undefined)
    change(world)
    assert.match(world.lapse() ?? '', expected)
  })

test('an approver by a group whom a block or the list no longer lets', async (t) => {
  for (const change of [
    ({ block }: FakeApprovals): void => block('group:staff/operators'),
    ({ block }: FakeApprovals): void => block('user:staff/carol'),
    ({ configure }: FakeApprovals): void => configure({ approvals: { approvers: ['group:staff/others'] } }),
  ]) {
    const world = await fakeApprovals(t, input)
    assert.equal(await world.grantByLogin('user:staff/carol', groups), '')
    assert.equal(world.lapse(), undefined)
    change(world)
    assert.ok(world.lapse())
  }
})

test('a grant of which nothing says how its approver was proven', async (t) => {
  const world = await fakeApprovals(t, input)
  const expiresAtMs = world.clock.nowMs() + 60_000
  world.state.approvals.decide(world.waiting.id, { state: 'granted', by: 'key:boss', expiresAtMs })
  assert.match(world.lapse() ?? '', /nothing is known/)
})
