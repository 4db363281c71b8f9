// A2A 0.3 and 1.0 through the real process, every way round: callers of either version to agents of either, on JSON-RPC
// and HTTP+JSON. Policy and records speak of the eleven operations whatever was called; what names two versions at once
// is refused and never reaches the agent. The agent is the conformance agent, which the official SDK serves in both.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { startGateway, type Gateway } from './harness.ts'

// The SDK's types belong to the agents' workspace; here only what is looked at.
interface Agent {
  readonly url: string
  close(): Promise<void>
}
type Json = Record<string, unknown>
interface Reply {
  readonly status: number
  readonly text: string
  readonly body: Json
  readonly headers: Headers
}

let agent: Agent | undefined
let gateway: Gateway | undefined

before(async () => {
  const module = new URL('../../agents/src/conformance-agent.ts', import.meta.url).href
  const { startConformanceAgent } = (await import(module)) as {
    startConformanceAgent: (options: { beatMs: number }) => Promise<Agent>
  }
  agent = await startConformanceAgent({ beatMs: 50 })
  const { url } = agent
  gateway = await startGateway({
    agents: {
      ten: { url, versions: ['1.0', '0.3'], speaks: ['1.0'] },
      three: { url, versions: ['1.0', '0.3'], speaks: ['0.3'] },
      both: { url, versions: ['1.0', '0.3'], speaks: ['1.0', '0.3'] },
      plain: url,
    },
    policy: {
      roles: [
        { name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] },
        { name: 'reader', rules: [{ agents: ['*'], operations: ['GetTask'] }] },
      ],
      bindings: [
        { role: 'user', callers: ['key:alice', 'key:bob'] },
        { role: 'reader', callers: ['key:nobody'] },
      ],
      denies: [
        {
          name: 'no-files-from-there',
          agents: ['*'],
          operations: ['SendMessage', 'SendStreamingMessage'],
          when: 'message.parts.exists(p, p.host == "there.example")',
        },
      ],
    },
  })
})
after(async () => {
  await gateway?.stop()
  await agent?.close()
})

interface Asked {
  readonly caller?: string
  readonly version?: string
  readonly method?: string
  readonly path?: string
  readonly body?: unknown
}

function running(): Gateway {
  assert.ok(gateway)
  return gateway
}

