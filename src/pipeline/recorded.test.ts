// What the walk hands to the record: commitments to the bytes of request and answer, timings, content where a rule
// says so, and the headers that name the record. What is sent and what is committed to are the same bytes.

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { FakeReply } from '../../test/fakes/walk.ts'
import { refuse } from '../refusal/refusal.ts'
import { walkUnreadable } from './pipeline.ts'
import { messageParams, say, startFakeWalk, type FakeWalk, type Recorded } from './fake-walk.ts'

const sha = (text: string): string => hash('sha256', text, 'base64url')
const task = { id: 't1', contextId: 'c1', status: { state: 'TASK_STATE_WORKING' } }

const config: ConfigInput = { audit: { content: [{ agents: ['calculator'], answers: true, maxBytes: 200 }] } }

async function start(t: TestContext, settings: ConfigInput = {}): Promise<FakeWalk> {
  const world = await startFakeWalk({ config: settings })
  t.after(() => world.close())
  world.agent = answerAlways('fine')
  return world
}

const answerAlways =
  (text: string): FakeWalk['agent'] =>
  (_request, response, body) =>
    say(response, body, { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text }] } })
const last = (world: FakeWalk, kind: Recorded['kind']): Recorded => {
  const found = world.records.findLast((record) => record.kind === kind)
  assert.ok(found, kind)
  return found
}

