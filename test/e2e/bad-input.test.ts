// Bad input gets a clear answer and costs nobody else anything. Each refused call: the exact refusal in its binding,
// the record of it in the ledger, an agent that never saw it, and a good call that still succeeds.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Binding } from '../../src/a2a/operations.ts'
import type { RefusalCode } from '../../src/refusal/refusal.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { bindings, say, spell, type Answer, type HttpCall } from './client.ts'
import { assertRefused, eventually, receiptOf, startGateway, type Gateway } from './harness.ts'

let hostile: HostileAgent
let gateway: Gateway

before(async () => {
  hostile = await startHostileAgent()
  gateway = await startGateway({
    agents: { hostile: hostile.url },
    bounds: { bodyTime: '1s', headTime: '1s' },
  })
})
after(async () => {
  await gateway.stop()
  await hostile.close()
})

/** The three things beside the refusal itself. */
async function assertCostsNobodyElse(answer: Answer, code: RefusalCode, seenBefore: number): Promise<void> {
  assert.equal(hostile.seen.length, seenBefore, 'the agent saw a refused call')
  const record = await gateway.recordOf(answer)
  assert.equal(record.envelope.kind, 'decision')
  assert.equal(record.envelope.outcome, 'refused')
  assert.equal(record.envelope.code, code)
  await gateway.good('hostile')
}

const message = '{"messageId":"m1","role":"ROLE_USER","parts":[{"text":"message never"}]}'
const params = `{"message":${message}}`
const withMember = (member: string): string =>
  `{"message":{"messageId":"m1","role":"ROLE_USER","parts":[{"text":"x"}],${member}}}`
const withPart = (part: string): string => `{"message":{"messageId":"m1","role":"ROLE_USER","parts":[${part}]}}`

interface BadCall {
  readonly name: string
  readonly code: RefusalCode
  readonly only?: Binding
  /** text of `params` on JSON-RPC, of the body on HTTP+JSON */
  readonly params?: string
  /** changes the whole body */
  readonly body?: (body: string, binding: Binding) => string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly without?: string
  readonly path?: (path: string) => string
  readonly method?: string
}

