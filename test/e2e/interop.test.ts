// The official JavaScript, Python and Go clients, unmodified, through a gateway process with the sample agents behind
// it: each does the whole exercise in every binding that it has, and the ledger shows the same operations by the same
// caller. What an SDK itself cannot do stands here as it is, so that a newer one that can is noticed: docs/interop.md.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isOperation, type Binding, type Operation } from '../../src/a2a/operations.ts'
import { needs } from '../needs.ts'
import { startGateway, type Gateway } from './harness.ts'
import { goClient, javascriptClient, pythonClient, type Exercise, type Seen } from './interop-clients.ts'
import { startAgents, startConformance, type ConformanceAgent, type SampleAgents } from './sample-agents.ts'

const clients = { javascript: javascriptClient(), python: pythonClient(), go: goClient() }
type Language = keyof typeof clients
const languages = ['javascript', 'python', 'go'] as const satisfies Language[]
const bindings: readonly Binding[] = ['JSONRPC', 'HTTP+JSON']

type AgentName = 'calculator' | 'conformance'
const words: Readonly<Record<AgentName, Pick<Exercise, 'quick' | 'slow' | 'asking'>>> = {
  calculator: { quick: { text: '0.1 + 0.2' }, slow: { text: 'slow 500' } },
  conformance: {
    quick: { text: 'text, please', messageId: 'tck-artifact-text' },
    slow: { text: 'take your time', messageId: 'test-resubscribe-message-id' },
    asking: { text: 'what do you need?', messageId: 'tck-input-required' },
  },
}
const answers: Readonly<Record<AgentName, string>> = {
  calculator: '0.1 + 0.2 = 0.3',
  conformance: 'Generated text content',
}

interface Run {
  readonly language: Language
  readonly agent: AgentName
  readonly binding: Binding
  readonly isTls?: boolean
}
const runs: readonly Run[] = languages.flatMap((language) =>
  (['calculator', 'conformance'] as const).flatMap((agent) =>
    bindings.map((binding) => ({ language, agent, binding })),
  ),
)
const secureRuns: readonly Run[] = [
  { language: 'javascript', agent: 'conformance', binding: 'JSONRPC', isTls: true },
  { language: 'python', agent: 'conformance', binding: 'HTTP+JSON', isTls: true },
  { language: 'go', agent: 'conformance', binding: 'JSONRPC', isTls: true },
]

const fixtures = join(import.meta.dirname, '../fixtures/tls')
const ca = join(fixtures, 'ca.crt')
const pushUrl = 'https://hooks.example.com/a2a'

let agents: SampleAgents
let conformance: ConformanceAgent
let gateway: Gateway
let secureGateway: Gateway

before(async () => {
  agents = await startAgents(() => gateway.url)
  conformance = await startConformance()
  const start = (tls?: Parameters<typeof startGateway>[0]['tls']): Promise<Gateway> =>
    startGateway({
      agents: { calculator: { url: agents.calculator.url, discovery: 'public' }, conformance: conformance.url },
      callers: [...languages, 'stranger'],
      policy: {
        roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
        bindings: [{ role: 'user', callers: languages.map((name) => `key:${name}`) }],
      },
      ...(tls && { tls }),
    })
  const tls = { certificate: `file:${fixtures}/server.crt`, key: `file:${fixtures}/server.key` }
  ;[gateway, secureGateway] = await Promise.all([start(), start(tls)])
})
after(async () => {
  await Promise.all([gateway.stop(), secureGateway.stop()])
  await Promise.all([agents.close(), conformance.close()])
})

const gatewayOf = ({ isTls }: Run): Gateway => (isTls === true ? secureGateway : gateway)

const exerciseOf = (run: Run, key?: string): Exercise => {
  const at = gatewayOf(run)
  return {
    agent: `${at.url}/agents/${run.agent}`,
    key: key ?? at.keys[run.language] ?? '',
    binding: run.binding,
    version: '1.0',
    ...(run.isTls === true && { ca }),
    pushUrl,
    ...words[run.agent],
  }
}

for (const language of languages) {
  const isThere = needs(`the ${language} SDK: run test/interop/install`, clients[language].isInstalled)
  for (const run of [...runs, ...secureRuns].filter((each) => each.language === language)) {
    const where = `${run.binding}${run.isTls === true ? ' over TLS' : ''} with the ${run.agent}`
    test(`${language}: ${where}`, isThere, async () => {
      const before = await operationsOf(language, gatewayOf(run))
      const seen = await clients[language].run(exerciseOf(run))
      assertSeen(seen, run)
      const after = await operationsOf(language, gatewayOf(run))
      assert.deepEqual(after.slice(before.length), expectedOperations(run))
    })
  }

  test(`${language} is told that its key is not known`, isThere, async () => {
    const run: Run = { language, agent: 'calculator', binding: 'JSONRPC' }
    const seen = await clients[language].run(exerciseOf(run, 'sp_test_unknown'))
    assert.deepEqual(seen.publicCard, { name: 'calculator' })
    for (const step of ['send', 'stream', 'list', 'background', 'subscribe'] as const)
      assert.match(JSON.stringify(seen[step]), /"error".*(401|Authentication is required)/, step)
  })

  test(`${language} may do nothing with an agent that policy does not give it`, isThere, async () => {
    const run: Run = { language, agent: 'calculator', binding: 'HTTP+JSON' }
    const seen = await clients[language].run(exerciseOf(run, gateway.keys['stranger']))
    for (const step of ['send', 'stream', 'list', 'background', 'subscribe'] as const)
      assert.match(JSON.stringify(seen[step]), /"error"/, step)
    assert.deepEqual(await operationsOf('stranger', gateway), [])
  })
}

