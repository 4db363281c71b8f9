// What travels beside a message, through the real process and in every binding: the trace of a caller, and the extensions
// of A2A. Spans are read by a receiver on loopback; the agent is one that writes down what it was sent.

import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Server as GrpcServer, ServerCredentials, status, type Metadata, type ServerUnaryCall } from '@grpc/grpc-js'
import { methodOf } from '../../src/protobuf/schema.ts'
import { eventually } from '../fakes/eventually.ts'
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../fakes/otlp-receiver.ts'
import { createGrpcCaller, type GrpcCaller } from './grpc-client.ts'
import { startGateway, type Gateway } from './harness.ts'
import { say } from './client.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`
const path = methodOf('SendMessage')?.path ?? ''
const asBytes = (bytes: Buffer): Buffer => bytes

let http: Server
let grpcAgent: GrpcServer
let receiver: OtlpReceiver
let gateway: Gateway
let grpc: GrpcCaller
/** fields and metadata that agents got, the last first */
const seen: IncomingHttpHeaders[] = []
let cardExtensions: object[] = []

before(async () => {
  receiver = await startOtlpReceiver()
  http = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url?.endsWith('agent-card.json') === true) {
      const capabilities = { extensions: cardExtensions }
      response.end(JSON.stringify({ name: 'Recorder', capabilities, skills: [] }))
      return
    }
    seen.unshift(request.headers)
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const message = { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'fine' }] }
      const { id } = JSON.parse(body) as { id?: unknown }
      response.setHeader('a2a-extensions', 'urn:told, urn:never-told')
      response.end(JSON.stringify(id === undefined ? { message } : { jsonrpc: '2.0', id, result: { message } }))
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  grpcAgent = new GrpcServer()
  const definition = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asBytes,
    requestDeserialize: asBytes,
    responseSerialize: asBytes,
    responseDeserialize: asBytes,
  }
  grpcAgent.addService(
    { SendMessage: definition },
    {
      SendMessage(call: ServerUnaryCall<Buffer, Buffer>, answer: (error: object) => void) {
        seen.unshift(mapOf(call.metadata))
        answer({ code: status.NOT_FOUND, details: 'nothing' })
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    grpcAgent.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  // before the gateway is there: it reads cards when it starts
  cardExtensions = [{ uri: 'urn:told' }, { uri: 'urn:kept-back' }]
  gateway = await startGateway({
    agents: {
      json: { url, extensions: ['urn:told', 'urn:undeclared'] },
      proto: { url, grpcUrl: `http://127.0.0.1:${port}`, bindings: ['GRPC'], extensions: '*' },
    },
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_SERVICE_NAME: 'gate',
    },
  })
  grpc = createGrpcCaller(`127.0.0.1:${gateway.port}`)
})
after(async () => {
  grpc.close()
  await gateway.stop()
  grpcAgent.forceShutdown()
  http.closeAllConnections()
  http.close()
  await receiver.close()
})

const mapOf = (metadata: Metadata): IncomingHttpHeaders => metadata.getMap() as IncomingHttpHeaders

/** The call's span in the trace of the test, and the one of the call to the agent. */
async function spansOf(call: string): Promise<{ root: ReceivedSpan; forward: ReceivedSpan }> {
  return await eventually(`spans of ${call}`, () => {
    const root = receiver.spans.find((span) => span.attributes['sallyport.call'] === call)
    const forward = receiver.spans.find((span) => span.parentSpanId === root?.spanId && span.kind === 3)
    return root && forward && { root, forward }
  })
}

for (const binding of ['JSONRPC', 'HTTP+JSON'] as const)
  test(`a trace goes on, and spans lie between caller and agent: ${binding}`, async () => {
    const headers = { traceparent, tracestate: 'rojo=1', baggage: 'user=alice' }
    const answer = await gateway.as('alice', {
      binding,
      agent: 'json',
      operation: 'SendMessage',
      params: say('hello'),
      headers,
    })
    assert.equal(answer.status, 200, answer.text)
    const record = await gateway.recordOf(answer)
    const { root, forward } = await spansOf(record.envelope.call)
    assert.equal(root.traceId, traceId)
    assert.equal(root.parentSpanId, 'b7ad6b7169203331')
    assert.equal(root.resource['service.name'], 'gate')
    assert.equal(root.attributes['gen_ai.agent.name'], 'json')
    assert.equal(seen[0]?.['traceparent'], `00-${traceId}-${forward.spanId}-01`)
    assert.equal(seen[0]['tracestate'], 'rojo=1')
    assert.equal(seen[0]['baggage'], undefined)
    assert.equal(record.event?.['trace'], `00-${traceId}-${root.spanId}-01`)
  })

