// Whoever is blocked approves nothing, by whichever of their names the block speaks, by a key or a login; and a block
// ends the sessions of whom it blocks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmin } from '../admin/admin.ts'
import { buildSnapshot, type ConfigInput } from '../config/config.ts'
import { endBlockedSessions } from './end-blocked-sessions.ts'
import { fakeApprovals } from './fake-approvals.ts'

const aliases = [{ name: 'boss', principals: ['key:boss', 'user:staff/boss'] }]
const input: ConfigInput = { aliases, approvals: { approvers: ['key:boss', 'group:staff/operators'] } }
const groups = ['group:staff/operators']

for (const blocked of ['key:boss', 'user:staff/boss'])
  test(`${blocked} is blocked, and neither the key nor the login approves`, async (t) => {
    const world = await fakeApprovals(t, input)
    const { key } = world.state.keys.create({ name: 'boss' })
    world.block(blocked)
    assert.match(await world.grantByKey(key), /no valid key of an approver/)
    assert.match(await world.grantByLogin('user:staff/boss', groups), /is blocked$/)
    assert.equal(world.state.approvals.get(world.waiting.id)?.state, 'pending')
  })

test('a blocked group approves nothing', async (t) => {
  const world = await fakeApprovals(t, input)
  world.block('group:staff/operators')
  assert.equal(await world.grantByLogin('user:staff/carol', groups), 'group:staff/operators is blocked')
})

test('a block of somebody else changes nothing', async (t) => {
  const world = await fakeApprovals(t, input)
  world.block('key:other')
  assert.equal(await world.grantByKey(world.state.keys.create({ name: 'boss' }).key), '')
})

test('a block ends the sessions of whom it blocks, by alias and by group, and no others', async (t) => {
  const { state, clock, config, block } = await fakeApprovals(t, input)
  const opened: Partial<Parameters<typeof createAdmin>[0]> = { clock, idleMs: 1_800_000 }
  // the listener's own sessions; nothing else of it is used
  const { sessions } = createAdmin(opened as Parameters<typeof createAdmin>[0])
  const open = (principal: string, of: readonly string[]): string =>
    sessions.open({ principal, display: '', groups: of, via: 'login', lifeMs: 3_600_000 })?.secret ?? assert.fail()
  const boss = open('user:staff/boss', [])
  const member = open('user:staff/member', ['group:staff/gone'])
  const other = open('user:staff/other', ['group:staff/here'])
  t.after(endBlockedSessions(sessions, { ...state, snapshot: () => buildSnapshot(config) }))
  block('key:boss')
  assert.equal(sessions.use(boss), undefined)
  assert.ok(sessions.use(member))
  block('group:staff/gone')
  assert.equal(sessions.use(member), undefined)
  state.blocks.remove('caller', 'key:boss')
  assert.equal(sessions.use(boss), undefined, 'what has ended does not begin again')
  assert.ok(sessions.use(other))
})
