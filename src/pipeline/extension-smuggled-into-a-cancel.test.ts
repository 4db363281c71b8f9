// The attack: what an extension that is not allowed may not say in a message, it says in the metadata of another request:
// CancelTask has some too, and so have, in A2A 0.3, tasks/get and tasks/resubscribe. Agents read it wherever it stands.

import assert from 'node:assert/strict'
import test from 'node:test'
import { say, startFakeWalk } from './fake-walk.ts'

const evil = 'urn:kept-back'
const declared = { uris: new Set([evil, 'urn:told']), required: [] }

async function ask(method: string, params: object, version = '1.0'): Promise<{ code: string; reached: boolean }> {
  const config = {
    gateway: { publicUrl: 'https://g.example', extensions: ['urn:told'] },
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*' as const] }] }],
      bindings: [{ role: 'user', callers: ['key:alice'] }],
    },
  }
  const versions = ['1.0' as const, '0.3' as const]
  const agents = [{ name: 'old', url: 'http://127.0.0.1:9/', principals: [], versions, speaks: versions }]
  const walk = await startFakeWalk({ config, agents })
  let reached = false
  walk.agent = (_request, response, body) => {
    reached = true
    const task = { id: 't', contextId: 'c', status: { state: 'TASK_STATE_CANCELED' } }
    say(response, body, version === '0.3' ? { ...task, kind: 'task', status: { state: 'canceled' } } : task)
  }
  Object.assign(walk.parts, { declaredExtensions: () => declared })
  walk.ownership.give('task', 't', 'key:alice')
  try {
    await walk.rpc(method, params, { path: '/agents/old', headers: { 'a2a-version': version } })
    return { code: walk.records.findLast(({ code }) => code !== '')?.code ?? '', reached }
  } finally {
    await walk.close()
  }
}

const methods: readonly (readonly [method: string, version: string])[] = [
  ['CancelTask', '1.0'],
  ['GetTask', '1.0'],
  ['SubscribeToTask', '1.0'],
  ['tasks/cancel', '0.3'],
  ['tasks/get', '0.3'],
  ['tasks/resubscribe', '0.3'],
]

for (const [method, version] of methods)
  test(`metadata of an extension that is not allowed is refused in ${method}`, async () => {
    for (const key of [evil, `${evil}/code`, `${evil}#code`]) {
      const refused = await ask(method, { id: 't', metadata: { [key]: 1 } }, version)
      assert.deepEqual(refused, { code: 'VALIDATE_EXTENSION_NOT_ALLOWED', reached: false }, key)
    }
  })

test('metadata of an allowed one, and of none, passes', async () => {
  for (const metadata of [{ 'urn:told/x': 1 }, { plain: 1 }, {}])
    assert.deepEqual(await ask('CancelTask', { id: 't', metadata }), { code: '', reached: true })
})
