// Answers of an agent over gRPC that two decoders would read differently, or that are no answers at all: none of them
// reaches a caller of any binding, and the next good call is served. The agent is written on bare HTTP/2, because a
// library would be too polite.

import assert from 'node:assert/strict'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Operation } from '../../src/a2a/operations.ts'
import { frameMessage } from '../../src/protobuf/frames.ts'
import { bytes, double, inner, int, tag, text } from '../../src/protobuf/fake-wire.ts'
import { say } from './client.ts'
import { createGrpcCaller, type GrpcCaller } from './grpc-client.ts'
import { startGateway, type Gateway } from './harness.ts'

type Behaviour = (stream: ServerHttp2Stream) => void

let server: Http2Server
const sessions = new Set<ServerHttp2Session>()
let behave: Behaviour
let gateway: Gateway
let grpc: GrpcCaller

before(async () => {
  server = createServer()
  server.on('session', (session) => sessions.add(session.on('error', () => session.destroy())))
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => stream.close())
    stream.resume().on('end', () => behave(stream))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  gateway = await startGateway({
    agents: { wire: { url, grpcUrl: url, bindings: ['GRPC'], timeouts: { firstByte: '2s', blocking: '2s' } } },
    callers: ['alice'],
    bounds: { answer: '512KiB', event: '512KiB' },
  })
  grpc = createGrpcCaller(`127.0.0.1:${gateway.port}`)
})
after(async () => {
  grpc.close()
  await gateway.stop()
  for (const session of sessions) session.destroy()
  await new Promise((resolve) => server.close(resolve))
})

/** Head, the frames as they are, and trailers. */
const answering =
  (body: Buffer, trailers: Readonly<Record<string, string>> = { 'grpc-status': '0' }, head = {}): Behaviour =>
  (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...head }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(body)
  }

const poison = 'POISON'
const said = (...more: Buffer[]): Buffer => bytes(text(1, 'r'), int(4, 2), inner(5, text(1, poison)), ...more)
const inMessage = (...more: Buffer[]): Buffer => inner(2, said(...more))
const task = (id: string, ...more: Buffer[]): Buffer => inner(1, text(1, id), inner(3, int(1, 2)), ...more)
const good = inner(2, text(1, 'r'), int(4, 2), inner(5, text(1, 'fine')))
const nothing = int(1, 0)

// prettier-ignore
const badMessages: Readonly<Record<string, Buffer>> = {
  'nothing': Buffer.alloc(0),
  'a task and a message': bytes(task('t-both'), inMessage()),
  'a message and an empty task': bytes(inMessage(), inner(1)),
  'two messages, which some merge': bytes(inMessage(), inMessage()),
  'a task of two ids': bytes(task('t-one', text(1, 't-two'))),
  'a task of two contexts': bytes(task('t-three', text(2, 'c1'), text(2, 'c2'))),
  'a task of two states': bytes(task('t-four', inner(3, int(1, 3)))),
  'a task of a state that nobody knows': inner(1, text(1, 't-five'), inner(3, int(1, 99))),
  'a task without a state': inner(1, text(1, 't-six'), text(98, poison)),
  'a task without an id': inner(1, inner(3, int(1, 2)), text(98, poison)),
  'a part of two kinds': inMessage(inner(5, text(1, 'a'), text(3, 'https://a.example/'))),
  'a key twice': inMessage(inner(6, inner(1, text(1, 'a'), inner(2, nothing)), inner(1, text(1, 'a'), inner(2, nothing)))),
  'a key that makes a prototype': inMessage(inner(6, inner(1, text(1, '__proto__'), inner(2, nothing)))),
  'a text that is no UTF-8': inMessage(inner(5, text(1, Buffer.of(0xff)))),
  'NaN': inMessage(inner(5, inner(4, double(2, Number.NaN)))),
  'a group': bytes(inMessage(), tag(99, 3), tag(99, 4)),
  'a length beyond the end': bytes(inMessage(), Buffer.of(0x0a, 9)),
  'a tag longer than it needs to be': bytes(inMessage(), Buffer.of(0x98, 0x86, 0x00, 0)),
  'JSON': Buffer.from(JSON.stringify({ message: { messageId: 'r', role: 'ROLE_AGENT', parts: [{ text: poison }] } })),
  'fields without end': Buffer.concat([inMessage(), ...Array.from({ length: 100_001 }, () => int(15, 1))]),
}

