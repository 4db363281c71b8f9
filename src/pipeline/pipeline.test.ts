import assert from 'node:assert/strict'
import test from 'node:test'
import { createCallId } from '../base/ids.ts'
import { refuse } from '../refusal/refusal.ts'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { messageParams, say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'
import { walkUnreadable } from './pipeline.ts'

async function withWalk(
  work: (walk: FakeWalk) => Promise<void>,
  input: Parameters<typeof startFakeWalk>[0] = {},
): Promise<void> {
  const walk = await startFakeWalk(input)
  try {
    await work(walk)
    assert.doesNotMatch(walk.log.join(), /undefined/)
  } finally {
    await walk.close()
  }
}

const task = (id: string, state = 'TASK_STATE_COMPLETED'): object => ({ id, contextId: `c-${id}`, status: { state } })
const send = (walk: FakeWalk, ask?: Ask): Promise<FakeReply> => walk.rpc('SendMessage', messageParams, ask)
const get = (walk: FakeWalk, id: string, ask?: Ask): Promise<FakeReply> => walk.rpc('GetTask', { id }, ask)

test('a send is recorded before the agent sees it, and completed after the caller has its answer', () =>
  withWalk(async (walk) => {
    const reply = await send(walk)
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['sallyport-record'], 'o/0/h')
    assert.deepEqual(walk.log, ['allowed', 'agent', 'completed', 'caller 200'])
    assert.equal(walk.records[1]?.completion?.status, 200)
    assert.deepEqual(walk.counted, ['calculator SendMessage completed'])
  }))

test('a send waits for its record however long that takes', () =>
  withWalk(async (walk) => {
    let open: () => void = () => undefined
    walk.gate = new Promise((resolve) => (open = resolve))
    const reply = send(walk)
    for (let turn = 0; turn < 20; turn += 1) await settled()
    assert.deepEqual(walk.log, [])
    open()
    assert.equal((await reply).status, 200)
  }))

test('of a read no byte leaves before its record is durable', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.agent = (_request, response, body) => say(response, body, task('t1'))
    let open: () => void = () => undefined
    walk.gate = new Promise((resolve) => (open = resolve))
    const reply = new FakeReply()
    const walking = get(walk, 't1', { reply })
    while (!walk.log.includes('agent')) await settled()
    for (let turn = 0; turn < 20; turn += 1) await settled()
    assert.equal(reply.begun, false)
    open()
    await walking
    assert.equal(reply.status, 200)
  }))

test('what cannot be recorded is not sent, and the caller learns only that', () =>
  withWalk(async (walk) => {
    walk.failing.add('allowed').add('refused')
    const reply = await send(walk)
    assert.equal(reply.status, 503)
    assert.match(reply.body, /"id":"q-1".*-32043/)
    assert.doesNotMatch(reply.body + JSON.stringify(reply.headers), /PRIVATE/)
    assert.equal(reply.headers['retry-after'], '5')
    assert.equal(walk.log.includes('agent'), false)
  }))

test('a context that a lost send had taken is free again', () =>
  withWalk(async (walk) => {
    walk.failing.add('allowed')
    await walk.rpc('SendMessage', {
      message: { messageId: 'm', role: 'ROLE_USER', contextId: 'mine', parts: [{ text: 'hi' }] },
    })
    assert.equal(walk.ownership.contexts.size, 0)
  }))

test('a read that cannot be recorded shows nothing', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.agent = (_request, response, body) => say(response, body, { ...task('t1'), metadata: { secret: 'POISON' } })
    walk.failing.add('allowed').add('refused')
    const reply = await get(walk, 't1')
    assert.equal(reply.status, 503)
    assert.doesNotMatch(reply.body, /POISON/)
  }))

test('while records are being lost, no read is forwarded either', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.unrecorded = 1
    walk.failing.add('allowed').add('refused')
    assert.equal((await get(walk, 't1')).status, 503)
    assert.equal(walk.log.includes('agent'), false)
    walk.failing.clear()
    walk.agent = (_request, response, body) => say(response, body, task('t1'))
    assert.equal((await get(walk, 't1')).status, 200)
  }))

test('a refusal that cannot be recorded is a 503', () =>
  withWalk(async (walk) => {
    walk.failing.add('refused').add('refusedUnknown')
    assert.equal((await send(walk, { as: 'nobody' })).status, 503)
    assert.equal((await send(walk, { as: '' })).status, 503)
  }))

test("a new task is its caller's, durably, before the answer is seen", () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response, body) => say(response, body, { task: task('new') })
    const reply = await send(walk)
    assert.equal(reply.status, 200)
    assert.deepEqual(walk.log, ['allowed', 'agent', 'completed', 'caller 200'])
    assert.deepEqual(
      walk.records[1]?.claims.map((claim) => claim.kind),
      ['task', 'context'],
    )
    assert.deepEqual(
      walk.ownership.noted.map((each) => each.taskId),
      ['new'],
    )
  }))

