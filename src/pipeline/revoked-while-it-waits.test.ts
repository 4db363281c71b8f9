// A key is revoked while a call that it began waits: for its body, for its record, for its agent. What comes after the
// revocation has no effect any more, and nothing of an answer is given out. The same for lists, which ask many times.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { messageParams, startFakeWalk, type FakeWalk } from './fake-walk.ts'

async function start(t: TestContext): Promise<FakeWalk> {
  const walk = await startFakeWalk()
  t.after(() => walk.close())
  return walk
}
const codes = (walk: FakeWalk): [string, string][] => walk.records.map(({ kind, code }) => [kind, code])
const calls: readonly (readonly [method: string, params: unknown])[] = [
  ['SendMessage', messageParams],
  ['SendStreamingMessage', messageParams],
  ['GetExtendedAgentCard', {}],
  ['ListTasks', {}],
]

for (const [method, params] of calls) {
  test(`${method}: revoked before the last byte of the body, it is refused and never recorded as allowed`, async (t) => {
    const walk = await start(t)
    let arrive = (): void => undefined
    const bodyWaits = new Promise<void>((resolve) => (arrive = resolve))
    const asked = walk.rpc(method, params, { bodyWaits })
    for (let turn = 0; turn < 20; turn += 1) await settled()
    walk.revoke('alice')
    arrive()
    const reply = await asked
    assert.equal(reply.status, 401, reply.body)
    assert.deepEqual(codes(walk), [['refused', 'AUTHN_INVALID']])
    assert.ok(!walk.log.includes('agent'))
  })

  test(`${method}: revoked while its decision is written, the agent does not hear of it`, async (t) => {
    const walk = await start(t)
    let open = (): void => undefined
    walk.gate = new Promise((resolve) => (open = resolve))
    walk.agent = () => assert.fail('the agent was called')
    const isRead = method === 'ListTasks' || method === 'GetExtendedAgentCard'
    // the record of a read is written while the agent works, unless records are being lost
    if (isRead) walk.unrecorded = 1
    const asked = walk.rpc(method, params)
    for (let turn = 0; turn < 20; turn += 1) await settled()
    walk.revoke('alice')
    open()
    assert.equal((await asked).status, 401)
    assert.deepEqual(codes(walk), [
      ['allowed', ''],
      ['completed', 'AUTHN_INVALID'],
    ])
  })
}

test('revoked while the agent works, a send is cut at the next beat', async (t) => {
  const walk = await start(t)
  const left = new Promise<void>((resolve) => {
    walk.agent = (_request, response) => {
      response.once('close', resolve)
      walk.revoke('bob')
      walk.parts.heartbeat.beat()
      assert.equal(response.destroyed, false)
      walk.revoke('alice')
      walk.parts.heartbeat.beat()
    }
  })
  const reply = await walk.rpc('SendMessage', messageParams)
  await left
  assert.equal(reply.status, 401)
  assert.deepEqual(codes(walk), [
    ['allowed', ''],
    ['completed', 'AUTHN_INVALID'],
  ])
  assert.deepEqual(walk.troubles, [])
})

for (const [what, stop, status] of [
  ['revoked', (walk: FakeWalk) => walk.revoke('alice'), 401],
  ['blocked', (walk: FakeWalk) => walk.blocks.block('caller', 'key:alice'), 403],
] as const) {
  test(`${what} while its tasks are read, a list is cut, and no task is given out`, async (t) => {
    const walk = await start(t)
    walk.agent = (_request, response, body) => {
      const { id } = JSON.parse(body) as { id: unknown }
      const task = { id: 't1', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } }
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { task } }))
    }
    assert.equal((await walk.rpc('SendMessage', messageParams)).status, 200)
    const asked = new Promise<void>((resolve) => {
      walk.agent = (_request, response) => {
        response.once('close', resolve)
        stop(walk)
        walk.parts.heartbeat.beat()
      }
    })
    const reply = await walk.rpc('ListTasks', {}, { reply: new FakeReply() })
    await asked
    assert.equal(reply.status, status, reply.body)
    assert.doesNotMatch(reply.body, /t1/)
    assert.deepEqual(walk.troubles, [])
  })
}
