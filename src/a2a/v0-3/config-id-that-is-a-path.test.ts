// The attack: the id of a new webhook is a piece of a path. On gRPC of A2A 0.3 it becomes the end of a resource name that
// servers build and take apart by themselves, and it would name another task's webhook, or one that no name can delete.

import assert from 'node:assert/strict'
import test from 'node:test'
import { requestFrom03 } from './requests.ts'

const inner = { url: 'https://hook.example/' }
const create = (configId: string, innerId = '', name = '') =>
  requestFrom03(
    'CreateTaskPushNotificationConfig',
    {
      parent: 'tasks/mine',
      configId,
      config: { name, pushNotificationConfig: { ...inner, ...(innerId !== '' && { id: innerId }) } },
    },
    'proto',
  )

for (const id of [
  'x/../../theirs',
  '/',
  'x/',
  '../../theirs/pushNotificationConfigs/x',
  'x/pushNotificationConfigs/y',
]) {
  test(`refuses ${id} wherever an id is`, () => {
    assert.equal(create(id).ok, false)
    assert.equal(create('', id).ok, false)
    assert.equal(create(id, id).ok, false)
    assert.equal(create('', '', `tasks/mine/pushNotificationConfigs/${id}`).ok, false)
  })
}

test('an id that is none of a path passes', () => {
  const made = create('c-1')
  assert.ok(made.ok)
  assert.deepEqual(made.value, { taskId: 'mine', ...inner, id: 'c-1' })
})
