// Where a bound is set, a ledger whose newest witnessed checkpoint is too old serves nobody: refused before the agent
// sees anything, recorded, and served again when it is witnessed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WalkParts } from './parts.ts'
import { messageParams, say, startFakeWalk } from './fake-walk.ts'

test('calls are refused while the ledger is unwitnessed, and served again after', async () => {
  const walk = await startFakeWalk()
  let why: string | undefined = 'PRIVATE: 90 s old'
  const parts: { -readonly [Part in keyof WalkParts]: WalkParts[Part] } = walk.parts
  parts.unwitnessed = () => why
  walk.agent = (_request, response, body) =>
    say(response, body, { message: { messageId: 'a', role: 'ROLE_AGENT', parts: [] } })
  try {
    for (const method of ['SendMessage', 'SendStreamingMessage', 'ListTasks', 'GetTask']) {
      const params = method.startsWith('Send') ? messageParams : { id: 'x' }
      const reply = await walk.rpc(method, method === 'ListTasks' ? {} : params)
      assert.doesNotMatch(reply.body, /PRIVATE|"result"/, method)
    }
    assert.equal(walk.log.includes('agent'), false)
    const last = walk.records.find(({ code }) => code === 'AUDIT_UNAVAILABLE')
    assert.deepEqual([last?.kind, last?.detail], ['refused', 'PRIVATE: 90 s old'])
    assert.equal(
      walk.records.some(({ kind }) => kind === 'allowed'),
      false,
    )
    why = undefined
    assert.match((await walk.rpc('SendMessage', messageParams)).body, /"result"/)
  } finally {
    await walk.close()
  }
})
