import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { after, before } from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Secret } from '../base/secret.ts'
import { isRefusal, type RefusalCode } from '../refusal/refusal.ts'
import { admittedOf, snapshotOf, type FakeAdmitted } from '../../test/fakes/walk.ts'
import {
  createAssertionSigner,
  createDialler,
  createUpstream,
  forward,
  forwardGetTask,
  type AgentAnswer,
  type Dialler,
  type Forwarder,
  type StreamAnswer,
} from './forward.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
let handler: Handler
let server: Server
let url = ''
const answerOk: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end('{"ok":true}')
}
const signer = createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
let dialler: Dialler

before(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      handler(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  dialler = createDialler()
})
after(async () => {
  await dialler.close()
  server.closeAllConnections()
  server.close()
})

interface World {
  readonly clock: ManualClock
  readonly forwarder: Forwarder
  readonly send: (call?: FakeAdmitted) => ReturnType<typeof forward>
  readonly ask: (call?: FakeAdmitted) => Promise<AgentAnswer>
}

const fast = { connect: '1s', firstByte: '60ms', blocking: '90ms' }

function world(
  agentInput: object = {},
  secrets: Parameters<typeof createUpstream>[1] = {},
  bounds: object = {},
): World {
  handler = answerOk
  seen.length = 0
  const clock = createManualClock()
  const snapshot = snapshotOf({
    gateway: { bounds },
    agents: [
      {
        name: 'calculator',
        url: `${url}/rpc/?v=1`,
        restUrl: `${url}/rest/`,
        breaker: { failures: 2, cooldown: '1s' },
        ...agentInput,
      },
    ],
  })
  const [agent] = snapshot.config.agents
  assert.ok(agent)
  const forwarder = {
    clock,
    signer,
    upstreams: new Map([[agent.name, createUpstream(agent, secrets, dialler, clock)]]),
  }
  const send = (call: FakeAdmitted = {}): ReturnType<typeof forward> =>
    forward(admittedOf({ snapshot, ...call }), forwarder)
  return { clock, forwarder, send, ask: async (call) => await send(call).answer }
}

async function refused(code: RefusalCode, answer: AgentAnswer | Promise<AgentAnswer>): Promise<string> {
  const settled = await answer
  assert.ok(isRefusal(settled), 'expected a refusal')
  assert.equal(settled.code, code, settled.detail)
  return settled.detail
}

/** Everything that a stream brings, and how it ended. */
function drain(stream: StreamAnswer): Promise<{ text: string; end: string }> {
  return new Promise((resolve) => {
    let text = ''
    stream.start({
      onChunk: (chunk) => (text += String(chunk)),
      onEnd: () => resolve({ text, end: 'ended' }),
      onFailure: (refusal) => resolve({ text, end: refusal.code }),
      onAgentError: ({ code }) => resolve({ text, end: String(code) }),
    })
  })
}

async function streamOf(answer: AgentAnswer | Promise<AgentAnswer>): Promise<StreamAnswer> {
  const settled = await answer
  if (settled.kind !== 'stream') assert.fail(settled.kind)
  return settled
}

const beginStream = (response: ServerResponse, text: string): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(text)
}

test('sends the body as it was validated to the configured path', async () => {
  const bodyText = '{ "jsonrpc":"2.0", "id":1.0 }'
  const answer = await world().ask({ bodyText })
  assert.ok(answer.kind === 'unary')
  assert.equal(String(answer.body), '{"ok":true}')
  assert.deepEqual([seen[0]?.method, seen[0]?.url, seen[0]?.body], ['POST', '/rpc/?v=1', bodyText])
})

test('HTTP+JSON goes to the rebuilt path below the base', async () => {
  const get = {
    binding: 'HTTP+JSON',
    operation: 'GetTask',
    upstreamMethod: 'GET',
    upstreamPath: '/tasks/t%201?historyLength=3',
  } as const
  await world().ask(get)
  assert.deepEqual([seen[0]?.method, seen[0]?.url, seen[0]?.body], ['GET', '/rest/tasks/t%201?historyLength=3', ''])
  assert.equal(seen[0]?.headers['content-type'], undefined)
})

