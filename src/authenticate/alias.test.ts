// Several principals of one person: known by the first, whichever is shown, and never more than the credential that was
// shown: its scope, its end and its revocation stay its own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { memoryBlocks } from '../../test/fakes/blocks.ts'
import { audience, makeSnapshot, makeWorld, type World } from '../../test/fakes/identity.ts'
import { findBlockedParty } from '../authorize/authorize.ts'
import type { ConfigInput } from '../config/config.ts'

const jwt = {
  name: 'corp',
  issuer: 'https://idp.example.com',
  audience,
  algorithms: ['ES256' as const],
  jwks: 'https://idp.example.com/jwks.json',
}
const config: ConfigInput = {
  gateway: { publicUrl: audience },
  identity: { jwt: [jwt] },
  aliases: [{ name: 'alice', principals: ['user:corp/4f1c', 'key:laptop', 'key:phone'] }],
  agents: [{ name: 'concierge', url: 'http://127.0.0.1:8001', principals: ['key:concierge'] }],
}

function start(): { world: World; laptop: string; phone: string } {
  const world = makeWorld(config)
  return { world, laptop: world.admin.create({ name: 'laptop' }).key, phone: world.admin.create({ name: 'phone' }).key }
}

test('one person by each of them, and the record knows which was shown', async () => {
  const { world, laptop, phone } = start()
  const shown = [world.token(), laptop, phone]
  const calls = await Promise.all(shown.map(async (credential) => expectPassed(await world.bearer(credential))))
  for (const { caller, origin } of calls) assert.deepEqual([caller.id, origin.id], ['user:corp/4f1c', 'user:corp/4f1c'])
  assert.deepEqual(
    calls.map(({ caller }) => [caller.method, caller.principal]),
    [
      ['jwt', undefined],
      ['api-key', 'key:laptop'],
      ['api-key', 'key:phone'],
    ],
  )
  assert.equal(calls[1]?.caller.evidence?.['principal'], 'key:laptop')
})

test('nobody else becomes somebody', async () => {
  const { world } = start()
  for (const name of ['laptop2', 'alice', 'corp'])
    assert.equal(expectPassed(await world.bearer(world.admin.create({ name }).key)).caller.id, `key:${name}`)
  assert.equal(expectPassed(await world.bearer(world.token({ sub: 'other' }))).caller.id, 'user:corp/other')
})

test('a key keeps its scope and brings no groups that it does not have', async () => {
  const { world } = start()
  const { key } = world.admin.create({ name: 'laptop', operations: ['GetTask'] })
  const { caller, scope } = expectPassed(await world.bearer(key))
  assert.deepEqual(scope, { operations: ['GetTask'] })
  assert.deepEqual(caller.groups, [])
})

test('the key that is revoked is revoked, the others live on', async () => {
  const { world, laptop, phone } = start()
  const open = expectPassed(await world.bearer(laptop)).caller
  world.admin.revoke('laptop')
  assert.equal(open.isRevoked(), true)
  expectRefusal(await world.bearer(laptop), 'AUTHN_INVALID')
  assert.equal(expectPassed(await world.bearer(phone)).caller.id, 'user:corp/4f1c')
})

test('a person of keys alone is nobody’s origin any more when all of them are revoked', async () => {
  const world = makeWorld({ ...config, aliases: [{ name: 'bot', principals: ['key:one', 'key:two'] }] })
  world.admin.create({ name: 'one' })
  world.admin.create({ name: 'two' })
  const { key } = world.admin.create({ name: 'concierge' })
  const act = (): ReturnType<World['call']> => {
    const assertion = world.signer.mint({
      issuer: audience,
      subject: 'key:one',
      groups: [],
      actors: [],
      audienceAgent: 'concierge',
      call: 'c',
      operation: 'SendMessage',
      nowMs: world.clock.nowMs(),
    })
    return world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion })
  }
  world.admin.revoke('one')
  expectPassed(await act())
  world.admin.revoke('two')
  expectRefusal(await act(), 'AUTHN_INVALID')
})

test('blocked by one of them is blocked by all, also as an origin', async () => {
  const { world, laptop } = start()
  const other = expectPassed(await world.bearer(world.admin.create({ name: 'bob' }).key))
  for (const id of ['user:corp/4f1c', 'key:laptop', 'key:phone']) {
    const blocks = memoryBlocks()
    blocks.block('caller', id)
    for (const credential of [laptop, world.token()]) {
      const call = expectPassed(await world.bearer(credential))
      assert.equal(findBlockedParty(call, world.snapshot, blocks)?.code, 'AUTHZ_BLOCKED', id)
      const onBehalf = { ...other, origin: { id: call.origin.id, groups: [], display: '' } }
      assert.equal(findBlockedParty(onBehalf, world.snapshot, blocks)?.code, 'AUTHZ_BLOCKED', id)
    }
    assert.equal(findBlockedParty(other, world.snapshot, blocks), undefined)
  }
})

test('an origin that became a member of an alias since is blocked with it', () => {
  const blocks = memoryBlocks()
  blocks.block('caller', 'key:phone')
  const laptop = { id: 'key:laptop', groups: [], display: '' }
  const caller = {
    ...laptop,
    id: 'agent:concierge',
    method: 'api-key' as const,
    credential: '',
    expiresAtMs: Infinity,
    isRevoked: () => false,
  }
  assert.equal(
    findBlockedParty({ caller, origin: laptop, chain: [] }, makeSnapshot(config), blocks)?.code,
    'AUTHZ_BLOCKED',
  )
})

test('a person cannot show an assertion, and an agent is no person', async () => {
  const { world, laptop } = start()
  const assertion = world.signer.mint({
    issuer: audience,
    subject: 'key:bob',
    groups: [],
    actors: [],
    audienceAgent: 'concierge',
    call: 'c',
    operation: 'SendMessage',
    nowMs: world.clock.nowMs(),
  })
  const headers = { authorization: `Bearer ${laptop}`, 'sallyport-caller-assertion': assertion }
  expectRefusal(await world.call(headers), 'AUTHN_INVALID')
  const { key } = world.admin.create({ name: 'concierge' })
  assert.equal(expectPassed(await world.bearer(key)).caller.id, 'agent:concierge')
})
