import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, inner, int, text } from './fake-wire.ts'
import { decodeStatus, encodeGrpcMessage, encodeStatus, grpcStatusName, grpcStatusNumber } from './grpc-status.ts'
import { parseGrpcTimeout } from './grpc-timeout.ts'
import { decodeHealthRequest, decodeHealthResponse, encodeHealthRequest, encodeHealthResponse } from './health.ts'
import { methodOf, methodOfPath } from './schema.ts'

test('codes have the numbers of gRPC', () => {
  for (const [name, number] of [
    ['OK', 0],
    ['INVALID_ARGUMENT', 3],
    ['NOT_FOUND', 5],
    ['PERMISSION_DENIED', 7],
    ['RESOURCE_EXHAUSTED', 8],
    ['FAILED_PRECONDITION', 9],
    ['UNIMPLEMENTED', 12],
    ['INTERNAL', 13],
    ['UNAVAILABLE', 14],
    ['UNAUTHENTICATED', 16],
  ] as const) {
    assert.equal(grpcStatusNumber(name), number)
    assert.equal(grpcStatusName(number), name)
  }
  for (const number of [-1, 17, 1.5, Number.NaN]) assert.equal(grpcStatusName(number), 'UNKNOWN')
})

test('a status comes back with its ErrorInfo, and other details as they were', () => {
  const status = {
    code: 5,
    message: 'no such täsk',
    details: [
      { reason: 'TASK_NOT_FOUND', domain: 'a2a-protocol.org', metadata: { taskId: 't1', constructor: 'x' } },
      { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: Buffer.of(1, 2) },
    ],
  }
  assert.deepEqual(decodeStatus(encodeStatus(status)), status)
  const bare = { code: 13, message: '', details: [] }
  assert.deepEqual(decodeStatus(encodeStatus(bare)), bare)
})

test('a status is the bytes that protobuf has for it', () => {
  const info = Buffer.concat([text(1, 'R'), text(2, 'd'), inner(3, text(1, 'k'), text(2, 'v'))])
  assert.deepEqual(
    encodeStatus({ code: 5, message: 'm', details: [{ reason: 'R', domain: 'd', metadata: { k: 'v' } }] }),
    bytes(int(1, 5), text(2, 'm'), inner(3, text(1, 'type.googleapis.com/google.rpc.ErrorInfo'), text(2, info))),
  )
})

test('a status that decoders read differently is none', () => {
  const info = (value: Buffer): Buffer => inner(3, text(1, 'type.googleapis.com/google.rpc.ErrorInfo'), text(2, value))
  for (const bad of [
    bytes(int(1, 5), int(1, 7)),
    bytes(text(2, Buffer.of(0xff))),
    Buffer.of(0x0a),
    info(Buffer.of(0xff)),
    info(bytes(text(1, 'A'), text(1, 'B'))),
    Buffer.concat(Array.from({ length: 1_001 }, () => inner(3))),
  ])
    assert.equal(decodeStatus(bad), undefined)
})

test('grpc-message is printable ASCII, and says the same', () => {
  assert.equal(encodeGrpcMessage('no such task'), 'no such task')
  assert.equal(encodeGrpcMessage('50% ü\r\n'), '50%25 %C3%BC%0D%0A')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (message) => {
      const encoded = encodeGrpcMessage(message)
      assert.match(encoded, /^[\x20-\x7e]*$/)
      // how clients read it
      assert.equal(decodeURIComponent(encoded), message.toWellFormed())
    }),
    { numRuns: 200, interruptAfterTimeLimit: 1_000 },
  )
})

test('a timeout is at most eight digits and a unit', () => {
  for (const [header, ms] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['100m', 100],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
    ['0m', 0],
    ['00000001S', 1_000],
  ] as const)
    assert.ok(Math.abs((parseGrpcTimeout(header) ?? -1) - ms) < 1e-9, header)
  for (const bad of [
    '',
    '1',
    'S',
    '1s',
    '1h',
    '-1S',
    '+1S',
    '1.5S',
    ' 1S',
    '1S ',
    '1 S',
    '123456789S',
    '1SS',
    '１S',
    '1e3m',
    '1m, 2m',
  ])
    assert.equal(parseGrpcTimeout(bad), undefined, bad)
})

test('a path names one operation and one version, exactly', () => {
  assert.equal(methodOfPath('/lf.a2a.v1.A2AService/SendMessage')?.operation, 'SendMessage')
  assert.equal(methodOfPath('/lf.a2a.v1.A2AService/SubscribeToTask')?.streams, true)
  assert.equal(methodOfPath('/a2a.v1.A2AService/TaskSubscription')?.operation, 'SubscribeToTask')
  assert.equal(methodOfPath('/a2a.v1.A2AService/TaskSubscription')?.version, '0.3')
  assert.equal(methodOfPath('/a2a.v1.A2AService/GetAgentCard')?.operation, 'GetExtendedAgentCard')
  assert.equal(
    methodOf('ListTaskPushNotificationConfigs', '0.3')?.path,
    '/a2a.v1.A2AService/ListTaskPushNotificationConfig',
  )
  for (const bad of [
    '',
    '/',
    '/lf.a2a.v1.A2AService',
    '/lf.a2a.v1.A2AService/',
    '/lf.a2a.v1.A2AService/sendMessage',
    '/lf.a2a.v1.A2AService/SendMessage/',
    '//lf.a2a.v1.A2AService/SendMessage',
    '/LF.A2A.V1.A2AService/SendMessage',
    '/lf.a2a.v1.A2AService/TaskSubscription',
    '/a2a.v1.A2AService/SubscribeToTask',
    '/a2a.v1.A2AService/ListTasks',
    '/lf.a2a.v1.A2AService/%53endMessage',
    '/lf.a2a.v1.A2AService/SendMessage?x',
    '/lf.a2a.v1.A2AService/__proto__',
    '/x/lf.a2a.v1.A2AService/SendMessage',
  ])
    assert.equal(methodOfPath(bad), undefined, bad)
})

test('health is asked after and told', () => {
  assert.equal(decodeHealthRequest(Buffer.alloc(0)), '')
  assert.equal(decodeHealthRequest(encodeHealthRequest('lf.a2a.v1.A2AService')), 'lf.a2a.v1.A2AService')
  assert.equal(decodeHealthRequest(bytes(text(1, 'a'), text(1, 'b'))), undefined)
  assert.deepEqual(encodeHealthResponse('SERVING'), Buffer.of(8, 1))
  assert.equal(decodeHealthResponse(encodeHealthResponse('NOT_SERVING')), 'NOT_SERVING')
  assert.equal(decodeHealthResponse(int(1, 9)), undefined)
})
