import assert from 'node:assert/strict'
import { test } from 'node:test'
import { a2aErrors, errorByCode, errorByReason, isJsonRpcStandardCode } from './errors.ts'

test('names each error once, by code and by reason', () => {
  assert.equal(a2aErrors.length, 9)
  for (const error of a2aErrors) {
    assert.equal(errorByCode(error.jsonRpc), error)
    assert.equal(errorByReason(error.reason), error)
  }
})

test('knows no code or reason outside the table', () => {
  for (const code of [0, -32000, -32010, -32040, -32600, Number.NaN]) assert.equal(errorByCode(code), undefined)
  for (const reason of ['', 'constructor', '__proto__', 'task_not_found'])
    assert.equal(errorByReason(reason), undefined)
})

test('tells the codes of JSON-RPC itself from others', () => {
  for (const code of [-32700, -32600, -32601, -32602, -32603]) assert.ok(isJsonRpcStandardCode(code))
  for (const code of [-32699, -32604, -32599, -32001, 0]) assert.ok(!isJsonRpcStandardCode(code))
})
