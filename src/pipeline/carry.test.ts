import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import test from 'node:test'
import { Fault } from '../base/fault.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { Forwarder } from '../forward/forward.ts'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { messageParams, say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'

async function withWalk(
  work: (walk: FakeWalk) => Promise<void>,
  input: Parameters<typeof startFakeWalk>[0] = {},
): Promise<void> {
  const walk = await startFakeWalk(input)
  try {
    await work(walk)
  } finally {
    await walk.close()
  }
}

const task = (id: string): object => ({ id, contextId: `c-${id}`, status: { state: 'TASK_STATE_WORKING' } })
const send = (walk: FakeWalk, ask?: Ask): Promise<FakeReply> => walk.rpc('SendMessage', messageParams, ask)
const get = (walk: FakeWalk, id: string, ask?: Ask): Promise<FakeReply> => walk.rpc('GetTask', { id }, ask)
const eventOf = (result: object): string => `data: ${JSON.stringify({ jsonrpc: '2.0', id: 'q-1', result })}\n\n`
const kinds = (walk: FakeWalk): unknown[] =>
  walk.records.map(({ kind, code, claims }) => [kind, code, claims.map((claim) => claim.kind).join()])

/** A gate that holds every record back. */
function hold(walk: FakeWalk): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  walk.gate = promise
  return () => {
    walk.gate = undefined
    resolve()
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await settled()
}

/** Resolves when the agent's side of a call is broken off. */
function agentHolds(walk: FakeWalk, begin: (response: ServerResponse) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  walk.agent = (_request: IncomingMessage, response) => {
    response.once('close', resolve)
    begin(response)
  }
  return promise
}

test('while records are being lost, a read waits for its own before the agent is asked', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.agent = (_request, response, body) => say(response, body, task('t1'))
    walk.unrecorded = 1
    const open = hold(walk)
    const reply = get(walk, 't1')
    await turns()
    assert.deepEqual(walk.log, [])
    open()
    assert.equal((await reply).status, 200)
  }))

test("what an agent made for a caller who left is recorded as that caller's", () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    walk.agent = (_request, response, body) => {
      say(response, body, { task: task('new') })
      // nobody is told, so that the answer still comes
      reply.gone = true
    }
    await send(walk, { reply })
    assert.deepEqual(kinds(walk), [
      ['allowed', '', ''],
      ['completed', '', 'task,context'],
    ])
  }))

test("an answer for which there is no memory is refused, and its tasks are the caller's or nobody's", async () => {
  for (const failing of [false, true]) {
    await withWalk(async (walk) => {
      const reply = new FakeReply()
      reply.hasRoom = false
      walk.agent = (_request, response, body) => say(response, body, { task: task('new') })
      if (failing) walk.failing.add('completed')
      await send(walk, { reply })
      assert.equal(reply.status, 503)
      assert.doesNotMatch(reply.body, /new/)
      assert.equal(walk.ownership.tasks.has('new'), !failing)
      if (!failing) assert.deepEqual(kinds(walk).at(-1), ['completed', 'LIMIT_MEMORY', 'task,context'])
    })
  }
})

test("a task named by an event that cannot be recorded is nobody's", () =>
  withWalk(async (walk) => {
    walk.failing.add('claimed')
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(eventOf({ task: task('new') }))
    }
    const reply = await walk.rpc('SendStreamingMessage', messageParams)
    assert.doesNotMatch(reply.body, /new/)
    assert.deepEqual([walk.ownership.tasks.size, walk.ownership.contexts.size], [0, 0])
    assert.equal(walk.records.at(-1)?.code, 'AUDIT_UNAVAILABLE')
  }))

test('what an event says of a task is known to lists before the event is seen', () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    const write = reply.write.bind(reply)
    reply.write = (chunk) => {
      if (String(chunk).includes('COMPLETED'))
        assert.deepEqual(
          walk.ownership.noted.map(({ taskId, state }) => [taskId, state]),
          [
            ['new', 'TASK_STATE_WORKING'],
            ['new', 'TASK_STATE_COMPLETED'],
          ],
        )
      return write(chunk)
    }
    const update = { statusUpdate: { taskId: 'new', contextId: 'c-new', status: { state: 'TASK_STATE_COMPLETED' } } }
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(eventOf({ task: task('new') }) + eventOf(update))
    }
    await walk.rpc('SendStreamingMessage', messageParams, { reply })
    assert.match(reply.body, /COMPLETED/)
    assert.deepEqual(walk.bugs, [])
  }))

test('for a caller who left before, nothing is dialled', () =>
  withWalk(async (walk) => {
    const breaker = forwarderOf(walk).upstreams.get('calculator')?.breaker
    assert.ok(breaker)
    breaker.admit = () => assert.fail('dialled')
    const reply = new FakeReply()
    reply.leave()
    await send(walk, { reply })
    assert.deepEqual(walk.bugs, [])
    assert.equal(walk.records.at(-1)?.completion?.outcome, 'aborted')
  }))

