// The real process: blocks reach open streams, outlive a restart and are in the ledger; keys are narrowed to agents,
// operations and networks, also for what an agent does on their behalf.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatApiKey } from '../../src/authenticate/api-key.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { say, type OperationCall } from './client.ts'
import { assertRefused, startGateway, type Gateway } from './harness.ts'

let agent: HostileAgent
let gateway: Gateway
const home = temporaryFolder()

const start = (): Promise<Gateway> =>
  startGateway({
    home,
    agents: { a: agent.url, b: agent.url, planner: { url: agent.url, principals: ['key:planner'] } },
    callers: ['alice', 'bob', 'planner'],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice', 'key:bob', 'key:narrow', 'agent:planner'], autonomous: true }],
    },
  })

before(async () => {
  agent = await startHostileAgent()
  gateway = await start()
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

const send = (agentName: string, key: string | undefined, headers: Record<string, string> = {}) =>
  gateway.call({
    binding: 'JSONRPC',
    agent: agentName,
    operation: 'SendMessage',
    params: say('message'),
    key: key ?? '',
    headers,
  } satisfies OperationCall)

async function command(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await gateway.command(...words)
  assert.equal(code, 0, stderr)
  return stdout.trim()
}

test('a block ends an open stream within two seconds, outlives a restart, and is undone', async () => {
  const stream = await gateway.stream({
    binding: 'JSONRPC',
    agent: 'a',
    operation: 'SendStreamingMessage',
    params: say('stream-held blocked'),
    key: gateway.keys['bob'] ?? '',
  })
  await stream.next()
  await command('block', 'caller', 'key:bob', '--reason', 'leaked')
  const startedMs = performance.now()
  assertRefused(await send('a', gateway.keys['bob']), 'AUTHZ_BLOCKED', 'JSONRPC')
  const events = await stream.rest()
  assert.ok(performance.now() - startedMs < 2_000)
  assert.equal(events.at(-1)?.error?.['code'], -32041)
  assert.equal((await gateway.completionOf(stream.response)).envelope.code, 'AUTHZ_BLOCKED')
  assert.equal(await (await agent.sawCall('stream-held blocked')).over, 'aborted')

  await gateway.stop()
  gateway = await start()
  assertRefused(await send('a', gateway.keys['bob']), 'AUTHZ_BLOCKED', 'JSONRPC')
  assert.equal((await send('a', gateway.keys['alice'])).status, 200)
  await command('unblock', 'caller', 'key:bob')
  assert.equal((await send('a', gateway.keys['bob'])).status, 200)
})

test('an agent that is blocked is unavailable, and nobody acts through it', async () => {
  assert.equal((await send('planner', gateway.keys['alice'])).status, 200)
  await command('block', 'agent', 'planner')
  assertRefused(await send('planner', gateway.keys['alice']), 'AUTHZ_AGENT_BLOCKED', 'JSONRPC')
  assertRefused(await send('a', gateway.keys['planner']), 'AUTHZ_BLOCKED', 'JSONRPC')
  await command('unblock', 'agent', 'planner')
})

test('a narrowed key is narrowed, and so is what an agent does on its behalf', async () => {
  const narrow = await command('key', 'create', 'narrow', '--agent', 'planner', '--agent', 'a')
  assert.equal((await send('a', narrow)).status, 200)
  assertRefused(await send('b', narrow), 'ROUTE_AGENT_UNKNOWN', 'JSONRPC')
  // the grant lasts while the task is open
  const text = `task-working narrow-${process.pid}`
  const params = say(text)
  await gateway.call({ binding: 'JSONRPC', agent: 'planner', operation: 'SendMessage', params, key: narrow })
  const seen = await agent.sawCall(text)
  const assertion = { 'sallyport-caller-assertion': seen.headers['sallyport-caller-assertion'] ?? '' }
  assert.equal((await send('a', gateway.keys['planner'], assertion)).status, 200)
  assertRefused(await send('b', gateway.keys['planner'], assertion), 'ROUTE_AGENT_UNKNOWN', 'JSONRPC')
  // on its own account it may
  assert.equal((await send('b', gateway.keys['planner'])).status, 200)
  // and the origin, once blocked, is not acted for
  await command('block', 'caller', 'key:narrow')
  assertRefused(await send('a', gateway.keys['planner'], assertion), 'AUTHZ_BLOCKED', 'JSONRPC')
})

test('a key for another network is of no use here, whatever the head says', async () => {
  const elsewhere = await command('key', 'create', 'alice', '--network', '10.0.0.0/8')
  for (const headers of [{}, { 'x-forwarded-for': '10.1.2.3' }, { forwarded: 'for=10.1.2.3' }])
    assertRefused(await send('a', elsewhere, headers), 'AUTHN_INVALID', 'JSONRPC')
  const here = await command('key', 'create', 'alice', '--network', '127.0.0.0/8')
  assert.equal((await send('a', here)).status, 200)
  const listed = (await command('key', 'list', '--json'))
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const of = (key: string): Record<string, unknown> | undefined => listed.find(({ id }) => id === key.split('_')[2])
  assert.deepEqual([of(elsewhere)?.['wrongNetworks'], of(elsewhere)?.['lastUsed']], [3, null])
  assert.equal(of(here)?.['lastNetwork'], '127.0.0.0/24')
})

test('a guesser is told to wait, the owner of the key never', async () => {
  const key = gateway.keys['alice'] ?? ''
  const secret = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFG'
  const [, environment = '', id = ''] = key.split('_')
  const guess = formatApiKey(environment, { id, secret })
  let last = 0
  for (let index = 0; index < 12; index += 1) last = (await send('a', guess)).status
  assert.equal(last, 429)
  assert.equal((await send('a', key)).status, 200)
})
