// A caller whom policy gives everything comes with a kind of credential that the agent does not accept; and one who
// may do nothing tries to learn from that answer that there is an agent.

import assert from 'node:assert/strict'
import test from 'node:test'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { operationNames } from '../a2a/operations.ts'
import { messageParams, startFakeWalk, type FakeWalk } from './fake-walk.ts'

const url = 'http://127.0.0.1:9'
const mtls = { spiffe: [{ trustDomain: 'example.org' }] }
const role = { name: 'user', rules: [{ agents: ['*'], operations: ['*' as const] }] }
const config = {
  identity: { mtls },
  agents: [
    { name: 'strict', url, authentication: { methods: ['mtls' as const] } },
    { name: 'bound', url, authentication: { senderConstrained: true } },
    { name: 'open', url, discovery: 'public' as const, authentication: { methods: ['mtls' as const] } },
    { name: 'calculator', url, authentication: { methods: ['api-key' as const] } },
  ],
  policy: { roles: [role], bindings: [{ role: 'user', callers: ['key:alice'] }] },
}

async function withWalk(work: (walk: FakeWalk) => Promise<void>): Promise<void> {
  const walk = await startFakeWalk({ config })
  try {
    await work(walk)
    assert.equal(walk.log.includes('agent'), false)
    assert.deepEqual(walk.bugs, [])
  } finally {
    await walk.close()
  }
}

test('every operation on both bindings is answered 401, and says what is accepted', () =>
  withWalk(async (walk) => {
    for (const name of ['strict', 'bound', 'open']) {
      for (const operation of operationNames) {
        const { status, headers, body } = await walk.rpc(operation, messageParams, { path: `/agents/${name}` })
        assert.equal(status, 401, `${operation} ${name}`)
        assert.match(body, /accepted: mtls/)
        assert.match(headers['www-authenticate'] ?? '', /ClientCertificate/)
        assert.doesNotMatch(headers['www-authenticate'] ?? '', /Bearer/)
      }
      for (const [method, path] of [
        ['POST', '/message:send'],
        ['POST', '/message:stream'],
        ['GET', '/tasks'],
        ['GET', '/tasks/t1'],
        ['POST', '/tasks/t1:cancel'],
        ['GET', '/tasks/t1/pushNotificationConfigs'],
        ['GET', '/extendedAgentCard'],
      ] as const)
        assert.equal((await walk.ask({ method, path: `/agents/${name}${path}` })).status, 401, path)
    }
    assert.deepEqual(new Set(walk.records.map(({ code }) => code)), new Set(['AUTHN_INVALID']))
    // it is known who that was
    assert.deepEqual(new Set(walk.records.map(({ facts }) => facts.caller)), new Set(['key:alice']))
  }))

test('so is its card, unless anyone may read it', () =>
  withWalk(async (walk) => {
    const card = (name: string, as?: ''): Promise<FakeReply> =>
      walk.ask({
        method: 'GET',
        path: `/agents/${name}/.well-known/agent-card.json`,
        source: `${name}${as}`,
        ...(as !== undefined && { as }),
      })
    assert.equal((await card('strict')).status, 401)
    assert.equal((await card('bound')).status, 401)
    // discovery: callers is never anonymous
    for (const name of ['strict', 'bound', 'calculator']) assert.equal((await card(name, '')).status, 401)
    // public: asked for, and not there in this test
    assert.equal((await card('open', '')).status, 503)
  }))

test('who may do nothing there learns nothing: the answer is that of an agent that does not exist', () =>
  withWalk(async (walk) => {
    const ask = async (name: string, path = ''): Promise<string> => {
      const { status, headers, body } = await walk.ask({ as: 'nobody', path: `/agents/${name}${path}`, body: {} })
      const { 'sallyport-record': _record, ...rest } = headers
      return JSON.stringify([status, rest, body])
    }
    for (const path of ['', '/message:send', '/.well-known/agent-card.json']) {
      const missing = await ask('missing', path)
      assert.match(missing, /^\[404/)
      for (const name of ['strict', 'bound', 'calculator']) assert.equal(await ask(name, path), missing)
    }
  }))

test('without any credential all agents answer alike', () =>
  withWalk(async (walk) => {
    const answers = new Set<string>()
    for (const name of ['strict', 'calculator', 'missing']) {
      const { status, headers } = await walk.ask({ as: '', path: `/agents/${name}`, source: name, body: {} })
      answers.add(`${status} ${headers['www-authenticate']}`)
    }
    assert.deepEqual([...answers], ['401 Bearer realm="sallyport"'])
  }))

test('a reload after which the agent does not accept the method any more ends the stream', async () => {
  const walk = await startFakeWalk()
  try {
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': open\n\n')
    }
    const reply = new FakeReply()
    const asked = walk.rpc('SendStreamingMessage', messageParams, { reply })
    while (walk.parts.heartbeat.size === 0) await settled()
    walk.reload({ agents: [{ name: 'calculator', url, authentication: { methods: ['api-key'] } }] })
    walk.parts.heartbeat.beat()
    assert.equal(reply.ended, false)
    walk.reload({ identity: { mtls }, agents: [{ name: 'calculator', url, authentication: { methods: ['mtls'] } }] })
    walk.parts.heartbeat.beat()
    await asked
    assert.equal(reply.ended, true)
  } finally {
    await walk.close()
  }
})
