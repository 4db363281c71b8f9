// RBAC beside our own policy: both must allow. A rolebinding is removed while a stream that stands on it is open.

import assert from 'node:assert/strict'
import test from 'node:test'
import { createAccessAuthority } from '../authorize/authorize.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { messageParams, startFakeWalk, type FakeWalk } from './fake-walk.ts'

interface Rights {
  answer: (spec: JsonObject) => JsonObject
  asked: number
}

/** The walk, with a cluster beside its policy. */
async function startWalk(): Promise<{ walk: FakeWalk; rights: Rights }> {
  const walk = await startFakeWalk()
  const rights: Rights = { answer: () => ({ allowed: true }), asked: 0 }
  const access = createAccessAuthority({
    clock: walk.clock,
    reviewer: {
      reviewAccess: (spec) => {
        rights.asked += 1
        return Promise.resolve(rights.answer(spec))
      },
    },
    config: { cluster: 'prod', namespace: 'agents', prefix: 'sallyport:', cache: 10_000 },
    mode: 'tokenReview',
    isAlias: () => false,
    namespaceOf: () => undefined,
  })
  const { rulesOf } = walk.parts
  Object.assign(walk.parts, { rulesOf: (of: typeof walk.snapshot) => ({ ...rulesOf(of), access }) })
  return { walk, rights }
}

test('what RBAC denies is AUTHZ_DENIED like any other, recorded with what policy saw, and the agent never sees it', async () => {
  const { walk, rights } = await startWalk()
  try {
    rights.answer = () => ({ allowed: false, reason: 'PRIVATE' })
    const reply = await walk.rpc('SendMessage', messageParams)
    assert.equal(reply.status, 403)
    assert.doesNotMatch(reply.body, /RBAC|PRIVATE|prod/)
    assert.equal(walk.records.at(-1)?.code, 'AUTHZ_DENIED')
    assert.match(walk.records.at(-1)?.detail ?? '', /sallyport:key:alice may not send on calculator in agents: PRIVATE/)
    assert.ok(!walk.log.includes('agent'))
    rights.answer = () => ({ allowed: true })
    walk.clock.advance(1_000)
    assert.equal((await walk.rpc('SendMessage', messageParams)).status, 200)
  } finally {
    await walk.close()
  }
})

test('where our own policy knows no agent for a caller, RBAC is not asked and there still is none', async () => {
  const { walk, rights } = await startWalk()
  try {
    const reply = await walk.rpc('SendMessage', messageParams, { as: 'nobody' })
    assert.equal(reply.status, 404)
    assert.equal((await walk.rpc('SendMessage', messageParams, { path: '/agents/vault' })).status, 404)
    assert.equal((await walk.rpc('GetTask', { id: 'foreign' })).status, 200)
    assert.equal(walk.records.at(-1)?.code, 'AUTHZ_TASK_NOT_FOUND')
    assert.equal(rights.asked, 0)
  } finally {
    await walk.close()
  }
})

test('a stream ends in good form when the right that it stands on is gone', async () => {
  const { walk, rights } = await startWalk()
  try {
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': open\n\n')
    }
    const reply = new FakeReply()
    const asked = walk.rpc('SendStreamingMessage', messageParams, { reply })
    while (walk.parts.heartbeat.size === 0) await settled()
    const beat = async (): Promise<void> => {
      walk.clock.advance(1_000)
      walk.parts.heartbeat.beat()
      await settled()
    }
    for (let second = 0; second < 30; second += 1) await beat()
    assert.equal(reply.ended, false)
    rights.answer = () => ({ allowed: false })
    let seconds = 0
    while (!reply.ended && seconds < 20) {
      await beat()
      seconds += 1
    }
    await asked
    assert.ok(seconds < 10, String(seconds))
    assert.match(reply.body, /-32041/)
    assert.deepEqual([walk.records.at(-1)?.code, walk.records.at(-1)?.completion?.outcome], ['AUTHZ_DENIED', 'failed'])
    assert.deepEqual(walk.bugs, [])
  } finally {
    await walk.close()
  }
})

test('an authority that breaks denies, and the call is recorded', async () => {
  const { walk, rights } = await startWalk()
  try {
    rights.answer = () => {
      throw new TypeError('a bug of ours')
    }
    assert.equal((await walk.rpc('SendMessage', messageParams)).status, 403)
    assert.equal(walk.records.at(-1)?.code, 'AUTHZ_DENIED')
  } finally {
    await walk.close()
  }
})