test("a new task that cannot be recorded is nobody's, and its answer is not seen", () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response, body) =>
      say(response, body, { task: { ...task('new'), metadata: { secret: 'POISON' } } })
    walk.failing.add('completed')
    const reply = await send(walk)
    assert.equal(reply.status, 503)
    assert.doesNotMatch(reply.body, /POISON|new/)
    assert.equal(walk.ownership.tasks.size, 0)
  }))

test('an answer of a caller who left is claimed all the same, or given back', () =>
  withWalk(async (walk) => {
    const leave = (failing: boolean) => async (): Promise<void> => {
      const reply = new FakeReply()
      walk.agent = (_request, response, body) => {
        say(response, body, { task: task('new') })
        response.once('close', () => undefined)
        reply.gone = true
      }
      if (failing) walk.failing.add('completed')
      await send(walk, { reply })
      assert.equal(reply.begun, false)
    }
    await leave(false)()
    assert.equal(walk.records.at(-1)?.completion?.outcome, 'aborted')
    assert.equal(walk.ownership.tasks.get('new')?.owner.caller, 'key:alice')
    walk.ownership.tasks.clear()
    walk.ownership.contexts.clear()
    await leave(true)()
    assert.equal(walk.ownership.tasks.size, 0)
  }))

test('a caller who left before the call was forwarded costs the agent nothing', () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    reply.leave()
    await send(walk, { reply })
    assert.deepEqual(walk.log, ['allowed', 'completed'])
    assert.equal(walk.records[1]?.completion?.outcome, 'aborted')
  }))

test('every "no" is recorded, with its code, before it is said', () =>
  withWalk(async (walk) => {
    const asks: readonly (readonly [code: string, status: number, ask: Ask])[] = [
      ['ROUTE_NOT_FOUND', 404, { path: '/nowhere' }],
      ['ROUTE_AGENT_UNKNOWN', 404, { path: '/agents/vault' }],
      ['ROUTE_AGENT_UNKNOWN', 404, { path: '/agents/missing' }],
      ['ROUTE_AGENT_UNKNOWN', 404, { as: 'nobody' }],
      ['ROUTE_METHOD_NOT_ALLOWED', 405, { method: 'PUT' }],
      ['VALIDATE_JSON', 400, { body: '{"a":1,"a":2}' }],
      ['VALIDATE_REQUEST', 400, { body: [] }],
      ['VALIDATE_VERSION', 200, { headers: { 'a2a-version': '0.3' }, body: { jsonrpc: '2.0', id: 1, method: 'x' } }],
      ['VALIDATE_METHOD_UNKNOWN', 200, { body: { jsonrpc: '2.0', id: 1, method: 'x' } }],
      ['VALIDATE_CONTENT_TYPE', 415, { headers: { 'content-type': 'text/plain' }, body: 'x' }],
      ['AUTHZ_TASK_NOT_FOUND', 200, { body: { jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id: 'missing' } } }],
    ]
    for (const [code, status, ask] of asks) {
      walk.records.length = 0
      const reply = await walk.ask(ask)
      assert.equal(reply.status, status, code)
      assert.deepEqual(
        walk.records.map((record) => [record.kind, record.code]),
        [['refused', code]],
      )
      assert.equal(reply.headers['sallyport-record'], 'o/0/h')
    }
    assert.equal(walk.log.includes('agent'), false)
    assert.equal(walk.bugs.length, 0)
  }))

test('a foreign task answers byte for byte as a missing one, and the agent never sees the call', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 'bobs', 'key:bob')
    for (const method of ['GetTask', 'CancelTask', 'SubscribeToTask'] as const) {
      const foreign = await walk.rpc(method, { id: 'bobs' })
      const missing = await walk.rpc(method, { id: 'gone' })
      assert.equal(foreign.body, missing.body)
      assert.equal(foreign.status, missing.status)
    }
    assert.equal(walk.log.includes('agent'), false)
  }))

test('an agent that has lost a task answers as a foreign one is answered', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 'mine', 'key:alice')
    walk.ownership.give('task', 'bobs', 'key:bob')
    walk.agent = (_request, response) =>
      response.end('{"jsonrpc":"2.0","id":"q-1","error":{"code":-32001,"message":"lost it"}}')
    const lost = await get(walk, 'mine')
    const foreign = await get(walk, 'bobs')
    assert.equal(lost.body, foreign.body)
    assert.equal(lost.status, foreign.status)
  }))