/** What an SDK makes of a task that nobody has. */
const unknownTask = { javascript: /TaskNotFoundError$/, python: /^TaskNotFoundError$/, go: /^ErrTaskNotFound$/ }

function assertSeen(seen: Seen, run: Run): void {
  const { language, agent, binding } = run
  const shown = JSON.stringify(seen, null, 1)
  assert.deepEqual(seen.publicCard.name, agent === 'calculator' ? agent : undefined, shown)
  assert.equal(seen.card.name, agent)
  const url = exerciseOf(run).agent
  for (const [spoken, version, address] of seen.card.interfaces) {
    assert.equal(version, '1.0')
    if (spoken !== 'GRPC') assert.equal(address, url)
  }
  assert.equal(seen.send.state, 'TASK_STATE_COMPLETED', shown)
  assert.equal(seen.send.text, answers[agent])
  const { kinds = [], last } = seen.stream
  assert.deepEqual([kinds[0], kinds.at(-1), last], ['task', 'status_update', 'TASK_STATE_COMPLETED'], shown)
  assert.ok(kinds.includes('artifact_update'))
  assert.deepEqual(seen.secondTurn, { sameContext: true, sameTask: false }, shown)
  assert.deepEqual(seen.get, { same: true, state: 'TASK_STATE_COMPLETED', text: answers[agent] }, shown)
  assert.deepEqual(seen.list, { has: true, total: 2 }, shown)
  assert.match(seen.background.state ?? '', /^TASK_STATE_(SUBMITTED|WORKING)$/, shown)
  assert.deepEqual([seen.subscribe.kinds?.[0], seen.subscribe.last], ['task', 'TASK_STATE_CANCELED'], shown)
  assert.deepEqual(seen.cancel, { state: 'TASK_STATE_CANCELED' }, shown)
  assert.match(seen.unknownTask.error ?? '', unknownTask[language], shown)
  assertPush(seen.push, language, binding)
  if (agent === 'calculator') {
    // it has none: JavaScript and Python then keep the card that they have, Go says so; none of them asks
    if (language === 'go') assert.equal(seen.extendedCard.error, 'ErrExtendedCardNotConfigured')
    else assert.equal(seen.extendedCard.name, 'calculator')
    return
  }
  const states = ['TASK_STATE_INPUT_REQUIRED', 'TASK_STATE_COMPLETED']
  assert.deepEqual(seen.askedBack, { states, sameTask: true }, shown)
  // Go cannot read its requirements, and here it takes no parser of ours: a2aproject/a2a-go issue 430
  if (language === 'go') assert.match(seen.extendedCard.message ?? '', /securityRequirements/, shown)
  else assert.deepEqual(seen.extendedCard.skills, ['conformance', 'extended'], shown)
}

/**
 * Agents on the JavaScript SDK answer HTTP+JSON with 201 to a new webhook and with an empty 204 to a deleted one. Go's
 * client takes nothing but 200 for success, Python's reads the 204 as JSON; called directly they fail alike.
 */
function assertPush(push: Seen['push'], language: Language, binding: Binding): void {
  const shown = JSON.stringify(push)
  const failed = (step: unknown): boolean => typeof step === 'object' && step !== null && 'error' in step
  assert.deepEqual([push.get, push.list], [pushUrl, 1], shown)
  if (binding === 'HTTP+JSON' && language === 'go') assert.ok(failed(push.create), shown)
  else assert.equal(push.create, pushUrl, shown)
  if (binding === 'HTTP+JSON' && language !== 'javascript') assert.ok(failed(push.delete), shown)
  else assert.equal(push.delete, true, shown)
}

/** What the ledger says that a caller was allowed to do with an agent, in order. */
async function operationsOf(caller: string, at: Gateway): Promise<string[]> {
  const records = await at.records()
  return records
    .filter(({ envelope, event }) => {
      const { kind, outcome, operation } = envelope
      return (
        kind === 'decision' && outcome === 'allowed' && isOperation(operation) && event?.['caller'] === `key:${caller}`
      )
    })
    .map(({ envelope }) => envelope.operation)
}

/** The unknown task is refused, so it is not among them; nor is what an agent does not offer. */
function expectedOperations({ agent }: Run): readonly Operation[] {
  const offered: readonly Operation[] = ['SendMessage', 'SendMessage', 'GetExtendedAgentCard']
  return [
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
    ...(agent === 'conformance' ? offered : []),
  ]
}
