// Validate in both bindings: a table of what is refused and with which code, what passes and what is known of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { operationNames } from '../a2a/operations.ts'
import type { Validated } from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams, type FakeRequest } from './fake-routed.ts'
import { requestIdOf, validate } from './validate.ts'

async function refusalOf(request: FakeRequest): Promise<Refusal> {
  const result = await validate(fakeRouted(request))
  assert.ok(isRefusal(result), 'was accepted')
  return result
}

async function accepted(request: FakeRequest): Promise<Validated> {
  const result = await validate(fakeRouted(request))
  assert.ok(!isRefusal(result), isRefusal(result) ? `${result.code}: ${result.detail}` : '')
  return result
}

const send = (message = {}, params = {}): string => rpcText('SendMessage', sendParams(message, params))
const rpc = (method: string, params?: unknown, overrides = {}): FakeRequest => ({
  body: rpcText(method, params, overrides),
})
const versioned = (version: string): Record<string, string> => ({
  'a2a-version': version,
  'content-type': 'application/json',
})
const typed = (type: string): Record<string, string> => ({ 'a2a-version': '1.0', 'content-type': type })
const webhook = { taskId: 't', url: 'https://hooks.example/x' }

// prettier-ignore
const rpcRefusals: readonly [why: string, request: FakeRequest, code: RefusalCode][] = [
  ['GET', { method: 'GET', body: send() }, 'VALIDATE_REQUEST'],
  ['no content type', { headers: { 'a2a-version': '1.0' }, body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['text/plain', { headers: typed('text/plain'), body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['the content type of the other binding', { headers: typed('application/a2a+json'), body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['a content type with another charset', { headers: typed('application/json; charset=utf-16'), body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['a content type with another parameter', { headers: typed('application/json; profile=x'), body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['two content types', { headers: typed('application/json, text/plain'), body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['a content type that only begins right', { headers: typed('application/jsonp'), body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['a compressed body', { headers: { ...versioned('1.0'), 'content-encoding': 'gzip' }, body: send() }, 'VALIDATE_CONTENT_TYPE'],
  ['no body', {}, 'VALIDATE_JSON'],
  ['malformed JSON', { body: '{"jsonrpc":"2.0",' }, 'VALIDATE_JSON'],
  ['two values', { body: send() + send() }, 'VALIDATE_JSON'],
  ['bad UTF-8', { body: Buffer.from(send().replace('hello', '\xff'), 'latin1') }, 'VALIDATE_JSON'],
  ['UTF-16', { body: Buffer.from(send(), 'utf16le') }, 'VALIDATE_JSON'],
  ['a byte order mark', { body: `\ufeff${send()}` }, 'VALIDATE_JSON'],
  ['a depth bomb', { body: `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":${'['.repeat(100_000)}` }, 'VALIDATE_JSON'],
  ['a node bomb', { body: rpcText('SendMessage', Array.from({ length: 100_001 }, () => 0)) }, 'VALIDATE_JSON'],
  ['a lone surrogate', { body: send().replace('hello', '\\ud800') }, 'VALIDATE_JSON'],
  ['a text', { body: '"SendMessage"' }, 'VALIDATE_REQUEST'],
  ['null', { body: 'null' }, 'VALIDATE_REQUEST'],
  ['a number', { body: '7' }, 'VALIDATE_REQUEST'],
  ['no jsonrpc', rpc('GetTask', { id: 't' }, { jsonrpc: undefined }), 'VALIDATE_REQUEST'],
  ['jsonrpc 1.0', rpc('GetTask', { id: 't' }, { jsonrpc: '1.0' }), 'VALIDATE_REQUEST'],
  ['jsonrpc as number', rpc('GetTask', { id: 't' }, { jsonrpc: 2.0 }), 'VALIDATE_REQUEST'],
  ['a null id', rpc('GetTask', { id: 't' }, { id: null }), 'VALIDATE_REQUEST'],
  ['an object as id', rpc('GetTask', { id: 't' }, { id: {} }), 'VALIDATE_REQUEST'],
  ['a boolean as id', rpc('GetTask', { id: 't' }, { id: true }), 'VALIDATE_REQUEST'],
  ['an id that readers round', { body: rpcText('GetTask', { id: 't' }).replace('"q-1"', '9007199254740993') }, 'VALIDATE_REQUEST'],
  ['an endless id', rpc('GetTask', { id: 't' }, { id: 'x'.repeat(5000) }), 'VALIDATE_REQUEST'],
  ['an endless number as id', { body: rpcText('GetTask', { id: 't' }).replace('"q-1"', `1.${'0'.repeat(5000)}1`) }, 'VALIDATE_REQUEST'],
  ['no method', rpc('GetTask', { id: 't' }, { method: undefined }), 'VALIDATE_REQUEST'],
  ['a method that is no text', rpc('GetTask', { id: 't' }, { method: ['GetTask'] }), 'VALIDATE_REQUEST'],
  ['a method in capitals beside the real one', rpc('GetTask', { id: 't' }, { METHOD: 'CancelTask' }), 'VALIDATE_REQUEST'],
  ['params by another spelling', rpc('GetTask', { id: 't' }, { Params: { id: 'u' } }), 'VALIDATE_REQUEST'],
  ['a flood of members', rpc('GetTask', { id: 't' }, Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`x${at}`, 1]))), 'VALIDATE_REQUEST'],
  ['no version', { headers: { 'content-type': 'application/json' }, body: send() }, 'VALIDATE_VERSION'],
  ['an empty version', { headers: versioned(''), body: send() }, 'VALIDATE_VERSION'],
  ['version 0.3', { headers: versioned('0.3'), body: send() }, 'VALIDATE_VERSION'],
  ['version 1.1', { headers: versioned('1.1'), body: send() }, 'VALIDATE_VERSION'],
  ['version 1', { headers: versioned('1'), body: send() }, 'VALIDATE_VERSION'],
  ['version 1.0.x', { headers: versioned('1.0.x'), body: send() }, 'VALIDATE_VERSION'],
  ['two versions in one header', { headers: versioned('1.0, 0.3'), body: send() }, 'VALIDATE_VERSION'],
  ['versions that differ', { query: 'A2A-Version=0.3', body: send() }, 'VALIDATE_VERSION'],
  ['an empty version in the query', { query: 'A2A-Version=', body: send() }, 'VALIDATE_VERSION'],
  ['an empty version in the header', { headers: versioned(''), query: 'A2A-Version=1.0', body: send() }, 'VALIDATE_VERSION'],
  ['a version in the query by another spelling', { query: 'a2a-version=1.0', body: send() }, 'VALIDATE_PARAMS'],
  ['a version twice in the query', { query: 'A2A-Version=1.0&A2A-Version=1.0', body: send() }, 'VALIDATE_PARAMS'],
  ['another query parameter', { query: 'tenant=x', body: send() }, 'VALIDATE_PARAMS'],
  ['an unknown method', rpc('Frobnicate', {}), 'VALIDATE_METHOD_UNKNOWN'],
  ['an empty method', rpc('', {}), 'VALIDATE_METHOD_UNKNOWN'],
  ['a method of an extension', rpc('https://ext.example/Do', {}), 'VALIDATE_METHOD_UNKNOWN'],
  ['a method in small letters', rpc('sendmessage', sendParams()), 'VALIDATE_METHOD_UNKNOWN'],
  ['a method every object has', rpc('constructor', {}), 'VALIDATE_METHOD_UNKNOWN'],
  ['the prototype as method', rpc('__proto__', {}), 'VALIDATE_METHOD_UNKNOWN'],
  ['no params', rpc('SendMessage'), 'VALIDATE_PARAMS'],
  ['null params', rpc('GetTask', null), 'VALIDATE_PARAMS'],
  ['params by position', rpc('GetTask', ['t']), 'VALIDATE_PARAMS'],
  ['params as text', rpc('GetExtendedAgentCard', 'x'), 'VALIDATE_PARAMS'],
  ['no task id', rpc('GetTask', {}), 'VALIDATE_PARAMS'],
  ['an empty task id', rpc('CancelTask', { id: '' }), 'VALIDATE_PARAMS'],
  ['a control character in a task id', rpc('SubscribeToTask', { id: 'a\u0001' }), 'VALIDATE_PARAMS'],
  ['a negative history length', rpc('GetTask', { id: 't', historyLength: -1 }), 'VALIDATE_PARAMS'],
  ['a page of none', rpc('ListTasks', { pageSize: 0 }), 'VALIDATE_PARAMS'],
  ['a page of 101', rpc('ListTasks', { pageSize: 101 }), 'VALIDATE_PARAMS'],
  ['an unknown status', rpc('ListTasks', { status: 'working' }), 'VALIDATE_PARAMS'],
  ['an endless page token', rpc('ListTasks', { pageToken: 'x'.repeat(3000) }), 'VALIDATE_PARAMS'],
  ['a timestamp without zone', rpc('ListTasks', { statusTimestampAfter: '2026-11-22T00:00:00' }), 'VALIDATE_PARAMS'],
  ['a webhook without scheme', rpc('CreateTaskPushNotificationConfig', { taskId: 't', url: 'hooks.example' }), 'VALIDATE_PARAMS'],
  ['a webhook to a file', rpc('CreateTaskPushNotificationConfig', { taskId: 't', url: 'file:///etc/passwd' }), 'VALIDATE_PARAMS'],
  ['a webhook with userinfo', rpc('CreateTaskPushNotificationConfig', { taskId: 't', url: 'https://good.example@169.254.169.254/' }), 'VALIDATE_PARAMS'],
  ['a configuration without id', rpc('DeleteTaskPushNotificationConfig', { taskId: 't' }), 'VALIDATE_PARAMS'],
  ['a url part that is no URL', { body: send({ parts: [{ url: 'nowhere' }] }) }, 'VALIDATE_PARAMS'],
  ['a url part with a backslash', { body: send({ parts: [{ url: 'https://good.example\\@evil.example/' }] }) }, 'VALIDATE_PARAMS'],
  ['a raw part that is no base64', { body: send({ parts: [{ raw: '%%%' }] }) }, 'VALIDATE_PARAMS'],
  ['a part without content', { body: send({ parts: [{ kind: 'text' }] }) }, 'VALIDATE_PARAMS'],
]

for (const [why, request, code] of rpcRefusals) {
  test(`refuses JSON-RPC with ${why}`, async () => assert.equal((await refusalOf(request)).code, code))
}

const rest = (
  operation: NonNullable<FakeRequest['rest']>['operation'],
  ids: object = {},
): NonNullable<FakeRequest['rest']> => ({ operation, ...ids })
const getTask = (query: string, headers = versioned('1.0')): FakeRequest => ({
  method: 'GET',
  query,
  headers,
  rest: rest('GetTask', { taskId: 't' }),
})
const listTasks = (query: string): FakeRequest => ({ method: 'GET', query, rest: rest('ListTasks') })
const restSend = (body: unknown, more: Partial<FakeRequest> = {}): FakeRequest => ({
  rest: rest('SendMessage'),
  body: JSON.stringify(body),
  ...more,
})

// prettier-ignore
const restRefusals: readonly [why: string, request: FakeRequest, code: RefusalCode][] = [
  ['no version', getTask('', { 'content-type': 'application/json' }), 'VALIDATE_VERSION'],
  ['version 0.3', getTask('', versioned('0.3')), 'VALIDATE_VERSION'],
  ['versions that differ', getTask('A2A-Version=0.3'), 'VALIDATE_VERSION'],
  ['no content type on a send', restSend(sendParams(), { headers: { 'a2a-version': '1.0' } }), 'VALIDATE_CONTENT_TYPE'],
  ['a form', restSend(sendParams(), { headers: typed('application/x-www-form-urlencoded') }), 'VALIDATE_CONTENT_TYPE'],
  ['a wrong content type on an empty cancel', { rest: rest('CancelTask', { taskId: 't' }), headers: typed('text/plain') }, 'VALIDATE_CONTENT_TYPE'],
  ['a cancel body without content type', { rest: rest('CancelTask', { taskId: 't' }), headers: { 'a2a-version': '1.0' }, body: '{}' }, 'VALIDATE_CONTENT_TYPE'],
  ['a send without body', { rest: rest('SendMessage') }, 'VALIDATE_JSON'],
  ['a body that is no JSON', { rest: rest('SendMessage'), body: 'message=hi' }, 'VALIDATE_JSON'],
  ['a repeated key', { rest: rest('SendMessage'), body: '{"message":{},"message":{}}' }, 'VALIDATE_JSON'],
  ['a list as body', restSend([sendParams()]), 'VALIDATE_PARAMS'],
  ['a JSON-RPC request as body', { rest: rest('SendMessage'), body: rpcText('SendMessage', sendParams()) }, 'VALIDATE_PARAMS'],
  ['a body on GET', { ...getTask(''), body: '{"id":"u"}' }, 'VALIDATE_PARAMS'],
  ['an empty object on GET', { ...getTask(''), body: '{}' }, 'VALIDATE_PARAMS'],
  ['two nulls on GET', { ...getTask(''), body: 'null null' }, 'VALIDATE_PARAMS'],
  ['null and a space on GET', { ...getTask(''), body: 'null ' }, 'VALIDATE_PARAMS'],
  ['a body on a list', { ...listTasks(''), body: '{}' }, 'VALIDATE_PARAMS'],
  ['a body on DELETE', { method: 'DELETE', rest: rest('DeleteTaskPushNotificationConfig', { taskId: 't', configId: 'c' }), body: '{}' }, 'VALIDATE_PARAMS'],
  ['a method without meaning', { method: 'PATCH', rest: rest('GetTask', { taskId: 't' }) }, 'VALIDATE_PARAMS'],
  ['an unknown query parameter', getTask('includeArtifacts=true'), 'VALIDATE_PARAMS'],
  ['a snake_case query parameter', getTask('history_length=1'), 'VALIDATE_PARAMS'],
  ['a miscased query parameter', getTask('historylength=1'), 'VALIDATE_PARAMS'],
  ['an encoded query name', getTask('history%4Cength=1'), 'VALIDATE_PARAMS'],
  ['a bracketed query name', getTask('historyLength[]=1'), 'VALIDATE_PARAMS'],
  ['a repeated query parameter', getTask('historyLength=1&historyLength=2'), 'VALIDATE_PARAMS'],
  ['an empty query parameter', getTask('historyLength=1&'), 'VALIDATE_PARAMS'],
  ['a query name alone', getTask('historyLength'), 'VALIDATE_PARAMS'],
  ['a query parameter every object has', getTask('constructor=1'), 'VALIDATE_PARAMS'],
  ['the prototype as query parameter', getTask('__proto__=1'), 'VALIDATE_PARAMS'],
  ['bad encoding in a query', listTasks('contextId=%ff'), 'VALIDATE_PARAMS'],
  ['a control character in a query', listTasks('contextId=a%00'), 'VALIDATE_PARAMS'],
  ...['', '-1', '+1', '01', '1.0', '1e1', '0x1', ' 1', '9999999999', 'NaN', '١'].map((value): [string, FakeRequest, RefusalCode] => [`history length "${value}"`, getTask(`historyLength=${encodeURIComponent(value)}`), 'VALIDATE_PARAMS']),
  ...['0', '101', '2147483648'].map((value): [string, FakeRequest, RefusalCode] => [`page size ${value}`, listTasks(`pageSize=${value}`), 'VALIDATE_PARAMS']),
  ['a boolean as 1', listTasks('includeArtifacts=1'), 'VALIDATE_PARAMS'],
  ['a boolean in capitals', listTasks('includeArtifacts=TRUE'), 'VALIDATE_PARAMS'],
  ['a status of 0.3', listTasks('status=working'), 'VALIDATE_PARAMS'],
  ['a status as number', listTasks('status=3'), 'VALIDATE_PARAMS'],
  ['a context id too long', listTasks(`contextId=${'x'.repeat(300)}`), 'VALIDATE_PARAMS'],
  ['a timestamp that is a date', listTasks('statusTimestampAfter=2026-11-22'), 'VALIDATE_PARAMS'],
  ['a query on a send', restSend(sendParams(), { query: 'tenant=' }), 'VALIDATE_PARAMS'],
  ['another task in a cancel body', { rest: rest('CancelTask', { taskId: 't' }), body: '{"id":"u"}' }, 'VALIDATE_PARAMS'],
  ['another task in a subscribe body', { rest: rest('SubscribeToTask', { taskId: 't' }), body: '{"id":"u"}' }, 'VALIDATE_PARAMS'],
  ['another task in a webhook body', { rest: rest('CreateTaskPushNotificationConfig', { taskId: 't' }), body: JSON.stringify({ ...webhook, taskId: 'u' }) }, 'VALIDATE_PARAMS'],
  ['an alias in a webhook body', { rest: rest('CreateTaskPushNotificationConfig', { taskId: 't' }), body: JSON.stringify({ url: webhook.url, task_id: 't' }) }, 'VALIDATE_PARAMS'],
  ['two members in a part', restSend(sendParams({ parts: [{ text: 'x', url: 'https://a.example' }] })), 'VALIDATE_PARAMS'],
  ['no message', restSend({}), 'VALIDATE_PARAMS'],
]

for (const [why, request, code] of restRefusals) {
  test(`refuses HTTP+JSON with ${why}`, async () => assert.equal((await refusalOf(request)).code, code))
}

test('a null where no body is needed, which the Go client sends, is no body and goes no further', async () => {
  const named = { taskId: 't', configId: 'c' }
  for (const request of [
    getTask('historyLength=1'),
    { rest: rest('DeleteTaskPushNotificationConfig', named), method: 'DELETE', headers: versioned('1.0') },
    { rest: rest('CancelTask', { taskId: 't' }), headers: versioned('1.0') },
    { rest: rest('SubscribeToTask', { taskId: 't' }), headers: versioned('1.0') },
  ]) {
    const validated = await accepted({ ...request, body: 'null' })
    assert.deepEqual([validated.bodyText, validated.body], ['', undefined])
    assert.equal(validated.taskId, 't')
  }
})

test('passes on what reading the body refused', async () => {
  for (const code of ['LISTEN_BODY_TOO_LARGE', 'LISTEN_BODY_TIMEOUT'] as const) {
    const body = refuse(code, 'test')
    assert.equal((await refusalOf({ body })).code, code)
    assert.equal((await refusalOf({ body, rest: rest('SendMessage') })).code, code)
  }
})

test('knows a send: ids, parts by kind and size, names of metadata, never the words', async () => {
  const params = sendParams(
    {
      messageId: 'message-0123456789',
      taskId: 't-1',
      contextId: 'c-1',
      parts: [
        { text: 'é€😀', mediaType: 'text/plain' },
        { raw: 'AAEC', filename: 'a.bin' },
        { url: 'https://Files.Example:8443/a?b#c' },
        { url: 'data:text/plain,hi' },
        { data: { a: [1, 'é'] } },
      ],
      metadata: { one: 1, two: { three: 3 } },
      extensions: ['https://ext.example/a'],
      referenceTaskIds: ['t-7'],
    },
    {
      configuration: {
        historyLength: 4,
        returnImmediately: true,
        taskPushNotificationConfig: { id: 'p', taskId: 't-1', url: 'http://127.0.0.1:9/hook' },
      },
    },
  )
  const body = rpcText('SendStreamingMessage', params)
  const call = await accepted({ body })
  assert.equal(call.operation, 'SendStreamingMessage')
  assert.deepEqual(call.message, {
    messageId: 'message-0123456789',
    taskId: 't-1',
    contextId: 'c-1',
    role: 'ROLE_USER',
    parts: [
      { kind: 'text', size: 9, mediaType: 'text/plain', filename: '', host: '' },
      { kind: 'raw', size: 3, mediaType: '', filename: 'a.bin', host: '' },
      { kind: 'url', size: 32, mediaType: '', filename: '', host: 'files.example' },
      { kind: 'url', size: 18, mediaType: '', filename: '', host: '' },
      { kind: 'data', size: 14, mediaType: '', filename: '', host: '' },
    ],
    referenceTaskIds: ['t-7'],
    extensions: ['https://ext.example/a'],
    metadataKeys: ['one', 'two'],
  })
  const {
    taskId,
    contextId,
    configId,
    inlinePush,
    returnImmediately,
    historyLength,
    requestId,
    upstreamPath,
    upstreamMethod,
    version,
  } = call
  assert.deepEqual(
    {
      taskId,
      contextId,
      configId,
      inlinePush,
      returnImmediately,
      historyLength,
      requestId,
      upstreamPath,
      upstreamMethod,
      version,
    },
    {
      taskId: 't-1',
      contextId: 'c-1',
      configId: 'p',
      inlinePush: true,
      returnImmediately: true,
      historyLength: 4,
      requestId: '"q-1"',
      upstreamPath: '',
      upstreamMethod: 'POST',
      version: '1.0',
    },
  )
  assert.equal(call.bodyText, body)
})

// prettier-ignore
const named: readonly [operation: (typeof operationNames)[number], params: object, httpMethod: string, path: string][] = [
  ['GetTask', { id: 't 1' }, 'GET', '/tasks/t%201'],
  ['CancelTask', { id: 't 1' }, 'POST', '/tasks/t%201:cancel'],
  ['SubscribeToTask', { id: 't 1' }, 'GET', '/tasks/t%201:subscribe'],
  ['SubscribeToTask', { id: 't 1' }, 'POST', '/tasks/t%201:subscribe'],
  ['GetTaskPushNotificationConfig', { taskId: 't 1', id: 'c' }, 'GET', '/tasks/t%201/pushNotificationConfigs/c'],
  ['DeleteTaskPushNotificationConfig', { taskId: 't 1', id: 'c' }, 'DELETE', '/tasks/t%201/pushNotificationConfigs/c'],
  ['ListTaskPushNotificationConfigs', { taskId: 't 1' }, 'GET', '/tasks/t%201/pushNotificationConfigs'],
]

for (const [operation, params, method, path] of named) {
  test(`${operation} names the same task in both bindings (${method})`, async () => {
    const configId = path.endsWith('/c') ? 'c' : ''
    const overRpc = await accepted(rpc(operation, params))
    const overRest = await accepted({ method, rest: rest(operation, { taskId: 't 1', configId }) })
    for (const call of [overRpc, overRest]) {
      assert.deepEqual(
        [call.operation, call.taskId, call.configId, call.message.messageId],
        [operation, 't 1', configId, ''],
      )
    }
    assert.deepEqual(
      [overRest.upstreamMethod, overRest.upstreamPath, overRest.requestId, overRest.bodyText],
      [method, path, '', ''],
    )
  })
}

test('a new webhook names its task and configuration in both bindings', async () => {
  const config = { ...webhook, id: 'c', token: 'x', authentication: { scheme: 'Bearer', credentials: 'y' } }
  const overRpc = await accepted(rpc('CreateTaskPushNotificationConfig', config))
  const overRest = await accepted({
    rest: rest('CreateTaskPushNotificationConfig', { taskId: 't' }),
    body: JSON.stringify(config),
  })
  for (const call of [overRpc, overRest])
    assert.deepEqual([call.taskId, call.configId, call.inlinePush], ['t', 'c', false])
  assert.equal(overRest.upstreamPath, '/tasks/t/pushNotificationConfigs')
})

test('reads a list filter alike from params and query, and rebuilds the query', async () => {
  const members = {
    contextId: 'c&d=é',
    status: 'TASK_STATE_WORKING',
    pageSize: 7,
    pageToken: 'a+b',
    historyLength: 0,
    statusTimestampAfter: '2026-11-22T01:00:00+01:00',
    includeArtifacts: true,
  }
  const query = new URLSearchParams(Object.entries(members).map(([name, value]) => [name, String(value)])).toString()
  const overRest = await accepted(listTasks(`${query}&A2A-Version=1.0.4`))
  const overRpc = await accepted(rpc('ListTasks', members))
  const expected = { ...members, statusTimestampAfter: undefined, statusTimestampAfterMs: Date.UTC(2026, 10, 22) }
  delete (expected as Partial<typeof expected>).statusTimestampAfter
  assert.deepEqual(overRest.list, expected)
  assert.deepEqual(overRpc.list, expected)
  assert.equal(overRest.contextId, 'c&d=é')
  assert.equal(
    overRest.upstreamPath,
    '/tasks?contextId=c%26d%3D%C3%A9&status=TASK_STATE_WORKING&pageSize=7&pageToken=a%2Bb&historyLength=0&statusTimestampAfter=2026-11-22T01%3A00%3A00%2B01%3A00&includeArtifacts=true',
  )
})

test('a list without filter has the defaults, with or without params', async () => {
  const defaults = {
    contextId: '',
    status: '',
    pageSize: 50,
    pageToken: '',
    historyLength: undefined,
    statusTimestampAfterMs: 0,
    includeArtifacts: false,
  }
  for (const request of [
    rpc('ListTasks'),
    rpc('ListTasks', {}),
    rpc('ListTasks', null),
    listTasks(''),
    listTasks('status=TASK_STATE_UNSPECIFIED'),
  ]) {
    assert.deepEqual((await accepted(request)).list, defaults)
  }
})

test('GetExtendedAgentCard needs no params', async () => {
  assert.equal((await accepted(rpc('GetExtendedAgentCard'))).operation, 'GetExtendedAgentCard')
  assert.equal(
    (await accepted({ method: 'GET', rest: rest('GetExtendedAgentCard') })).upstreamPath,
    '/extendedAgentCard',
  )
})

test('accepts the version in either place and does not mind patch numbers', async () => {
  const headers = { 'content-type': 'application/json' }
  assert.equal((await accepted({ headers, query: 'A2A-Version=1.0', body: send() })).version, '1.0')
  assert.equal((await accepted({ headers: versioned('1.0.1'), query: 'A2A-Version=1.0', body: send() })).version, '1.0')
})

test('accepts the content types of each binding, in UTF-8', async () => {
  for (const type of ['application/json', 'Application/JSON;charset=utf-8', 'application/json; charset="UTF-8"']) {
    await accepted({ headers: typed(type), body: send() })
    await accepted(restSend(sendParams(), { headers: typed(type) }))
  }
  await accepted(restSend(sendParams(), { headers: typed('application/a2a+json; charset=utf-8') }))
})

test('cancel and subscribe may come with or without body', async () => {
  for (const operation of ['CancelTask', 'SubscribeToTask'] as const) {
    for (const body of ['', '{}', '{"id":"t"}', '{"future":1}']) {
      const call = await accepted({ rest: rest(operation, { taskId: 't' }), body })
      assert.deepEqual([call.taskId, call.bodyText], ['t', body])
    }
    await accepted({ rest: rest(operation, { taskId: 't' }), headers: { 'a2a-version': '1.0' } })
  }
})

test('activates only extensions that are asked for and allowed', async () => {
  const asked = (header: string): FakeRequest => ({
    headers: { ...versioned('1.0'), 'a2a-extensions': header },
    body: send(),
    extensions: ['urn:a', 'urn:b'],
  })
  assert.deepEqual((await accepted(asked(' urn:b ,urn:x,urn:a,urn:b'))).extensions, ['urn:b', 'urn:a'])
  assert.deepEqual((await accepted(asked('urn:A,urn:a/..'))).extensions, [])
  assert.deepEqual((await accepted({ body: send(), extensions: ['urn:a'] })).extensions, [])
  assert.deepEqual((await accepted({ ...asked('urn:a'), extensions: [] })).extensions, [])
})

test('echoes the id of a refused request exactly as it stood, or null', async () => {
  const ids = ['"q-1"', '"\\u0041\\n"', '7', '-0', '1.50', '""']
  for (const id of ids) {
    const body = rpcText('Frobnicate', {}).replace('"q-1"', () => id)
    assert.equal(requestIdOf(await refusalOf({ body })), id)
  }
  for (const id of ['null', 'true', '{}', '9007199254740993']) {
    const body = rpcText('Frobnicate', {}).replace('"q-1"', id)
    assert.equal(requestIdOf(await refusalOf({ body })), 'null')
  }
  for (const body of ['', '[]', '{', '{"id":1,"id":2}', `[${rpcText('GetTask', {})}]`, '"id"'])
    assert.equal(requestIdOf(await refusalOf({ body })), 'null', body)
  assert.equal(requestIdOf(refuse('AUTHN_MISSING', 'x')), 'null')
})

test('never throws, and what passes is the text that arrived', async () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0e1. '.split('')) }),
  )
  const method = fc.oneof(fc.constantFrom(...operationNames), fc.string())
  const params = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(sendParams(), { id: 't' }, { taskId: 't', id: 'c', url: 'https://a.example' }),
  )
  const body = fc.oneof(
    hostile,
    fc
      .tuple(method, params, fc.constantFrom(undefined, 1))
      .map(([name, value, space]) =>
        JSON.stringify({ jsonrpc: '2.0', id: 'x', method: name, params: value }, undefined, space),
      ),
  )
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.option(fc.constantFrom(...operationNames), { nil: undefined }),
      fc.string(),
      async (text, operation, query) => {
        const request = {
          body: text,
          query: query.startsWith('A') ? query : '',
          ...(operation && { rest: rest(operation, { taskId: 't' }) }),
        }
        const result = await validate(fakeRouted(request))
        // which may be no body: that has a test of its own
        if (text !== 'null' && !isRefusal(result)) assert.equal(result.bodyText, text)
        requestIdOf(isRefusal(result) ? result : refuse('GATEWAY_INTERNAL', ''))
      },
    ),
    { interruptAfterTimeLimit: 600, numRuns: 600 },
  )
})
