// Spans of real calls, as a receiver on loopback reads them from the wire.

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { parseTraceContext } from '../base/trace-context.ts'
import { readTraceEnvironment, type ConfigInput } from '../config/config.ts'
import { createDialler } from '../forward/forward.ts'
import { messageParams, say, startFakeWalk, type Ask, type FakeWalk } from '../pipeline/fake-walk.ts'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../../test/fakes/otlp-receiver.ts'
import { startTracing, type OpenTracing } from './telemetry.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const callersSpan = 'b7ad6b7169203331'
const sampled = `00-${traceId}-${callersSpan}-01`
const unsampled = `00-${traceId}-${callersSpan}-00`

interface World {
  readonly walk: FakeWalk
  readonly receiver: OtlpReceiver
  readonly tracing: OpenTracing
  readonly told: string[]
  /** fields that the agent got with the last call */
  fields: IncomingMessage['headers']
  send(this: void, ask?: Ask): Promise<FakeReply>
  /** everything that has been sent once nothing waits */
  spans(this: void): Promise<ReceivedSpan[]>
}

async function withWorld(
  work: (world: World) => Promise<void>,
  { env = {}, config = {} }: { env?: Record<string, string>; config?: ConfigInput } = {},
): Promise<void> {
  const receiver = await startOtlpReceiver()
  const { spans, warnings } = readTraceEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_BSP_SCHEDULE_DELAY: '60000',
    ...env,
  })
  assert.ok(spans)
  assert.deepEqual(warnings, [])
  const walk = await startFakeWalk({ config })
  const dialler = createDialler()
  const told: string[] = []
  const tracing = await startTracing({
    spans,
    dialler,
    clock: walk.clock,
    version: '1.2.3',
    log: { info: (_fields, message) => told.push(message), warn: (_fields, message) => told.push(message) },
  })
  Object.assign(walk.parts, { tracing })
  const world: World = {
    walk,
    receiver,
    tracing,
    told,
    fields: {},
    send: (ask) => walk.rpc('SendMessage', messageParams, ask),
    async spans() {
      await tracing.stop()
      return receiver.spans
    },
  }
  const { agent } = walk
  walk.agent = (request, response, body) => {
    world.fields = request.headers
    agent(request, response, body)
  }
  try {
    await work(world)
  } finally {
    await tracing.stop()
    await walk.close()
    await dialler.close()
    await receiver.close()
  }
}

function only(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name)
  assert.equal(found.length, 1, `${name}: ${spans.map((span) => span.name).join(' ')}`)
  return found[0] ?? assert.fail()
}

for (const protocol of ['http/protobuf', 'http/json']) {
  test(`a call is a span, and so is each stage of it: ${protocol}`, () =>
    withWorld(
      async ({ walk, receiver, send, spans }) => {
        assert.equal((await send()).status, 200)
        const all = await spans()
        const root = only(all, 'invoke_agent calculator')
        assert.deepEqual(all.map(({ name }) => name).toSorted(), [
          'audit',
          'authenticate',
          'authorize',
          'forward',
          'guard',
          'invoke_agent calculator',
          'limit',
          'release',
          'route',
          'validate',
        ])
        for (const span of all) {
          assert.equal(span.traceId, root.traceId)
          assert.equal(span.parentSpanId, span === root ? '' : root.spanId, span.name)
          assert.ok(span.startNs >= root.startNs && span.endNs <= root.endNs && span.startNs <= span.endNs, span.name)
          assert.equal(span.status, 0)
          assert.equal(span.kind, { 'invoke_agent calculator': 2, forward: 3 }[span.name] ?? 1, span.name)
          assert.equal(span.scope, 'sallyport')
          assert.deepEqual(span.resource, { 'service.name': 'edge', 'service.version': '1.2.3', team: 'a b' })
        }
        assert.deepEqual(root.attributes, {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.provider.name': 'a2a',
          'gen_ai.agent.name': 'calculator',
          'rpc.system.name': 'jsonrpc',
          'rpc.method': 'SendMessage',
          'jsonrpc.protocol.version': '2.0',
          'sallyport.call': 'call1',
          'sallyport.operation': 'SendMessage',
          'sallyport.binding': 'JSONRPC',
          'sallyport.a2a.version': '1.0',
          'sallyport.outcome': 'completed',
        })
        const forward = only(all, 'forward')
        assert.equal(forward.attributes['rpc.system.name'], 'jsonrpc')
        assert.equal(forward.attributes['server.address'], '127.0.0.1')
        assert.equal(
          forward.attributes['server.port'],
          Number(new URL(walk.snapshot.agents.get('calculator')?.url ?? '').port),
        )
        const [request] = receiver.requests
        assert.equal(request?.path, '/v1/traces')
        assert.equal(request.headers['authorization'], 'Bearer x')
        assert.equal(
          request.headers['content-type'],
          protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
        )
      },
      {
        env: {
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x',
          OTEL_SERVICE_NAME: 'edge',
          OTEL_RESOURCE_ATTRIBUTES: 'team=a%20b',
        },
      },
    ))
}