async function ask(agentName: string, asked: Asked): Promise<Reply> {
  const { caller = 'alice', version, method = 'POST', path = '', body } = asked
  const response = await fetch(`${running().url}/agents/${agentName}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${running().keys[caller] ?? ''}`,
      ...(method === 'POST' && { 'content-type': 'application/json' }),
      ...(version !== undefined && { 'a2a-version': version }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== ''
  return { status: response.status, text, body: isJson ? (JSON.parse(text) as Json) : {}, headers: response.headers }
}

const rpc = (method: string, params: unknown): Json => ({ jsonrpc: '2.0', id: 'q', method, params })
const messageId = (prefix = 'tck-artifact-text'): string => `${prefix}-${randomUUID()}`
const sent03 = (text = 'hello', id = messageId()): Json => ({
  message: { kind: 'message', messageId: id, role: 'user', parts: [{ kind: 'text', text }] },
})
const sentProto = (text = 'hello', id = messageId()): Json => ({
  message: { messageId: id, role: 'ROLE_USER', content: [{ text }] },
})
const sent10 = (text = 'hello', id = messageId()): Json => ({
  message: { messageId: id, role: 'ROLE_USER', parts: [{ text }] },
})

const eventsOf = (text: string): Json[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => JSON.parse(line.slice('data:'.length)) as Json)

for (const name of ['ten', 'three', 'both'] as const) {
  test(`a 0.3 caller sends, reads and streams over JSON-RPC at the agent "${name}"`, async () => {
    const answer = await ask(name, { body: rpc('message/send', sent03()) })
    assert.equal(answer.status, 200, answer.text)
    assert.ok(answer.body['result'], answer.text)
    const task = answer.body['result'] as Json & { status: Json; artifacts: Json[] }
    assert.deepEqual([task['kind'], task.status['state']], ['task', 'completed'])
    assert.match(JSON.stringify(task.artifacts), /"kind":"text"/)
    const got = await ask(name, { version: '0.3', body: rpc('tasks/get', { id: task['id'] }) })
    assert.equal((got.body['result'] as Json)['id'], task['id'])
    const stream = await ask(name, { body: rpc('message/stream', sent03('hello', messageId('tck-stream-001'))) })
    const events = eventsOf(stream.text).map((event) => event['result'] as Json)
    assert.equal(events[0]?.['kind'], 'task')
    const last = events.at(-1)
    assert.deepEqual([last?.['kind'], last?.['final']], ['status-update', true], stream.text)
    assert.ok(events.slice(0, -1).every((event) => event['final'] !== true))
  })

  test(`a 0.3 caller sends, reads and streams over HTTP+JSON at the agent "${name}"`, async () => {
    const answer = await ask(name, { path: '/v1/message:send', body: sentProto() })
    assert.ok(answer.status === 200 || answer.status === 201, answer.text)
    const task = answer.body['task'] as Json & { status: Json }
    assert.equal(task.status['state'], 'TASK_STATE_COMPLETED')
    const got = await ask(name, { method: 'GET', path: `/v1/tasks/${String(task['id'])}` })
    assert.equal(got.body['id'], task['id'], got.text)
    const stream = await ask(name, {
      path: '/v1/message:stream',
      body: sentProto('hello', messageId('tck-stream-001')),
    })
    const last = eventsOf(stream.text).at(-1)?.['statusUpdate'] as Json & { status: Json }
    assert.deepEqual([last.status['state'], last['final']], ['TASK_STATE_COMPLETED', true], stream.text)
  })

  test(`a 1.0 caller sends, reads, lists and streams at the agent "${name}"`, async () => {
    const version = '1.0'
    const answer = await ask(name, { version, body: rpc('SendMessage', sent10()) })
    const { task } = answer.body['result'] as { task: Json & { status: Json } }
    assert.equal(task.status['state'], 'TASK_STATE_COMPLETED', answer.text)
    const rest = await ask(name, { version, method: 'GET', path: `/tasks/${String(task['id'])}` })
    assert.equal(rest.body['id'], task['id'], rest.text)
    const listed = await ask(name, { version, body: rpc('ListTasks', {}) })
    const { tasks } = listed.body['result'] as { tasks: Json[] }
    assert.ok(
      tasks.some((each) => each['id'] === task['id']),
      listed.text,
    )
    const stream = await ask(name, {
      version,
      path: '/message:stream',
      body: sent10('hello', messageId('tck-stream-001')),
    })
    const last = eventsOf(stream.text).at(-1)?.['statusUpdate'] as Json & { status: Json }
    assert.equal(last.status['state'], 'TASK_STATE_COMPLETED', stream.text)
    assert.equal('final' in last, false)
  })

  test(`webhooks of a task in both versions at the agent "${name}"`, async () => {
    const answer = await ask(name, { body: rpc('message/send', sent03('hello', messageId('tck-input-required'))) })
    const { id } = answer.body['result'] as { id: string }
    const pushNotificationConfig = { id: 'c1', url: 'http://127.0.0.1:9/hook' }
    const set = await ask(name, {
      body: rpc('tasks/pushNotificationConfig/set', { taskId: id, pushNotificationConfig }),
    })
    assert.equal((set.body['result'] as { taskId: string }).taskId, id, set.text)
    const list = await ask(name, { body: rpc('tasks/pushNotificationConfig/list', { id }) })
    assert.ok(Array.isArray(list.body['result']) && list.body['result'].length === 1, list.text)
    const ten = await ask(name, { version: '1.0', method: 'GET', path: `/tasks/${id}/pushNotificationConfigs` })
    assert.deepEqual(
      (ten.body['configs'] as Json[]).map((each) => [each['taskId'], each['id']]),
      [[id, 'c1']],
      ten.text,
    )
    const gone = await ask(name, {
      body: rpc('tasks/pushNotificationConfig/delete', { id, pushNotificationConfigId: 'c1' }),
    })
    assert.deepEqual([gone.status, gone.body['result']], [200, null], gone.text)
  })

  test(`the task of another is missing in both versions at the agent "${name}", in the same words`, async () => {
    const answer = await ask(name, { body: rpc('message/send', sent03()) })
    const { id } = answer.body['result'] as { id: string }
    const foreign = await ask(name, { caller: 'bob', body: rpc('tasks/get', { id }) })
    const missing = await ask(name, { caller: 'bob', body: rpc('tasks/get', { id: 'no-such-task' }) })
    assert.equal((foreign.body['error'] as Json)['code'], -32001)
    assert.equal(foreign.text, missing.text)
    const rest = await ask(name, { caller: 'bob', method: 'GET', path: `/v1/tasks/${id}` })
    assert.equal(rest.status, 404)
  })
}

test('policy and records speak of the operation, whatever version and binding it came in', async () => {
  const url = 'https://there.example/a.txt'
  const of = (name: string, part: Json, role = 'ROLE_USER'): Json => ({
    message: { messageId: messageId(), role, [name]: [part] },
  })
  for (const asked of [
    { body: rpc('message/send', of('parts', { kind: 'file', file: { uri: url } }, 'user')) },
    { path: '/v1/message:send', body: of('content', { file: { fileWithUri: url } }) },
    { version: '1.0', body: rpc('SendMessage', of('parts', { url })) },
  ]) {
    const answer = await ask('both', asked)
    assert.equal(answer.status, 403, answer.text)
    const record = await running().recordOf({ headers: Object.fromEntries(answer.headers) })
    assert.match(JSON.stringify(record), /"operation":"SendMessage"/)
  }
  const reader = await ask('ten', { caller: 'nobody', body: rpc('message/send', sent03()) })
  assert.equal(reader.status, 403, reader.text)
})

// prettier-ignore
const conflicts: readonly (readonly [string, string, Asked])[] = [
  ['a method of 0.3 under 1.0',                 'both',  { version: '1.0', body: rpc('message/send', sent03()) }],
  ['a method of 0.3 under 1.0, and its params', 'ten',   { version: '1.0', body: rpc('message/send', sent10()) }],
  ['a method of 1.0 without a version',         'both',  { body: rpc('SendMessage', sent10()) }],
  ['a method of 1.0 under 0.3',                 'three', { version: '0.3', body: rpc('SendMessage', sent10()) }],
  ['a path of 0.3 under 1.0',                   'both',  { version: '1.0', path: '/v1/message:send', body: sentProto() }],
  ['0.3 in the header, 1.0 in the query',       'both',  { version: '0.3', path: '?A2A-Version=1.0', body: rpc('message/send', sent03()) }],
  ['1.0 in the header, 0.3 in the query',       'both',  { version: '1.0', path: '?A2A-Version=0.3', body: rpc('SendMessage', sent10()) }],
  ['a version that nobody speaks',              'both',  { version: '0.2', body: rpc('message/send', sent03()) }],
  ['0.3 where only 1.0 is spoken',              'plain', { body: rpc('message/send', sent03()) }],
  ['0.3 by name where only 1.0 is spoken',      'plain', { version: '1.0', body: rpc('tasks/get', { id: 't' }) }],
  ['0.3 by path where only 1.0 is spoken',      'plain', { path: '/v1/message:send', body: sentProto() }],
]
for (const [what, name, asked] of conflicts)
  test(`refuses ${what}: a version that is not supported, or a method or path that is not there`, async () => {
    const answer = await ask(name, asked)
    const error = answer.body['error'] as Json | undefined
    const code = error?.['code'] ?? answer.body['code']
    // the SDKs read errors of JSON-RPC under 200 alone
    const isOtherName = / (?:method of|by name) /.test(` ${what} `)
    if (asked.path?.startsWith('/v1') !== true) assert.equal(code, isOtherName ? -32601 : -32009, answer.text)
    else assert.ok(answer.status === 400 || answer.status === 404, answer.text)
  })

// prettier-ignore
const shapes: readonly (readonly [string, Asked])[] = [
  ['a part of two members',           { body: rpc('message/send', { message: { messageId: 'm', role: 'user', parts: [{ kind: 'text', text: 'a', data: {} }] } }) }],
  ['a part without its kind',         { body: rpc('message/send', { message: { messageId: 'm', role: 'user', parts: [{ text: 'a' }] } }) }],
  ['another spelling of the task',    { body: rpc('tasks/get', { id: 't1', task_id: 't2' }) }],
  ['the webhook of 1.0 in a 0.3 send', { body: rpc('message/send', { ...sent03(), configuration: { taskPushNotificationConfig: { url: 'http://127.0.0.1:9' } } }) }],
  ['the form of JSON-RPC on a path',  { path: '/v1/message:send', body: sent03() }],
  ['a duplicate key',                 { body: '{"jsonrpc":"2.0","id":"q","method":"tasks/get","params":{"id":"t1","\\u0069d":"t2"}}' }],
  ['a batch',                         { body: [rpc('tasks/get', { id: 't1' })] }],
]
for (const [what, asked] of shapes)
  test(`refuses ${what} at agents of both versions`, async () => {
    for (const name of ['ten', 'three', 'both']) {
      const answer = await ask(name, asked)
      const code = (answer.body['error'] as Json | undefined)?.['code'] ?? answer.body['code']
      assert.ok([-32602, -32600, -32700, 400].includes(Number(code)), `${name}: ${answer.text}`)
    }
  })
