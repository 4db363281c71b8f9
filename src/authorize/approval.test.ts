// The keyed hash that ties an approval to one request: what may differ between the first try and the next one, and
// everything that must not.

import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { buildSnapshot, configSchema } from '../config/config.ts'
import { paramsOfEnvelope } from '../faces/canonical-text.ts'
import { isPartyTo, tagOf } from './approval.ts'
import { fakeCall, type FakeCall } from './fake-call.ts'

const nobodyElse = buildSnapshot(configSchema.parse({}))
const key = createSecretKey(Buffer.alloc(32, 1))
const send = (params: string, id = '1'): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"SendMessage","params":${params}}`
const tag = (bodyText: string, call: FakeCall = {}, changes: object = {}): string =>
  tagOf(
    Object.assign(fakeCall(call), { paramsText: () => paramsOfEnvelope(bodyText), extensions: [] }, changes),
    key,
  ).toString('hex')

const plain = send('{"message":{"parts":[{"text":"pay","amount":1}]}}')

describe('the same request', () => {
  for (const [why, text] of [
    ['another JSON-RPC id', send('{"message":{"parts":[{"text":"pay","amount":1}]}}', '"other"')],
    ['white space', send(' { "message" : { "parts" : [ { "text":"pay", "amount":1 } ] } } ')],
    ['the order of members', send('{"message":{"parts":[{"amount":1,"text":"pay"}]}}')],
    ['escapes', send('{"message":{"parts":[{"text":"\\u0070ay","amount":1}]}}')],
  ] as const)
    it(`is known again in spite of ${why}`, () => assert.equal(tag(text), tag(plain)))
})

describe('another request', () => {
  for (const [why, text] of [
    ['a word', send('{"message":{"parts":[{"text":"pay!","amount":1}]}}')],
    ['a number', send('{"message":{"parts":[{"text":"pay","amount":2}]}}')],
    ['text in the place of a number', send('{"message":{"parts":[{"text":"pay","amount":"1"}]}}')],
    ['a member more', send('{"message":{"parts":[{"text":"pay","amount":1,"to":null}]}}')],
    ['a part moved', send('{"message":{"parts":[{"text":"pay"},{"amount":1}]}}')],
    ['nothing at all', ''],
  ] as const)
    it(`is told by ${why}`, () => assert.notEqual(tag(text), tag(plain)))

  it('is told by digits that JavaScript would round away', () => {
    const amount = (digits: string): string => tag(send(`{"amount":${digits}}`))
    const spellings = ['9007199254740992', '9007199254740993', '1e400', '1e401', '0', '-0', '1.0', '1']
    assert.equal(new Set(spellings.map(amount)).size, spellings.length)
    assert.notEqual(amount('9007199254740993'), amount('{"text":"9007199254740993"}'))
  })

  const changes: readonly [string, FakeCall, object][] = [
    ['the caller', { caller: 'key:mallory' }, {}],
    ['the origin', { caller: 'agent:planner', origin: 'user:corp/eve' }, {}],
    ['the agent', { agent: 'vault' }, {}],
    ['the operation', { operation: 'SendStreamingMessage' }, {}],
    ['the tenant', {}, { tenant: 'other' }],
    ['an extension', {}, { extensions: ['https://example.com/x'] }],
    ['the task that a path names', {}, { paramsText: () => '{"id":"1"}' }],
    ['the version', {}, { version: '2.0' }],
    ['the chain', {}, { chain: [{ id: 'agent:between', groups: [], display: '' }] }],
  ]
  for (const [why, call, change] of changes)
    it(`is told by ${why}`, () => assert.notEqual(tag(plain, call, change), tag(plain)))

  it('is told apart under another key, so that a copy of the disk answers no guesses', () => {
    const other = tagOf(
      Object.assign(fakeCall({}), { paramsText: () => paramsOfEnvelope(plain), extensions: [] }),
      createSecretKey(Buffer.alloc(32, 2)),
    )
    assert.notEqual(other.toString('hex'), tag(plain))
  })
})

it('caller, origin and everybody between are parties to a call', () => {
  const call = { caller: 'agent:b', origin: 'user:corp/alice', chain: ['agent:a'] }
  for (const party of ['agent:b', 'user:corp/alice', 'agent:a'])
    assert.equal(isPartyTo(call, party, nobodyElse), true, party)
  for (const other of ['agent:c', 'user:corp/bob', '', 'agent:'])
    assert.equal(isPartyTo(call, other, nobodyElse), false, other)
})