test('a fixed tenant is put where the caller left it out', async () => {
  await world({ tenant: 'acme' }).ask({
    tenant: 'acme',
    bodyText: '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{}}}',
  })
  assert.equal(JSON.parse(seen[0]?.body ?? '').params.tenant, 'acme')
})

test('nothing that the caller presented reaches the agent', async () => {
  const headers = {
    authorization: 'Bearer sp_live_secret',
    'x-api-key': 'sp_live_secret',
    cookie: 'session=secret',
    'proxy-authorization': 'Basic secret',
    'sallyport-caller-assertion': 'secret.secret.secret',
    'x-forwarded-for': 'secret',
    forwarded: 'for=secret',
    host: 'secret.example.com',
    'x-custom': 'secret',
    connection: 'secret',
    accept: 'secret/secret',
    'user-agent': 'secret',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=secret',
    baggage: 'a=secret',
  }
  await world().ask({ headers })
  assert.doesNotMatch(JSON.stringify(seen[0]?.headers), /secret|traceparent|baggage/)
})

test('only fields of ours go out', async () => {
  await world().ask()
  const ours = [
    'accept',
    'a2a-version',
    'sallyport-caller-assertion',
    'content-type',
    'content-length',
    'host',
    'connection',
  ]
  assert.deepEqual(Object.keys(seen[0]?.headers ?? {}).toSorted(), ours.toSorted())
})

test('extensions go to the agent under the name that they have in its version', async () => {
  await world().ask({ extensions: ['urn:a', 'urn:b'] })
  assert.equal(seen[0]?.headers['a2a-extensions'], 'urn:a, urn:b')
  assert.equal(seen[0].headers['x-a2a-extensions'], undefined)
})

test('of a trace goes out what the walk settled, and not what the caller sent', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const own = ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01', 'tracestate', 'a=1']
  await world().ask({ headers: { traceparent, tracestate: 'b=2' }, trace: { headers: () => own } })
  assert.equal(seen[0]?.headers['traceparent'], own[1])
  assert.equal(seen[0]?.headers['tracestate'], 'a=1')
})

test('the assertion names caller, origin and chain, and is for this agent alone', async () => {
  await world().ask({ caller: 'agent:concierge', origin: 'user:corp/alice', chain: ['agent:first', 'agent:second'] })
  const token = String(seen[0]?.headers['sallyport-caller-assertion'])
  const [header = '', payload = '', signature = ''] = token.split('.')
  const good = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key: signer.publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  assert.ok(good)
  const claims = JSON.parse(String(Buffer.from(payload, 'base64url')))
  assert.equal(claims.sub, 'user:corp/alice')
  assert.equal(claims.aud, 'agent:calculator')
  assert.equal(claims.iss, 'https://agents.example.com')
  assert.equal(claims.exp - claims.iat, 60)
  assert.deepEqual(claims.act, { sub: 'agent:concierge', act: { sub: 'agent:second', act: { sub: 'agent:first' } } })
})

test("the agent's own credential goes to this agent and to no other", async () => {
  const { clock, forwarder } = world(
    {},
    { credential: { header: 'authorization', value: Secret.ofText('Bearer upstream') } },
  )
  const snapshot = snapshotOf({
    agents: [
      { name: 'calculator', url: `${url}/rpc` },
      { name: 'other', url: `${url}/other` },
    ],
  })
  const other = snapshot.config.agents[1]
  assert.ok(other)
  const both = {
    ...forwarder,
    upstreams: new Map([...forwarder.upstreams, ['other', createUpstream(other, {}, dialler, clock)]]),
  }
  await forward(admittedOf({ snapshot }), both).answer
  await forward(admittedOf({ snapshot, agent: other }), both).answer
  assert.deepEqual(
    seen.map((call) => call.headers['authorization']),
    ['Bearer upstream', undefined],
  )
})

test('a redirect is an answer, and nobody follows it', async () => {
  const { ask } = world({}, { credential: { header: 'authorization', value: Secret.ofText('Bearer upstream') } })
  handler = (_request, response) => response.writeHead(307, { location: `${url}/elsewhere` }).end()
  const answer = await ask()
  assert.equal(answer.kind === 'unary' && answer.status, 307)
  assert.equal(seen.length, 1)
})

test('an agent without an upstream is unavailable', async () => {
  const { forwarder } = world()
  await refused('FORWARD_UNAVAILABLE', forward(admittedOf(), { ...forwarder, upstreams: new Map() }).answer)
})