function streaming(...events: unknown[]): FakeWalk['agent'] {
  return (_request, response, body) => {
    const { id } = JSON.parse(body) as { id: unknown }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const result of events) response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`)
    response.end()
  }
}

test('the decision commits to the bytes of the request, the completion to those of the answer', async (t) => {
  const world = await start(t)
  const body =
    '{ "jsonrpc":"2.0","id":"q-1","method":"SendMessage","params":{"message":{"messageId":"\\u006d","role":"ROLE_USER","parts":[{"text":"hi ☺"}]}}}'
  const reply = await world.ask({ body })
  const { facts } = last(world, 'allowed')
  assert.equal(facts.requestHash, sha(body))
  assert.equal(facts.requestBytes, Buffer.byteLength(body))
  assert.equal(facts.version, '1.0')
  const { completion } = last(world, 'completed')
  assert.equal(completion?.answerHash, sha(reply.body))
  assert.equal(completion?.answerBytes, Buffer.byteLength(reply.body))
})

test('a refusal of what cannot be understood commits to the bytes that arrived', async (t) => {
  const world = await start(t)
  for (const body of [
    '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":""}}}',
    '{',
    '[]',
  ]) {
    await world.ask({ body })
    const { facts } = last(world, 'refused')
    assert.equal(facts.requestHash, sha(body))
    assert.equal(facts.requestBytes, Buffer.byteLength(body))
  }
})

test('a request without a body is not committed to', async (t) => {
  const world = await start(t)
  world.ownership.give('task', 't1', 'key:alice')
  world.agent = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(task))
  }
  const reply = await world.ask({ method: 'GET', path: '/agents/calculator/tasks/t1' })
  assert.equal(reply.status, 200)
  assert.equal(last(world, 'allowed').facts.requestHash, '')
  assert.equal(last(world, 'completed').completion?.answerHash, sha(reply.body))
})

test('what the gateway says in the place of an agent is committed to as well', async (t) => {
  const world = await start(t)
  world.agent = (_request, response) => void response.writeHead(500).end('<html>')
  const reply = await world.rpc('SendMessage', messageParams)
  const { completion } = last(world, 'completed')
  assert.equal(completion?.outcome, 'failed')
  assert.equal(completion?.answerHash, sha(reply.body))
  assert.equal(completion?.answerBytes, Buffer.byteLength(reply.body))
})

test('an answer that nobody was there to take is not committed to', async (t) => {
  const world = await start(t)
  const reply = new FakeReply()
  world.agent = (request, response, body) => {
    reply.leave()
    answerAlways('late')(request, response, body)
  }
  await world.rpc('SendMessage', messageParams, { reply })
  assert.equal(last(world, 'completed').completion?.outcome, 'aborted')
  assert.equal(last(world, 'completed').completion?.answerHash, '')
})

test('of a stream the events are committed to as they were sent, one after another', async (t) => {
  const world = await start(t)
  world.agent = streaming({ task }, { statusUpdate: { taskId: 't1', contextId: 'c1', status: task.status } })
  const reply = await world.rpc('SendStreamingMessage', messageParams)
  const { completion } = last(world, 'completed')
  assert.equal(completion?.events, 2)
  assert.equal(completion?.answerHash, sha(reply.body))
  assert.equal(completion?.answerBytes, Buffer.byteLength(reply.body))
})

test('the last word of the gateway in a stream belongs to what is committed to', async (t) => {
  const world = await start(t)
  world.agent = streaming({ task }, { nonsense: true })
  const reply = await world.rpc('SendStreamingMessage', messageParams)
  assert.match(reply.body, /error/)
  assert.equal(last(world, 'completed').completion?.answerHash, sha(reply.body))
})

test('the steps of a call have their times, in order', async (t) => {
  const world = await start(t)
  const reply = new FakeReply()
  world.agent = (request, response, body) => {
    world.clock.advance(3.25)
    answerAlways('fine')(request, response, body)
  }
  const before = world.clock.monotonicMs()
  await world.rpc('SendMessage', messageParams, { reply })
  const { timings, durationMs } = last(world, 'completed').completion ?? assert.fail()
  assert.ok(timings.received !== undefined && timings.forwarded !== undefined && timings.answered !== undefined)
  assert.equal(timings.received, before)
  assert.equal(timings.forwarded, before)
  assert.equal(timings.answered, before + 3.25)
  assert.equal(durationMs, before + 3.25)
})

test('content is recorded where a rule names the agent: the message, and the answer', async (t) => {
  const world = await start(t, config)
  world.agent = answerAlways('ask bob@example.com')
  await world.rpc('SendMessage', messageParams)
  assert.deepEqual(last(world, 'allowed').content, { content: (messageParams as { message: object }).message })
  const { content } = last(world, 'completed').completion ?? assert.fail()
  assert.match(JSON.stringify(content), /ask \[redacted:email\]/)
})

test('content of a stream stays within its bound, and its events are not held back for it', async (t) => {
  const world = await start(t, config)
  const events = Array.from({ length: 50 }, (_, n) => ({
    artifactUpdate: {
      taskId: 't1',
      contextId: 'c1',
      artifact: { artifactId: `a${n}`, parts: [{ text: 'x'.repeat(50) }] },
    },
  }))
  world.agent = streaming({ task }, ...events)
  const reply = await world.rpc('SendStreamingMessage', messageParams)
  assert.equal(reply.body.match(/data: /g)?.length, 51)
  const { content } = last(world, 'completed').completion ?? assert.fail()
  assert.equal(content?.contentCut, true)
  assert.ok(JSON.stringify(content?.content).length <= 200)
})

test('a rule that is gone applies no longer from the next call on', async (t) => {
  const own = await start(t, config)
  own.reload({ audit: {} })
  const { parts } = own
  assert.equal(
    parts.rulesOf(parts.snapshot()).content.request('calculator', () => 'x'),
    undefined,
  )
  assert.notEqual(
    parts.rulesOf(own.snapshot).content.request('calculator', () => 'x'),
    undefined,
  )
})

test('in strict mode a read waits for its record before the agent sees it', async (t) => {
  const strict = await start(t, { audit: { mode: 'blocking-strict' } })
  strict.ownership.give('task', 't1', 'key:alice')
  strict.agent = (_request, response, body) => say(response, body, task)
  await strict.rpc('GetTask', { id: 't1' })
  assert.deepEqual(strict.log.slice(0, 2), ['allowed', 'agent'])
  strict.failing.add('allowed')
  strict.log.length = 0
  const reply = await strict.rpc('GetTask', { id: 't1' })
  assert.equal(reply.status, 503)
  assert.deepEqual(strict.log, ['lost allowed', 'refused', 'caller 503'])
})

test('signed receipts: every answer that names its record carries a signature of it', async (t) => {
  const signed = await start(t, { audit: { receipts: 'signed' } })
  const replies = [
    await signed.rpc('SendMessage', messageParams),
    await signed.rpc('SendMessage', { nonsense: true }),
    await signed.rpc('SendMessage', messageParams, { as: '' }),
    await signed.ask({ method: 'GET', path: '/agents' }),
  ]
  signed.agent = (_request, response) => void response.writeHead(500).end()
  replies.push(await signed.rpc('SendMessage', messageParams))
  signed.agent = streaming({ task })
  replies.push(await signed.rpc('SendStreamingMessage', messageParams))
  const reply = new FakeReply()
  const refusal = refuse('LISTEN_HEAD_MALFORMED', '')
  await walkUnreadable({ call: 'x', receivedAtMs: 1, source: '192.0.2.7', refusal, reply }, signed.parts)
  replies.push(reply)
  for (const { headers, status } of replies) {
    const index = headers['sallyport-record']?.split('/')[1]
    assert.ok(index !== undefined, String(status))
    assert.equal(headers['sallyport-record-signature'], `signature of ${index}`)
  }
})

test('plain receipts are not signed', async (t) => {
  const world = await start(t)
  const { headers } = await world.rpc('SendMessage', messageParams)
  assert.ok(headers['sallyport-record'])
  assert.equal('sallyport-record-signature' in headers, false)
})
