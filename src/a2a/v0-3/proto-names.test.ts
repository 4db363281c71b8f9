import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../../base/strict-json.ts'
import { withJsonNames } from './proto-names.ts'
import { requestFromRest03 } from './rest.ts'

const path = { tenant: '', taskId: '', configId: '' }
const reads = (body: JsonValue): boolean =>
  requestFromRest03({ operation: 'SendMessage', ...path }, {}, withJsonNames('SendMessage', body)).ok

const sent = {
  request: { message_id: 'm', context_id: 'c', role: 'ROLE_USER', content: [{ text: 'hi' }] },
  configuration: { blocking: true, history_length: 2, push_notification: { url: 'https://a.example' } },
}

test('a body of the Python client is read as one with JSON names', () => {
  assert.deepEqual(withJsonNames('SendMessage', sent), {
    message: { messageId: 'm', contextId: 'c', role: 'ROLE_USER', content: [{ text: 'hi' }] },
    configuration: { blocking: true, historyLength: 2, pushNotification: { url: 'https://a.example' } },
  })
  assert.ok(reads(sent))
  const file = { file: { file_with_uri: 'https://a.example', mime_type: 'text/plain' } }
  assert.deepEqual(withJsonNames('SendStreamingMessage', { request: { content: [file] } }), {
    message: { content: [{ file: { fileWithUri: 'https://a.example', mimeType: 'text/plain' } }] },
  })
  const config = {
    parent: 'tasks/t',
    config_id: 'c',
    config: { push_notification_config: { url: 'https://a.example' } },
  }
  assert.deepEqual(withJsonNames('CreateTaskPushNotificationConfig', config), {
    parent: 'tasks/t',
    configId: 'c',
    config: { pushNotificationConfig: { url: 'https://a.example' } },
  })
})

test('two spellings of one field are refused, whichever comes first and wherever they stand', () => {
  const message = { messageId: 'm', role: 'ROLE_USER', content: [{ text: 'hi' }] }
  assert.ok(reads({ message }))
  for (const body of [
    { message, request: message },
    { request: message, message },
    { request: { ...message, message_id: 'n' } },
    { request: { message_id: 'n', ...message } },
    { request: { ...message, context_id: 'a', contextId: 'b' } },
    { request: { ...message, content: [{ file: { fileWithUri: 'a', file_with_uri: 'b' } }] } },
    { request: message, configuration: { historyLength: 1, history_length: 2 } },
  ])
    assert.equal(reads(body), false, JSON.stringify(body))
})

test('other spellings stay what they are, and are refused', () => {
  const message = { messageId: 'm', role: 'ROLE_USER', content: [{ text: 'hi' }] }
  for (const odd of ['Message_Id', 'message__id', 'messageid', 'MESSAGE_ID', '_message_id', 'Context_id', 'task_Id'])
    assert.equal(reads({ request: { ...message, [odd]: 'n' } }), false, odd)
  // names of the other version and of other places
  for (const odd of ['msg', 'Request', 'parts'])
    assert.equal(reads({ message: { ...message, [odd]: [] } }), odd !== 'parts')
})

test('what is anything goes untouched: data and metadata', () => {
  const inner = { message_id: 1, request: { context_id: 2 }, ['__proto__']: { x: 1 } }
  const body = {
    message: {
      messageId: 'm',
      role: 'ROLE_USER',
      content: [{ data: { data: inner }, metadata: inner }],
      metadata: inner,
    },
    metadata: inner,
  }
  assert.equal(withJsonNames('SendMessage', body), body)
})

test('other operations and other values are left alone', () => {
  for (const body of [null, 1, 'x', [], { message_id: 'm' }]) assert.equal(withJsonNames('CancelTask', body), body)
  for (const body of [null, 1, 'x', [], {}]) assert.equal(withJsonNames('SendMessage', body), body)
})