test('a trace goes on over gRPC, and from gRPC to an agent that speaks JSON', async () => {
  for (const agent of ['proto', 'json']) {
    const metadata = { 'sallyport-agent': agent, traceparent, tracestate: 'rojo=1', baggage: 'user=alice' }
    const key = gateway.keys['alice'] ?? ''
    const before = seen.length
    await grpc.call({ operation: 'SendMessage', params: say('hello'), key, metadata })
    assert.equal(seen.length, before + 1, agent)
    const own = /^00-0af7651916cd43dd8448eb211c80319c-([0-9a-f]{16})-01$/.exec(String(seen[0]?.['traceparent']))?.[1]
    assert.ok(own !== undefined && own !== 'b7ad6b7169203331', agent)
    assert.equal(seen[0]?.['tracestate'], 'rojo=1')
    assert.equal(seen[0]['baggage'], undefined)
    const forward = await eventually('the span', () => receiver.spans.find(({ spanId }) => spanId === own))
    assert.equal(forward.attributes['rpc.system.name'], agent === 'proto' ? 'grpc' : 'jsonrpc')
    const root = receiver.spans.find(({ spanId }) => spanId === forward.parentSpanId)
    assert.equal(root?.attributes['rpc.method'], 'lf.a2a.v1.A2AService/SendMessage')
  }
})

test('what is refused is a span too, with its code', async () => {
  const answer = await gateway.as('nobody', {
    binding: 'JSONRPC',
    agent: 'json',
    operation: 'SendMessage',
    params: say('hello'),
    headers: { traceparent },
  })
  const { call } = (await gateway.recordOf(answer)).envelope
  const root = await eventually('the span', () =>
    receiver.spans.find((span) => span.attributes['sallyport.call'] === call),
  )
  assert.deepEqual([root.status, root.attributes['error.type']], [2, 'ROUTE_AGENT_UNKNOWN'])
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  assert.match(text, /^sallyport_spans_total\{outcome="sent"\} [1-9]/m)
  assert.match(text, /^sallyport_spans_total\{outcome="dropped"\} 0$/m)
})

test('extensions reach an agent as far as its card and the configuration agree, in every binding', async () => {
  const asked = 'urn:kept-back, urn:undeclared, urn:told, urn:stranger'
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    const headers = { 'a2a-extensions': asked }
    const answer = await gateway.as('alice', {
      binding,
      agent: 'json',
      operation: 'SendMessage',
      params: say('hello'),
      headers,
    })
    assert.equal(answer.status, 200)
    assert.equal(seen[0]?.['a2a-extensions'], 'urn:told')
    assert.equal(answer.headers['a2a-extensions'], 'urn:told')
  }
  const key = gateway.keys['alice'] ?? ''
  const metadata = { 'a2a-extensions': asked }
  const send = { operation: 'SendMessage', params: say('hello'), key } as const
  await grpc.call({ ...send, metadata: { ...metadata, 'sallyport-agent': 'proto' } })
  assert.equal(seen[0]?.['a2a-extensions'], 'urn:kept-back, urn:told')
  const { head } = await grpc.call({ ...send, metadata: { ...metadata, 'sallyport-agent': 'json' } })
  assert.deepEqual(head.get('a2a-extensions'), ['urn:told'])
})

test('a required extension that is not to be had is refused in the words of each binding, before the agent', async () => {
  cardExtensions = [{ uri: 'urn:required', required: true }]
  const strict = await startGateway({
    agents: { strict: { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, extensions: [] } },
    callers: ['alice'],
  })
  const caller = createGrpcCaller(`127.0.0.1:${strict.port}`)
  try {
    const call = { agent: 'strict', operation: 'SendMessage', params: say('hello') } as const
    const headers = { 'a2a-extensions': 'urn:required' }
    await eventually('the card is known', async () => {
      const { text } = await strict.as('alice', { ...call, binding: 'JSONRPC', headers })
      return text.includes('-32008') ? true : undefined
    })
    const before = seen.length
    const rpc = await strict.as('alice', { ...call, binding: 'JSONRPC', headers })
    assert.equal(rpc.status, 200)
    assert.match(rpc.text, /EXTENSION_SUPPORT_REQUIRED/)
    const rest = await strict.as('alice', { ...call, binding: 'HTTP+JSON', headers })
    assert.equal(rest.status, 400)
    assert.match(rest.text, /FAILED_PRECONDITION.*EXTENSION_SUPPORT_REQUIRED/)
    const metadata = { ...headers, 'sallyport-agent': 'strict' }
    const key = strict.keys['alice'] ?? ''
    const over = await caller.call({ operation: 'SendMessage', params: say('hello'), key, metadata })
    assert.deepEqual([over.code, over.reason], [status.FAILED_PRECONDITION, 'EXTENSION_SUPPORT_REQUIRED'])
    assert.equal(seen.length, before, 'the agent saw one')
  } finally {
    caller.close()
    await strict.stop()
  }
})
