// The official JavaScript, Python and Go clients, unmodified, through a gateway process with the sample agents behind
// it: each does the whole exercise in every binding that it has, sees what it sees when it calls the conformance agent
// directly, and the ledger shows the same operations by the same caller.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isOperation } from '../../src/a2a/operations.ts'
import { needs } from '../needs.ts'
import { deadUrl, startGateway, type Gateway } from './harness.ts'
import type { Exercise, Seen } from './interop-clients.ts'
import { clients, expectedOperations, failingSteps, isWebhookUnread, languages, nameOf, runs } from './interop-runs.ts'
import { steps, unknownTaskError, words } from './interop-runs.ts'
import type { Run, Step } from './interop-runs.ts'
import { startAgents, startConformance, type ConformanceAgent, type SampleAgents } from './sample-agents.ts'

const fixtures = join(import.meta.dirname, '../fixtures/tls')
const pushUrl = 'https://hooks.example.com/a2a'

let agents: SampleAgents
let conformance: ConformanceAgent
let gateway: Gateway
let secureGateway: Gateway

before(async () => {
  agents = await startAgents(() => gateway.url)
  conformance = await startConformance()
  const everything = { url: conformance.url, grpcUrl: `http://${conformance.grpc}`, discovery: 'public' } as const
  const start = (more?: Parameters<typeof startGateway>[0]['gateway']): Promise<Gateway> =>
    startGateway({
      agents: {
        calculator: { url: agents.calculator.url, discovery: 'public' },
        conformance: { ...everything, versions: ['1.0', '0.3'], speaks: ['1.0', '0.3'] },
        bridged: { ...everything, bindings: ['GRPC'] },
        newer: { ...everything, versions: ['1.0', '0.3'], speaks: ['1.0'] },
        older: { ...everything, versions: ['1.0', '0.3'], speaks: ['0.3'] },
      },
      callers: [...languages, 'stranger'],
      policy: {
        roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
        bindings: [{ role: 'user', callers: languages.map((name) => `key:${name}`) }],
      },
      ...(more && { gateway: more }),
    })
  const tls = { certificate: `file:${fixtures}/server.crt`, key: `file:${fixtures}/server.key` }
  // a name, because JavaScript's gRPC cannot ask an address for its certificate
  const { port } = new URL(await deadUrl())
  const named = { listen: `127.0.0.1:${port}`, publicUrl: `https://localhost:${port}`, tls }
  ;[gateway, secureGateway] = await Promise.all([start(), start(named)])
})
after(async () => {
  await Promise.all([gateway.stop(), secureGateway.stop()])
  await Promise.all([agents.close(), conformance.close()])
})

const gatewayOf = ({ isTls }: Run): Gateway => (isTls ? secureGateway : gateway)

/** Where the card says that the gateway is. */
const hostOf = (run: Run): string => `${run.isTls ? 'localhost' : '127.0.0.1'}:${gatewayOf(run).port}`

function exerciseOf(run: Run, key?: string): Exercise {
  const { keys } = gatewayOf(run)
  const { asking } = words[run.agent]
  return {
    agent: `${run.isTls ? 'https' : 'http'}://${hostOf(run)}/agents/${run.agent}`,
    key: key ?? keys[run.language] ?? '',
    binding: run.binding,
    version: run.version,
    ...(run.isTls && { ca: join(fixtures, 'ca.crt') }),
    pushUrl,
    quick: words[run.agent].quick,
    slow: words[run.agent].slow,
    ...(asking && { asking }),
  }
}

for (const language of languages) {
  const { isInstalled, run: start } = clients[language]
  const isThere = needs(`the ${language} SDK: run test/interop/install`, isInstalled)

  for (const run of runs.filter((each) => each.language === language)) {
    test(`${language}: ${nameOf(run)}`, isThere, async () => {
      const earlier = await operationsOf(language, gatewayOf(run))
      const exercise = exerciseOf(run)
      const { ca: _ca, ...directly } = { ...exercise, agent: conformance.url }
      const [seen, direct] = await Promise.all([
        start(exercise),
        run.agent === 'conformance' && !run.isTls ? start(directly) : undefined,
      ])
      assertSeen(seen, run)
      if (direct !== undefined) assert.deepEqual(comparable(seen, run), comparable(direct, run))
      const all = await operationsOf(language, gatewayOf(run))
      assert.deepEqual(all.slice(earlier.length), expectedOperations(run))
    })
  }

  const plain: Run = { language, agent: 'calculator', binding: 'JSONRPC', version: '1.0', isTls: false }
  test(`${language} is told that its key is not known`, isThere, async () => {
    const seen = await start(exerciseOf(plain, 'sp_test_unknown'))
    assert.deepEqual(seen.publicCard, { name: 'calculator' })
    for (const step of ['send', 'stream', 'list', 'background', 'subscribe'] as const)
      assert.match(JSON.stringify(seen[step]), /"error".*(401|Authentication is required)/, step)
  })

  test(`${language} may do nothing with an agent that policy does not give it`, isThere, async () => {
    const seen = await start(exerciseOf({ ...plain, binding: 'HTTP+JSON' }, gateway.keys['stranger']))
    for (const step of ['send', 'stream', 'list', 'background', 'subscribe'] as const)
      assert.match(JSON.stringify(seen[step]), /"error"/, step)
    assert.deepEqual(await operationsOf('stranger', gateway), [])
  })
}