test('unknown callers are told nothing of the path, and too many of them to wait', () =>
  withWalk(async (walk) => {
    const asks: readonly Ask[] = [
      { path: '/agents/calculator' },
      { path: '/agents/vault' },
      { path: '/agents/missing' },
    ]
    const replies: FakeReply[] = []
    for (const ask of asks) replies.push(await walk.ask({ ...ask, as: '' }))
    for (const reply of replies) {
      assert.equal(reply.status, 401)
      assert.equal(reply.body, replies[0]?.body)
      assert.ok(reply.headers['www-authenticate'])
    }
    const flood = await walk.ask({ as: '' })
    assert.equal(flood.status, 429)
    assert.ok(Number(flood.headers['retry-after']) >= 1)
    assert.equal(walk.records.at(-1)?.code, 'AUTHN_FLOOD')
    assert.equal((await walk.ask({ as: '', source: '198.51.100.1' })).status, 401)
    assert.equal((await send(walk)).status, 200)
  }))

test('a thrown bug denies, is recorded and says nothing of itself', () =>
  withWalk(async (walk) => {
    walk.ownership.failure = new TypeError('PRIVATE belief')
    walk.agent = (_request, response, body) => say(response, body, { task: task('new') })
    const reply = await walk.rpc('SendMessage', {
      message: { messageId: 'm', role: 'ROLE_USER', contextId: 'c', parts: [{ text: 'x' }] },
    })
    assert.equal(reply.status, 500)
    assert.match(reply.body, /-32603/)
    assert.doesNotMatch(reply.body, /PRIVATE/)
    assert.equal(walk.records.at(-1)?.code, 'GATEWAY_INTERNAL')
    assert.match(walk.records.at(-1)?.detail ?? '', /PRIVATE belief/)
    assert.equal(walk.bugs.length, 1)
    assert.equal(walk.log.includes('agent'), false)
  }))

test('a bug after the answer began breaks the connection off instead of mending it', () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    reply.begin(200, {})
    await send(walk, { as: 'nobody', reply })
    assert.equal(reply.destroyed, true)
    assert.equal(reply.body, '')
  }))

test('an agent that answers rubbish fails the call after it was allowed, and the record says so', () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response) => response.end('<html>POISON</html>')
    const reply = await send(walk)
    assert.match(reply.body, /-32006/)
    assert.doesNotMatch(reply.body, /POISON/)
    assert.deepEqual(
      walk.records.map((record) => [record.kind, record.code]),
      [
        ['allowed', ''],
        ['completed', 'RELEASE_INVALID_ANSWER'],
      ],
    )
    assert.equal(walk.records[1]?.completion?.outcome, 'failed')
  }))

test('a stream flows, and its end is recorded with what it was', () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`data: {"jsonrpc":"2.0","id":"q-1","result":{"task":${JSON.stringify(task('new'))}}}\n\n`)
    }
    const reply = await walk.rpc('SendStreamingMessage', messageParams)
    assert.equal(reply.headers['content-type'], 'text/event-stream')
    assert.equal(reply.headers['cache-control'], 'no-store')
    assert.match(reply.body, /^data: /)
    assert.deepEqual(walk.log, ['allowed', 'agent', 'claimed', 'completed', 'caller 200'])
    assert.equal(walk.records.at(-1)?.completion?.events, 1)
  }))

test('a place among the streams is given back however the stream ends', () =>
  withWalk(
    async (walk) => {
      for (const behaviour of ['fine', 'rubbish', 'unary', 'broken']) {
        walk.agent = (_request, response, body) => {
          if (behaviour === 'unary') return say(response, body, { nonsense: 1 })
          if (behaviour === 'broken') return void response.socket?.destroy()
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.end(behaviour === 'fine' ? ': nothing\n\n' : 'nonsense\n\n')
        }
        const reply = await walk.rpc('SendStreamingMessage', messageParams)
        assert.notEqual(reply.status, 429, behaviour)
      }
    },
    { config: { limits: [{ per: ['caller'], concurrentStreams: 1 }] } },
  ))

test('the directory lists only what the caller may call, and what is public', () =>
  withWalk(async (walk) => {
    const reply = await walk.ask({ method: 'GET', path: '/agents' })
    const namesOf = (from: FakeReply): string[] =>
      (from.json() as { agents: { name: string }[] }).agents.map((agent) => agent.name)
    assert.deepEqual(namesOf(reply), ['calculator', 'open'])
    const none = await walk.ask({ method: 'GET', path: '/agents', as: 'nobody' })
    assert.deepEqual(namesOf(none), ['open'])
    assert.equal((await walk.ask({ method: 'GET', path: '/agents', as: '' })).status, 401)
  }))

test('a public card needs no credential, any other does', () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response) => response.end('{"name":"Card"}')
    const card = (agent: string): Promise<FakeReply> =>
      walk.ask({ method: 'GET', path: `/agents/${agent}/.well-known/agent-card.json`, as: '' })
    assert.equal((await card('open')).status, 200)
    assert.equal(walk.records.at(-1)?.kind, 'discovered')
    for (const agent of ['calculator', 'vault', 'missing']) assert.equal((await card(agent)).status, 401)
  }))

