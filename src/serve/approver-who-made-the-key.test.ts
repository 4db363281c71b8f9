// One operator is four eyes: he makes an API key, calls with it, and approves that call under his own name; or he has
// made the approver's key. Who has seen a live key of one side is not the other side.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema, type ConfigInput } from '../config/config.ts'
import { createControlMethods } from './control-methods.ts'
import { fakeApprovals, type FakeApprovals } from './fake-approvals.ts'

const approvals = { approvers: ['group:staff/operators', 'key:boss'] }
const input: ConfigInput = { approvals }
const groups = ['group:staff/operators']
const request = { name: 'carol', expiresInMs: null }

const methodsOf = ({ state, clock }: FakeApprovals, by: string): ReturnType<typeof createControlMethods> =>
  createControlMethods(
    state,
    () => clock.nowMs(),
    () => Promise.resolve({ digest: '', changed: false, problems: [] }),
    () => by,
  )
const carol = { caller: 'key:carol', origin: 'key:carol' }
const refused = 'user:staff/bob has made a key of key:carol'

test('he made the key', async (t) => {
  for (const call of [carol, { caller: 'agent:bot', origin: 'key:carol' }, { chain: ['key:carol'] }]) {
    const world = await fakeApprovals(t, input, call)
    await methodsOf(world, 'user:staff/bob')['key.create'](request)
    assert.equal(await world.grantByLogin('user:staff/bob', groups), refused)
  }
})

test('he imported it, or rotated a key that somebody else had made', async (t) => {
  const imported = await fakeApprovals(t, input, carol)
  const other = await fakeApprovals(t, input)
  const { key } = other.state.keys.create({ name: 'carol' })
  await methodsOf(imported, 'user:staff/bob')['key.import']({ ...request, key })
  assert.equal(await imported.grantByLogin('user:staff/bob', groups), refused)

  const rotated = await fakeApprovals(t, input, carol)
  await methodsOf(rotated, 'user:staff/eve')['key.create'](request)
  await methodsOf(rotated, 'user:staff/bob')['key.rotate']({ name: 'carol', overlapMs: 60_000 })
  assert.equal(await rotated.grantByLogin('user:staff/bob', groups), refused)
  assert.match(await rotated.grantByLogin('user:staff/eve', groups), /has made a key of/, 'the old secret lives on')
  rotated.clock.advance(59_999)
  assert.match(await rotated.grantByLogin('user:staff/eve', groups), /has made a key of/)
})

test('he made the key of an agent that calls, or did it under another identity of his alias', async (t) => {
  const agents = [{ name: 'bot', url: 'http://127.0.0.1:9', principals: ['key:bot'] }]
  const aliases = [{ name: 'bob', principals: ['user:staff/bob', 'user:other/bob'] }]
  const world = await fakeApprovals(t, { approvals, agents, aliases }, { caller: 'agent:bot', origin: 'key:ann' })
  await methodsOf(world, 'user:other/bob')['key.create']({ ...request, name: 'bot' })
  assert.equal(await world.grantByLogin('user:staff/bob', groups), 'user:staff/bob has made a key of agent:bot')
})

test("the caller made the approver's key", async (t) => {
  const call = { caller: 'user:staff/bob', origin: 'user:staff/bob' }
  const world = await fakeApprovals(t, input, call)
  const { key } = await methodsOf(world, 'user:staff/bob')['key.create']({ ...request, name: 'boss' })
  assert.equal(await world.grantByKey(key), 'user:staff/bob has made a key of key:boss')
})

test('who made it is known after a restart, and forgotten with the key', async (t) => {
  const world = await fakeApprovals(t, input, carol)
  const { summary } = await methodsOf(world, 'user:staff/bob')['key.create'](request)
  assert.equal(world.state.keyStore.find(summary.id)?.secrets[0]?.madeBy, 'user:staff/bob')
  world.state.keys.revoke('carol')
  assert.equal(await world.grantByLogin('user:staff/bob', groups), '')
})

test('somebody else approves what is called with that key', async (t) => {
  const world = await fakeApprovals(t, input, carol)
  await methodsOf(world, 'user:staff/bob')['key.create'](request)
  assert.equal(await world.grantByLogin('user:staff/eve', groups), '')
  assert.deepEqual(configSchema.parse(input).approvals.approvers, approvals.approvers)
})
