// Push notification configurations, and what is sent to a webhook.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import { ask, resultOf, say, send, textOf, unknownId, type ConformanceTest, type Subject } from '../subject.ts'
import { objectOf, type JsonObject, type Operation } from '../wire/dialect.ts'

const url = 'https://hooks.example.com/a2a'

export const pushTests: readonly ConformanceTest[] = [
  {
    id: 'push.create',
    section: '§3.1.7',
    sentence: 'keeps a configuration under the id that the client gave it',
    async run(subject) {
      const taskId = await newTask(subject)
      const created = await ask(subject, 'CreateTaskPushNotificationConfig', {
        taskId,
        id: 'mine',
        url,
        token: 'secret',
      })
      assert.equal(created['id'], 'mine')
      assert.equal(created['url'], url)
      assert.equal(created['taskId'], taskId)
    },
  },
  {
    id: 'push.create-id',
    section: '§3.1.7',
    sentence: 'gives an id to a configuration without one',
    // 0.3 over gRPC and HTTP+JSON has the id in a resource name, which cannot be without it
    where: (face) => face.version === '1.0' || face.binding === 'JSONRPC',
    async run(subject) {
      const taskId = await newTask(subject)
      const created = await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, url })
      assert.notEqual(textOf(created['id']), '')
      const kept = await ask(subject, 'GetTaskPushNotificationConfig', { taskId, id: textOf(created['id']) })
      assert.equal(kept['url'], url)
    },
  },
  {
    id: 'push.created-status',
    section: '§11.3',
    sentence: 'answers a new configuration with HTTP 201',
    where: ({ binding }) => binding === 'HTTP+JSON',
    async run(subject) {
      const params = { taskId: await newTask(subject), id: 'mine', url }
      const answer = await subject.client.call('CreateTaskPushNotificationConfig', params)
      resultOf(answer, 'create')
      assert.equal(answer.http, 201)
    },
  },
  {
    id: 'push.get',
    section: '§3.1.8',
    sentence: 'shows a configuration',
    async run(subject) {
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url })
      const kept = await ask(subject, 'GetTaskPushNotificationConfig', { taskId, id: 'mine' })
      assert.equal(kept['id'], 'mine')
      assert.equal(kept['url'], url)
    },
  },
  {
    id: 'push.replace',
    section: '§3.1.7',
    sentence: 'replaces a configuration of the same id',
    async run(subject) {
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url })
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url: `${url}/2` })
      const configs = await listConfigs(subject, taskId)
      assert.deepEqual(
        configs.map((config) => config['url']),
        [`${url}/2`],
      )
    },
  },
  {
    id: 'push.list',
    section: '§3.1.9',
    sentence: 'lists all configurations of a task',
    async run(subject) {
      const taskId = await newTask(subject)
      assert.deepEqual(await listConfigs(subject, taskId), [])
      for (const id of ['one', 'two']) await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id, url })
      assert.deepEqual((await listConfigs(subject, taskId)).map(({ id }) => textOf(id)).toSorted(), ['one', 'two'])
    },
  },
  {
    id: 'push.delete',
    section: '§3.1.10',
    sentence: 'removes a configuration, and that alone',
    async run(subject) {
      const taskId = await newTask(subject)
      for (const id of ['one', 'two']) await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id, url })
      await ask(subject, 'DeleteTaskPushNotificationConfig', { taskId, id: 'one' })
      assert.deepEqual(
        (await listConfigs(subject, taskId)).map(({ id }) => id),
        ['two'],
      )
    },
  },
  {
    id: 'push.delete-status',
    section: '§11.3',
    sentence: 'answers a removal with HTTP 204',
    where: ({ binding }) => binding === 'HTTP+JSON',
    async run(subject) {
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url })
      const answer = await subject.client.call('DeleteTaskPushNotificationConfig', { taskId, id: 'mine' })
      resultOf(answer, 'delete')
      assert.equal(answer.http, 204)
    },
  },
  {
    id: 'push.delete-twice',
    section: '§3.1.10',
    sentence: 'takes a second removal as the first',
    async run(subject) {
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url })
      await ask(subject, 'DeleteTaskPushNotificationConfig', { taskId, id: 'mine' })
      await ask(subject, 'DeleteTaskPushNotificationConfig', { taskId, id: 'mine' })
    },
  },
  {
    id: 'push.get-unknown',
    section: '§3.1.8',
    sentence: 'knows no configuration that was not made',
    async run(subject) {
      const params = { taskId: await newTask(subject), id: 'none' }
      await expectRefused(subject, 'GetTaskPushNotificationConfig', params, 'TaskNotFound')
    },
  },
  {
    id: 'push.get-deleted',
    section: '§3.1.10',
    sentence: 'knows no configuration that was removed',
    async run(subject) {
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url })
      await ask(subject, 'DeleteTaskPushNotificationConfig', { taskId, id: 'mine' })
      await expectRefused(subject, 'GetTaskPushNotificationConfig', { taskId, id: 'mine' }, 'TaskNotFound')
    },
  },
  ...eachOperation((operation, name, params) => ({
    id: `push.${name}-unknown-task`,
    section: '§3.1.7–10',
    sentence: `has no configurations of a task that it has not made: ${operation}`,
    run: (subject) => expectRefused(subject, operation, params(unknownId()), 'TaskNotFound'),
  })),
  ...eachOperation((operation, name, params) => ({
    id: `push.${name}-unsupported`,
    section: '§3.3.4',
    sentence: `that claims no push notifications takes no configuration: ${operation}`,
    agent: 'bare' as const,
    run: async (subject) =>
      expectRefused(subject, operation, params(await newTask(subject)), 'PushNotificationNotSupported'),
  })),
  {
    id: 'push.delivered',
    section: '§4.3.3',
    sentence: 'sends each change of the task to the webhook',
    async run(subject) {
      const hook = subject.webhooks.open()
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url: hook.url, token: 'secret' })
      await send(subject, say('tck-complete-task', { taskId }))
      const received = await hook.until((all) =>
        all.some(({ body }) => JSON.stringify(body).includes('ompleted') || JSON.stringify(body).includes('COMPLETED')),
      )
      assert.ok(received.every(({ body }) => JSON.stringify(body).includes(taskId)))
    },
  },
  {
    id: 'push.delivered-form',
    section: '§4.3.3',
    sentence: 'sends a webhook StreamResponses, as application/a2a+json',
    where: ({ version }) => version === '1.0',
    async run(subject) {
      const hook = subject.webhooks.open()
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url: hook.url })
      await send(subject, say('tck-complete-task', { taskId }))
      const received = await hook.until((all) => all.some(({ body }) => 'statusUpdate' in body))
      for (const { headers, body } of received) {
        assert.equal(headers['content-type'], 'application/a2a+json')
        assert.equal(Object.keys(body).length, 1)
      }
    },
  },
  {
    id: 'push.authentication',
    section: '§4.3.3',
    sentence: 'shows a webhook the credentials of its configuration',
    async run(subject) {
      const hook = subject.webhooks.open()
      const taskId = await newTask(subject)
      const authentication = { scheme: 'Bearer', credentials: 'for-the-webhook' }
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url: hook.url, authentication })
      await send(subject, say('tck-complete-task', { taskId }))
      const [first] = await hook.until((all) => all.length > 0)
      assert.equal(first?.headers['authorization'], 'Bearer for-the-webhook')
    },
  },
  {
    id: 'push.token',
    section: '§4.3.1',
    sentence: 'shows a webhook the token of its configuration',
    async run(subject) {
      const hook = subject.webhooks.open()
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'mine', url: hook.url, token: 'secret' })
      await send(subject, say('tck-complete-task', { taskId }))
      const [first] = await hook.until((all) => all.length > 0)
      // the specification names no header: implementations have two
      const { 'x-a2a-notification-token': one, 'a2a-notification-token': other } = first?.headers ?? {}
      assert.equal(one ?? other, 'secret')
    },
  },
  {
    id: 'push.inline',
    section: '§3.2.2',
    sentence: 'takes a configuration within a send',
    async run(subject) {
      const hook = subject.webhooks.open()
      const configuration = { taskPushNotificationConfig: { id: 'inline', url: hook.url } }
      const task = await send(subject, { ...say('tck-complete-task'), configuration })
      const received = await hook.until((all) => all.length > 0)
      assert.ok(JSON.stringify(received[0]?.body).includes(textOf(task['id'])))
    },
  },
  {
    id: 'push.not-after-delete',
    section: '§3.1.10',
    sentence: 'sends nothing to a webhook whose configuration was removed',
    async run(subject) {
      const [removed, kept] = [subject.webhooks.open(), subject.webhooks.open()]
      const taskId = await newTask(subject)
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'removed', url: removed.url })
      await ask(subject, 'CreateTaskPushNotificationConfig', { taskId, id: 'kept', url: kept.url })
      await ask(subject, 'DeleteTaskPushNotificationConfig', { taskId, id: 'removed' })
      await send(subject, say('tck-complete-task', { taskId }))
      await kept.until((all) => all.length > 0)
      assert.equal(removed.received.length, 0)
    },
  },
]

async function newTask(subject: Subject): Promise<string> {
  return textOf((await send(subject, say('tck-input-required')))['id'])
}

async function listConfigs(subject: Subject, taskId: string): Promise<JsonObject[]> {
  const { configs = [] } = await ask(subject, 'ListTaskPushNotificationConfigs', { taskId })
  return (configs as JsonObject[]).map((config) => objectOf(config, 'a configuration'))
}

type Params = (taskId: string) => JsonObject

function eachOperation(
  make: (operation: Operation, name: string, params: Params) => ConformanceTest,
): ConformanceTest[] {
  return [
    make('CreateTaskPushNotificationConfig', 'create', (taskId) => ({ taskId, id: 'mine', url })),
    make('GetTaskPushNotificationConfig', 'get', (taskId) => ({ taskId, id: 'mine' })),
    make('ListTaskPushNotificationConfigs', 'list', (taskId) => ({ taskId })),
    make('DeleteTaskPushNotificationConfig', 'delete', (taskId) => ({ taskId, id: 'mine' })),
  ]
}