test('a caller who leaves ends the call of the agent', { timeout: 10_000 }, () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    const broken = agentHolds(walk, () => reply.leave())
    await send(walk, { reply })
    await broken
    assert.equal(walk.records.at(-1)?.completion?.outcome, 'aborted')
  }),
)

test('a stream whose opening cannot be recorded is broken off', { timeout: 10_000 }, () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.failing.add('allowed')
    const broken = agentHolds(walk, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventOf({ task: task('t1') }))
    })
    const reply = await walk.rpc('SubscribeToTask', { id: 't1' })
    assert.equal(reply.status, 503)
    await broken
  }),
)

test('an open stream keeps nothing of its request but the id', () =>
  withWalk(async (walk) => {
    let admitted: Admitted | undefined
    const allowed = walk.parts.audit.allowed.bind(walk.parts.audit)
    walk.parts.audit.allowed = (facts, each, claims) => allowed(facts, (admitted = each), claims)
    const reply = new FakeReply()
    let end: () => void = () => undefined
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventOf({ task: task('new') }))
      end = () => response.end()
    }
    const walking = walk.rpc('SendStreamingMessage', messageParams, { reply })
    while (reply.body === '') await settled()
    assert.ok(admitted)
    const { body, bodyText, headers, policyInput, list } = admitted
    assert.deepEqual([body, bodyText, headers.size, policyInput, list], [{ id: 'q-1' }, '', 0, {}, undefined])
    assert.equal(admitted.message.parts.length, 0)
    end()
    await walking
  }))

function forwarderOf(walk: FakeWalk): Forwarder {
  return walk.parts.rulesOf(walk.snapshot).forwarder
}

interface Thrown {
  readonly name: string
  /** makes something throw; the call is a send unless it says otherwise */
  readonly arrange: (walk: FakeWalk, reply: FakeReply, error: Error) => void
  readonly method?: 'GetTask' | 'ListTasks' | 'SendStreamingMessage'
  readonly records?: (code: string) => readonly unknown[]
  /** the answer had begun: it is broken off */
  readonly destroyed?: true
}

/** Throws the first time, and stands for nothing and `true` afterwards. */
function once(error: Error): () => true {
  let thrown = false
  return () => {
    if (thrown) return true
    thrown = true
    throw error
  }
}

const failed = (code: string, claims = ''): readonly unknown[] => [
  ['allowed', '', ''],
  ['completed', code, claims],
]

const throwing: readonly Thrown[] = [
  {
    name: 'before the agent is called',
    arrange(walk, _reply, error) {
      const breaker = forwarderOf(walk).upstreams.get('calculator')?.breaker
      assert.ok(breaker)
      breaker.admit = once(error)
    },
  },
  {
    name: 'before the agent is called, of a read',
    method: 'GetTask',
    arrange(walk, _reply, error) {
      const breaker = forwarderOf(walk).upstreams.get('calculator')?.breaker
      assert.ok(breaker)
      breaker.admit = once(error)
    },
  },
  {
    name: 'while a list is put together',
    method: 'ListTasks',
    arrange(walk, _reply, error) {
      walk.parts.lister.list = () => Promise.reject(error)
    },
  },
  {
    name: 'while an answer is released',
    arrange(walk, _reply, error) {
      walk.agent = (_request, response, body) => {
        walk.ownership.failure = error
        say(response, body, { task: task('new') })
      }
    },
  },
  {
    name: 'after the answer was claimed',
    arrange(_walk, reply, error) {
      reply.hasRoomFor = once(error)
    },
    records: (code) => failed(code, 'task,context'),
  },
  {
    name: 'after the completion was recorded',
    arrange(walk, _reply, error) {
      const fail = once(error)
      walk.ownership.note = () => void fail()
    },
    records: () => failed('', 'task,context'),
  },
  {
    name: 'while the state of a read task is noted',
    method: 'GetTask',
    arrange(walk, _reply, error) {
      const fail = once(error)
      walk.ownership.note = () => void fail()
    },
  },
  {
    name: 'when the answer is sent',
    method: 'GetTask',
    arrange(_walk, reply, error) {
      const sendIt = reply.send.bind(reply)
      let sent = 0
      reply.send = (...given) => {
        if ((sent += 1) === 1) throw error
        sendIt(...given)
      }
    },
  },
  {
    name: 'when a stream begins',
    method: 'SendStreamingMessage',
    arrange(walk, _reply, error) {
      const fail = once(error)
      walk.parts.heartbeat.add = () => void fail()
    },
    destroyed: true,
  },
]