/** What each step should show; a step that the SDK reports as failed is only that. */
function assertSeen(seen: Seen, run: Run): void {
  const { agent } = run
  const { cardName: name, answer } = words[agent]
  const shown = JSON.stringify(seen, null, 1)
  const is = (step: Step, value: unknown, wanted: unknown): void => {
    if (failingSteps(run).includes(step)) assert.ok(isFailure(value), `${step} works by now: ${shown}`)
    else assert.deepEqual(value, wanted, `${step}: ${shown}`)
  }
  const done = { state: 'TASK_STATE_COMPLETED', text: answer }
  assert.deepEqual(seen.publicCard, { name }, shown)
  assert.equal(seen.card.name, name)
  for (const [binding, , address, tenant] of seen.card.interfaces) {
    assert.equal(address, binding === 'GRPC' ? hostOf(run) : exerciseOf(run).agent)
    if (binding === 'GRPC') assert.equal(tenant, agent)
  }
  is('send', { state: seen.send.state, text: seen.send.text }, done)
  const { kinds = [], last } = seen.stream
  is('stream', [kinds[0], kinds.at(-2), last], ['task', 'artifact_update', 'TASK_STATE_COMPLETED'])
  is('secondTurn', seen.secondTurn, { sameContext: true, sameTask: false })
  is('get', seen.get, { same: true, ...done })
  is('list', seen.list, { has: true, total: 2 })
  assert.match(seen.background.state ?? '', /^TASK_STATE_(SUBMITTED|WORKING)$/, shown)
  is('push.create', seen.push.create, pushUrl)
  is('push.get', seen.push.get, pushUrl)
  is('push.list', seen.push.list, isWebhookUnread(run) ? 0 : 1)
  is('push.delete', seen.push.delete, true)
  is('subscribe', [seen.subscribe.kinds?.[0], seen.subscribe.last], ['task', 'TASK_STATE_CANCELED'])
  is('cancel', seen.cancel, { state: 'TASK_STATE_CANCELED' })
  assert.equal(seen.unknownTask.error, unknownTaskError(run), shown)
  if (agent === 'calculator') return assertNoExtendedCard(seen, run)
  is('askedBack', seen.askedBack, {
    states: ['TASK_STATE_INPUT_REQUIRED', 'TASK_STATE_COMPLETED'],
    sameTask: true,
  })
  is('extendedCard', seen.extendedCard, { name, skills: ['conformance', 'extended'] })
}

/** JavaScript and Python keep the card that they have, Go says so; none of them asks. */
function assertNoExtendedCard({ extendedCard }: Seen, { language }: Run): void {
  if (language === 'go') assert.equal(extendedCard.error, 'ErrExtendedCardNotConfigured')
  else assert.equal(extendedCard.name, 'calculator')
}

const isFailure = (value: unknown): boolean => typeof value === 'object' && value !== null && 'error' in value

/** Without what is new in each run, and without the words of errors: "task not found" is said in the gateway's. */
function comparable(seen: Seen, run: Run): unknown {
  const all = steps.map((step) => {
    const [name = '', part] = step.split('.')
    const whole = (seen as unknown as Record<string, unknown>)[name]
    const value = part === undefined ? whole : (whole as Record<string, unknown>)[part]
    return [step, isFailure(value) ? 'failed' : withoutIds(value)]
  })
  // directly this card asks for no credential, which alone Go can read
  return run.language === 'go' ? all.filter(([step]) => step !== 'extendedCard') : all
}

function withoutIds(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { task: _task, context: _context, ...others } = value as Record<string, unknown>
  return others
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
