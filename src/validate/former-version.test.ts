// Requests of A2A 0.3, in the bindings of JSON: what the walk decides on is the call in the words of 1.0, and where it
// goes out is chosen by what the agent speaks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, type FakeRequest } from './fake-routed.ts'
import { validate } from './validate.ts'

const json = { 'content-type': 'application/json' }
const both = { versions: ['1.0', '0.3'] } as const
const hello = { message: { kind: 'message', messageId: 'm-1', role: 'user', parts: [{ kind: 'text', text: 'hello' }] } }
const helloProto = { message: { messageId: 'm-1', role: 'ROLE_USER', content: [{ text: 'hello' }] } }

const validated = async (
  request: FakeRequest,
): Promise<Exclude<Awaited<ReturnType<typeof validate>>, { kind: 'refusal' }>> => {
  const result = await validate(fakeRouted({ headers: json, ...both, ...request }))
  assert.ok(!isRefusal(result), JSON.stringify(result))
  return result
}
const refused = async (request: FakeRequest): Promise<string> => {
  const result = await validate(fakeRouted({ headers: json, ...both, ...request }))
  return isRefusal(result) ? result.code : 'passed'
}

test('message/send without a version is SendMessage of 0.3, and its facts are those of 1.0', async () => {
  const call = await validated({
    body: rpcText('message/send', {
      ...hello,
      configuration: { blocking: false, pushNotificationConfig: { url: 'https://example.com/hook', id: 'c1' } },
    }),
  })
  assert.equal(call.operation, 'SendMessage')
  assert.equal(call.version, '0.3')
  assert.deepEqual(call.agentFace, { binding: 'JSONRPC', version: '1.0' })
  assert.equal(call.returnImmediately, true)
  assert.equal(call.inlinePush, true)
  assert.equal(call.configId, 'c1')
  assert.deepEqual(JSON.parse(call.paramsText()), {
    message: { messageId: 'm-1', role: 'ROLE_USER', parts: [{ text: 'hello' }] },
    configuration: {
      returnImmediately: true,
      taskPushNotificationConfig: { url: 'https://example.com/hook', id: 'c1' },
    },
  })
})

test('an agent that speaks 0.3 gets the call in its own version', async () => {
  const call = await validated({ body: rpcText('tasks/get', { id: 't1' }), speaks: ['0.3'] })
  assert.deepEqual(call.agentFace, { binding: 'JSONRPC', version: '0.3' })
  assert.equal(call.taskId, 't1')
  const ten = await validated({
    headers: { ...json, 'a2a-version': '1.0' },
    body: rpcText('GetTask', { id: 't1' }),
    speaks: ['0.3'],
  })
  assert.equal(ten.version, '1.0')
  assert.deepEqual(ten.agentFace, { binding: 'JSONRPC', version: '0.3' })
})

test('every question of 0.3 names its task and its webhook', async () => {
  for (const [method, params, operation, configId] of [
    ['tasks/get', { id: 't1', historyLength: 2 }, 'GetTask', ''],
    ['tasks/cancel', { id: 't1' }, 'CancelTask', ''],
    ['tasks/resubscribe', { id: 't1' }, 'SubscribeToTask', ''],
    [
      'tasks/pushNotificationConfig/set',
      { taskId: 't1', pushNotificationConfig: { id: 'c1', url: 'https://example.com' } },
      'CreateTaskPushNotificationConfig',
      'c1',
    ],
    [
      'tasks/pushNotificationConfig/get',
      { id: 't1', pushNotificationConfigId: 'c1' },
      'GetTaskPushNotificationConfig',
      'c1',
    ],
    ['tasks/pushNotificationConfig/list', { id: 't1' }, 'ListTaskPushNotificationConfigs', ''],
    [
      'tasks/pushNotificationConfig/delete',
      { id: 't1', pushNotificationConfigId: 'c1' },
      'DeleteTaskPushNotificationConfig',
      'c1',
    ],
  ] as const) {
    const call = await validated({ body: rpcText(method, params) })
    assert.equal(call.operation, operation)
    assert.equal(call.taskId, 't1')
    assert.equal(call.configId, configId)
  }
  assert.equal(
    (await validated({ body: rpcText('agent/getAuthenticatedExtendedCard', undefined) })).operation,
    'GetExtendedAgentCard',
  )
})

test('the same on the paths below /v1', async () => {
  const send = await validated({ rest: { operation: 'SendMessage', version: '0.3' }, body: JSON.stringify(helloProto) })
  assert.deepEqual(JSON.parse(send.paramsText()), {
    message: { messageId: 'm-1', role: 'ROLE_USER', parts: [{ text: 'hello' }] },
  })
  assert.equal(send.upstreamPath, '/v1/message:send')
  const get = await validated({
    method: 'GET',
    query: 'historyLength=2',
    rest: { operation: 'GetTask', taskId: 't1', version: '0.3' },
  })
  assert.equal(get.historyLength, 2)
  assert.equal(get.taskId, 't1')
  assert.equal(get.upstreamPath, '/v1/tasks/t1?historyLength=2')
  const cancel = await validated({
    rest: { operation: 'CancelTask', taskId: 't1', version: '0.3' },
    body: '{"name":"tasks/t1"}',
  })
  assert.equal(cancel.taskId, 't1')
})