test('a dead agent is unavailable, and its address stays private', async () => {
  const { ask } = world({ url: 'http://127.0.0.1:1/' })
  await refused('FORWARD_UNAVAILABLE', ask())
})

test('an agent that does not answer is given up, a send that may block later than others', async () => {
  const { send } = world({ timeouts: fast })
  handler = () => undefined
  await refused('FORWARD_TIMEOUT', send({ returnImmediately: true }).answer)
})

test("an agent has no longer than the caller's own deadline, to the millisecond and not to the library's second", async () => {
  const { send, clock } = world()
  handler = () => undefined
  const hurried = send({ deadlineMs: clock.monotonicMs() + 20 })
  assert.equal(await refused('FORWARD_TIMEOUT', hurried.answer), "the caller's deadline has passed")
  handler = answerOk
  assert.equal((await send({ deadlineMs: clock.monotonicMs() + 60_000 }).answer).kind, 'unary')
})

test('only a send that waits for the outcome may take as long as a blocking one', async (t) => {
  const { ask, forwarder } = world({ timeouts: { firstByte: '7s', blocking: '9s' } })
  const pool = forwarder.upstreams.get('calculator')?.jsonRpc.pool
  assert.ok(pool)
  const given: unknown[] = []
  const dispatch = pool.dispatch.bind(pool)
  pool.dispatch = (options, sink) => {
    given.push([options.headersTimeout, options.bodyTimeout])
    return dispatch(options, sink)
  }
  // the pool is shared with the tests after this one
  t.after(() => (pool.dispatch = dispatch))
  await ask({ operation: 'SendMessage' })
  await ask({ operation: 'SendMessage', returnImmediately: true })
  await ask({ operation: 'GetTask', taskId: 't1' })
  await ask({ operation: 'SendStreamingMessage' })
  assert.deepEqual(given, [
    [9_000, 9_000],
    [7_000, 7_000],
    [7_000, 7_000],
    [7_000, 0],
  ])
})

test('a body that never ends is given up, whether it stalls or drips', async () => {
  for (const operation of ['SendMessage', 'SendStreamingMessage', 'GetTask'] as const) {
    const { ask } = world({ timeouts: fast })
    let timer: NodeJS.Timeout | undefined
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{')
      timer = setInterval(() => response.write(' '), 5)
    }
    await refused('FORWARD_TIMEOUT', ask({ operation }))
    clearInterval(timer)
    handler = (_request, response) => void response.writeHead(200, { 'content-length': '9' }).write('{')
    await refused('FORWARD_TIMEOUT', ask({ operation }))
  }
})

test('an answer beyond the bound is cut off', async () => {
  const { ask } = world({}, {}, { answer: 1_000 })
  handler = (_request, response) => void response.end('x'.repeat(1_001))
  await refused('RELEASE_TOO_LARGE', ask())
  handler = (_request, response) => void response.end('x'.repeat(1_000))
  assert.equal((await ask()).kind, 'unary')
})

