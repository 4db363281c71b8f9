// The demonstration is the main job: one JSON line, two callers who may call both agents, an unknown key that may do
// nothing, a concierge whose calls are recorded on behalf of whoever asked it, and a clean end.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { bindings, say } from './client.ts'
import { startDemo, type Demo } from './demo-process.ts'
import { assertRefused, eventually, readRecords } from './harness.ts'

let demo: Demo

before(async () => {
  demo = await startDemo()
})
after(async () => {
  assert.equal(await demo.stop('SIGINT'), 0)
})

test('prints exactly one line of JSON with the members it promises', () => {
  assert.equal(demo.output().trimEnd().split('\n').length, 1)
  const { ready } = demo
  assert.deepEqual(
    Object.keys(ready).toSorted(),
    ['adminToken', 'admin', 'agents', 'callers', 'dataDir', 'gateway'].toSorted(),
  )
  assert.deepEqual(
    ready.agents.map((agent) => agent.name),
    ['calculator', 'concierge'],
  )
  assert.deepEqual(Object.keys(ready.callers), ['alice', 'bob'])
  assert.match(ready.callers.alice.key, /^sp_demo_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  assert.equal(ready.callers.alice.id, 'key:alice')
})

for (const caller of ['alice', 'bob'] as const) {
  for (const binding of bindings) {
    test(`${caller} may call both agents over ${binding}`, async () => {
      const sum = await demo.ask(caller, 'calculator', 'SendMessage', say('0.1 + 0.2'), binding)
      assert.match(sum.text, /0\.3/)
      const answer = await demo.ask(caller, 'concierge', 'SendMessage', say('what is the mean of 1, 2, 3?'), binding)
      assert.equal(answer.status, 200)
      assert.match(answer.text, /TASK_STATE_COMPLETED/)
      assert.match(answer.text, /\b2\b/)
    })
  }
}

test('an unknown key may do nothing and sees nothing', async () => {
  for (const path of ['/agents', '/agents/calculator/.well-known/agent-card.json']) {
    for (const headers of [
      {},
      { authorization: 'Bearer sp_demo_000000000000_0000000000000000000000000000000000000000000000000' },
    ]) {
      const answer = await demo.client.http({ path, headers })
      assert.equal(answer.status, 401)
      assert.doesNotMatch(answer.text, /calculator/)
    }
  }
  for (const binding of bindings) {
    const answer = await demo.client.call({
      binding,
      agent: 'calculator',
      operation: 'SendMessage',
      params: say('1+1'),
      key: 'x',
    })
    assertRefused(answer, 'AUTHN_INVALID', binding)
  }
})

test('files are denied by the policy of the demonstration', async () => {
  const params = { message: { messageId: 'm', role: 'ROLE_USER', parts: [{ url: 'https://example.com/x' }] } }
  for (const binding of bindings) {
    assertRefused(await demo.ask('alice', 'calculator', 'SendMessage', params, binding), 'AUTHZ_DENIED', binding)
  }
})

test("what the concierge asks is recorded as the concierge's call on behalf of alice", async () => {
  await demo.ask('alice', 'concierge', 'SendMessage', say('what is the sum of 20, 22?'))
  const chained = await eventually('the chained call', async () =>
    (await readRecords(demo.ready.dataDir)).findLast(
      ({ envelope, event }) =>
        envelope.kind === 'decision' && envelope.agent === 'calculator' && event?.['caller'] === 'agent:concierge',
    ),
  )
  assert.equal(chained.envelope.outcome, 'allowed')
  assert.equal(chained.event?.['origin'], 'key:alice')
})

test("another caller's task does not exist", async () => {
  const made = await demo.ask('alice', 'calculator', 'SendMessage', say('6 * 7'))
  const { id } = made.result['task'] as JsonObject & { id: string }
  for (const binding of bindings) {
    const mine = await demo.ask('alice', 'calculator', 'GetTask', { id }, binding)
    assert.equal(mine.result['id'], id)
    assertRefused(await demo.ask('bob', 'calculator', 'GetTask', { id }, binding), 'AUTHZ_TASK_NOT_FOUND', binding)
  }
})

test('a stream shows its steps', async () => {
  const call = {
    binding: 'JSONRPC',
    agent: 'calculator',
    operation: 'SendStreamingMessage',
    params: say('1 + 2'),
  } as const
  const events = await (await demo.client.stream({ ...call, key: demo.ready.callers.alice.key })).rest()
  assert.ok(events.length >= 3)
  assert.ok(events[0]?.result['task'])
})

test('the agents take calls from the gateway only', async () => {
  const { agents } = demo.ready
  for (const { url } of agents) assert.ok(url.startsWith(demo.ready.gateway), "the line names the gateway's addresses")
})

test('the admin listener says it is ready, counts, and keeps its API closed', async () => {
  assert.equal((await fetch(`${demo.ready.admin}/healthz`)).status, 200)
  assert.equal((await fetch(`${demo.ready.admin}/readyz`)).status, 200)
  const metrics = await (await fetch(`${demo.ready.admin}/metrics`)).text()
  assert.match(metrics, /^sallyport_\w+/m)
  assert.doesNotMatch(metrics, /sp_demo_|t-[0-9a-f]{8}/)
  assert.notEqual((await fetch(`${demo.ready.admin}/api/v1/status`)).status, 200)
})

test('SIGTERM ends it cleanly too', async () => {
  const second = await startDemo()
  assert.match((await second.ask('alice', 'calculator', 'SendMessage', say('1 + 1'))).text, /2/)
  assert.equal(await second.stop('SIGTERM'), 0)
})