test('a card that cannot be recorded is not shown', () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response) => response.end('{"name":"Card"}')
    walk.failing.add('discovered').add('refusedUnknown')
    const reply = await walk.ask({ method: 'GET', path: '/agents/open/.well-known/agent-card.json', as: '' })
    assert.equal(reply.status, 503)
    assert.equal(walk.bugs.length, 0)
  }))

test('bytes that were never a request are recorded and answered once', () =>
  withWalk(async (walk) => {
    const unreadable = (): Promise<FakeReply> => {
      const reply = new FakeReply()
      const given = {
        call: createCallId(),
        receivedAtMs: 1,
        source: '192.0.2.9',
        refusal: refuse('LISTEN_HEAD_MALFORMED', 'PRIVATE'),
        reply,
      }
      return walkUnreadable(given, walk.parts).then(() => reply)
    }
    const reply = await unreadable()
    assert.equal(reply.status, 400)
    assert.doesNotMatch(reply.body, /PRIVATE/)
    assert.equal(walk.records[0]?.code, 'LISTEN_HEAD_MALFORMED')
    walk.failing.add('refusedUnknown')
    assert.equal((await unreadable()).status, 503)
  }))

test('an agent that would close a circle is refused before its call is looked at', () =>
  withWalk(
    async (walk) => {
      const reply = await send(walk, { body: 'not even JSON' })
      assert.equal(reply.status, 403)
      assert.equal(walk.records.at(-1)?.code, 'AUTHZ_DENIED')
      assert.match(walk.records.at(-1)?.detail ?? '', /calls itself/)
    },
    {
      config: {
        agents: [{ name: 'calculator', url: 'http://127.0.0.1:9', principals: ['key:alice'] }],
        policy: {
          roles: [{ name: 'user', rules: [{ agents: ['calculator'], operations: ['*'] }] }],
          bindings: [{ role: 'user', callers: ['agent:calculator'] }],
        },
      },
    },
  ))

const stagesOf = (walk: FakeWalk): string[] => walk.stages.map(([stage]) => stage)

test('every stage of an allowed call is measured once, and so is the wait for its records', () =>
  withWalk(async (walk) => {
    const before = ['authenticate', 'guard', 'route', 'validate', 'authorize', 'limit']
    await send(walk)
    assert.deepEqual(stagesOf(walk), [...before, 'audit', 'forward', 'release'])
    walk.agent = (_request, response, body) => say(response, body, { task: task('t1') })
    walk.stages.length = 0
    await send(walk)
    assert.deepEqual(stagesOf(walk), [...before, 'audit', 'forward', 'release', 'audit'])
    walk.agent = (_request, response, body) => say(response, body, task('t1'))
    walk.stages.length = 0
    await get(walk, 't1')
    assert.deepEqual(stagesOf(walk), [...before, 'forward', 'audit', 'release'])
    walk.stages.length = 0
    await walk.rpc('ListTasks', {})
    assert.deepEqual(stagesOf(walk), [...before, 'forward', 'audit'])
  }))

test('the stage in which a call is refused is measured like the others', () =>
  withWalk(
    async (walk) => {
      const asks: readonly (readonly [last: string, ask: Ask])[] = [
        ['authenticate', { as: '' }],
        ['route', { path: '/nowhere' }],
        ['validate', { body: '{' }],
        ['authorize', { body: { jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id: 'missing' } } }],
        ['discover', { method: 'GET', path: '/agents/open/.well-known/agent-card.json', as: '' }],
        ['discover', { method: 'GET', path: '/agents/calculator/.well-known/agent-card.json' }],
        ['discover', { method: 'GET', path: '/agents' }],
        ['guard', { path: '/nowhere' }],
      ]
      walk.agent = (_request, response) => response.writeHead(500).end()
      for (const [last, ask] of asks) {
        walk.stages.length = 0
        await walk.ask(ask)
        assert.deepEqual(stagesOf(walk).slice(-2), [last, 'audit'], `${last} ${stagesOf(walk).join()}`)
      }
    },
    { config: { limits: [{ per: ['caller'], requests: '5/m' }] } },
  ))

test("what the ledger takes is the ledger's time and no stage's", () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.agent = (_request, response, body) => say(response, body, task('t1'))
    let open: () => void = () => undefined
    walk.gate = new Promise((resolve) => (open = resolve))
    const reply = get(walk, 't1')
    while (!stagesOf(walk).includes('forward')) await settled()
    walk.clock.advance(700)
    open()
    assert.equal((await reply).status, 200)
    const slow = walk.stages.filter(([, milliseconds]) => milliseconds >= 700)
    assert.deepEqual(slow, [['audit', 700]])
  }))