test('an answer that was compressed unasked is refused', async () => {
  const { ask } = world()
  handler = (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
  await refused('RELEASE_INVALID_ANSWER', ask())
})

test('what is no HTTP answer is an invalid one', async () => {
  const { ask } = world()
  for (const bytes of ['nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab']) {
    handler = (_request, response) => void response.socket?.end(bytes)
    await refused('RELEASE_INVALID_ANSWER', ask())
  }
})

test('events flow from the first, also when it comes in one packet with the head', async () => {
  const { ask } = world()
  handler = (_request, response) => {
    beginStream(response, 'data: 1\n\n')
    response.end('data: 2\n\n')
  }
  const stream = await streamOf(ask({ operation: 'SendStreamingMessage' }))
  await new Promise(setImmediate)
  assert.deepEqual(await drain(stream), { text: 'data: 1\n\ndata: 2\n\n', end: 'ended' })
})

test('a stream in answer to a call that is none is no stream', async () => {
  const { ask } = world()
  handler = (_request, response) => {
    beginStream(response, 'data: 1\n\n')
    response.end()
  }
  assert.equal((await ask({ operation: 'GetTask' })).kind, 'unary')
})

test('a stream that breaks off tells so once, and one that is aborted too', async () => {
  const { ask } = world()
  handler = (_request, response) => {
    beginStream(response, 'data: 1\n\n')
    setImmediate(() => response.socket?.resetAndDestroy())
  }
  const broken = await drain(await streamOf(ask({ operation: 'SendStreamingMessage' })))
  assert.equal(broken.end, 'FORWARD_UNAVAILABLE')
  handler = (_request, response) => beginStream(response, 'data: 1\n\n')
  const stream = await streamOf(ask({ operation: 'SendStreamingMessage' }))
  const drained = drain(stream)
  stream.abort()
  stream.abort()
  assert.equal((await drained).end, 'FORWARD_UNAVAILABLE')
})

test('a paused stream brings nothing until it is resumed', async () => {
  const { ask } = world()
  let more: (() => void) | undefined
  handler = (_request, response) => {
    beginStream(response, 'data: 1\n\n')
    more = () => response.end('data: 2\n\n')
  }
  const stream = await streamOf(ask({ operation: 'SendStreamingMessage' }))
  const chunks: string[] = []
  let tell: () => void = () => undefined
  const first = new Promise<void>((resolve) => (tell = resolve))
  const ended = new Promise<void>((resolve) => {
    stream.start({
      onChunk(chunk) {
        chunks.push(String(chunk))
        if (chunks.length === 1) stream.pause()
        tell()
      },
      onEnd: resolve,
      onFailure: () => assert.fail('the stream failed'),
      onAgentError: () => assert.fail('the agent failed'),
    })
  })
  await first
  more?.()
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  assert.deepEqual(chunks, ['data: 1\n\n'])
  stream.resume()
  await ended
  assert.deepEqual(chunks, ['data: 1\n\n', 'data: 2\n\n'])
})

test('an aborted call ends at the agent', async () => {
  const { send } = world()
  const closed = new Promise<void>((resolve) => {
    handler = (_request, response) => {
      response.once('close', resolve)
      call.abort()
    }
  })
  const call = send()
  await refused('FORWARD_UNAVAILABLE', call.answer)
  await closed
})

test('failures in a row open the circuit, and then the agent sees nothing', async () => {
  const { ask, clock } = world()
  handler = (_request, response) => void response.writeHead(503).end()
  await ask()
  await ask()
  handler = answerOk
  assert.equal(await refused('FORWARD_UNAVAILABLE', ask()), 'the circuit is open')
  assert.equal(seen.length, 2)
  clock.advance(1_000)
  assert.equal((await ask()).kind, 'unary')
  assert.equal((await ask()).kind, 'unary')
})

test('callers who abort, and answers nobody may see, do not close the agent to others', async () => {
  const { ask, send } = world({}, {}, { answer: 20 })
  for (let count = 0; count < 3; count += 1) {
    const call = send()
    call.abort()
    await refused('FORWARD_UNAVAILABLE', call.answer)
  }
  handler = (_request, response) => void response.end('x'.repeat(21))
  for (let count = 0; count < 3; count += 1) await refused('RELEASE_TOO_LARGE', ask())
  handler = (_request, response) => void response.writeHead(500).end('{}')
  for (let count = 0; count < 3; count += 1) assert.ok(!isRefusal(await ask()))
  handler = answerOk
  assert.equal((await ask()).kind, 'unary')
})

test('GetTask for a list is a call of its own in the form that the agent speaks', async () => {
  const { forwarder } = world()
  const params = { id: 't', historyLength: 2 }
  const asked = { params, paramsText: () => JSON.stringify(params) }
  const call = { ...admittedOf({ operation: 'GetTask', tenant: 'acme' }), ...asked } as const
  const rest = { ...admittedOf({ operation: 'GetTask', binding: 'HTTP+JSON' }), ...asked } as const
  await forwardGetTask(call, forwarder, 1_000).answer
  await forwardGetTask(rest, forwarder, 1_000).answer
  assert.deepEqual(
    seen.map(({ method, url: path, body }) => [method, path, body === '' ? '' : JSON.parse(body)]),
    [
      ['POST', '/rpc/?v=1', { jsonrpc: '2.0', id: 1, method: 'GetTask', params: { tenant: 'acme', ...params } }],
      ['GET', '/rest/tasks/t?historyLength=2', ''],
    ],
  )
  await refused('RELEASE_TOO_LARGE', forwardGetTask(rest, forwarder, 1).answer)
})

test('the dialler gets one document within its bounds', async () => {
  world()
  assert.equal(String(await dialler.get(`${url}/card?x=1`, { maxBytes: 100, timeoutMs: 1_000 })), '{"ok":true}')
  assert.equal(seen[0]?.url, '/card?x=1')
  assert.equal(seen[0]?.headers['authorization'], undefined)
})

test('the dialler refuses what is too large, too slow or not there, and follows nothing', async () => {
  world()
  const get = (timeoutMs = 1_000): Promise<Buffer> => dialler.get(`${url}/card`, { maxBytes: 10, timeoutMs })
  await assert.rejects(get())
  for (const status of [201, 204, 301, 302, 307, 404, 500]) {
    handler = (_request, response) => void response.writeHead(status, { location: `${url}/x` }).end()
    await assert.rejects(get(), `${status}`)
  }
  handler = () => undefined
  await assert.rejects(get(30))
  await assert.rejects(dialler.get('http://127.0.0.1:1/', { maxBytes: 10, timeoutMs: 1_000 }))
  assert.equal(seen.length, 9)
})

test('the same destination shares a pool, another client certificate does not', () => {
  const options = { origin: url, connectTimeoutMs: 1_000, maxConnections: 2 }
  const { dispatcher } = dialler.pool(options)
  assert.equal(dispatcher, dialler.pool({ ...options }).dispatcher)
  assert.notEqual(dispatcher, dialler.pool({ ...options, tls: { certificate: Buffer.from('x') } }).dispatcher)
})

test('a pool closes with its last share, and the call that runs on it ends first', async () => {
  // a number of connections that no other test has, and so a pool of its own
  const { forwarder } = world({ maxConnections: 3, timeouts: fast })
  const upstream = forwarder.upstreams.get('calculator')
  assert.ok(upstream)
  const options = { origin: url, connectTimeoutMs: 1_000, maxConnections: 3 }
  const another = dialler.pool(options)
  assert.ok(another.dispatcher === upstream.jsonRpc.pool)
  let finish = (): void => undefined
  handler = (_request, response) => {
    response.write('x')
    finish = () => void response.end('y')
  }
  const ask = (): ReturnType<typeof upstream.jsonRpc.pool.request> =>
    upstream.jsonRpc.pool.request({ path: '/', method: 'GET' })
  const { body } = await ask()
  another.release()
  another.release()
  const last = dialler.pool(options)
  assert.ok(last.dispatcher === upstream.jsonRpc.pool, 'the upstream still had its share')
  upstream.release()
  last.release()
  const fresh = dialler.pool(options)
  assert.ok(fresh.dispatcher !== upstream.jsonRpc.pool)
  fresh.release()
  finish()
  assert.equal(await body.text(), 'xy')
  await assert.rejects(ask())
})

test('an exchanged token goes to the agent in the place of the assertion; without one nothing goes', async () => {
  const exchange = { tokenUrl: `${url}/token`, clientId: 'gateway', clientSecret: 'env:X' }
  const provider = { clientSecret: Secret.ofText('s') }
  const { ask, send } = world({ assertion: { as: 'exchange', exchange } }, { provider })
  let granted = 200
  handler = (request, response) => {
    if (request.url !== '/token') return answerOk(request, response)
    response.writeHead(granted, { 'content-type': 'application/json' })
    response.end('{"access_token":"of-the-provider","token_type":"bearer","expires_in":1}')
  }
  const answer = await ask()
  assert.ok(answer.kind === 'unary')
  const called = seen.at(-1)
  assert.equal(called?.headers['authorization'], 'Bearer of-the-provider')
  assert.equal(called?.headers['sallyport-caller-assertion'], undefined)
  const form = new URLSearchParams(seen.at(0)?.body)
  const [, payload = ''] = (form.get('subject_token') ?? '').split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { aud: string }
  assert.equal(claims.aud, exchange.tokenUrl)
  seen.length = 0
  granted = 400
  await refused('FORWARD_UNAVAILABLE', ask())
  assert.deepEqual(
    seen.map((each) => each.url),
    ['/token'],
  )
  const given = send()
  given.abort()
  await refused('FORWARD_UNAVAILABLE', given.answer)
})
