// A message that is sent again, by a client that lost its answer or by somebody who recorded the request: the agent
// must not work twice for it, and nobody learns anything by it that they were not told before.

import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test, type TestContext } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { admittedOf, FakeReply, settled, snapshotOf } from '../../test/fakes/walk.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { Approval, ApprovalBook } from '../authorize/authorize.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import type { AgentAnswer } from '../forward/forward.ts'
import { createDuplicateBook, isUntouched, type FirstSend } from './duplicates.ts'
import { say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'

type Rules = NonNullable<Parameters<typeof startFakeWalk>[0]>['duplicates']

interface Sending {
  readonly walk: FakeWalk
  /** how often the agent was asked */
  readonly asked: () => number
  send(
    messageId: string,
    text: string,
    ask?: Ask & { readonly id?: unknown; readonly method?: string },
  ): Promise<FakeReply>
}

async function start(t: TestContext, duplicates: Rules = {}): Promise<Sending> {
  const walk = await startFakeWalk({ duplicates })
  t.after(() => walk.close())
  let count = 0
  walk.agent = (_request, response, body) => {
    count += 1
    say(response, body, { task: { id: `t${count}`, contextId: `c${count}`, status: { state: 'TASK_STATE_WORKING' } } })
  }
  return {
    walk,
    asked: () => walk.log.filter((line) => line === 'agent').length,
    send: (messageId, text, { id = 'q-1', method = 'SendMessage', ...ask } = {}) =>
      walk.ask({ body: { jsonrpc: '2.0', id, method, params: paramsOf(messageId, text) }, ...ask }),
  }
}

const paramsOf = (messageId: string, text: string): object => ({
  message: { messageId, role: 'ROLE_USER', parts: [{ text }] },
})

interface Told {
  readonly id: unknown
  readonly result?: { readonly task: { readonly id: string } }
  readonly error?: { readonly code: number; readonly data: { reason: string; metadata?: { taskId?: string } }[] }
}
const told = (reply: FakeReply): Told => reply.json() as Told
const codeOf = (walk: FakeWalk): string => walk.records.at(-1)?.code ?? ''

function assertRefused({ walk }: Sending, reply: FakeReply, code: string): void {
  assert.deepEqual([reply.status, codeOf(walk)], [409, code])
}

test('the same request again is given the same answer, in its own id, and the agent hears of one', async (t) => {
  const sending = await start(t)
  const first = told(await sending.send('m', 'pay', { call: 'one' }))
  const reply = await sending.send('m', 'pay', { call: 'two', id: 7 })
  assert.deepEqual(told(reply), { ...first, id: 7 })
  assert.equal(reply.headers['sallyport-repeated'], 'true')
  assert.equal(sending.asked(), 1)
  const [, , decision, completion] = sending.walk.records
  assert.deepEqual(
    [decision?.kind, decision?.facts.repeats, completion?.kind, completion?.claims.length],
    ['allowed', 'one', 'completed', 0],
  )
})

test('another request under the same messageId is refused, whatever differs', async (t) => {
  const sending = await start(t)
  await sending.send('m', 'pay')
  const params = paramsOf('m', 'pay')
  const asks: (Ask & { method?: string; text?: string })[] = [
    { text: 'pay twice' },
    { text: 'pay ' },
    { method: 'SendStreamingMessage' },
    { body: { jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { ...params, configuration: {} } } },
    { body: { jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { ...params, metadata: { a: 1 } } } },
    { path: '/agents/calculator/message:send', body: params },
  ]
  for (const { text = 'pay', ...ask } of asks)
    assertRefused(sending, await sending.send('m', text, ask), 'LIMIT_MESSAGE_ID_REUSED')
  assert.equal(sending.asked(), 1)
})

test('a number that another parser would round is another request', async (t) => {
  const sending = await start(t)
  const body = (n: string): string =>
    `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":{"amount":${n}}}]}}}`
  await sending.walk.ask({ body: body('9007199254740993') })
  assertRefused(sending, await sending.walk.ask({ body: body('9007199254740992') }), 'LIMIT_MESSAGE_ID_REUSED')
})

test("what one caller sent says nothing of another's, and never answers it", async (t) => {
  const sending = await start(t)
  const alice = told(await sending.send('m', 'pay'))
  const bob = told(await sending.send('m', 'pay', { as: 'bob' }))
  assert.notEqual(bob.result?.task.id, alice.result?.task.id)
  assert.equal(told(await sending.send('m', 'other', { as: 'bob' })).error?.data[0]?.reason, 'MESSAGE_ID_REUSED')
  assert.equal(sending.asked(), 2)
})

test('of two at the same time only the first reaches the agent', async (t) => {
  const sending = await start(t)
  const { walk } = sending
  let answer: ServerResponse | undefined
  const heard = Promise.withResolvers<string>()
  walk.agent = (_request, response, body) => {
    answer = response
    heard.resolve(body)
  }
  // both are on their way before either is recorded
  const one = sending.send('m', 'pay')
  const two = await sending.send('m', 'pay')
  assertRefused(sending, two, 'LIMIT_DUPLICATE_OPEN')
  assert.equal(two.headers['retry-after'], '1')
  const body = await heard.promise
  assertRefused(sending, await sending.send('m', 'pay'), 'LIMIT_DUPLICATE_OPEN')
  if (answer !== undefined) say(answer, body, { message: { messageId: 'r', role: 'ROLE_AGENT', parts: [] } })
  assert.equal((await one).status, 200)
  assert.equal((await sending.send('m', 'pay')).status, 200)
  assert.equal(sending.asked(), 1)
})

test('what may have been done is not done again: the agent did not answer, or nobody may see how', async (t) => {
  const endings: Readonly<Record<string, (response: ServerResponse, body: string) => void>> = {
    'a connection that broke': (response) => void response.destroy(),
    'a proxy that lost the agent': (response) => void response.writeHead(502).end(),
    'a page of a web server': (response) => void response.writeHead(500).end('<html>'),
    'an answer to nobody': (response) => void response.writeHead(200).end('{}'),
  }
  for (const [name, ending] of Object.entries(endings)) {
    const sending = await start(t)
    sending.walk.agent = (_request, response, body) => ending(response, body)
    assert.notEqual((await sending.send('m', 'pay')).status, 409, name)
    assertRefused(sending, await sending.send('m', 'pay'), 'LIMIT_DUPLICATE')
    assert.equal(sending.asked(), 1, name)
  }
})

test('a caller that leaves before there is an answer is not answered later, and its message is not sent again', async (t) => {
  const sending = await start(t)
  const reply = new FakeReply()
  sending.walk.agent = () => reply.leave()
  await sending.send('m', 'pay', { reply })
  assertRefused(sending, await sending.send('m', 'pay'), 'LIMIT_DUPLICATE')
  assert.equal(sending.asked(), 1)
})

test('an answer that was lost on its way is given again', async (t) => {
  const sending = await start(t)
  const reply = new FakeReply()
  sending.walk.agent = (_request, response, body) => {
    say(response, body, { task: { id: 't', status: { state: 'TASK_STATE_WORKING' } } })
    reply.gone = true
  }
  await sending.send('m', 'pay', { reply })
  assert.equal(told(await sending.send('m', 'pay')).result?.task.id, 't')
  assert.equal(sending.asked(), 1)
})

test('what the agent has not begun may be sent again', async (t) => {
  const sending = await start(t)
  const { agent } = sending.walk
  for (const status of [429, 503]) {
    sending.walk.agent = (_request, response) => void response.writeHead(status).end()
    await sending.send('m', 'pay')
  }
  sending.walk.agent = agent
  assert.equal((await sending.send('m', 'pay')).status, 200)
  assert.equal(sending.asked(), 3)
})

test('what cannot be said to the agent, or not be brought to it over gRPC, was not sent, and may be sent again', async (t) => {
  const nobody = 'http://127.0.0.1:1'
  const agents = [{ name: 'calculator', url: nobody, grpcUrl: nobody, bindings: ['GRPC' as const] }]
  const walk = await startFakeWalk({ config: { agents } })
  t.after(() => walk.close())
  const send = async (part: string): Promise<string> => {
    const message = `{"messageId":"m","role":"ROLE_USER","parts":[${part}]}`
    const body = `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":${message}}}`
    await walk.ask({ body: JSON.parse(body) as object })
    return codeOf(walk)
  }
  // no protobuf of ours has this key
  const unsayable = '{"data":{"__proto__":1}}'
  assert.deepEqual([await send(unsayable), await send(unsayable)], ['VALIDATE_PARAMS', 'VALIDATE_PARAMS'])
  const sayable = '{"text":"pay"}'
  assert.deepEqual([await send(sayable), await send(sayable)], ['FORWARD_UNAVAILABLE', 'FORWARD_UNAVAILABLE'])
})

test('a gRPC agent that takes nothing has begun nothing, and one that may have is not asked again', () => {
  const body = Buffer.alloc(0)
  const ended = (code: number): AgentAnswer => ({
    kind: 'unary',
    status: 200,
    contentType: 'application/grpc',
    body,
    grpc: { code, message: '', details: undefined },
  })
  assert.deepEqual(
    [8, 13, 2, 9].map((code) => isUntouched(ended(code))),
    [true, false, false, false],
  )
})

test('what was not recorded was not sent, and may be sent again', async (t) => {
  const sending = await start(t)
  sending.walk.failing.add('allowed')
  assert.equal((await sending.send('m', 'pay')).status, 503)
  sending.walk.failing.clear()
  assert.equal((await sending.send('m', 'pay')).status, 200)
  assert.equal(sending.asked(), 1)
})

test("an answer whose record was lost is nobody's, and is not given later", async (t) => {
  const sending = await start(t)
  sending.walk.failing.add('completed')
  assert.equal((await sending.send('m', 'pay')).status, 503)
  sending.walk.failing.clear()
  assertRefused(sending, await sending.send('m', 'pay'), 'LIMIT_DUPLICATE')
})

test('a repetition is decided anew: blocked, revoked or not allowed any more gets nothing', async (t) => {
  const sending = await start(t)
  const { walk } = sending
  await sending.send('m', 'pay')
  walk.blocks.block('caller', 'key:alice')
  const blocked = await sending.send('m', 'pay')
  assert.equal(blocked.status, 403)
  assert.doesNotMatch(blocked.body, /t1/)
  walk.blocks.remove('caller', 'key:alice')
  walk.revoke('alice')
  assert.equal((await sending.send('m', 'pay')).status, 401)
  assert.equal(sending.asked(), 1)
})

test('a repetition that cannot be recorded is not answered', async (t) => {
  const sending = await start(t)
  await sending.send('m', 'pay')
  sending.walk.failing.add('allowed')
  const reply = await sending.send('m', 'pay')
  assert.equal(reply.status, 503)
  assert.doesNotMatch(reply.body, /t1/)
})

test('repetitions cost what calls cost', async (t) => {
  const walk = await startFakeWalk({
    duplicates: {},
    config: { limits: [{ per: ['caller'], requests: '3/m' }] },
  })
  t.after(() => walk.close())
  const statuses: number[] = []
  for (let at = 0; at < 5; at += 1) statuses.push((await walk.rpc('SendMessage', paramsOf('m', 'pay'))).status)
  assert.deepEqual(statuses, [200, 200, 200, 429, 429])
})

test('a messageId is free again when its time is over', async (t) => {
  const sending = await start(t, { window: '10m' })
  await sending.send('m', 'pay')
  sending.walk.clock.advance(600_000)
  assert.equal((await sending.send('m', 'other')).status, 200)
  assert.equal(sending.asked(), 2)
})

test('an answer that is too large to be kept is refused with the name of its task', async (t) => {
  const sending = await start(t)
  sending.walk.agent = (_request, response, body) =>
    say(response, body, {
      task: {
        id: 'large',
        status: { state: 'TASK_STATE_COMPLETED' },
        artifacts: [{ artifactId: 'a', parts: [{ text: 'x'.repeat(70_000) }] }],
      },
    })
  await sending.send('m', 'pay')
  const reply = await sending.send('m', 'pay')
  assertRefused(sending, reply, 'LIMIT_DUPLICATE')
  assert.deepEqual(told(reply).error?.data[0]?.metadata, { taskId: 'large' })
})

test('as it is configured: refused, or sent on', async (t) => {
  const refusing = await start(t, { sameBody: 'refuse' })
  await refusing.send('m', 'pay')
  assertRefused(refusing, await refusing.send('m', 'pay'), 'LIMIT_DUPLICATE')
  const forwarding = await start(t, { sameBody: 'forward' })
  await forwarding.send('m', 'pay')
  assert.equal((await forwarding.send('m', 'pay')).status, 200)
  assertRefused(forwarding, await forwarding.send('m', 'other'), 'LIMIT_MESSAGE_ID_REUSED')
  const lenient = await start(t, { differentBody: 'forward' })
  await lenient.send('m', 'pay')
  assert.equal((await lenient.send('m', 'other')).status, 200)
  assert.equal(lenient.asked(), 2)
  assert.equal((await lenient.send('m', 'other')).status, 200)
  assert.equal(lenient.asked(), 2)
})

/** An agent that streams: the task, and nothing more until it is told. */
function streaming(walk: FakeWalk): { readonly asked: { method: string; params: unknown }[]; end(): void } {
  const asked: { method: string; params: unknown }[] = []
  const open: ServerResponse[] = []
  walk.agent = (_request, response, body) => {
    const { id, method, params } = JSON.parse(body) as { id: unknown; method: string; params: unknown }
    asked.push({ method, params })
    const task = { id: 't', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { task } })}\n\n`)
    open.push(response)
  }
  return { asked, end: () => open.splice(0).forEach((response) => response.end()) }
}

const method = 'SendStreamingMessage'

test('a streaming message that is sent again is answered by its task, and the agent does not hear it again', async (t) => {
  const sending = await start(t)
  const agent = streaming(sending.walk)
  const left = new FakeReply()
  const first = sending.send('m', 'pay', { method, reply: left, call: 'one' })
  while (!left.body.includes('"id":"t"')) await settled()
  // also while the first is open, as far as anybody knows
  for (const id of ['q-2', 3]) {
    const reply = new FakeReply()
    const again = sending.send('m', 'pay', { method, id, reply, call: 'two' })
    while (!reply.body.includes('"id":"t"')) await settled()
    assert.ok(reply.body.includes(`"id":${JSON.stringify(id)}`), reply.body)
    assert.equal(reply.headers['sallyport-repeated'], 'true')
    reply.leave()
    await again
  }
  left.leave()
  await first
  agent.end()
  assert.deepEqual(
    agent.asked.map((each) => each.method),
    [method, 'SubscribeToTask', 'SubscribeToTask'],
  )
  assert.deepEqual(agent.asked[1]?.params, { id: 't' })
  const decisions = sending.walk.records.filter(({ kind }) => kind === 'allowed')
  assert.deepEqual(
    decisions.map(({ facts }) => [facts.repeats, facts.task]),
    [
      [undefined, ''],
      ['one', 't'],
      ['one', 't'],
    ],
  )
})

test('over HTTP+JSON too, and with another body it is refused', async (t) => {
  const { walk } = await start(t)
  const paths: string[] = []
  walk.agent = (request, response) => {
    paths.push(`${request.method} ${request.url}`)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end('data: {"task":{"id":"t","status":{"state":"TASK_STATE_WORKING"}}}\n\n')
  }
  const path = '/agents/calculator/message:stream'
  for (let times = 0; times < 2; times += 1)
    assert.equal((await walk.ask({ path, body: paramsOf('m', 'x') })).status, 200)
  assert.equal((await walk.ask({ path, body: paramsOf('m', 'y') })).status, 409)
  assert.deepEqual(paths, ['POST /message:stream', 'POST /tasks/t:subscribe'])
})

test('who may not subscribe to tasks is told only which task it was', async (t) => {
  const operations = ['SendStreamingMessage' as const]
  const policy = {
    roles: [{ name: 'user', rules: [{ agents: ['calculator'], operations }] }],
    bindings: [{ role: 'user', callers: ['key:alice'] }],
  }
  const walk = await startFakeWalk({ duplicates: {}, config: { policy } })
  t.after(() => walk.close())
  const agent = streaming(walk)
  const reply = new FakeReply()
  const first = walk.rpc(method, paramsOf('m', 'pay'), { reply })
  while (!reply.body.includes('"id":"t"')) await settled()
  const again = await walk.rpc(method, paramsOf('m', 'pay'))
  assert.equal(again.status, 409)
  assert.deepEqual(told(again).error?.data[0]?.metadata, { taskId: 't' })
  assert.equal(agent.asked.length, 1)
  agent.end()
  await first
})

test('a repeated stream is no way around a person who has to approve subscriptions, nor around a cluster', async (t) => {
  const rules = [
    { agents: ['calculator'], operations: ['SendStreamingMessage' as const] },
    { agents: ['calculator'], operations: ['SubscribeToTask' as const], requireApproval: true },
  ]
  const policy = { roles: [{ name: 'user', rules }], bindings: [{ role: 'user', callers: ['key:alice'] }] }
  // granted, and good for a subscription that is asked for as such
  const granted = { id: 'a', state: 'granted', decidedBy: 'key:boss', rules: ['user#1'] } as unknown as Approval
  const book: ApprovalBook = {
    find: () => granted,
    request: () => undefined,
    take: () => true,
    giveBack: () => undefined,
  }
  const careful = await startFakeWalk({ duplicates: {}, config: { policy }, approvals: () => book })
  const clustered = await startFakeWalk({ duplicates: {} })
  const review = ({ operation }: Admitted): Promise<Refusal | undefined> =>
    Promise.resolve(operation === 'SubscribeToTask' ? refuse('AUTHZ_DENIED', 'RBAC') : undefined)
  Object.assign(clustered.parts.rulesOf(clustered.snapshot), {
    access: { review, watch: () => ({ isHeld: () => true }) },
  })
  for (const walk of [careful, clustered]) {
    t.after(() => walk.close())
    const agent = streaming(walk)
    const reply = new FakeReply()
    const first = walk.rpc(method, paramsOf('m', 'pay'), { reply })
    while (!reply.body.includes('"id":"t"')) await settled()
    assert.equal((await walk.rpc(method, paramsOf('m', 'pay'))).status, 409)
    assert.equal(agent.asked.length, 1)
    agent.end()
    await first
  }
})

test('a stream of which no task is known yet is not begun a second time', async (t) => {
  const sending = await start(t)
  const reply = new FakeReply()
  sending.walk.agent = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': nothing yet\n\n')
  }
  const first = sending.send('m', 'pay', { method, reply })
  while (sending.walk.parts.heartbeat.size === 0) await settled()
  assertRefused(sending, await sending.send('m', 'pay', { method }), 'LIMIT_DUPLICATE_OPEN')
  reply.leave()
  await first
  assertRefused(sending, await sending.send('m', 'pay', { method }), 'LIMIT_DUPLICATE')
  assert.equal(sending.asked(), 1)
})

const clock = createManualClock()
const snapshot = snapshotOf({
  agents: [{ name: 'calculator', url: 'http://127.0.0.1:9/', duplicates: { remembered: 3 } }],
})
function admittedWith(messageId: string, caller = 'key:alice'): Admitted {
  const admitted = admittedOf({ snapshot, caller })
  return Object.assign(admitted, { message: { ...admitted.message, messageId } })
}

function meetFirst(book: ReturnType<typeof createDuplicateBook>, messageId: string, caller?: string): FirstSend {
  const met = book.meet(admittedWith(messageId, caller))
  assert.ok(!isRefusal(met) && met.kind === 'first')
  return met.first
}

test('a flood of one caller ends the protection of its own oldest messages alone, and of none that is open', async () => {
  const book = createDuplicateBook({ clock, most: 5 })
  const done = (messageId: string, caller?: string): void => {
    const first = meetFirst(book, messageId, caller)
    first.reached()
    first.end()
  }
  done('b', 'key:bob')
  const open = meetFirst(book, 'open')
  open.reached()
  for (let at = 0; at < 100; at += 1) done(`m${at}`)
  assert.equal(book.size, 4)
  assert.ok(isRefusal(book.meet(admittedWith('b', 'key:bob'))))
  assert.ok(isRefusal(book.meet(admittedWith('open'))))
  await settled()
})

test('answers of all callers together are kept within a bound, the oldest given up first', () => {
  const book = createDuplicateBook({ clock, mostKeptBytes: 100 })
  const answer = (text: string): Parameters<FirstSend['answered']>[0] =>
    ({ status: 200, contentType: '', released: { text }, states: [] }) as unknown as Parameters<
      FirstSend['answered']
    >[0]
  for (const id of ['x', 'y', 'z']) meetFirst(book, id).answered(answer('a'.repeat(45)))
  assert.ok(isRefusal(book.meet(admittedWith('x'))))
  const met = book.meet(admittedWith('z'))
  assert.ok(!isRefusal(met) && met.kind === 'again')
  book.forget('key:alice')
  assert.equal(book.size, 0)
})

test('what an earlier run sent is known again, its answer is not', () => {
  const book = createDuplicateBook({ clock })
  const { key, print, untilMs } = meetFirst(book, 'm').mark
  const later = createDuplicateBook({ clock })
  const owner = { caller: 'key:alice', origin: 'key:alice' }
  later.restore([{ key, print, untilMs, agent: 'calculator', tenant: '', owner, call: 'one', taskId: 't9' }])
  const met = later.meet(admittedWith('m'))
  assert.ok(isRefusal(met))
  assert.deepEqual([met.code, met.metadata], ['LIMIT_DUPLICATE', { taskId: 't9' }])
})
