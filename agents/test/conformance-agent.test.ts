// The conformance agent does what each prefix of a messageId says. What it says in every binding and version is the
// matter of test/conformance.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prefixes, untilCanceled } from '../src/conformance-behaviour.ts'
import { startConformanceAgent, type ConformanceAgent } from '../src/conformance-agent.ts'

interface Answer {
  readonly result: { readonly task?: Task; readonly message?: object } & Task
  readonly error?: { readonly code: number }
}
interface Task {
  readonly id: string
  readonly contextId: string
  readonly status: { readonly state: string }
}

let agent: ConformanceAgent
// the SDK tells each refusal to the console
const { error } = console

before(async () => {
  console.error = () => undefined
  agent = await startConformanceAgent({ beatMs: 20 })
})
after(() => {
  console.error = error
  return agent.close()
})

async function call(method: string, params: object, url = agent.url): Promise<Answer> {
  const response = await fetch(`${url}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return (await response.json()) as Answer
}

const say = (messageId: string, more: object = {}, url?: string): Promise<Answer> =>
  call('SendMessage', { message: { messageId, role: 'ROLE_USER', parts: [{ text: 'x' }], ...more } }, url)

const resting: Readonly<Record<string, string>> = {
  'tck-input-required': 'INPUT_REQUIRED',
  'tck-auth-required': 'AUTH_REQUIRED',
  'tck-reject-task': 'REJECTED',
}

for (const prefix of prefixes.filter((each) => each !== untilCanceled)) {
  test(`${prefix} is answered as the kit expects`, async () => {
    const { result } = await say(`${prefix}-1`)
    if (prefix === 'tck-message-response') return assert.ok(result.message)
    assert.equal(result.task?.status.state, `TASK_STATE_${resting[prefix] ?? 'COMPLETED'}`)
  })
}

test('a task that rests is completed by the next message, and canceled on request', async () => {
  for (const kind of ['input', 'auth']) {
    const { task } = (await say(`tck-${kind}-required-2`)).result
    const next = await say('tck-complete-task-2', { taskId: task?.id })
    assert.equal(next.result.task?.status.state, 'TASK_STATE_COMPLETED')
    const other = (await say(`tck-${kind}-required-3`)).result.task
    const canceled = await call('CancelTask', { id: other?.id })
    assert.equal(canceled.result.status.state, 'TASK_STATE_CANCELED')
    assert.equal(canceled.result.contextId, other?.contextId)
  }
})

test('a task at work is canceled on request', async () => {
  const slow = await startConformanceAgent({ beatMs: 60_000 })
  try {
    const message = { messageId: `${untilCanceled}-4`, role: 'ROLE_USER', parts: [{ text: 'x' }] }
    const sent = await call('SendMessage', { message, configuration: { returnImmediately: true } }, slow.url)
    const canceled = await call('CancelTask', { id: sent.result.task?.id }, slow.url)
    assert.equal(canceled.result.status.state, 'TASK_STATE_CANCELED')
  } finally {
    await slow.close()
  }
})

test('the card is for anyone, and says what it was told to say', async () => {
  const bare = await startConformanceAgent({ streaming: false, pushNotifications: false, requiresExtension: true })
  try {
    for (const [{ url }, streaming] of [
      [agent, true],
      [bare, false],
    ] as const) {
      const card = (await (await fetch(`${url}/.well-known/agent-card.json`)).json()) as {
        capabilities: { streaming: boolean }
        supportedInterfaces: { protocolBinding: string; protocolVersion: string }[]
      }
      assert.equal(card.capabilities.streaming, streaming)
      const faces = card.supportedInterfaces.map((each) => `${each.protocolBinding} ${each.protocolVersion}`)
      assert.equal(new Set(faces).size, 6)
      assert.ok(faces.slice(0, 3).every((face) => face.endsWith(' 1.0')))
    }
    assert.equal((await say('tck-complete-task-5', {}, bare.url)).error?.code, -32008)
  } finally {
    await bare.close()
  }
})
