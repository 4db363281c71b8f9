// The attack: a send on one's own task carries a webhook whose taskId is someone else's; the agent hangs the webhook
// there and the stranger's events flow out. Path and body may not disagree either.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams, type FakeRequest } from './fake-routed.ts'
import { validate } from './validate.ts'

const url = 'https://hooks.example/x'
const withWebhook = (message: object, taskId: string | null): string =>
  rpcText('SendMessage', sendParams({ ...message }, { configuration: { taskPushNotificationConfig: { url, taskId } } }))

const refused: Readonly<Record<string, FakeRequest>> = {
  'a webhook for another task': { body: withWebhook({ taskId: 'mine' }, 'task-of-another') },
  'a webhook for a task where the message names none': { body: withWebhook({}, 'task-of-another') },
  'a path and a body that name two tasks': {
    rest: { operation: 'CreateTaskPushNotificationConfig', taskId: 'mine' },
    body: JSON.stringify({ taskId: 'task-of-another', url }),
  },
  'the webhook under its old name': {
    body: rpcText(
      'SendMessage',
      sendParams({}, { configuration: { pushNotificationConfig: { url, taskId: 'task-of-another' } } }),
    ),
  },
}

for (const [what, request] of Object.entries(refused)) {
  test(`refuses ${what}`, async () => {
    const result = await validate(fakeRouted(request))
    assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS')
  })
}

test("accepts a webhook that names no task or the message's own, and says that there is one", async () => {
  for (const body of [withWebhook({}, ''), withWebhook({}, null), withWebhook({ taskId: 'mine' }, 'mine')]) {
    const result = await validate(fakeRouted({ body }))
    assert.ok(!isRefusal(result))
    assert.ok(result.inlinePush)
  }
})
