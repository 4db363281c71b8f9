// The attack: agents exist that run 0.3 method names whatever A2A-Version says (py), so a call named the old way
// would be an operation that no rule knows. Under each version only its own names pass, to the letter; those of the
// other are unknown methods, as agents that keep to the header have it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams } from './fake-routed.ts'
import { validate } from './validate.ts'

const old = [
  'message/send',
  'message/stream',
  'tasks/get',
  'tasks/list',
  'tasks/cancel',
  'tasks/resubscribe',
  'tasks/send',
  'tasks/pushNotificationConfig/set',
  'tasks/pushNotificationConfig/get',
  'tasks/pushNotificationConfig/list',
  'tasks/pushNotificationConfig/delete',
  'agent/getAuthenticatedExtendedCard',
  'SendMessage ',
  ' SendMessage',
  'Send\u200bMessage',
  'SENDMESSAGE',
  'send_message',
]

for (const method of old) {
  test(`refuses the method ${JSON.stringify(method)} under version 1.0`, async () => {
    for (const versions of [['1.0'], ['1.0', '0.3']] as const) {
      const result = await validate(fakeRouted({ body: rpcText(method, sendParams()), versions }))
      assert.equal(isRefusal(result) && result.code, 'VALIDATE_METHOD_UNKNOWN')
    }
  })
}

test('tells an honest 0.3 client of its version rather than of an unknown method', async () => {
  for (const headers of [
    { 'content-type': 'application/json' },
    { 'content-type': 'application/json', 'a2a-version': '0.3' },
  ]) {
    const result = await validate(fakeRouted({ headers, body: rpcText('message/send', sendParams()) }))
    assert.equal(isRefusal(result) && result.code, 'VALIDATE_VERSION')
  }
})

for (const method of ['SendMessage', 'GetTask', 'ListTasks', 'tasks/list', 'message/Send', 'tasks/resubscribe '])
  test(`refuses the method ${JSON.stringify(method)} under version 0.3`, async () => {
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'application/json', 'a2a-version': '0.3' },
    ]) {
      const result = await validate(
        fakeRouted({ headers, body: rpcText(method, sendParams()), versions: ['1.0', '0.3'] }),
      )
      assert.equal(isRefusal(result) && result.code, 'VALIDATE_METHOD_UNKNOWN')
    }
  })
