// Where an agent's notifications may go: the caller chose the address, so the network around the agent is closed.

import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { after, before, test } from 'node:test'
import type { TaskPushNotificationConfig } from '@a2a-js/sdk'
import { RequestMalformedError, TaskNotFoundError } from '@a2a-js/sdk/errors'
import { listen } from '../src/listen.ts'
import { isPublicAddress, mayPushTo } from '../src/push-sender.ts'
import { begin, say, startHarness, type Harness } from './harness.ts'
import { userText } from './sdk-client.ts'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
let harness: Harness
let receiver: Server
let hook: string
let onPush: (received: Received) => void = () => {}

before(async () => {
  receiver = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      onPush({ headers: request.headers, body })
      response.writeHead(204).end()
    })
  })
  const port = await listen(receiver, 0, '127.0.0.1')
  hook = `http://127.0.0.1:${port}/hooks/x`
  harness = await startHarness({ pushOrigins: () => [new URL(hook).origin] })
})
after(async () => {
  await harness.close()
  receiver.close()
  receiver.closeAllConnections()
})

const configFor = (url: string, fields: Partial<TaskPushNotificationConfig> = {}): TaskPushNotificationConfig => ({
  tenant: '',
  id: '',
  taskId: '',
  url,
  token: '',
  authentication: undefined,
  ...fields,
})

test('delivers every event of a task in order, with the token', async () => {
  const received: Received[] = []
  const all = new Promise<void>((resolve) => {
    onPush = (event) => {
      received.push(event)
      if (event.body.includes('TASK_STATE_COMPLETED')) resolve()
    }
  })
  const client = await harness.connect('calculator')
  const taskPushNotificationConfig = configFor(hook, { token: 'the-token' })
  const configuration = { acceptedOutputModes: [], taskPushNotificationConfig, returnImmediately: false }
  await client.sendMessage({ tenant: '', message: userText('2+2'), configuration, metadata: undefined })
  await all
  const kinds = received.map(({ body }) => /^\{"(\w+)"/.exec(body)?.[1])
  assert.deepEqual(kinds, ['task', 'statusUpdate', 'statusUpdate', 'artifactUpdate', 'statusUpdate'])
  assert.equal(received[0]?.headers['x-a2a-notification-token'], 'the-token')
  assert.equal(received[0]?.headers['content-type'], 'application/a2a+json')
})

test('keeps, lists and deletes configurations per caller', async () => {
  const client = await harness.connect('calculator')
  const { id: taskId } = await begin(client, 'slow 100')
  const made = await client.createTaskPushNotificationConfig(configFor('https://example.com/hook', { taskId }))
  assert.notEqual(made.id, '')
  const page = { tenant: '', taskId, pageSize: 0, pageToken: '' }
  assert.equal((await client.listTaskPushNotificationConfig(page)).configs.length, 1)
  const stranger = await harness.connect('calculator', { sub: 'key:bob' })
  await assert.rejects(stranger.getTaskPushNotificationConfig({ tenant: '', taskId, id: made.id }), TaskNotFoundError)
  await client.deleteTaskPushNotificationConfig({ tenant: '', taskId, id: made.id })
  await client.deleteTaskPushNotificationConfig({ tenant: '', taskId, id: made.id })
  assert.equal((await client.listTaskPushNotificationConfig(page)).configs.length, 0)
  await client.cancelTask({ tenant: '', id: taskId, metadata: undefined })
})

test('keeps at most ten configurations of a task', async () => {
  const client = await harness.connect('calculator')
  const { task } = await say(client, '1')
  const config = configFor('https://example.com/hook', { taskId: task.id })
  for (let i = 0; i < 10; i++) await client.createTaskPushNotificationConfig(config)
  await assert.rejects(client.createTaskPushNotificationConfig(config), RequestMalformedError)
})

for (const url of ['http://127.0.0.1:1/x', 'https://10.0.0.1/', 'file:///etc/passwd', 'not a url']) {
  test(`does not accept the webhook ${url}`, async () => {
    const client = await harness.connect('calculator')
    const { task } = await say(client, '1')
    const config = configFor(url, { taskId: task.id })
    await assert.rejects(client.createTaskPushNotificationConfig(config), RequestMalformedError)
  })
}

test('calls public HTTPS addresses and named origins alone', () => {
  const trusted = ['http://127.0.0.1:7000']
  for (const url of ['https://example.com/x', 'https://93.184.216.34/', 'http://127.0.0.1:7000/hooks/a']) {
    assert.ok(mayPushTo(url, trusted), url)
  }
  for (const url of [
    'http://example.com/',
    'http://127.0.0.1:7001/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/',
    'http://127.0.0.1:7000@evil.example/',
    'ftp://example.com/',
    'data:,x',
  ]) {
    assert.ok(!mayPushTo(url, trusted), url)
  }
})

test('knows which addresses are public', () => {
  for (const address of ['8.8.8.8', '93.184.216.34', '2606:2800:220:1::1']) assert.ok(isPublicAddress(address), address)
  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    'fc00::1',
    'fe80::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'not an address',
  ]) {
    assert.ok(!isPublicAddress(address), address)
  }
})