// prettier-ignore
const badCalls: readonly BadCall[] = [
  { name: 'malformed JSON', code: 'VALIDATE_JSON', body: (body) => body.slice(0, -1) },
  { name: 'an empty body', code: 'VALIDATE_JSON', body: () => '' },
  { name: 'two JSON values', code: 'VALIDATE_JSON', body: (body) => `${body}${body}` },
  { name: 'a trailing comma', code: 'VALIDATE_JSON', body: (body) => body.replace(/}$/, ',}') },
  { name: 'a comment', code: 'VALIDATE_JSON', body: (body) => `${body}//` },
  { name: 'a byte order mark', code: 'VALIDATE_JSON', body: (body) => `\ufeff${body}` },
  { name: 'bytes that are not UTF-8', code: 'VALIDATE_JSON', body: (body) => Buffer.from(body.replace('never', 'n\u00ffver'), 'latin1') },
  { name: 'UTF-16', code: 'VALIDATE_JSON', body: (body) => Buffer.from(body, 'utf16le') },
  { name: 'a lone surrogate', code: 'VALIDATE_JSON', params: withPart('{"text":"\\ud800"}') },
  { name: 'a number that is none', code: 'VALIDATE_JSON', params: withPart('{"data":NaN}') },
  { name: 'duplicate keys', code: 'VALIDATE_JSON', params: `{"message":${message},"message":${message}}` },
  { name: 'duplicate keys, one escaped', code: 'VALIDATE_JSON', params: `{"message":${message},"\\u006dessage":${message}}` },
  { name: 'duplicate keys inside metadata', code: 'VALIDATE_JSON', params: withMember('"metadata":{"a":1,"a":2}') },
  { name: 'duplicate keys, one __proto__', code: 'VALIDATE_JSON', params: withMember('"metadata":{"__proto__":1,"__proto__":2}') },
  { name: 'a depth bomb', code: 'VALIDATE_JSON', params: withMember(`"metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`) },
  { name: 'an unclosed depth bomb', code: 'VALIDATE_JSON', body: () => '['.repeat(900_000) },
  { name: 'a node bomb', code: 'VALIDATE_JSON', params: withMember(`"metadata":{"a":[${'0,'.repeat(150_000)}0]}`) },
  { name: 'a batch', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: (body) => `[${body}]` },
  { name: 'an empty batch', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: () => '[]' },
  { name: 'a missing id', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: (body) => body.replace('"id":1,', '') },
  { name: 'a null id', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: (body) => body.replace('"id":1', '"id":null') },
  { name: 'an id that is an object', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: (body) => body.replace('"id":1', '"id":{}') },
  { name: 'another JSON-RPC version', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: (body) => body.replace('"2.0"', '"1.0"') },
  { name: 'an envelope member by another case', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: (body) => body.replace('"id":1', '"id":1,"Method":"GetTask"') },
  { name: 'a scalar body', code: 'VALIDATE_REQUEST', only: 'JSONRPC', body: () => '"SendMessage"' },
  { name: 'a scalar body', code: 'VALIDATE_PARAMS', only: 'HTTP+JSON', body: () => '"SendMessage"' },
  { name: 'an unknown method', code: 'VALIDATE_METHOD_UNKNOWN', only: 'JSONRPC', body: (body) => body.replace('SendMessage', 'Frobnicate') },
  { name: 'a method by another case', code: 'VALIDATE_METHOD_UNKNOWN', only: 'JSONRPC', body: (body) => body.replace('SendMessage', 'sendMessage') },
  { name: 'a method of 0.3', code: 'VALIDATE_METHOD_UNKNOWN', only: 'JSONRPC', body: (body) => body.replace('SendMessage', 'message/send') },
  { name: 'a method named like an Object member', code: 'VALIDATE_METHOD_UNKNOWN', only: 'JSONRPC', body: (body) => body.replace('SendMessage', 'constructor') },
  { name: 'an unknown path', code: 'ROUTE_NOT_FOUND', only: 'HTTP+JSON', path: (path) => path.replace('message:send', 'message:frobnicate') },
  { name: 'a path of 0.3, whose v1 is a tenant here', code: 'VALIDATE_PARAMS', only: 'HTTP+JSON', path: (path) => path.replace('/message:send', '/v1/message:send') },
  { name: 'another HTTP method', code: 'ROUTE_METHOD_NOT_ALLOWED', method: 'PUT' },
  { name: 'params as a list', code: 'VALIDATE_PARAMS', params: '[]' },
  { name: 'no message', code: 'VALIDATE_PARAMS', params: '{}' },
  { name: 'a snake_case alias of a message field', code: 'VALIDATE_PARAMS', params: withMember('"task_id":"t1"') },
  { name: 'a snake_case alias beside its field', code: 'VALIDATE_PARAMS', params: withMember('"taskId":"t1","task_id":"t2"') },
  { name: 'an alias by case', code: 'VALIDATE_PARAMS', params: withMember('"TaskID":"t1"') },
  { name: 'a snake_case alias of a configuration field', code: 'VALIDATE_PARAMS', params: `{"message":${message},"configuration":{"return_immediately":true}}` },
  { name: 'a webhook by its name of 0.3', code: 'VALIDATE_PARAMS', params: `{"message":${message},"configuration":{"pushNotificationConfig":{"url":"https://example.com/"}}}` },
  { name: 'a Part with two members', code: 'VALIDATE_PARAMS', params: withPart('{"text":"x","url":"https://example.com/"}') },
  { name: 'a Part without a member', code: 'VALIDATE_PARAMS', params: withPart('{"kind":"text"}') },
  { name: 'a Part whose raw is not base64', code: 'VALIDATE_PARAMS', params: withPart('{"raw":"%%%"}') },
  { name: 'an enum by number', code: 'VALIDATE_PARAMS', params: params.replace('"ROLE_USER"', '1') },
  { name: 'a tenant that is not the agent\'s', code: 'VALIDATE_PARAMS', params: `{"tenant":"other","message":${message}}` },
  { name: 'no version', code: 'VALIDATE_VERSION', without: 'a2a-version' },
  { name: 'an empty version', code: 'VALIDATE_VERSION', headers: { 'a2a-version': '' } },
  { name: 'version 0.3', code: 'VALIDATE_VERSION', headers: { 'a2a-version': '0.3' } },
  { name: 'version 2.0', code: 'VALIDATE_VERSION', headers: { 'a2a-version': '2.0' } },
  { name: 'a version list', code: 'VALIDATE_VERSION', headers: { 'a2a-version': '1.0, 0.3' } },
  { name: 'header and query that name different versions', code: 'VALIDATE_VERSION', path: (path) => `${path}?A2A-Version=0.3` },
  { name: 'a text/plain body', code: 'VALIDATE_CONTENT_TYPE', headers: { 'content-type': 'text/plain' } },
  { name: 'no content type', code: 'VALIDATE_CONTENT_TYPE', without: 'content-type' },
  { name: 'another character set', code: 'VALIDATE_CONTENT_TYPE', headers: { 'content-type': 'application/json; charset=utf-16' } },
  { name: 'a form', code: 'VALIDATE_CONTENT_TYPE', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  { name: 'an unknown query parameter', code: 'VALIDATE_PARAMS', path: (path) => `${path}?task_id=t1` },
  { name: 'an unknown agent', code: 'ROUTE_AGENT_UNKNOWN', path: (path) => path.replace('/agents/hostile', '/agents/nobody') },
  { name: 'a task that does not exist', code: 'AUTHZ_TASK_NOT_FOUND', params: withMember('"taskId":"t-of-nobody"') },
]