const sendPath: Operation = 'SendMessage'

async function assertHeldBack(name: string): Promise<void> {
  const params = say('x')
  const answer = await grpc.call({
    operation: sendPath,
    params,
    key: gateway.keys['alice'] ?? '',
    metadata: { 'sallyport-agent': 'wire' },
  })
  assert.notEqual(answer.code, 0, name)
  assert.equal(answer.messages.length, 0)
  assert.doesNotMatch(JSON.stringify([answer.message, answer.reason]), /POISON/)
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    const told = await gateway.as('alice', { binding, agent: 'wire', operation: sendPath, params: say('x') })
    // also what went wrong is told as JSON
    assert.equal(typeof JSON.parse(told.text), 'object')
    assert.notEqual(told.error.code, 0, told.text)
    assert.doesNotMatch(told.text, /POISON/)
  }
}

async function assertServed(): Promise<void> {
  behave = answering(frameMessage(good))
  const answer = await gateway.as('alice', { binding: 'JSONRPC', agent: 'wire', operation: sendPath, params: say('x') })
  assert.ok(answer.result['message'], answer.text)
}

for (const [name, message] of Object.entries(badMessages)) {
  test(`holds back an answer that is ${name}`, async () => {
    behave = answering(frameMessage(message))
    await assertHeldBack(name)
    await assertServed()
  })
}

const framed = frameMessage(inMessage())
const flagged = (flag: number, message: Buffer): Buffer => {
  const frame = frameMessage(message)
  frame[0] = flag
  return frame
}

// prettier-ignore
const badAnswers: Readonly<Record<string, Behaviour>> = {
  'two messages where there is one': answering(Buffer.concat([framed, framed])),
  'half a message': answering(framed.subarray(0, -1)),
  'no message': answering(Buffer.alloc(0)),
  'a compressed message, not announced': answering(flagged(1, gzipSync(inMessage()))),
  'a compressed message of a megabyte': answering(flagged(1, gzipSync(inMessage(inner(5, text(1, 'a'.repeat(2 ** 20)))))), { 'grpc-status': '0' }, { 'grpc-encoding': 'gzip' }),
  'more than an answer may have': answering(frameMessage(inMessage(inner(5, text(1, 'a'.repeat(600_000)))))),
  'a length of four gigabytes': answering(Buffer.concat([Buffer.of(0, 0xff, 0xff, 0xff, 0xff), inMessage()])),
  'a message and an error': answering(framed, { 'grpc-status': '5', 'grpc-message': 'no' }),
  'a status that is no number': answering(framed, { 'grpc-status': 'x' }),
  'a status that gRPC does not have': answering(framed, { 'grpc-status': '99' }),
  'no status': answering(framed, {}),
  'another HTTP status': (stream) => {
    stream.respond({ ':status': 500, 'content-type': 'text/html' })
    stream.end(poison)
  },
  'a page of HTML': (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/html' })
    stream.end(poison)
  },
  'a stream that is reset': (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    stream.write(framed.subarray(0, 8))
    stream.close(2)
  },
}
for (const [name, behaviour] of Object.entries(badAnswers)) {
  test(`holds back ${name}`, async () => {
    behave = behaviour
    await assertHeldBack(name)
    await assertServed()
  })
}

for (const [name, message] of Object.entries(badMessages)) {
  test(`ends a stream whose second event is ${name}`, async () => {
    behave = answering(Buffer.concat([frameMessage(task(`s-${Math.random()}`)), frameMessage(message), framed]))
    const stream = grpc.stream({
      operation: 'SendStreamingMessage',
      params: say('x'),
      key: gateway.keys['alice'] ?? '',
      metadata: { 'sallyport-agent': 'wire' },
    })
    const ended = await stream.ended
    assert.notEqual(ended.code, 0)
    assert.equal(ended.messages.length, 1)
    assert.ok(ended.messages[0]?.['task'])
  })
}
