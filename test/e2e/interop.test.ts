// The official Python and Go clients, unmodified, through a gateway process with the sample agents behind it: each
// does the whole exercise in every binding that it has, and the ledger shows the same operations by the same caller.
// What an SDK itself cannot do stands here as it is, so that a newer one that can is noticed: docs/interop.md.
// JavaScript's client has sdk-interop.test.ts.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isOperation, type Binding, type Operation } from '../../src/a2a/operations.ts'
import { needs } from '../needs.ts'
import { bindings } from './client.ts'
import { startGateway, type Gateway } from './harness.ts'
import { goClient, pythonClient, type Exercise, type Seen } from './interop-clients.ts'
import { startAgents, type SampleAgents } from './sample-agents.ts'

const clients = { python: pythonClient(), go: goClient() }
type Language = keyof typeof clients
const languages = ['python', 'go'] as const satisfies Language[]

let agents: SampleAgents
let gateway: Gateway
const callerOf = (language: Language, binding: Binding): string =>
  `${language}-${binding.replace('+', '-')}`.toLowerCase()
const callers = languages.flatMap((language) => bindings.map((binding) => callerOf(language, binding)))

before(async () => {
  agents = await startAgents(() => gateway.url)
  gateway = await startGateway({
    agents: { calculator: { url: agents.calculator.url, discovery: 'public' } },
    callers: [...callers, 'stranger'],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: callers.map((name) => `key:${name}`) }],
    },
  })
})
after(async () => {
  await gateway.stop()
  await agents.close()
})

const pushUrl = 'https://hooks.example.com/a2a'
const exerciseOf = (binding: Binding, key = ''): Exercise => ({
  agent: `${gateway.url}/agents/calculator`,
  key,
  binding,
  version: '1.0',
  pushUrl,
  quick: { text: '0.1 + 0.2' },
  slow: { text: 'slow 500' },
})

/** What an SDK makes of a task that nobody has. */
const unknownTask = { python: 'TaskNotFoundError', go: 'ErrTaskNotFound' } as const

for (const language of languages) {
  const isThere = needs(`the ${language} SDK: run test/interop/install`, clients[language].isInstalled)
  for (const binding of bindings) {
    test(`${language} does everything over ${binding}`, isThere, async () => {
      const caller = callerOf(language, binding)
      const seen = await clients[language].run(exerciseOf(binding, gateway.keys[caller]))
      assertSeen(seen, language, binding)
      assert.deepEqual(await operationsOf(caller), expectedOperations)
    })
  }

  test(`${language} is told that its key is not known`, isThere, async () => {
    const seen = await clients[language].run(exerciseOf('JSONRPC', 'sp_test_unknown'))
    assert.deepEqual(seen.publicCard, { name: 'calculator' })
    for (const step of ['send', 'stream', 'list', 'background', 'subscribe'] as const)
      assert.match(JSON.stringify(seen[step]), /"error".*401/, step)
  })

  test(`${language} is told nothing by an agent on which it may do nothing`, isThere, async () => {
    const seen = await clients[language].run(exerciseOf('HTTP+JSON', gateway.keys['stranger']))
    for (const step of ['send', 'stream', 'list', 'background', 'subscribe'] as const)
      assert.match(JSON.stringify(seen[step]), /"error"/, step)
    assert.ok((await operationsOf('stranger')).length === 0)
  })
}

function assertSeen(seen: Seen, language: Language, binding: Binding): void {
  const shown = JSON.stringify(seen, null, 1)
  assert.deepEqual(seen.publicCard, { name: 'calculator' }, shown)
  assert.equal(seen.card.name, 'calculator')
  for (const [, , url] of seen.card.interfaces) assert.equal(url, `${gateway.url}/agents/calculator`)
  assert.equal(seen.send.state, 'TASK_STATE_COMPLETED', shown)
  assert.equal(seen.send.text, '0.1 + 0.2 = 0.3')
  assert.deepEqual(
    [seen.stream.kinds?.[0], seen.stream.kinds?.at(-1), seen.stream.last],
    ['task', 'status_update', 'TASK_STATE_COMPLETED'],
    shown,
  )
  assert.ok(seen.stream.kinds?.includes('artifact_update'))
  assert.deepEqual(seen.secondTurn, { sameContext: true, sameTask: false }, shown)
  assert.deepEqual(seen.get, { same: true, state: 'TASK_STATE_COMPLETED', text: '0.1 + 0.2 = 0.3' }, shown)
  assert.deepEqual(seen.list, { has: true, total: 2 }, shown)
  assert.match(seen.background.state ?? '', /^TASK_STATE_(SUBMITTED|WORKING)$/, shown)
  assert.deepEqual([seen.subscribe.kinds?.[0], seen.subscribe.last], ['task', 'TASK_STATE_CANCELED'], shown)
  assert.deepEqual(seen.cancel, { state: 'TASK_STATE_CANCELED' }, shown)
  assert.equal(seen.unknownTask.error, unknownTask[language], shown)
  assertPush(seen.push, language, binding)
  // the calculator has none: Python then keeps the card that it has, Go says so; neither asks
  if (language === 'python') assert.deepEqual(seen.extendedCard, { name: 'calculator' })
  else assert.equal(seen.extendedCard.error, 'ErrExtendedCardNotConfigured')
}

/**
 * The agent, on the JavaScript SDK, answers HTTP+JSON with 201 to a new webhook and with an empty 204 to a deleted one.
 * Go's client takes nothing but 200 for success, Python's reads the 204 as JSON; called directly they fail alike.
 */
function assertPush(push: Seen['push'], language: Language, binding: Binding): void {
  const shown = JSON.stringify(push)
  const failed = (step: unknown): boolean => typeof step === 'object' && step !== null && 'error' in step
  assert.deepEqual([push.get, push.list], [pushUrl, 1], shown)
  if (binding === 'HTTP+JSON' && language === 'go') assert.ok(failed(push.create), shown)
  else assert.equal(push.create, pushUrl, shown)
  if (binding === 'HTTP+JSON') assert.ok(failed(push.delete), shown)
  else assert.equal(push.delete, true, shown)
}

/** What the ledger says that a caller was allowed to do with an agent, in order. */
async function operationsOf(caller: string): Promise<string[]> {
  const records = await gateway.records()
  return records
    .filter(({ envelope, event }) => {
      const { kind, outcome, operation } = envelope
      return (
        kind === 'decision' && outcome === 'allowed' && isOperation(operation) && event?.['caller'] === `key:${caller}`
      )
    })
    .map(({ envelope }) => envelope.operation)
}

/** Every operation but the one that the agent does not offer; the unknown task is refused, so it is not among them. */
const expectedOperations: readonly Operation[] = [
  'SendMessage',
  'SendStreamingMessage',
  'SendMessage',
  'GetTask',
  'ListTasks',
  'SendMessage',
  'CreateTaskPushNotificationConfig',
  'GetTaskPushNotificationConfig',
  'ListTaskPushNotificationConfigs',
  'DeleteTaskPushNotificationConfig',
  'SubscribeToTask',
  'CancelTask',
]