function spellBad(bad: BadCall, binding: Binding): HttpCall {
  const call = spell({ binding, agent: 'hostile', operation: 'SendMessage', key: gateway.keys['alice'] ?? '' })
  const text = bad.params ?? params
  const plain = binding === 'JSONRPC' ? `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":${text}}` : text
  const headers: Record<string, string> = { ...call.headers, 'content-type': 'application/json', ...bad.headers }
  if (bad.without !== undefined) delete headers[bad.without]
  return {
    method: bad.method ?? 'POST',
    path: bad.path?.(call.path) ?? call.path,
    headers,
    body: bad.body?.(plain, binding) ?? plain,
  }
}

for (const bad of badCalls) {
  for (const binding of bindings.filter((one) => bad.only === undefined || bad.only === one)) {
    test(`refuses ${bad.name} over ${binding}`, async () => {
      const seen = hostile.seen.length
      const answer = await gateway.http(spellBad(bad, binding))
      // a method nobody may use is not JSON-RPC yet
      assertRefused(answer, bad.code, bad.method === undefined ? binding : 'HTTP+JSON')
      await assertCostsNobodyElse(answer, bad.code, seen)
      const { event } = await gateway.recordOf(answer)
      assert.equal(event?.['caller'], 'key:alice')
    })
  }
}

test('echoes the id of a JSON-RPC call that it refuses, as it was written', async () => {
  for (const id of ['"a\\u0062c"', '-7', '1e2']) {
    const call = spellBad({ name: '', code: 'VALIDATE_PARAMS', params: '{}' }, 'JSONRPC')
    const answer = await gateway.http({ ...call, body: (call.body as string).replace('"id":1', `"id":${id}`) })
    assert.equal(JSON.stringify(answer.json['id']), JSON.stringify(JSON.parse(id)))
  }
})

