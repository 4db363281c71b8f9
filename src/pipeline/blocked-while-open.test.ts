// A caller, or an agent, is blocked while calls are on their way: policy still allows them, the key still holds, and
// nothing more is passed on.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { messageParams, startFakeWalk, type FakeWalk } from './fake-walk.ts'

async function start(t: TestContext): Promise<FakeWalk> {
  const walk = await startFakeWalk()
  t.after(() => walk.close())
  return walk
}
const send = (walk: FakeWalk, as: 'alice' | 'bob' | 'nobody' = 'alice'): Promise<FakeReply> =>
  walk.rpc('SendMessage', messageParams, { as })
const codes = (walk: FakeWalk): [string, string][] => walk.records.map(({ kind, code }) => [kind, code])

test('a blocked caller is refused before its body is read, and others are not', async (t) => {
  const walk = await start(t)
  walk.blocks.block('caller', 'key:alice')
  const reply = await send(walk)
  assert.equal(reply.status, 403)
  assert.match(reply.body, /Permission denied/)
  assert.deepEqual(codes(walk), [['refused', 'AUTHZ_BLOCKED']])
  assert.equal(walk.records[0]?.facts.caller, 'key:alice')
  assert.ok(!walk.log.includes('agent'))
  assert.equal((await send(walk, 'bob')).status, 200)
  walk.blocks.remove('caller', 'key:alice')
  assert.equal((await send(walk)).status, 200)
})

test('a blocked caller sees nothing either', async (t) => {
  const walk = await start(t)
  walk.blocks.block('caller', 'key:alice')
  for (const path of ['/agents', '/agents/calculator/.well-known/agent-card.json', '/agents/none'])
    assert.equal((await walk.ask({ method: 'GET', path })).status, 403, path)
})

test('a blocked agent is unavailable to those who may call it, and says nothing new to others', async (t) => {
  const walk = await start(t)
  walk.blocks.block('agent', 'calculator')
  const reply = await send(walk)
  assert.equal(reply.status, 503)
  assert.deepEqual(codes(walk), [['refused', 'AUTHZ_AGENT_BLOCKED']])
  assert.equal((await send(walk, 'nobody')).status, 404)
  const card = { method: 'GET', path: '/agents/calculator/.well-known/agent-card.json' } as const
  assert.equal((await walk.ask(card)).status, 503)
  assert.equal((await walk.ask({ ...card, as: 'nobody' })).status, 404)
  assert.doesNotMatch((await walk.ask({ method: 'GET', path: '/agents' })).body, /calculator/)
  assert.ok(!walk.log.includes('agent'))
})

test('the public card of a blocked agent is not served', async (t) => {
  const walk = await start(t)
  walk.blocks.block('agent', 'open')
  const reply = await walk.ask({ method: 'GET', path: '/agents/open/.well-known/agent-card.json', as: '' })
  assert.equal(reply.status, 503)
  assert.ok(!walk.log.includes('agent'))
})

for (const [kind, id, code, jsonRpc] of [
  ['caller', 'key:alice', 'AUTHZ_BLOCKED', -32041],
  ['agent', 'calculator', 'AUTHZ_AGENT_BLOCKED', -32043],
] as const) {
  test(`an open stream ends at the next beat when the ${kind} is blocked, and says so`, async (t) => {
    const walk = await start(t)
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': open\n\n')
    }
    const reply = new FakeReply()
    const asked = walk.rpc('SendStreamingMessage', messageParams, { reply })
    while (walk.parts.heartbeat.size === 0) await settled()
    walk.blocks.block('caller', 'key:bob')
    walk.parts.heartbeat.beat()
    assert.equal(reply.ended, false)
    walk.blocks.block(kind, id)
    walk.parts.heartbeat.beat()
    await asked
    assert.match(reply.body, new RegExp(String(jsonRpc)))
    assert.equal(walk.records.at(-1)?.code, code)
  })

  test(`a call that waits for its agent is cut at once when the ${kind} is blocked`, async (t) => {
    const walk = await start(t)
    const left = new Promise<void>((resolve) => {
      walk.agent = (_request, response) => {
        response.once('close', resolve)
        walk.blocks.block(kind, id)
      }
    })
    const reply = await send(walk)
    await left
    assert.match(reply.body, new RegExp(String(jsonRpc)))
    assert.deepEqual(codes(walk), [
      ['allowed', ''],
      ['completed', code],
    ])
    assert.deepEqual(walk.troubles, [])
  })
}

test('a block that comes while the decision is written keeps the agent from hearing of the call', async (t) => {
  const walk = await start(t)
  let open = (): void => undefined
  walk.gate = new Promise((resolve) => (open = resolve))
  const asked = send(walk)
  for (let turn = 0; turn < 20; turn += 1) await settled()
  walk.blocks.block('caller', 'key:alice')
  open()
  assert.equal((await asked).status, 403)
  assert.ok(!walk.log.includes('agent'))
  assert.deepEqual(codes(walk), [
    ['allowed', ''],
    ['completed', 'AUTHZ_BLOCKED'],
  ])
})

test('a block outlasts a changed policy', async (t) => {
  const walk = await start(t)
  walk.blocks.block('caller', 'key:alice')
  walk.reload({ limits: [{ per: ['caller'], requests: '100/m' }] })
  assert.equal((await send(walk)).status, 403)
})
