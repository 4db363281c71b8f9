// The attack: agents' decoders accept `task_id`, `TaskId` or `ta\u017fkId` for `taskId`, so a check that reads only
// `taskId` sees no task while the agent works on someone else's (ProtoJSON, Go encoding/json; seen in js and py).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams } from './fake-routed.ts'
import { validate } from './validate.ts'

const spellings = ['task_id', 'TaskId', 'TASKID', 'taskid', 'Task_ID', 'ta\u017fkId', 'tas\u212aId']

for (const alias of spellings) {
  test(`refuses a message whose task is called ${JSON.stringify(alias)}`, async () => {
    const params = sendParams({ [alias]: 'task-of-another' })
    const both = sendParams({ taskId: 'my-task', [alias]: 'task-of-another' })
    const inner = JSON.stringify(sendParams()).replace(
      '"messageId"',
      `${JSON.stringify(alias)}:"task-of-another","messageId"`,
    )
    const requests = [
      { body: rpcText('SendMessage', params) },
      { body: rpcText('SendMessage', both) },
      { body: inner, rest: { operation: 'SendMessage' as const } },
    ]
    for (const request of requests) {
      const result = await validate(fakeRouted(request))
      assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS')
    }
  })
}

test('refuses the alias also when its letters are escaped in the text', async () => {
  const body = rpcText('GetTask', { id: 'mine' }).replace('"id":"mine"', '"id":"mine","\\u0049d":"task-of-another"')
  const result = await validate(fakeRouted({ body }))
  assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS')
})

test('leaves the same names alone inside data and metadata, where they mean nothing to the schema', async () => {
  const body = rpcText(
    'SendMessage',
    sendParams({ parts: [{ data: { task_id: 1, taskId: 2 } }], metadata: { task_id: 1 } }),
  )
  assert.ok(!isRefusal(await validate(fakeRouted({ body }))))
})