for (const { name, arrange, method = 'SendMessage', records = failed, destroyed } of throwing) {
  test(`a throw ${name} fails the call, once: it is answered, completed and counted`, { timeout: 10_000 }, async () => {
    for (const [error, code, status] of [
      [new TypeError('PRIVATE belief'), 'GATEWAY_INTERNAL', 500],
      [new Fault('STORE_UNREACHABLE', 'PRIVATE disk'), 'AUDIT_UNAVAILABLE', 503],
    ] as const) {
      await withWalk(async (walk) => {
        walk.ownership.give('task', 't1', 'key:alice')
        walk.ownership.give('context', 'c-t1', 'key:alice')
        walk.agent = (_request, response, body) => {
          if (method !== 'SendStreamingMessage')
            return say(response, body, method === 'GetTask' ? task('t1') : { task: task('new') })
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(eventOf({ task: task('new') }))
        }
        const reply = new FakeReply()
        arrange(walk, reply, error)
        const params = method.startsWith('Send') ? messageParams : method === 'GetTask' ? { id: 't1' } : {}
        await walk.rpc(method, params, { reply })
        assert.equal(reply.destroyed, destroyed ?? false)
        assert.equal(reply.status, destroyed ? 200 : status)
        assert.equal(reply.headers['sallyport-record'], 'o/0/h')
        assert.doesNotMatch(reply.body, /PRIVATE|new/)
        assert.deepEqual(kinds(walk), records(code))
        assert.deepEqual(walk.bugs, error instanceof Fault ? [] : [error])
        assert.deepEqual(walk.counted.toSorted(), [code, `calculator ${method} failed`].toSorted())
        const { completion } = walk.records.at(-1) ?? {}
        if (completion?.code === code) assert.equal(completion.status, destroyed ? 200 : status)
      })
    }
  })
}

test('a throw while the decision is being lost is a refusal like any other, and no agent goes on', () =>
  withWalk(async (walk) => {
    walk.ownership.give('task', 't1', 'key:alice')
    walk.failing.add('allowed')
    walk.ownership.note = () => assert.fail('seen')
    const breaker = forwarderOf(walk).upstreams.get('calculator')?.breaker
    assert.ok(breaker)
    breaker.admit = () => assert.fail('a bug')
    assert.equal((await get(walk, 't1')).status, 503)
    assert.deepEqual(kinds(walk), [['refused', 'AUDIT_UNAVAILABLE', '']])
    assert.equal(walk.bugs.length, 1)
  }))

test("what was claimed before a throw is nobody's when the completion is lost too", () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response, body) => say(response, body, { task: task('new') })
    walk.failing.add('completed')
    const reply = new FakeReply()
    reply.hasRoomFor = () => assert.fail('a bug')
    await send(walk, { reply })
    assert.equal(reply.status, 500)
    assert.deepEqual([walk.ownership.tasks.size, walk.ownership.contexts.size], [0, 0])
  }))

test('a throw in the middle of a call ends what the agent does for it', { timeout: 10_000 }, () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    const begin = reply.begin.bind(reply)
    const fail = once(new TypeError('a bug'))
    reply.begin = (...given) => {
      if (fail()) begin(...given)
    }
    const broken = agentHolds(walk, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventOf({ task: task('new') }))
    })
    await walk.rpc('SendStreamingMessage', messageParams, { reply })
    assert.equal(reply.status, 500)
    await broken
  }),
)

test('a throw after the answer was given changes neither the answer nor what was counted', () =>
  withWalk(async (walk) => {
    walk.agent = (_request, response) => response.end('rubbish')
    const refusal = walk.parts.metrics.refusal.bind(walk.parts.metrics)
    const fail = once(new TypeError('a bug'))
    walk.parts.metrics.refusal = (code) => {
      refusal(code)
      fail()
    }
    const reply = await send(walk)
    assert.match(reply.body, /-32006/)
    assert.equal(reply.destroyed, false)
    assert.deepEqual(walk.counted, ['calculator SendMessage failed', 'RELEASE_INVALID_ANSWER'])
    assert.equal(walk.records.length, 2)
  }))

test('a caller who has left is not told of a throw', () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    walk.agent = (_request, response, body) => {
      reply.gone = true
      walk.ownership.failure = new TypeError('a bug')
      say(response, body, { task: task('new') })
    }
    await send(walk, { reply })
    assert.equal(reply.destroyed, false)
    assert.equal(walk.records.at(-1)?.completion?.status, 0)
  }))

test('an answer that neither can be sent nor refused is broken off, and completed', () =>
  withWalk(async (walk) => {
    const reply = new FakeReply()
    reply.send = () => assert.fail('a bug')
    await send(walk, { reply })
    assert.equal(reply.destroyed, true)
    assert.deepEqual(kinds(walk), failed('GATEWAY_INTERNAL'))
    assert.equal(walk.bugs.length, 2)
  }))

test('a "no" for want of a record is counted as that, once', async () => {
  for (const kind of ['allowed', 'completed'] as const) {
    await withWalk(async (walk) => {
      walk.agent = (_request, response, body) => say(response, body, { task: task('new') })
      walk.failing.add(kind)
      assert.equal((await send(walk)).status, 503)
      assert.deepEqual(
        walk.counted.filter((each) => !each.includes(' ')),
        ['AUDIT_UNAVAILABLE'],
      )
    })
  }
  await withWalk(async (walk) => {
    walk.failing.add('refused')
    assert.equal((await get(walk, 'missing')).status, 503)
    assert.deepEqual(walk.counted, ['AUDIT_UNAVAILABLE', 'calculator GetTask refused'])
  })
})
