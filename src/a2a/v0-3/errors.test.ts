import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodeTo03, errorFromRest03, restErrorTo03 } from './errors.ts'

test('codes of 0.3 and of nobody stay; the two that are new in 1.0 become what 0.3 knows', () => {
  for (const code of [
    -32700, -32600, -32601, -32602, -32603, -32001, -32002, -32003, -32004, -32005, -32006, -32007, -32040, -32044, 1,
  ])
    assert.equal(errorCodeTo03(code), code)
  assert.equal(errorCodeTo03(-32008), -32004)
  assert.equal(errorCodeTo03(-32009), -32600)
  assert.deepEqual(restErrorTo03({ code: -32009, message: 'no' }), { code: -32600, message: 'no' })
})

test('an error on REST is what its code says, or its status where it names none', () => {
  const gone = { code: -32001, message: 'gone' }
  assert.deepEqual(errorFromRest03('GetTask', 404, gone), gone)
  assert.deepEqual(errorFromRest03('GetTask', 404, { message: 'gone' }), gone)
  assert.equal(errorFromRest03('CancelTask', 409, { message: 'x' }).code, -32002)
  assert.equal(errorFromRest03('SendMessage', 501, { message: 'x' }).code, -32004)
  assert.equal(errorFromRest03('CreateTaskPushNotificationConfig', 501, { message: 'x' }).code, -32003)
  assert.equal(errorFromRest03('GetExtendedAgentCard', 404, { message: 'x' }).code, -32007)
})

test('an error that cannot be read is an internal one', () => {
  for (const body of [undefined, null, [], 'x', 5, {}, { code: '-32001' }, { code: 1.5 }, { error: { code: 5 } }])
    assert.deepEqual(errorFromRest03('GetTask', 503, body), { code: -32603, message: '' })
})