test('numbers in the metadata of a call of 0.3 keep their spelling in what is sent on', async () => {
  const body = rpcText('message/send', hello).replace(
    '"kind":"message"',
    '"kind":"message","metadata":{"n":18446744073709551616}',
  )
  assert.match((await validated({ body })).paramsText(), /"metadata":\{"n":18446744073709551616\}/)
})

const rest03 = { operation: 'SendMessage', version: '0.3' } as const
const attacks: readonly (readonly [string, FakeRequest, string])[] = [
  [
    'an agent whose callers may not use 0.3',
    { body: rpcText('message/send', hello), versions: ['1.0'] },
    'VALIDATE_VERSION',
  ],
  [
    '0.3 in the header and 1.0 in the query',
    { headers: { ...json, 'a2a-version': '0.3' }, query: 'A2A-Version=1.0', body: rpcText('message/send', hello) },
    'VALIDATE_VERSION',
  ],
  [
    '1.0 in the header and 0.3 in the query',
    { headers: { ...json, 'a2a-version': '1.0' }, query: 'A2A-Version=0.3', body: rpcText('message/send', hello) },
    'VALIDATE_VERSION',
  ],
  [
    'a version between',
    { headers: { ...json, 'a2a-version': '0.4' }, body: rpcText('message/send', hello) },
    'VALIDATE_VERSION',
  ],
  [
    'a version before',
    { headers: { ...json, 'a2a-version': '0.2.6' }, body: rpcText('message/send', hello) },
    'VALIDATE_VERSION',
  ],
  [
    'the parameters of 1.0 under a name of 0.3',
    { body: rpcText('message/send', { message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'a' }] } }) },
    'VALIDATE_PARAMS',
  ],
  [
    'a webhook under the name of 1.0',
    {
      body: rpcText('message/send', {
        ...hello,
        configuration: { taskPushNotificationConfig: { url: 'https://evil.example' } },
      }),
    },
    'VALIDATE_PARAMS',
  ],
  [
    'a webhook with an ambiguous address',
    {
      body: rpcText('message/send', {
        ...hello,
        configuration: { pushNotificationConfig: { url: 'https://a@b@evil.example' } },
      }),
    },
    'VALIDATE_PARAMS',
  ],
  [
    'a file with an ambiguous address',
    {
      body: rpcText('message/send', {
        message: { ...hello.message, parts: [{ kind: 'file', file: { uri: '//evil.example/a' } }] },
      }),
    },
    'VALIDATE_PARAMS',
  ],
  [
    'a part of two kinds',
    {
      body: rpcText('message/send', { message: { ...hello.message, parts: [{ kind: 'text', text: 'a', data: {} }] } }),
    },
    'VALIDATE_PARAMS',
  ],
  ['a second id', { body: rpcText('tasks/get', { id: 't1', taskId: 't2' }) }, 'VALIDATE_PARAMS'],
  ['no webhook named', { body: rpcText('tasks/pushNotificationConfig/get', { id: 't1' }) }, 'VALIDATE_PARAMS'],
  ['parameters left out', { body: rpcText('tasks/get', undefined) }, 'VALIDATE_PARAMS'],
  ['parameters as a list', { body: rpcText('tasks/get', ['t1']) }, 'VALIDATE_PARAMS'],
  [
    'a path of 0.3 under 1.0',
    { headers: { ...json, 'a2a-version': '1.0' }, rest: rest03, body: JSON.stringify(helloProto) },
    'VALIDATE_VERSION',
  ],
  [
    'a path of 1.0 without a version',
    {
      rest: { operation: 'SendMessage' },
      body: JSON.stringify({ message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'a' }] } }),
    },
    'VALIDATE_VERSION',
  ],
  [
    'a path of 0.3 for callers of 1.0 alone',
    { rest: rest03, body: JSON.stringify(helloProto), versions: ['1.0'] },
    'VALIDATE_VERSION',
  ],
  ['the form of JSON-RPC on a path', { rest: rest03, body: JSON.stringify(hello) }, 'VALIDATE_PARAMS'],
  [
    'another task in the body than in the path',
    { rest: { operation: 'CancelTask', taskId: 't1', version: '0.3' }, body: '{"name":"tasks/t2"}' },
    'VALIDATE_PARAMS',
  ],
  [
    'a tenant in the query',
    { method: 'GET', query: 'tenant=other', rest: { operation: 'GetTask', taskId: 't1', version: '0.3' } },
    'VALIDATE_PARAMS',
  ],
  [
    'a duplicate key',
    { body: rpcText('tasks/get', { id: 't1' }).replace('"id":"t1"', '"id":"t1","id":"t2"') },
    'VALIDATE_JSON',
  ],
]
for (const [what, request, code] of attacks)
  test(`refuses ${what}`, async () => assert.equal(await refused(request), code))
