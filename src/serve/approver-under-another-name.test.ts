// A person approves their own call: by another identity of their alias, by a login that acts as the agent which calls,
// or by an alias that came into force after the call. Whoever is somebody else still may.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { fakeApprovals } from './fake-approvals.ts'

const operators = ['group:staff/operators']
const approvals = { approvers: ['group:staff/operators', 'user:*', 'key:*', 'agent:*'] }
const alice: ConfigInput['aliases'] = [{ name: 'alice', principals: ['key:alice', 'user:staff/alice'] }]
const bot: ConfigInput['agents'] = [
  { name: 'bot', url: 'http://127.0.0.1:9', principals: ['user:staff/bob', 'key:bot'] },
]

test('by the login of the same alias, as caller, origin or hop', async (t) => {
  for (const call of [{}, { caller: 'agent:bot', origin: 'key:alice' }, { caller: 'key:ci', chain: ['key:alice'] }]) {
    const world = await fakeApprovals(t, { aliases: alice, approvals }, call)
    assert.equal(await world.grantByLogin('user:staff/alice', operators), 'key:alice is part of this call')
    assert.equal(world.state.approvals.get(world.waiting.id)?.state, 'pending')
  }
})

test('by an alias that is there only by now', async (t) => {
  const world = await fakeApprovals(t, { approvals }, { caller: 'user:staff/alice', origin: 'user:staff/alice' })
  world.configure({ aliases: alice, approvals })
  assert.equal(await world.grantByLogin('user:staff/alice', operators), 'key:alice is part of this call')
  const { key } = world.state.keys.create({ name: 'alice' })
  assert.equal(await world.grantByKey(key), 'key:alice is part of this call')
})

test('by a login or a key that acts as an agent, whether it is in the call or not', async (t) => {
  for (const caller of ['agent:bot', 'key:alice']) {
    const world = await fakeApprovals(t, { agents: bot, approvals }, { caller, origin: caller })
    assert.equal(await world.grantByLogin('user:staff/bob', operators), 'user:staff/bob acts as the agent bot')
    assert.match(await world.grantByKey(world.state.keys.create({ name: 'bot' }).key), /no valid key of an approver/)
  }
})

test('by the name of an agent that has become theirs since they called', async (t) => {
  const call = { caller: 'user:staff/bob', origin: 'user:staff/bob' }
  const world = await fakeApprovals(t, { approvals }, call)
  world.configure({ agents: bot, approvals })
  assert.equal(await world.grantByLogin('agent:bot'), 'agent:bot is part of this call')
})

test('somebody else approves, under the first of their names', async (t) => {
  const aliases = [...(alice ?? []), { name: 'carol', principals: ['user:staff/carol', 'key:carol'] }]
  const world = await fakeApprovals(t, { aliases, approvals: { approvers: ['user:staff/carol'] } })
  assert.equal(await world.grantByLogin('user:staff/dave', operators), 'user:staff/dave is no approver')
  assert.equal(await world.grantByKey(world.state.keys.create({ name: 'carol' }).key), '')
  assert.equal(world.state.approvals.get(world.waiting.id)?.decidedBy, 'user:staff/carol')
})
