// The attack: two decoders of protobuf read one message differently (the last of two tenants, the first, or both merged),
// and the gateway decides on what the agent does not do. Every such shape is refused before the agent, or reaches it byte
// for byte. What the scan of the wire form refuses in detail is in src/protobuf/scan-wire.test.ts; this is the real walk.

import assert from 'node:assert/strict'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { after, before, test } from 'node:test'
import { frameMessage } from '../../src/protobuf/frames.ts'
import { bytes, double, inner, int, tag, text, varint } from '../../src/protobuf/fake-wire.ts'
import { startRecordingGrpcAgent, type RecordingGrpcAgent } from '../fakes/recording-grpc-agent.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: RecordingGrpcAgent
let gateway: Gateway
let session: ClientHttp2Session

before(async () => {
  agent = await startRecordingGrpcAgent()
  gateway = await startGateway({
    agents: { recorder: { url: agent.url, grpcUrl: agent.url, bindings: ['GRPC'] } },
    callers: ['alice'],
  })
  session = connect(gateway.url)
})
after(async () => {
  session.close()
  await gateway.stop()
  agent.close()
})

const send = '/lf.a2a.v1.A2AService/SendMessage'
const read = '/lf.a2a.v1.A2AService/GetTask'

/** One call as it stands; the number of its grpc-status. */
async function call(body: Buffer, more: Readonly<Record<string, string>> = {}): Promise<number> {
  const stream = session.request({
    ':method': 'POST',
    ':path': send,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${gateway.keys['alice'] ?? ''}`,
    'sallyport-agent': 'recorder',
    ...more,
  })
  let head: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  stream.on('response', (fields) => (head = fields)).on('trailers', (fields) => (trailers = fields))
  stream.end(body)
  stream.resume()
  await new Promise((resolve, reject) => stream.on('close', resolve).on('error', reject))
  return Number(trailers['grpc-status'] ?? head['grpc-status'])
}

const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const UNIMPLEMENTED = 12

let messages = 0
const part = (...fields: Buffer[]): Buffer => inner(5, ...fields)
/** Each with an id of its own: it is good for one message. */
const message = (...fields: Buffer[]): Buffer => inner(2, text(1, `m${messages++}`), int(4, 1), ...fields)
const hello = (): Buffer => part(text(1, 'hello'))
const nothing = int(1, 0)
const member = (key: string, value: Buffer): Buffer => inner(1, text(1, key), inner(2, value))
const unknown = bytes(
  int(99, 1),
  double(98, 1),
  bytes(tag(97, 5), Buffer.alloc(4)),
  text(96, Buffer.of(0xff)),
  int(99, 2),
)

// prettier-ignore
const forwarded: Readonly<Record<string, () => Buffer>> = {
  'a message': () => message(hello()),
  'fields in another order': () => bytes(inner(3, int(4, 1)), inner(2, hello(), int(4, 1), text(1, `m${messages++}`))),
  'unknown fields of every wire type, twice': () => bytes(unknown, message(unknown, hello(), unknown), unknown),
  'defaults that are written out': () => bytes(text(1, ''), message(text(3, ''), hello()), inner(3, int(3, 0), int(4, 0))).subarray(2),
  'an empty key, an entry the other way round': () => message(part(inner(4, inner(5, inner(1, inner(2, nothing)), inner(1, inner(2, nothing), text(1, 'a')))))),
  'numbers of every size': () => message(part(inner(4, inner(6, inner(1, double(2, -0)), inner(1, double(2, 5e-324)), inner(1, double(2, 2 ** 64)))))),
  'a byte order mark and NUL in a text': () => message(part(text(1, '\ufeffa\u0000'))),
  'an empty text': () => message(part(text(1, ''))),
  'bytes': () => message(part(text(2, Buffer.from([0, 255])), text(7, 'a/b'))),
  'keys that differ by case': () => message(part(inner(4, inner(5, member('a', nothing), member('A', nothing))))),
}
for (const [name, make] of Object.entries(forwarded)) {
  test(`forwards ${name} byte for byte`, async () => {
    const seen = agent.seen.length
    const sent = make()
    assert.equal(await call(frameMessage(sent)), 0)
    assert.deepEqual(agent.seen.slice(seen), [{ operation: 'SendMessage', bytes: sent }])
  })
}

test('a tenant that the card gave out is taken away, and nothing else', async () => {
  const seen = agent.seen.length
  const sent = bytes(unknown, message(hello()), unknown)
  assert.equal(await call(frameMessage(bytes(text(1, 'recorder'), sent))), 0)
  assert.deepEqual(agent.seen[seen]?.bytes, sent)
})

// prettier-ignore
const refused: Readonly<Record<string, () => Buffer>> = {
  'two tenants': () => bytes(text(1, ''), text(1, 'other'), message(hello())),
  'two messages, which some merge': () => bytes(message(hello()), inner(2, text(3, 'task-of-another'))),
  'two tasks': () => message(text(3, ''), text(3, 'task-of-another'), hello()),
  'two contexts': () => message(text(2, 'mine'), text(2, 'theirs'), hello()),
  'two configurations': () => bytes(message(hello()), inner(3, int(4, 1)), inner(3, inner(2, text(4, 'https://a.example/')))),
  'two webhooks': () => bytes(message(hello()), inner(3, inner(2, text(4, 'https://a.example/')), inner(2, text(4, 'https://b.example/')))),
  'a part of two kinds': () => message(part(text(1, 'a'), text(3, 'https://a.example/'))),
  'a part of two kinds, the second one empty': () => message(part(text(3, 'https://a.example/'), text(1, ''))),
  'a part of one kind twice': () => message(part(text(1, 'a'), text(1, 'b'))),
  'a part of none': () => message(part()),
  'a value of two kinds': () => message(part(inner(4, nothing, text(3, 'a')))),
  'a value that is nothing': () => message(part(inner(4))),
  'a key twice': () => message(inner(6, member('a', nothing), member('a', text(3, 'b'))), hello()),
  'a key that makes a prototype': () => message(inner(6, member('__proto__', nothing)), hello()),
  'two values in one entry': () => message(inner(6, inner(1, text(1, 'a'), inner(2, nothing), inner(2, nothing))), hello()),
  'a role out of the schema': () => inner(2, text(1, 'm'), int(4, 3), hello()),
  'a role of 33 bits': () => inner(2, text(1, 'm'), int(4, 2n ** 32n + 1n), hello()),
  'no role': () => inner(2, text(1, 'm'), hello()),
  'a boolean of two': () => bytes(message(hello()), inner(3, int(4, 2))),
  'a number of 33 bits': () => bytes(message(hello()), inner(3, int(3, 2n ** 32n))),
  'a negative number': () => bytes(message(hello()), inner(3, int(3, -1))),
  'a tenant as a number': () => bytes(int(1, 1), message(hello())),
  'a message as a group': () => bytes(tag(2, 3), text(1, 'm'), int(4, 1), hello(), tag(2, 4)),
  'an unknown group': () => bytes(message(hello()), tag(99, 3), tag(99, 4)),
  'field 0': () => bytes(message(hello()), Buffer.of(0, 0)),
  'a field number whose upper bits some cut': () => bytes(message(hello()), varint(2n ** 35n + 10n), Buffer.of(1, 0x61)),
  'a tag in two bytes': () => bytes(message(hello()), Buffer.of(0x8a, 0x00, 1, 0x61)),
  'a length in two bytes': () => bytes(message(hello()), Buffer.of(0x0a, 0x81, 0x00, 0x61)),
  'a varint of eleven bytes': () => bytes(message(hello()), tag(99, 0), Buffer.alloc(10, 0x80), Buffer.of(1)),
  'a length beyond the end': () => bytes(message(hello()), Buffer.of(0x0a, 9, 0x61)),
  'a text that is no UTF-8': () => message(part(text(1, Buffer.of(0xff)))),
  'a task that is no UTF-8': () => message(text(3, Buffer.of(0xed, 0xa0, 0x80)), hello()),
  'NUL in a task': () => message(text(3, 't\u0000'), hello()),
  'NaN': () => message(part(inner(4, double(2, Number.NaN)))),
  'infinity': () => message(part(inner(4, double(2, Number.POSITIVE_INFINITY)))),
  'lists in lists': () => {
    let value = nothing
    for (let level = 0; level < 60; level++) value = inner(6, inner(1, value))
    return message(part(inner(4, value)))
  },
  'a tenant that is not the agent\'s': () => bytes(text(1, 'other'), message(hello())),
  'nothing': () => Buffer.alloc(0),
}
for (const [name, make] of Object.entries(refused)) {
  test(`refuses ${name}, and the agent sees nothing`, async () => {
    const seen = agent.seen.length
    assert.equal(await call(frameMessage(make())), INVALID_ARGUMENT)
    assert.equal(agent.seen.length, seen)
  })
}

const framed = (): Buffer => frameMessage(message(hello()))
// prettier-ignore
const refusedFrames: Readonly<Record<string, readonly [code: number, body: () => Buffer]>> = {
  'a compressed message': [UNIMPLEMENTED, () => Buffer.concat([Buffer.of(1), framed().subarray(1)])],
  'another flag': [INVALID_ARGUMENT, () => Buffer.concat([Buffer.of(2), framed().subarray(1)])],
  'the flag of a trailer, as grpc-web has it': [INVALID_ARGUMENT, () => Buffer.concat([Buffer.of(0x80), framed().subarray(1)])],
  'two messages': [INVALID_ARGUMENT, () => Buffer.concat([framed(), framed()])],
  'half a message': [INVALID_ARGUMENT, () => framed().subarray(0, -1)],
  'half a header': [INVALID_ARGUMENT, () => framed().subarray(0, 3)],
  'a letter behind a message': [INVALID_ARGUMENT, () => Buffer.concat([framed(), Buffer.of(0)])],
  'a message without a frame': [INVALID_ARGUMENT, () => message(hello())],
  'no frame': [INVALID_ARGUMENT, () => Buffer.alloc(0)],
}
for (const [name, [code, body]] of Object.entries(refusedFrames)) {
  test(`refuses ${name}, and the agent sees nothing`, async () => {
    const seen = agent.seen.length
    assert.equal(await call(body()), code)
    assert.equal(agent.seen.length, seen)
  })
}

for (const path of [
  `${send}/`,
  `/${send}`,
  send.toLowerCase(),
  `${send}?x`,
  send.replace('S', '%53'),
  `/x/..${send}`,
  send.replace('lf.a2a.v1', 'lf.a2a.v1.'),
  '/lf.a2a.v1.A2AService/TaskSubscription',
  '/lf.a2a.v1.A2AService/message%2Fsend',
]) {
  test(`refuses the path ${path}, and the agent sees nothing`, async () => {
    const seen = agent.seen.length
    assert.notEqual(await call(framed(), { ':path': path }), 0)
    assert.equal(agent.seen.length, seen)
  })
}

for (const [name, fields] of [
  ['protobuf as JSON', { 'content-type': 'application/grpc+json' }],
  ['grpc-web', { 'content-type': 'application/grpc-web' }],
  ['a compression', { 'grpc-encoding': 'gzip' }],
  ['a timeout that is none', { 'grpc-timeout': '1' }],
  ['a timeout of nine digits', { 'grpc-timeout': '123456789S' }],
  ['another version than the service is of', { 'a2a-version': '0.3' }],
  ['two versions', { 'a2a-version': '1.0, 0.3' }],
  ['an agent by another case', { 'sallyport-agent': 'Recorder' }],
] as const) {
  test(`refuses ${name}, and the agent sees nothing`, async () => {
    const seen = agent.seen.length
    assert.notEqual(await call(framed(), fields), 0)
    assert.equal(agent.seen.length, seen)
  })
}

test('a task is looked for by the bytes that the agent would get', async () => {
  const seen = agent.seen.length
  for (const id of ['t', 't ', '\ufefft', 'T'])
    assert.equal(await call(frameMessage(text(2, id)), { ':path': read }), NOT_FOUND)
  assert.equal(agent.seen.length, seen)
})
