// The attack: two parsers read one request differently, and the gateway decides on what the agent does not do. Every shape
// on which JSON decoders, routers and codecs are known to differ is refused, or reaches the agent byte for byte as it was
// sent, so that there is nothing to differ about. What bad-input.test.ts refuses already is not repeated here.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Binding } from '../../src/a2a/operations.ts'
import { catalogue, type RefusalCode } from '../../src/refusal/refusal.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { bindings, type Answer, type HttpCall } from './client.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: HostileAgent
let gateway: Gateway

before(async () => {
  agent = await startHostileAgent()
  gateway = await startGateway({ agents: { recorder: agent.url }, callers: ['alice'] })
  const made = await send('JSONRPC', fresh(rpc(withPart('{"text":"task T"}'))))
  assert.equal(made.status, 200, made.text)
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

type Text = string | Buffer

const fields = '"messageId":"m","role":"ROLE_USER"'
const withPart = (part: string): string => `{"message":{${fields},"parts":[${part}]}}`
const withMember = (member: string): string => `{"message":{${fields},"parts":[{"text":"x"}],${member}}}`
const withConfiguration = (member: string): string =>
  `{"message":{${fields},"parts":[{"text":"x"}]},"configuration":{${member}}}`
const rpc = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":${params}}`
const data = (text: string): string => withPart(`{"data":${text}}`)
const text = (escaped: string): string => withPart(`{"text":"${escaped}"}`)
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

function headersOf(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const key = gateway.keys['alice'] ?? ''
  return { authorization: `Bearer ${key}`, 'a2a-version': '1.0', 'content-type': 'application/json', ...more }
}

let messages = 0
/** A message id is good for one message. */
const fresh = (body: string): string => body.replace('"m"', () => `"m${messages++}"`)

function send(binding: Binding, body: Text, headers?: Readonly<Record<string, string>>): Promise<Answer> {
  const path = binding === 'JSONRPC' ? '/agents/recorder' : '/agents/recorder/message:send'
  return gateway.http({ method: 'POST', path, headers: headersOf(headers), body })
}

function assertRefused(answer: Answer, code: RefusalCode, seenBefore: number): void {
  assert.equal(agent.seen.length, seenBefore, 'the agent saw it')
  assert.equal(answer.error.reason, catalogue[code].reason, answer.text)
}

/** Text of `params` on JSON-RPC, of the body on HTTP+JSON. */
const forwarded: Readonly<Record<string, string>> = {
  'numbers in every spelling': data('[1.0,1e2,1E+2,-0,-0.0,0e0,0.1e-400,5e-324,1.7976931348623157e308,1e-999]'),
  'integers beyond a double': data('[9007199254740993,18446744073709551616,-123456789012345678901234567890]'),
  'an integer field as 1.0': withConfiguration('"historyLength":1.0'),
  'an integer field as 1e0': withConfiguration('"historyLength":1e0'),
  'an integer field as -0': withConfiguration('"historyLength":-0'),
  'NUL in a text': text('a\\u0000b'),
  'a byte order mark in a text': text('\\ufeffa'),
  'the same mark as it is': text('\ufeffa'),
  'line separators in a text': text('\u2028\u2029'),
  'a pair of surrogates, escaped': text('\\ud83d\\ude00'),
  'the same pair as it is': text('😀'),
  'every escape': text('\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041'),
  'an escaped solidus': withPart('{"url":"https:\\/\\/a.example\\/"}'),
  'an empty text': text(''),
  'a known key that is escaped':
    '{"\\u006dessage":{"\\u006dessageId":"m","role":"ROLE_USER","parts":[{"\\u0074ext":"x"}]}}',
  'an enum that is escaped': '{"message":{"messageId":"m","role":"\\u0052OLE_USER","parts":[{"text":"x"}]}}',
  '__proto__ in data': data('{"__proto__":{"admin":true},"constructor":{"prototype":1}}'),
  '__proto__ in metadata': withMember('"metadata":{"__proto__":{"admin":true}}'),
  'keys that differ by case, in metadata': withMember('"metadata":{"a":1,"A":2,"task_id":3,"taskId":4}'),
  'aliases in data': data('{"task_id":1,"taskId":2,"TaskID":3}'),
  'unknown members everywhere': `{"message":{${fields},"parts":[{"text":"x","later":[1]}],"later":{}},"configuration":{"later":1.50},"later":null}`,
  'an unknown member that reads like an operation': withMember('"method":"CancelTask"'),
  'an empty task': withMember('"taskId":""'),
  'a task that is null': withMember('"taskId":null'),
  'metadata that is null': withMember('"metadata":null'),
  'data that is null': data('null'),
  'data that is a scalar': data('1e2'),
  'white space of every kind': ` \t\r\n${withPart(' {\t"text"\r\n:\n"x" } ')} \n`,
  'members in another order': `{"configuration":{},"message":{"parts":[{"text":"x"}],${fields}}}`,
  'lists in lists, up to the bound': data(nested(56)),
  'a text of a megabyte, nearly': text('a'.repeat(1_000_000)),
}

for (const [name, params] of Object.entries(forwarded)) {
  for (const binding of bindings) {
    test(`forwards ${name} byte for byte over ${binding}`, async () => {
      const seen = agent.seen.length
      const body = fresh(binding === 'JSONRPC' ? rpc(params) : params)
      const answer = await send(binding, body)
      assert.equal(agent.seen.length, seen + 1, answer.text)
      const call = agent.seen[seen]
      assert.deepEqual(call?.bytes, Buffer.from(body))
      assert.equal(call?.url, binding === 'JSONRPC' ? '/a2a' : '/a2a/message:send')
      assert.equal(call?.headers['content-type'], 'application/json')
    })
  }
}

/** Envelopes of JSON-RPC. */
const envelopes: Readonly<Record<string, string>> = {
  'an id that is 1.0': rpc(text('x')).replace('"id":1', '"id":1.0'),
  'an id that is 1e2': rpc(text('x')).replace('"id":1', '"id":1e2'),
  'an id that is -0': rpc(text('x')).replace('"id":1', '"id":-0'),
  'an id with escapes': rpc(text('x')).replace('"id":1', '"id":"\\u0061\\/\\ud83d\\ude00"'),
  'an id that is empty': rpc(text('x')).replace('"id":1', '"id":""'),
  'a version that is escaped': rpc(text('x')).replace('"2.0"', '"\\u0032.0"'),
  'a method that is escaped': rpc(text('x')).replace('SendMessage', '\\u0053endMessage'),
  'members in another order': `{"params":${text('x')},"method":"SendMessage","id":1,"jsonrpc":"2.0"}`,
  'an unknown member': rpc(text('x')).replace('"id":1', '"id":1,"later":{"method":"CancelTask"}'),
}
for (const [name, envelope] of Object.entries(envelopes)) {
  test(`forwards ${name} byte for byte`, async () => {
    const body = fresh(envelope)
    const seen = agent.seen.length
    await send('JSONRPC', body)
    assert.deepEqual(
      agent.seen.slice(seen).map(({ bytes }) => bytes),
      [Buffer.from(body)],
    )
  })
}

const hex = (...bytes: number[]): Buffer => Buffer.from(bytes)
/** A text in which one character is these bytes. */
const withBytes = (bytes: Buffer): Buffer => {
  const [before = '', behind = ''] = text('@').split('@')
  return Buffer.concat([Buffer.from(before), bytes, Buffer.from(behind)])
}
const utf32 = (value: string): Buffer => {
  const bytes = Buffer.alloc(value.length * 4)
  for (const [at, character] of Array.from(value).entries()) bytes.writeUInt32LE(character.codePointAt(0) ?? 0, at * 4)
  return bytes
}

// prettier-ignore
const refusedBodies: Readonly<Record<string, readonly [RefusalCode, Text]>> = {
  // numbers
  '1e400': ['VALIDATE_JSON', data('1e400')],
  '-1e400': ['VALIDATE_JSON', data('-1e400')],
  'a number of a thousand digits': ['VALIDATE_JSON', data('9'.repeat(1_000))],
  'a leading zero': ['VALIDATE_JSON', data('01')],
  'a leading plus': ['VALIDATE_JSON', data('+1')],
  'a bare point': ['VALIDATE_JSON', data('.5')],
  'nothing behind a point': ['VALIDATE_JSON', data('1.')],
  'nothing behind an exponent': ['VALIDATE_JSON', data('1e')],
  'a hexadecimal number': ['VALIDATE_JSON', data('0x10')],
  'an underscore in a number': ['VALIDATE_JSON', data('1_000')],
  'a BigInt': ['VALIDATE_JSON', data('1n')],
  'infinity': ['VALIDATE_JSON', data('Infinity')],
  'a minus alone': ['VALIDATE_JSON', data('-')],
  '2^64 in an integer field': ['VALIDATE_PARAMS', withConfiguration('"historyLength":18446744073709551616')],
  '2^32 + 1 in an integer field': ['VALIDATE_PARAMS', withConfiguration('"historyLength":4294967297')],
  '1.5 in an integer field': ['VALIDATE_PARAMS', withConfiguration('"historyLength":1.5')],
  '-1 in an integer field': ['VALIDATE_PARAMS', withConfiguration('"historyLength":-1')],
  'a text in an integer field': ['VALIDATE_PARAMS', withConfiguration('"historyLength":"1"')],
  'a text in a boolean field': ['VALIDATE_PARAMS', withConfiguration('"returnImmediately":"true"')],
  'a number in a boolean field': ['VALIDATE_PARAMS', withConfiguration('"returnImmediately":1')],
  // texts
  'NUL in a text as it is': ['VALIDATE_JSON', text('a\0b')],
  'a line end in a text as it is': ['VALIDATE_JSON', text('a\nb')],
  'a tab in a text as it is': ['VALIDATE_JSON', text('a\tb')],
  'an escape of JavaScript': ['VALIDATE_JSON', text('\\x41')],
  'an escape in braces': ['VALIDATE_JSON', text('\\u{41}')],
  'half an escape': ['VALIDATE_JSON', text('\\u00')],
  'an escaped line end': ['VALIDATE_JSON', text('\\\n')],
  'a low surrogate alone': ['VALIDATE_JSON', text('\\udc00')],
  'surrogates the other way round': ['VALIDATE_JSON', text('\\ude00\\ud83d')],
  'two high surrogates': ['VALIDATE_JSON', text('\\ud83d\\ud83d')],
  'a surrogate of which half is escaped': ['VALIDATE_JSON', Buffer.concat([withBytes(hex(0x5c, 0x75, 0x64, 0x38, 0x33, 0x64, 0xed, 0xb8, 0x80))])],
  'a surrogate in UTF-8': ['VALIDATE_JSON', withBytes(hex(0xed, 0xa0, 0x80))],
  'a slash longer than it needs to be': ['VALIDATE_JSON', withBytes(hex(0xc0, 0xaf))],
  'NUL longer than it needs to be': ['VALIDATE_JSON', withBytes(hex(0xc0, 0x80))],
  'half a letter': ['VALIDATE_JSON', withBytes(hex(0xc3))],
  'a character beyond Unicode': ['VALIDATE_JSON', withBytes(hex(0xf4, 0x90, 0x80, 0x80))],
  'single quotes': ['VALIDATE_JSON', text('x').replaceAll('"', "'")],
  'a key without quotes': ['VALIDATE_JSON', text('x').replace('"text"', 'text')],
  // the whole
  'UTF-16 in the other order': ['VALIDATE_JSON', Buffer.from(text('x'), 'utf16le').swap16()],
  'UTF-32': ['VALIDATE_JSON', utf32(text('x'))],
  'a byte order mark twice': ['VALIDATE_JSON', `\ufeff\ufeff${text('x')}`],
  'NUL behind the value': ['VALIDATE_JSON', `${text('x')}\0`],
  'garbage behind the value': ['VALIDATE_JSON', `${text('x')}x`],
  'a bracket too many': ['VALIDATE_JSON', `${text('x')}}`],
  'two values, a line each': ['VALIDATE_JSON', `${text('x')}\n${text('y')}`],
  'a record separator': ['VALIDATE_JSON', `\x1e${text('x')}\n`],
  'a prefix against inclusion': ['VALIDATE_JSON', `)]}'\n${text('x')}`],
  'a comment of a block': ['VALIDATE_JSON', text('x').replace('{', '{/**/')],
  'a comment of a line': ['VALIDATE_JSON', text('x').replace('{', '{//\n')],
  'a comment with a hash': ['VALIDATE_JSON', `#\n${text('x')}`],
  'a trailing comma in a list': ['VALIDATE_JSON', withPart('{"text":"x"},')],
  'a comma before a member': ['VALIDATE_JSON', text('x').replace('{', '{,')],
  'a member without a value': ['VALIDATE_JSON', withMember('"taskId":')],
  'a colon that is missing': ['VALIDATE_JSON', withMember('"taskId" "t"')],
  'white space that JSON does not know': ['VALIDATE_JSON', `\v${text('x')}`],
  'a space that does not break': ['VALIDATE_JSON', `\u00a0${text('x')}`],
  'a line separator between tokens': ['VALIDATE_JSON', `\u2028${text('x')}`],
  'lists in lists, beyond the bound': ['VALIDATE_JSON', data(nested(65))],
  // names of fields
  'a message by another case': ['VALIDATE_PARAMS', text('x').replace('"message"', '"Message"')],
  'a message twice, by another case': ['VALIDATE_PARAMS', text('x').replace('{', '{"MESSAGE":{},')],
  'parts by another case': ['VALIDATE_PARAMS', withMember('"Parts":[{"url":"https://a.example"}]')],
  'a role by another case': ['VALIDATE_PARAMS', withMember('"ROLE":"ROLE_AGENT"')],
  'message_id': ['VALIDATE_PARAMS', withMember('"message_id":"n"')],
  'context_id': ['VALIDATE_PARAMS', withMember('"context_id":"c"')],
  'reference_task_ids': ['VALIDATE_PARAMS', withMember('"reference_task_ids":["t"]')],
  'a task with a long s': ['VALIDATE_PARAMS', withMember('"ta\u017fkId":"t"')],
  'a task with the sign of Kelvin': ['VALIDATE_PARAMS', withMember('"tas\u212aId":"t"')],
  'an alias that is escaped': ['VALIDATE_PARAMS', withMember('"task\\u005fid":"t"')],
  'media_type': ['VALIDATE_PARAMS', withPart('{"text":"x","media_type":"a/b"}')],
  'a filename by another case': ['VALIDATE_PARAMS', withPart('{"text":"x","fileName":"a"}')],
  'accepted_output_modes': ['VALIDATE_PARAMS', withConfiguration('"accepted_output_modes":[]')],
  'task_push_notification_config': ['VALIDATE_PARAMS', withConfiguration('"task_push_notification_config":{"url":"https://a.example"}')],
  // unions, enums, ids
  'text and data': ['VALIDATE_PARAMS', withPart('{"text":"x","data":{}}')],
  'raw and url': ['VALIDATE_PARAMS', withPart('{"raw":"","url":"https://a.example"}')],
  'text that is null beside a url': ['VALIDATE_PARAMS', withPart('{"text":null,"url":"https://a.example"}')],
  'two kinds in the second part': ['VALIDATE_PARAMS', withPart('{"text":"x"},{"text":"x","url":"y"}')],
  'base64 of the URL alphabet': ['VALIDATE_PARAMS', withPart('{"raw":"_-8="}')],
  'base64 without padding': ['VALIDATE_PARAMS', withPart('{"raw":"AA"}')],
  'base64 with a line end': ['VALIDATE_PARAMS', withPart('{"raw":"AAAA\\nAAAA"}')],
  'base64 with loose bits': ['VALIDATE_PARAMS', withPart('{"raw":"AB=="}')],
  'a role in small letters': ['VALIDATE_PARAMS', text('x').replace('ROLE_USER', 'role_user')],
  'a role of 0.3': ['VALIDATE_PARAMS', text('x').replace('ROLE_USER', 'user')],
  'a role as a text of a number': ['VALIDATE_PARAMS', text('x').replace('ROLE_USER', '1')],
  'an empty message id': ['VALIDATE_PARAMS', text('x').replace('"m"', '""')],
  'NUL in a task id': ['VALIDATE_PARAMS', withMember('"taskId":"t\\u0000"')],
  'a line end in a task id': ['VALIDATE_PARAMS', withMember('"taskId":"t\\n"')],
  'a line separator in a task id': ['VALIDATE_PARAMS', withMember('"taskId":"t\\u2028"')],
  'a task id of 257 letters': ['VALIDATE_PARAMS', withMember(`"taskId":"${'t'.repeat(257)}"`)],
  'a task id that is a number': ['VALIDATE_PARAMS', withMember('"taskId":1')],
  'a task id that is a list': ['VALIDATE_PARAMS', withMember('"taskId":["T"]')],
  'a reference that is empty': ['VALIDATE_PARAMS', withMember('"referenceTaskIds":[""]')],
  'a list where the schema has one': ['VALIDATE_PARAMS', text('x').replace('"message":{', '"message":[{').replace(/}$/, ']}')],
  'one where the schema has a list': ['VALIDATE_PARAMS', text('x').replace('[', '').replace(']', '')],
  // whose task
  'a task by another case': ['AUTHZ_TASK_NOT_FOUND', withMember('"taskId":"t"')],
  'a task with a space': ['AUTHZ_TASK_NOT_FOUND', withMember('"taskId":"T "')],
  'a task with a byte order mark': ['AUTHZ_TASK_NOT_FOUND', withMember('"taskId":"\\ufeffT"')],
  'a task in letters of full width': ['AUTHZ_TASK_NOT_FOUND', withMember('"taskId":"\\uff34"')],
}

for (const [name, [code, params]] of Object.entries(refusedBodies)) {
  for (const binding of bindings) {
    test(`refuses ${name} over ${binding}`, async () => {
      const seen = agent.seen.length
      const body =
        binding === 'HTTP+JSON'
          ? params
          : typeof params === 'string'
            ? rpc(params)
            : Buffer.concat([Buffer.from(rpc('').slice(0, -1)), params, Buffer.from('}')])
      assertRefused(await send(binding, body), code, seen)
    })
  }
}

// prettier-ignore
const refusedEnvelopes: Readonly<Record<string, readonly [RefusalCode, string]>> = {
  'a method twice': ['VALIDATE_JSON', rpc(text('x')).replace('"id":1', '"id":1,"method":"GetTask"')],
  'a method twice, once escaped': ['VALIDATE_JSON', rpc(text('x')).replace('"id":1', '"id":1,"\\u006dethod":"GetTask"')],
  'params twice, by another case': ['VALIDATE_REQUEST', rpc(text('x')).replace('"id":1', '"id":1,"Params":{}')],
  'json_rpc beside jsonrpc': ['VALIDATE_REQUEST', rpc(text('x')).replace('"id":1', '"id":1,"json_rpc":"1.0"')],
  'an id that is true': ['VALIDATE_REQUEST', rpc(text('x')).replace('"id":1', '"id":true')],
  'an id that is a list': ['VALIDATE_REQUEST', rpc(text('x')).replace('"id":1', '"id":[1]')],
  'a version that is a number': ['VALIDATE_REQUEST', rpc(text('x')).replace('"2.0"', '2.0')],
  'a method with a space': ['VALIDATE_METHOD_UNKNOWN', rpc(text('x')).replace('SendMessage', 'SendMessage ')],
  'a method with NUL': ['VALIDATE_METHOD_UNKNOWN', rpc(text('x')).replace('SendMessage', 'SendMessage\\u0000')],
  'a method by its path in gRPC': ['VALIDATE_METHOD_UNKNOWN', rpc(text('x')).replace('SendMessage', 'lf.a2a.v1.A2AService/SendMessage')],
  'a method of 0.3 under a version of 1.0': ['VALIDATE_METHOD_UNKNOWN', rpc(text('x')).replace('SendMessage', 'message/send')],
  'another method of 0.3 under a version of 1.0': ['VALIDATE_METHOD_UNKNOWN', '{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"T"}}'],
  'params that are a text of JSON': ['VALIDATE_PARAMS', rpc(JSON.stringify(text('x')))],
  'params by position': ['VALIDATE_PARAMS', rpc(`[${text('x')}]`)],
}
for (const [name, [code, body]] of Object.entries(refusedEnvelopes)) {
  test(`refuses ${name}`, async () => {
    const seen = agent.seen.length
    assertRefused(await send('JSONRPC', body), code, seen)
  })
}

const read = (path: string, more: Partial<HttpCall> = {}): Promise<Answer> => {
  const { 'content-type': type = '', ...headers } = headersOf()
  return gateway.http({
    method: 'GET',
    path: `/agents/recorder${path}`,
    headers: { ...headers, ...(more.body !== undefined && { 'content-type': type }) },
    ...more,
  })
}

for (const path of ['/tasks/T', '/tasks/T?historyLength=1', '/tasks/T:subscribe']) {
  test(`forwards the path ${path} as it is`, async () => {
    const seen = agent.seen.length
    await read(path)
    assert.deepEqual(
      agent.seen.slice(seen).map(({ url }) => url),
      [`/a2a${path}`],
    )
  })
}

// prettier-ignore
const refusedPaths: Readonly<Record<string, readonly [RefusalCode, string, Partial<HttpCall>?]>> = {
  'a collection by another case': ['ROUTE_NOT_FOUND', '/TASKS/T'],
  'a collection by another case, one letter': ['ROUTE_NOT_FOUND', '/Tasks/T'],
  'a slash at the end': ['ROUTE_NOT_FOUND', '/tasks/T/'],
  'two slashes at the end': ['ROUTE_NOT_FOUND', '/tasks/T//'],
  'two slashes inside': ['ROUTE_NOT_FOUND', '/tasks//T'],
  'two slashes at the start': ['ROUTE_NOT_FOUND', '//tasks/T'],
  'a segment that is a dot': ['ROUTE_NOT_FOUND', '/tasks/./T'],
  'a segment of two dots': ['ROUTE_NOT_FOUND', '/x/../tasks/T'],
  'a segment of two dots, encoded': ['ROUTE_NOT_FOUND', '/x/%2e%2e/tasks/T'],
  'two dots behind the task': ['ROUTE_NOT_FOUND', '/tasks/T/..'],
  'a task of two dots': ['ROUTE_NOT_FOUND', '/tasks/..'],
  'a task of two dots, encoded': ['ROUTE_NOT_FOUND', '/tasks/%2E%2E'],
  'an encoded slash': ['ROUTE_NOT_FOUND', '/tasks%2FT'],
  'an encoded slash in a task': ['ROUTE_NOT_FOUND', '/tasks/x%2F..%2FT'],
  'an encoded slash in small letters': ['ROUTE_NOT_FOUND', '/tasks/x%2f..%2fT'],
  'a slash encoded twice': ['ROUTE_NOT_FOUND', '/tasks/x%252FT'],
  'an encoded backslash': ['ROUTE_NOT_FOUND', '/tasks/x%5cT'],
  'a letter that needs no encoding': ['ROUTE_NOT_FOUND', '/tasks/%54'],
  'a letter encoded twice': ['ROUTE_NOT_FOUND', '/tasks/%2554'],
  'a collection with an encoded letter': ['ROUTE_NOT_FOUND', '/%74asks/T'],
  'an encoded colon before a verb': ['ROUTE_NOT_FOUND', '/tasks/T%3Asubscribe'],
  'an encoded colon before a verb, twice': ['ROUTE_NOT_FOUND', '/tasks/T%253Asubscribe'],
  'an encoded colon before another verb': ['ROUTE_NOT_FOUND', '/tasks/T%3acancel', { method: 'POST', body: '{}' }],
  'a verb by another case': ['AUTHZ_TASK_NOT_FOUND', '/tasks/T:Foo'],
  'the verb subscribe by another case': ['ROUTE_NOT_FOUND', '/tasks/T:Subscribe'],
  'the verb cancel by another case': ['ROUTE_NOT_FOUND', '/tasks/T:CANCEL', { method: 'POST', body: '{}' }],
  'two verbs': ['ROUTE_NOT_FOUND', '/tasks/T:cancel:subscribe'],
  'a parameter of a segment': ['AUTHZ_TASK_NOT_FOUND', '/tasks/T;v=1'],
  'NUL in a task': ['ROUTE_NOT_FOUND', '/tasks/T%00'],
  'a line end in a task': ['ROUTE_NOT_FOUND', '/tasks/T%0d%0a'],
  'a task that is no UTF-8': ['ROUTE_NOT_FOUND', '/tasks/T%ff'],
  'a slash longer than it needs to be': ['ROUTE_NOT_FOUND', '/tasks/x%c0%afT'],
  'half an encoding': ['ROUTE_NOT_FOUND', '/tasks/T%5'],
  'an encoding that is none': ['ROUTE_NOT_FOUND', '/tasks/T%zz'],
  'an encoded question mark': ['ROUTE_NOT_FOUND', '/tasks/T%3Fx'],
  'an encoded hash': ['ROUTE_NOT_FOUND', '/tasks/T%23x'],
  'an encoded percent sign': ['ROUTE_NOT_FOUND', '/tasks/T%25'],
  'a plus, which is no space': ['AUTHZ_TASK_NOT_FOUND', '/tasks/T+'],
  'an encoded space behind the task': ['AUTHZ_TASK_NOT_FOUND', '/tasks/T%20'],
  'configurations by another case': ['ROUTE_NOT_FOUND', '/tasks/T/pushnotificationconfigs'],
  'a slash behind configurations': ['ROUTE_NOT_FOUND', '/tasks/T/pushNotificationConfigs/'],
  'a path of 0.3': ['VALIDATE_PARAMS', '/v1/tasks/T'],
  'the card of 0.3': ['ROUTE_NOT_FOUND', '/v1/card'],
  'a tenant that is not the agent\'s': ['VALIDATE_PARAMS', '/acme/tasks/T'],
  'a tenant that is a collection': ['ROUTE_NOT_FOUND', '/tasks/tasks/T'],
  'a tenant that is a collection by another case': ['ROUTE_NOT_FOUND', '/Tasks/tasks/T'],
  'a tenant that is encoded': ['ROUTE_NOT_FOUND', '/%61cme/tasks/T'],
  'a tenant that holds a slash': ['ROUTE_NOT_FOUND', '/a%2Fb/tasks/T'],
  'a tenant in the query': ['VALIDATE_PARAMS', '/tasks/T?tenant=acme'],
  'a tenant in the body against none in the path': ['VALIDATE_PARAMS', '/tasks/T:cancel', { method: 'POST', body: '{"tenant":"acme"}' }],
  'a task in the body against the path': ['VALIDATE_PARAMS', '/tasks/T:cancel', { method: 'POST', body: '{"id":"U"}' }],
  'a task in the query against the path': ['VALIDATE_PARAMS', '/tasks/T?id=U'],
  'a task in the body of a configuration against the path': ['VALIDATE_PARAMS', '/tasks/T/pushNotificationConfigs', { method: 'POST', body: '{"taskId":"U","url":"https://a.example/"}' }],
  'a parameter twice': ['VALIDATE_PARAMS', '/tasks/T?historyLength=1&historyLength=2'],
  'a parameter twice, once encoded': ['VALIDATE_PARAMS', '/tasks/T?historyLength=1&history%4Cength=2'],
  'a parameter in snake_case': ['VALIDATE_PARAMS', '/tasks/T?history_length=1'],
  'a parameter by another case': ['VALIDATE_PARAMS', '/tasks/T?historylength=1'],
  'a parameter as a list': ['VALIDATE_PARAMS', '/tasks/T?historyLength[]=1'],
  'a parameter with a plus': ['VALIDATE_PARAMS', '/tasks/T?historyLength=+1'],
  'a parameter in hexadecimal': ['VALIDATE_PARAMS', '/tasks/T?historyLength=0x1'],
  'a parameter that is 1e2': ['VALIDATE_PARAMS', '/tasks/T?historyLength=1e2'],
  'a parameter that is empty': ['VALIDATE_PARAMS', '/tasks/T?historyLength='],
  'a parameter behind a semicolon': ['VALIDATE_PARAMS', '/tasks/T?historyLength=1;tenant=acme'],
  'a version in the query against the header': ['VALIDATE_VERSION', '/tasks/T?A2A-Version=0.3'],
  'a second question mark': ['VALIDATE_PARAMS', '/tasks/T?historyLength=1?tenant=acme'],
  'a body on GET': ['VALIDATE_PARAMS', '/tasks/T', { body: '{"id":"U"}' }],
}

for (const [name, [code, path, more]] of Object.entries(refusedPaths)) {
  test(`refuses ${name}`, async () => {
    const seen = agent.seen.length
    assertRefused(await read(path, more), code, seen)
  })
}