for (const [name, headers] of [
  ['no credential', {}],
  ['a credential that is no key', { authorization: 'Bearer nonsense' }],
  [
    'a key with a wrong checksum',
    { authorization: 'Bearer sp_test_000000000000_0000000000000000000000000000000000000000000000000' },
  ],
  ['another scheme', { authorization: 'Basic YWxpY2U6YWxpY2U=' }],
  ['an empty bearer', { authorization: 'Bearer ' }],
] as const) {
  for (const binding of bindings) {
    test(`refuses ${name} over ${binding}, without saying which check failed`, async () => {
      const seen = hostile.seen.length
      const call = spell({ binding, agent: 'hostile', operation: 'SendMessage', params: say('message') })
      const answer = await gateway.http({ ...call, headers: { ...call.headers, ...headers } })
      assertRefused(answer, 'AUTHN_INVALID', binding)
      assert.match(String(answer.headers['www-authenticate']), /^Bearer realm="sallyport"/)
      assert.doesNotMatch(answer.text, /checksum|unknown|expired|scheme|missing/i)
      await assertCostsNobodyElse(answer, name === 'no credential' ? 'AUTHN_MISSING' : 'AUTHN_INVALID', seen)
    })
  }
}

for (const binding of bindings) {
  test(`does not tell a caller who may do nothing that an agent exists over ${binding}`, async () => {
    const seen = hostile.seen.length
    const call = { binding, operation: 'SendMessage', params: say('message') } as const
    const hidden = await gateway.as('nobody', { ...call, agent: 'hostile' })
    const absent = await gateway.as('nobody', { ...call, agent: 'absent' })
    assertRefused(hidden, 'ROUTE_AGENT_UNKNOWN', binding)
    assert.equal(hidden.text, absent.text)
    await assertCostsNobodyElse(hidden, 'ROUTE_AGENT_UNKNOWN', seen)
  })

  test(`refuses a body of 100 MB by its declared length over ${binding}`, async () => {
    const seen = hostile.seen.length
    const raw = gateway.raw()
    const { path } = spell({ binding, agent: 'hostile', operation: 'SendMessage' })
    raw.send(head(path, `content-length: ${100 * 2 ** 20}`))
    const text = await raw.untilClosed()
    assert.match(text, /^HTTP\/1\.1 413 /)
    assert.match(text, /"reason":"TOO_LARGE"/)
    await assertCostsNobodyElse(asAnswer(text), 'LISTEN_BODY_TOO_LARGE', seen)
  })

  test(`refuses a body of 100 MB that comes in chunks over ${binding}, without keeping it`, async () => {
    const seen = hostile.seen.length
    const call = spell({ binding, agent: 'hostile', operation: 'SendMessage', key: gateway.keys['alice'] ?? '' })
    const answer = await gateway.http({
      ...call,
      headers: { ...call.headers, 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      body: megabytes(100),
    })
    assertRefused(answer, 'LISTEN_BODY_TOO_LARGE', binding)
    await assertCostsNobodyElse(answer, 'LISTEN_BODY_TOO_LARGE', seen)
  })
}

test('refuses a body that arrives too slowly, over both bindings', async () => {
  const seen = hostile.seen.length
  await Promise.all(
    bindings.map(async (binding) => {
      const raw = gateway.raw()
      const { path } = spell({ binding, agent: 'hostile', operation: 'SendMessage' })
      raw.send(`${head(path, 'content-length: 1000')}{"jsonrpc":`)
      const drip = setInterval(() => raw.send(' '), 100)
      // nobody else waits for it
      await gateway.good('hostile')
      const text = await raw.untilClosed(8_000)
      clearInterval(drip)
      assert.match(text, /^HTTP\/1\.1 408 /)
      assert.equal((await gateway.recordOf(asAnswer(text))).envelope.code, 'LISTEN_BODY_TIMEOUT')
    }),
  )
  assert.equal(hostile.seen.length, seen + bindings.length, 'the agent saw a refused call')
})

test('refuses a request head that arrives too slowly', async () => {
  const seen = hostile.seen.length
  const raw = gateway.raw()
  raw.send('POST /agents/hostile HTTP/1.1\r\nHost: localhost\r\n')
  const drip = setInterval(() => raw.send('X: y\r\n'), 200)
  const text = await raw.untilClosed(10_000)
  clearInterval(drip)
  assert.match(text, /^HTTP\/1\.1 408 /)
  await assertCostsNobodyElse(asAnswer(text), 'LISTEN_BODY_TIMEOUT', seen)
})

test('closes a connection on which nothing is ever sent', async () => {
  const raw = gateway.raw()
  await raw.untilClosed(10_000)
  await gateway.good('hostile')
})

test('a caller that sends all of its too large body before it reads still learns why', async () => {
  const raw = gateway.raw()
  raw.socket.pause()
  raw.send(head('/agents/hostile', `content-length: ${4 * 2 ** 20}`))
  raw.send(Buffer.alloc(4 * 2 ** 20, ' '))
  await eventually('the body is sent, or refused', () =>
    raw.closed || raw.socket.writableLength === 0 ? true : undefined,
  )
  raw.socket.resume()
  assert.match(await raw.untilClosed(), /^HTTP\/1\.1 413 /)
})

test('a caller that closes its side has left: its call is given up', async () => {
  const raw = gateway.raw()
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: say('message half-closed') })
  raw.send(`${head('/agents/hostile', `content-length: ${body.length}`)}${body}`)
  raw.socket.end()
  assert.equal(await raw.untilClosed(), '')
  await gateway.good('hostile')
})