test("a caller's trace goes on: its span, ours, the call to the agent, and the agent's", () =>
  withWorld(async (world) => {
    await world.send({ headers: { traceparent: sampled, tracestate: 'rojo=1' } })
    const all = await world.spans()
    const root = only(all, 'invoke_agent calculator')
    assert.equal(root.traceId, traceId)
    assert.equal(root.parentSpanId, callersSpan)
    assert.equal(root.traceState, 'rojo=1')
    const agents = parseTraceContext(String(world.fields['traceparent']), undefined)
    assert.deepEqual(agents, { traceId, spanId: only(all, 'forward').spanId, flags: 1, state: '' })
    assert.equal(world.fields['tracestate'], 'rojo=1')
    assert.equal(world.walk.records[0]?.facts.trace, `00-${traceId}-${root.spanId}-01`)
  }))

test('a call without a trace begins one, of random ids, which the record names', () =>
  withWorld(async (world) => {
    await world.send({ headers: { tracestate: 'rojo=1' } })
    await world.send()
    const [one, other] = (await world.spans()).filter(({ kind }) => kind === 2)
    assert.notEqual(one?.traceId, other?.traceId)
    assert.equal(one?.traceState, '')
    // sampled, and random throughout
    assert.match(String(world.fields['traceparent']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/)
    assert.equal(world.fields['tracestate'], undefined)
    assert.equal(world.walk.records[0]?.facts.trace, `00-${one?.traceId ?? ''}-${one?.spanId ?? ''}-03`)
  }))

test('what the caller did not sample is not sent, and goes on unsampled', () =>
  withWorld(async (world) => {
    await world.send({ headers: { traceparent: unsampled } })
    assert.deepEqual(await world.spans(), [])
    const agents = parseTraceContext(String(world.fields['traceparent']), undefined)
    assert.equal(agents?.traceId, traceId)
    assert.equal(agents.flags, 0)
    assert.notEqual(agents.spanId, callersSpan)
  }))

test('a sampler that listens to nobody decides alone', async () => {
  await withWorld(
    async (world) => {
      await world.send({ headers: { traceparent: sampled } })
      assert.deepEqual(await world.spans(), [])
      assert.match(String(world.fields['traceparent']), new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
    },
    { env: { OTEL_TRACES_SAMPLER: 'always_off' } },
  )
  await withWorld(
    async (world) => {
      await world.send({ headers: { traceparent: unsampled } })
      assert.equal(only(await world.spans(), 'invoke_agent calculator').parentSpanId, callersSpan)
    },
    { env: { OTEL_TRACES_SAMPLER: 'always_on' } },
  )
})

test('of whom nothing is continued there is a trace of our own, with a link, and his flag decides nothing', () =>
  withWorld(
    async (world) => {
      await world.send({ headers: { traceparent: unsampled, tracestate: 'rojo=1' } })
      const root = only(await world.spans(), 'invoke_agent calculator')
      assert.notEqual(root.traceId, traceId)
      assert.equal(root.parentSpanId, '')
      assert.deepEqual(root.links, [{ traceId, spanId: callersSpan }])
      assert.doesNotMatch(JSON.stringify(world.fields), new RegExp(`${traceId}|rojo`))
    },
    { config: { telemetry: { traces: { continueFrom: ['key:bob'] } } } },
  ))

test('an unknown caller chooses neither trace nor sampling', () =>
  withWorld(async (world) => {
    await world.send({ as: '', headers: { traceparent: unsampled } })
    const all = await world.spans()
    const root = only(all, 'call')
    assert.notEqual(root.traceId, traceId)
    assert.deepEqual(root.links, [{ traceId, spanId: callersSpan }])
    assert.equal(root.status, 2)
    assert.equal(root.attributes['error.type'], 'AUTHN_MISSING')
    assert.equal(only(all, 'authenticate').status, 2)
  }))

test('a refusal is an error with its code, of the call and of the stage that said no', async () => {
  const refusals: [Ask & { method?: string; params?: unknown }, string, string, string][] = [
    [{ as: 'nobody' }, 'ROUTE_AGENT_UNKNOWN', 'call', 'route'],
    [{ headers: { 'a2a-version': '9.9' } }, 'VALIDATE_VERSION', 'call', 'validate'],
    [
      { body: { jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id: 'x' } } },
      'AUTHZ_TASK_NOT_FOUND',
      'GetTask calculator',
      'authorize',
    ],
  ]
  for (const [ask, code, name, stage] of refusals)
    await withWorld(async (world) => {
      await world.send(ask)
      const all = await world.spans()
      const root = only(all, name)
      assert.equal(root.status, 2)
      assert.equal(root.attributes['error.type'], code)
      assert.equal(root.attributes['sallyport.outcome'], 'refused')
      assert.match(
        String(root.attributes['rpc.response.status_code'] ?? root.attributes['http.response.status_code']),
        /^-?\d+$/,
      )
      const blamed = all.filter((span) => span !== root && span.status === 2)
      assert.deepEqual(
        blamed.map((span) => [span.name, span.attributes['error.type']]),
        [[stage, code]],
      )
    })
})

test('an agent that fails is an error of the call to it', () =>
  withWorld(async (world) => {
    world.walk.agent = (request, response) => {
      world.fields = request.headers
      response.destroy()
    }
    await world.send()
    const all = await world.spans()
    const forward = only(all, 'forward')
    assert.equal(forward.kind, 3)
    assert.equal(forward.status, 2)
    assert.equal(forward.attributes['error.type'], 'FORWARD_UNAVAILABLE')
    assert.equal(forward.attributes['server.address'], '127.0.0.1')
    assert.equal(only(all, 'invoke_agent calculator').attributes['sallyport.outcome'], 'failed')
  }))

test('spans of a stream end with the stream', () =>
  withWorld(async (world) => {
    let finish: () => void = () => undefined
    world.walk.agent = (_request, response, body) => {
      const { id } = JSON.parse(body) as { id: unknown }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const task = { id: 't', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } }
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { task } })}\n\n`)
      finish = () => response.end()
    }
    const reply = new FakeReply()
    const call = world.walk.rpc('SendStreamingMessage', messageParams, { reply })
    while (!reply.body.includes('WORKING')) await settled()
    assert.deepEqual(world.tracing.report(), { sent: 0, failed: 0, dropped: 0, waiting: 0 })
    world.walk.clock.advance(60_000)
    finish()
    await call
    const all = await world.spans()
    const root = only(all, 'invoke_agent calculator')
    const forward = only(all, 'forward')
    assert.ok(root.endNs - root.startNs >= 60_000_000_000n)
    assert.equal(root.attributes['sallyport.outcome'], 'completed')
    assert.ok(forward.endNs - only(all, 'limit').endNs >= 60_000_000_000n)
  }))

test('a list asks its agent under one span, and discovery is a span too', () =>
  withWorld(async (world) => {
    world.walk.ownership.give('task', 't1', 'key:alice')
    world.walk.agent = (request, response, body) => {
      world.fields = request.headers
      say(response, body, { id: 't1', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } })
    }
    assert.equal((await world.walk.rpc('ListTasks', {})).status, 200)
    await world.walk.ask({ method: 'GET', path: '/agents' })
    const all = await world.spans()
    assert.equal(all.filter(({ name }) => name === 'forward').length, 1)
    assert.match(String(world.fields['traceparent']), new RegExp(only(all, 'forward').spanId))
    assert.equal(only(all, 'ListTasks calculator').attributes['gen_ai.operation.name'], undefined)
    assert.equal(only(all, 'ListAgents').kind, 2)
  }))

test('no word of a message, of an answer or of a credential is in what is sent, and nobody who called', () =>
  withWorld(async (world) => {
    const canary = 'canary-5c1f'
    world.walk.agent = (_request, response, body) =>
      say(response, body, { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: `${canary} answer` }] } })
    const message = {
      messageId: 'm1',
      role: 'ROLE_USER',
      parts: [{ text: `${canary} text` }, { data: { [canary]: canary } }, { url: `https://x.example/${canary}` }],
      metadata: { [canary]: canary },
    }
    const headers = { 'x-other': canary, cookie: canary, baggage: `a=${canary}`, 'user-agent': canary }
    assert.equal((await world.walk.rpc('SendMessage', { message, metadata: { [canary]: 1 } }, { headers })).status, 200)
    await world.walk.rpc(`Unknown${canary}`, {}, { headers })
    await world.walk.ask({ path: `/agents/${canary}`, headers })
    await world.walk.ask({ headers: { authorization: `Bearer ${canary}` }, as: '' })
    await world.spans()
    const sent = Buffer.concat(world.receiver.requests.map(({ body }) => body)).toString('latin1')
    assert.ok(sent.length > 1_000)
    for (const secret of [canary, 'sp_live_', 'key:alice', 'alice', '192.0.2.1'])
      assert.ok(!sent.includes(secret), secret)
  }))
