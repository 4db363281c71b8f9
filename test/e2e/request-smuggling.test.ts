// Request smuggling: whatever two HTTP servers could read differently is answered once, with a refusal, the
// connection closed, and nothing of it reaches an agent (RFC 9112 §3.2, §5, §6, §11.2).

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { headers, preface, requestFields, settings } from '../fakes/http2-frames.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: HostileAgent
let gateway: Gateway

before(async () => {
  agent = await startHostileAgent()
  gateway = await startGateway({
    agents: { calculator: agent.url },
    callers: ['alice'],
    bounds: { headTime: '2s', bodyTime: '2s' },
  })
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

const body =
  '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"smuggled","role":"ROLE_USER","parts":[{"text":"message smuggled"}]}}}'
const length = `Content-Length: ${body.length}`
const chunkOf = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

interface Shape {
  readonly line?: string
  /** fields beside Host, Authorization, A2A-Version and Content-Type; joined by CRLF */
  readonly fields?: readonly string[]
  readonly host?: readonly string[]
  readonly body?: string
  readonly whole?: (request: string) => string
}

function spellRaw(shape: Shape): string {
  const host = shape.host ?? ['Host: localhost']
  const fields = [
    ...host,
    `Authorization: Bearer ${gateway.keys['alice'] ?? ''}`,
    'A2A-Version: 1.0',
    'Content-Type: application/json',
    ...(shape.fields ?? [length]),
  ]
  const request = `${shape.line ?? 'POST /agents/calculator HTTP/1.1'}\r\n${fields.join('\r\n')}\r\n\r\n${shape.body ?? body}`
  return shape.whole?.(request) ?? request
}

// prettier-ignore
const attacks: Readonly<Record<string, Shape>> = {
  // two lengths
  'two equal content-lengths': { fields: [length, length] },
  'two different content-lengths': { fields: [length, 'Content-Length: 3'] },
  'a list of content-lengths': { fields: [`${length}, ${body.length}`] },
  'a negative content-length': { fields: ['Content-Length: -1'] },
  'a signed content-length': { fields: [`Content-Length: +${body.length}`] },
  'a hexadecimal content-length': { fields: ['Content-Length: 0x10'] },
  'an empty content-length': { fields: ['Content-Length:'] },
  'an overflowing content-length': { fields: ['Content-Length: 18446744073709551617'] },
  'a content-length with a space inside': { fields: ['Content-Length: 1 0'] },
  'content-length with chunked': { fields: [length, 'Transfer-Encoding: chunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  'chunked with content-length': { fields: ['Transfer-Encoding: chunked', length], body: `${chunkOf(body)}0\r\n\r\n` },
  // transfer codings
  'chunked, identity': { fields: ['Transfer-Encoding: chunked, identity'], body: `${chunkOf(body)}0\r\n\r\n` },
  'identity': { fields: ['Transfer-Encoding: identity', length] },
  'xchunked': { fields: ['Transfer-Encoding: xchunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  'gzip, chunked': { fields: ['Transfer-Encoding: gzip, chunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  'chunked, chunked': { fields: ['Transfer-Encoding: chunked, chunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  'two transfer-encodings': { fields: ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  'chunked behind a tab': { fields: ['Transfer-Encoding:\tchunked\v'], body: `${chunkOf(body)}0\r\n\r\n` },
  'quoted chunked': { fields: ['Transfer-Encoding: "chunked"'], body: `${chunkOf(body)}0\r\n\r\n` },
  'space before the colon of transfer-encoding': { fields: ['Transfer-Encoding : chunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  // chunks
  'a negative chunk size': { fields: ['Transfer-Encoding: chunked'], body: `-5\r\n${body}\r\n0\r\n\r\n` },
  'a chunk size that is no number': { fields: ['Transfer-Encoding: chunked'], body: `zz\r\n${body}\r\n0\r\n\r\n` },
  'a chunk size with 0x': { fields: ['Transfer-Encoding: chunked'], body: `0x${chunkOf(body)}0\r\n\r\n` },
  'an overflowing chunk size': { fields: ['Transfer-Encoding: chunked'], body: `10000000000000005\r\n${body}\r\n0\r\n\r\n` },
  'a chunk size with a leading space': { fields: ['Transfer-Encoding: chunked'], body: ` ${chunkOf(body)}0\r\n\r\n` },
  'a chunk without its CRLF': { fields: ['Transfer-Encoding: chunked'], body: `${body.length.toString(16)}\r\n${body}0\r\n\r\n` },
  'a chunk that is longer than its size': { fields: ['Transfer-Encoding: chunked'], body: `5\r\n${body}\r\n0\r\n\r\n` },
  'a chunk size ended by bare LF': { fields: ['Transfer-Encoding: chunked'], body: `${body.length.toString(16)}\n${body}\r\n0\r\n\r\n` },
  'a chunk extension with bare LF': { fields: ['Transfer-Encoding: chunked'], body: `${body.length.toString(16)};a\n${body}\r\n0\r\n\r\n` },
  'chunk data ended by bare LF': { fields: ['Transfer-Encoding: chunked'], body: `${body.length.toString(16)}\r\n${body}\n0\r\n\r\n` },
  // lines
  'bare LF line ends': { whole: (request) => request.replaceAll('\r\n', '\n') },
  'one bare LF in the head': { whole: (request) => request.replace('\r\nA2A', '\nA2A') },
  'bare CR line ends': { whole: (request) => request.replaceAll('\r\n', '\r') },
  'one bare CR in the head': { whole: (request) => request.replace('\r\nA2A', '\rA2A') },
  'a bare CR in a value': { fields: [length, 'X-A: a\rTransfer-Encoding: chunked'] },
  'obs-fold': { fields: [length, 'X-A: a', ' Transfer-Encoding: chunked'] },
  'obs-fold by tab': { fields: [length, 'X-A: a', '\tTransfer-Encoding: chunked'] },
  'a first field that begins with a space': { host: [' Host: localhost', 'Host: localhost'] },
  'space before a colon': { fields: [length, 'X-A : a'] },
  'a field without a colon': { fields: [length, 'X-A'] },
  'an empty field name': { fields: [length, ': a'] },
  'NUL in a value': { fields: [length, 'X-A: a\0b'] },
  'a control character in a value': { fields: [length, 'X-A: a\x01b'] },
  'DEL in a value': { fields: [length, 'X-A: a\x7fb'] },
  'NUL in a name': { fields: [length, 'X\0A: b'] },
  'a bracketed field name': { fields: [length, '(X-A): b'] },
  'a non-ASCII field name': { fields: [length, 'X\xe9: b'] },
  // the request line
  'HTTP/0.9': { line: 'POST /agents/calculator' },
  'HTTP/0.9 with bare LF': { whole: () => 'GET /agents\n' },
  'HTTP/1.0 with chunked': { line: 'POST /agents/calculator HTTP/1.0', fields: ['Transfer-Encoding: chunked'], body: `${chunkOf(body)}0\r\n\r\n` },
  'HTTP/1.2': { line: 'POST /agents/calculator HTTP/1.2' },
  'HTTP/2.0 in text': { line: 'POST /agents/calculator HTTP/2.0' },
  'HTTP/11': { line: 'POST /agents/calculator HTTP/11' },
  'an HTTP/2 preface that stops being one at its end': { whole: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\rX' },
  'an HTTP/2 preface with another body': { whole: (request) => `PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n${request}` },
  'an HTTP/2 preface with a field': { whole: () => 'PRI * HTTP/2.0\r\nHost: localhost\r\n\r\n' },
  'an HTTP/2 preface in small letters': { whole: () => 'pri * http/2.0\r\n\r\nsm\r\n\r\n' },
  'an HTTP/2 preface that breaks off': { whole: () => 'PRI * HTTP/2.0\r\n\r\nSM' },
  'an empty line before an HTTP/2 preface': { whole: () => '\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  'the method of the HTTP/2 preface': { line: 'PRI /agents/calculator HTTP/1.1' },
  'a lower-case protocol': { line: 'POST /agents/calculator http/1.1' },
  'a tab in the request line': { line: 'POST\t/agents/calculator HTTP/1.1' },
  'a space in the target': { line: 'POST /agents/calculator x HTTP/1.1' },
  'a lower-case method': { line: 'post /agents/calculator HTTP/1.1' },
  'an unknown method': { line: 'SMUGGLE /agents/calculator HTTP/1.1' },
  'absolute-form': { line: 'POST http://localhost/agents/calculator HTTP/1.1' },
  'absolute-form of another authority': { line: 'POST http://internal.example/agents/calculator HTTP/1.1' },
  'absolute-form with userinfo': { line: 'POST http://localhost@internal.example/agents/calculator HTTP/1.1' },
  'asterisk-form': { line: 'GET * HTTP/1.1', fields: [], body: '' },
  'OPTIONS *': { line: 'OPTIONS * HTTP/1.1', fields: [], body: '' },
  'a fragment in the target': { line: 'POST /agents/calculator#x HTTP/1.1' },
  'a backslash in the target': { line: 'POST /agents\\calculator HTTP/1.1' },
  'a non-ASCII target': { line: 'POST /agents/calculator\xe9 HTTP/1.1' },
  'a target without a slash': { line: 'POST agents/calculator HTTP/1.1' },
  'CONNECT': { line: 'CONNECT 127.0.0.1:22 HTTP/1.1', fields: [], body: '' },
  // who is meant
  'two hosts': { host: ['Host: localhost', 'Host: localhost'] },
  'two different hosts': { host: ['Host: localhost', 'Host: internal.example'] },
  'a list of hosts': { host: ['Host: localhost, internal.example'] },
  'userinfo in the host': { host: ['Host: user@localhost'] },
  'a path in the host': { host: ['Host: localhost/agents'] },
  'a host with a bad port': { host: ['Host: localhost:abc'] },
  'an empty host': { host: ['Host:'] },
  'a missing host': { host: [] },
  'a host with a space': { host: ['Host: local host'] },
  // said twice
  'two authorizations': { fields: [length, 'Authorization: Bearer other'] },
  'two content-types': { fields: [length, 'Content-Type: text/plain'] },
  'two a2a-versions': { fields: [length, 'A2A-Version: 0.3'] },
  'two api keys': { fields: [length, 'X-API-Key: a', 'X-API-Key: b'] },
  'two caller assertions': { fields: [length, 'Sallyport-Caller-Assertion: a', 'Sallyport-Caller-Assertion: b'] },
  'a compressed body': { fields: [length, 'Content-Encoding: gzip'] },
  // too much
  'a field of 20 KiB': { fields: [length, `X-A: ${'a'.repeat(20_480)}`] },
  'fields of 20 KiB together': { fields: [length, ...Array.from({ length: 400 }, (_, i) => `X-${i}: ${'a'.repeat(48)}`)] },
  'a target of 20 KiB': { line: `POST /agents/calculator?${'a'.repeat(20_480)} HTTP/1.1` },
}

for (const [name, shape] of Object.entries(attacks)) {
  test(`refuses ${name}, closes, and the agent sees nothing`, async () => {
    const seen = agent.seen.length
    const raw = gateway.raw()
    raw.send(spellRaw(shape))
    const text = await raw.untilClosed()
    assert.match(text, /^HTTP\/1\.1 (400|405|408|413|431|501|505) /, JSON.stringify(text.slice(0, 200)))
    assert.equal(text.split('HTTP/1.1 ').length, 2, 'answered more than once')
    assert.match(text, /\r\nconnection: close\r\n/i)
    assert.match(text, /\r\nsallyport-record: /i)
    assert.equal(agent.seen.length, seen)
  })
}

test('none of it kept anybody else from being served', async () => {
  await gateway.good('calculator')
})

test('a request hidden in the body of another is body, answered once', async () => {
  const seen = agent.seen.length
  const raw = gateway.raw()
  const hidden = spellRaw({})
  raw.send(spellRaw({ fields: [`Content-Length: ${hidden.length}`], body: hidden }))
  const text = await raw.until((received) => received.includes('"PARSE_ERROR"'))
  await gateway.good('calculator')
  assert.equal(raw.received, text)
  assert.equal(text.split('HTTP/1.1 ').length, 2)
  assert.equal(agent.seen.length, seen + 1)
  raw.close()
})

test('a request hidden behind the last chunk is a request of its own, and two good ones get two answers', async () => {
  const raw = gateway.raw()
  const chunked = { fields: ['Transfer-Encoding: chunked'], body: `${chunkOf(body)}0\r\n\r\n` }
  // of another message: one that comes twice at the same time is refused
  raw.send(spellRaw(chunked) + spellRaw({ body: body.replace('"smuggled"', '"smuggle2"') }))
  const text = await raw.until((received) => received.split('"result"').length === 3)
  assert.equal(text.split('HTTP/1.1 200 OK').length, 3)
  raw.close()
})

test('a preface of HTTP/2 behind a request of HTTP/1 is refused, whatever that request asked for', async () => {
  const hidden = Buffer.concat([preface, settings(), headers(1, requestFields())]).toString('latin1')
  for (const fields of [
    [length],
    [length, 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk'],
  ]) {
    const raw = gateway.raw()
    raw.send(spellRaw({ fields }))
    await raw.until((received) => received.includes('"result"'))
    raw.send(hidden)
    const text = await raw.untilClosed()
    assert.doesNotMatch(text, /101 |HTTP\/1\.1 200[\s\S]*HTTP\/1\.1 200/)
    // the parser of HTTP/1 takes it for a request that goes on, where the one before asked for an upgrade
    assert.match(text, /HTTP\/1\.1 40[08] [\s\S]*sallyport-record/i)
  }
  const seen = agent.seen.length
  const raw = gateway.raw()
  raw.send(spellRaw({ fields: [`Content-Length: ${hidden.length}`], body: hidden }))
  await raw.until((received) => received.includes('"PARSE_ERROR"'))
  await gateway.good('calculator')
  assert.equal(agent.seen.length, seen + 1)
  raw.close()
})

test('a request of HTTP/1 behind a preface of HTTP/2 is refused', async () => {
  const seen = agent.seen.length
  const raw = gateway.raw()
  raw.send(preface.toString('latin1') + spellRaw({}))
  assert.doesNotMatch(await raw.untilClosed(), /HTTP\/1\.1/)
  assert.equal(agent.seen.length, seen)
})

test('trailer fields of a chunked body do not count as header fields', async () => {
  const seen = agent.seen.length
  const raw = gateway.raw()
  const request = spellRaw({
    fields: ['Transfer-Encoding: chunked', 'Connection: close'],
    body: `${chunkOf(body)}0\r\nAuthorization: Bearer other\r\nX-Api-Key: x\r\n\r\n`,
  })
  raw.send(request)
  const text = await raw.untilClosed()
  assert.match(text, /^HTTP\/1\.1 (200|400) /)
  for (const call of agent.seen.slice(seen)) {
    assert.equal(call.headers['authorization'], undefined)
    assert.equal(call.headers['x-api-key'], undefined)
  }
})

test('good requests behind a bad one on the same connection are never served', async () => {
  const seen = agent.seen.length
  // whether they have been read before the refusal is out is a matter of microseconds: try a few times
  for (let i = 0; i < 10; i++) {
    const raw = gateway.raw()
    raw.send(spellRaw({ fields: [length, 'Content-Type: text/plain'] }) + spellRaw({}).repeat(5))
    const text = await raw.untilClosed()
    assert.ok(text.split('HTTP/1.1 ').length <= 2, 'answered more than once')
    assert.match(text, /^HTTP\/1\.1 400 /)
  }
  await gateway.good('calculator')
  assert.equal(agent.seen.length, seen + 1)
})

test('bytes that are no request, behind a good one, are never taken for its answer', async () => {
  const raw = gateway.raw()
  raw.send(`${spellRaw({})}!!! garbage\r\n\r\n`)
  const text = await raw.untilClosed()
  assert.ok(text === '' || text.startsWith('HTTP/1.1 200 OK'), text.slice(0, 200))
})

test('Expect: 100-continue is honoured once the caller is known, and not before', async () => {
  const raw = gateway.raw()
  raw.send(spellRaw({ fields: [length, 'Expect: 100-continue'], body: '' }))
  await raw.until((received) => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  raw.send(body)
  await raw.until((received) => received.includes('"result"'))
  raw.close()
  const stranger = gateway.raw()
  stranger.send(
    `POST /agents/calculator HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n`,
  )
  const text = await stranger.untilClosed()
  assert.match(text, /^HTTP\/1\.1 401 /)
})

test('refuses an expectation it does not know', async () => {
  const seen = agent.seen.length
  const raw = gateway.raw()
  raw.send(spellRaw({ fields: [length, 'Expect: 200-ok', 'Connection: close'] }))
  const text = await raw.untilClosed()
  assert.match(text, /^HTTP\/1\.1 (400|417) /)
  assert.equal(agent.seen.length, seen)
})

test('an upgrade is never taken up', async () => {
  const raw = gateway.raw()
  const seen = agent.seen.length
  raw.send(
    spellRaw({
      fields: [length, 'Connection: Upgrade, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'],
    }),
  )
  const text = await raw.untilClosed()
  assert.doesNotMatch(text, /^HTTP\/1\.1 101/)
  assert.match(text, /^HTTP\/1\.1 \d/)
  for (const call of agent.seen.slice(seen)) {
    assert.equal(call.headers['upgrade'], undefined)
    assert.equal(call.headers['http2-settings'], undefined)
  }
})

test('TRACE echoes nothing', async () => {
  const raw = gateway.raw()
  raw.send(
    spellRaw({
      line: 'TRACE /agents/calculator HTTP/1.1',
      fields: ['Connection: close', 'X-Secret: echo-me'],
      body: '',
    }),
  )
  const text = await raw.untilClosed()
  assert.match(text, /^HTTP\/1\.1 4\d\d /)
  assert.doesNotMatch(text, /echo-me/)
})

// Paths that another router would take for the agent's.
const paths: readonly string[] = [
  '//agents/calculator',
  '/agents//calculator',
  '/agents/./calculator',
  '/agents/../agents/calculator',
  '/agents/%63alculator',
  '/%61gents/calculator',
  '/AGENTS/calculator',
  '/agents/CALCULATOR',
  '/agents/calculator;x=1',
  '/agents/calculator%2f',
  '/agents/calculator%2fmessage:send',
  '/agents/calculator%00',
  '/agents/calculator.',
  '/agents/calculator..',
  '/agents/calculator/..',
  '/agents/calculator/.',
  '/agents/calculator//',
  '/agents/calculator/message:send/',
  '/agents/calculator/MESSAGE:SEND',
  '/agents/calculator/message%3Asend',
  '/agents/calculator/message:send%20',
  '/agents/calculator/./message:send',
  '/agents/calculator/x/../message:send',
  '/agents/calculator/%2e%2e/calculator/message:send',
  '/agents/calculator/tasks/..%2fmessage:send',
]
for (const path of paths) {
  test(`does not find an agent at ${path}`, async () => {
    const seen = agent.seen.length
    const raw = gateway.raw()
    raw.send(spellRaw({ line: `POST ${path} HTTP/1.1`, fields: [length, 'Connection: close'] }))
    const text = await raw.untilClosed()
    assert.match(text, /^HTTP\/1\.1 (400|404|405) /, text.slice(0, 200))
    assert.equal(agent.seen.length, seen)
  })
}

test('everything refused here is in the ledger', async () => {
  const refused = (await gateway.records()).filter(({ envelope }) => envelope.code === 'LISTEN_HEAD_MALFORMED')
  assert.ok(refused.length >= 60, `${refused.length} records`)
})