test('the unread body of a refused call is never taken for a call', async () => {
  const seen = hostile.seen.length
  const raw = gateway.raw()
  const good = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: say('message smuggled') })
  const hidden = `${head('/agents/hostile', `content-length: ${good.length}`)}${good}`
  raw.send(`POST /agents/hostile HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`)
  await raw.until((received) => received.includes('"UNAUTHENTICATED"'))
  await gateway.good('hostile')
  assert.equal(raw.received.split('HTTP/1.1 ').length, 2)
  assert.equal(hostile.seen.length, seen + 1)
  raw.close()
})

test('a caller that leaves in the middle of its body costs nothing', async () => {
  const seen = hostile.seen.length
  const raw = gateway.raw()
  raw.send(`${head('/agents/hostile', 'content-length: 1000')}{"jsonrpc":`)
  raw.socket.once('connect', () => raw.socket.resetAndDestroy())
  await gateway.good('hostile')
  assert.equal(hostile.seen.length, seen + 1)
})

test('a body of two refused calls on one connection does not spill into the next call', async () => {
  const raw = gateway.raw()
  const body = '{"jsonrpc":"2.0","id":1,"method":"Nope"}'
  const one = `${head('/agents/hostile', `content-length: ${body.length}`)}${body}`
  raw.send(one + one)
  const text = await raw.until((received) => received.split('"code":-32601').length === 3)
  assert.equal(text.split('HTTP/1.1 200').length, 3)
  raw.close()
})

test('refuses a key in the query', async () => {
  const seen = hostile.seen.length
  const call = spell({ binding: 'JSONRPC', agent: 'hostile', operation: 'SendMessage', params: say('message') })
  const answer = await gateway.http({ ...call, path: `${call.path}?access_token=${gateway.keys['alice'] ?? ''}` })
  assertRefused(answer, 'AUTHN_MISSING', 'JSONRPC')
  await assertCostsNobodyElse(answer, 'AUTHN_MISSING', seen)
})

test('no secret stands in the log, in clear anywhere in the ledger, or in an answer', async () => {
  const key = gateway.keys['alice'] ?? 'none'
  await gateway.http(spellBad({ name: '', code: 'VALIDATE_JSON', body: () => key }, 'JSONRPC'))
  assert.ok(!gateway.log().includes(key))
  const records = await eventually('records', async () => gateway.records())
  assert.ok(!JSON.stringify(records.map((record) => record.event ?? null)).includes(key))
})

async function* megabytes(count: number): AsyncGenerator<Buffer> {
  const one = Buffer.alloc(2 ** 20, '[')
  for (let i = 0; i < count; i++) yield await Promise.resolve(one)
}

function head(path: string, framing: string): string {
  const key = gateway.keys['alice'] ?? ''
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nA2A-Version: 1.0\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`
}

/** What a raw answer says of its record. */
function asAnswer(text: string): Answer {
  const record = /^sallyport-record: (.+)\r$/im.exec(text)?.[1] ?? ''
  const answer = { headers: { 'sallyport-record': record } } as unknown as Answer
  receiptOf(answer)
  return answer
}
