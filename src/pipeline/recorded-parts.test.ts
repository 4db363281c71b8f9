// What is recorded of an answer is its result, with every number as the agent wrote it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultOf } from './recorded-parts.ts'

test('of a JSON-RPC answer the result, or the error in its place', () => {
  assert.deepEqual(resultOf({ binding: 'JSONRPC' }, '{"id":1,"result":{"a":1}}'), { a: 1 })
  assert.deepEqual(resultOf({ binding: 'JSONRPC' }, '{"id":1,"error":{"code":-32603}}'), { code: -32603 })
  assert.equal(resultOf({ binding: 'JSONRPC' }, ''), undefined)
})

test('a number that JavaScript would round is there as it was written', () => {
  const answer = '{"id":1,"result":{"account":12345678901234567890}}'
  assert.deepEqual(resultOf({ binding: 'JSONRPC' }, answer), { account: { number: '12345678901234567890' } })
})
