// A call from one form into another: nothing that the schema names is lost between the JSON bindings, and numbers stay
// as they were written.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paramsOfBody, paramsOfEnvelope, pathMembers } from './canonical-text.ts'
import { chooseFace, faceOf, spokenBindings } from './choose-face.ts'
import { encodeJsonRpc, encodeRest } from './encode-request.ts'
import { openJsonRpc, openRestError } from './open-answer.ts'

test('an agent is called as its caller speaks, where it can', () => {
  const both = { speaks: ['1.0'] } as const
  assert.equal(chooseFace(both, faceOf('HTTP+JSON', '1.0')), faceOf('HTTP+JSON', '1.0'))
  assert.equal(chooseFace(both, faceOf('GRPC', '1.0')), faceOf('JSONRPC', '1.0'))
  assert.equal(chooseFace(both, faceOf('JSONRPC', '0.3')), faceOf('JSONRPC', '1.0'))
  const old = { bindings: ['HTTP+JSON'], speaks: ['0.3'] } as const
  assert.equal(chooseFace(old, faceOf('JSONRPC', '1.0')), faceOf('HTTP+JSON', '0.3'))
  const every = { grpcUrl: 'http://127.0.0.1:1', speaks: ['0.3', '1.0'] } as const
  assert.deepEqual(spokenBindings(every), ['JSONRPC', 'HTTP+JSON', 'GRPC'])
  assert.equal(chooseFace(every, faceOf('GRPC', '1.0')), faceOf('GRPC', '1.0'))
})

test('parameters are cut out of a request as they are written', () => {
  assert.equal(paramsOfEnvelope('{"jsonrpc":"2.0","params" : {"n":1.0} ,"id":1}'), '{"n":1.0}')
  for (const none of ['{"id":1}', '{"params":null}']) assert.equal(paramsOfEnvelope(none), '{}')
  const named = pathMembers('CreateTaskPushNotificationConfig', { taskId: 't', configId: '' })
  assert.deepEqual(JSON.parse(paramsOfBody('{"url":"https://a"}', named)), { taskId: 't', url: 'https://a' })
  assert.equal(paramsOfBody('{"taskId":"t"}', named), '{"taskId":"t"}')
  assert.equal(paramsOfBody('', named), '{"taskId":"t"}')
})

test('a call goes from HTTP+JSON to JSON-RPC and back with its numbers as they were', () => {
  const text = '{"message":{"parts":[{"data":{"n":18446744073709551616,"m":1.50}}]}}'
  const call = { operation: 'SendMessage', params: JSON.parse(text), text, tenant: 'acme' } as const
  const rpc = encodeJsonRpc(call, '1')
  assert.ok(rpc.body.includes('18446744073709551616') && rpc.body.includes('1.50'))
  assert.equal(JSON.parse(rpc.body).params.tenant, 'acme')
  assert.deepEqual(encodeRest(call), { method: 'POST', path: '/acme/message:send', body: text })
})

test('what the path names stands neither in the query nor in the body', () => {
  const encoded = (
    operation: Parameters<typeof encodeRest>[0]['operation'],
    params: Record<string, never>,
  ): string[] => {
    const encoded = encodeRest({ operation, params, text: JSON.stringify(params), tenant: '' })
    assert.ok(typeof encoded !== 'string')
    const { method, path, body } = encoded
    return [method, path, body]
  }
  const given = (params: object): Record<string, never> => params as Record<string, never>
  assert.deepEqual(encoded('GetTask', given({ tenant: 'x', id: 't 1', historyLength: 2 })), [
    'GET',
    '/tasks/t%201?historyLength=2',
    '',
  ])
  assert.deepEqual(encoded('CancelTask', given({ tenant: 'x', id: 't', metadata: { a: 1 } })), [
    'POST',
    '/tasks/t:cancel',
    '{"metadata":{"a":1}}',
  ])
  assert.deepEqual(encoded('DeleteTaskPushNotificationConfig', given({ taskId: 't', id: 'c' })), [
    'DELETE',
    '/tasks/t/pushNotificationConfigs/c',
    '',
  ])
  assert.deepEqual(encoded('CreateTaskPushNotificationConfig', given({ taskId: 't', id: 'c', url: 'https://a' })), [
    'POST',
    '/tasks/t/pushNotificationConfigs',
    '{"id":"c","url":"https://a"}',
  ])
})

test("an agent's error is the same error in every binding", () => {
  const rpc = openJsonRpc('', { jsonrpc: '2.0', id: 1, error: { code: -32002, message: 'too late' } }, 1)
  const details = [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'TASK_NOT_CANCELABLE', domain: 'a2a-protocol.org' },
  ]
  const rest = openRestError({ error: { code: 400, status: 'FAILED_PRECONDITION', message: 'too late', details } }, 400)
  assert.deepEqual(rpc, rest)
  assert.deepEqual(rpc, {
    kind: 'error',
    error: { jsonRpc: -32002, http: 400, grpc: 'FAILED_PRECONDITION', message: 'too late', details },
  })
})

test('answers that are to another request, or no answers, are told as such', () => {
  const result = { jsonrpc: '2.0', id: 2, result: {} }
  assert.equal(openJsonRpc('', result, 1), 'the answer is to another request')
  assert.equal(
    typeof openJsonRpc('', { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: '' } }, 1),
    'string',
  )
  assert.equal(typeof openJsonRpc('', { jsonrpc: '2.0', id: 1, error: { code: 1.5, message: '' } }, 1), 'string')
  assert.equal(typeof openRestError({ error: 'x' }, 400), 'string')
})
