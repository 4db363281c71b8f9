import assert from 'node:assert/strict'
import test from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import type { ConfigInput } from '../config/config.ts'
import type { Discovering, HeaderRecord, ReceivedFields } from '../exchange/exchange.ts'
import { isRefusal, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import { FakeReply, snapshotOf } from '../../test/fakes/walk.ts'
import { discover, discoverPublic, type DiscoveryParts } from './discover.ts'

interface World {
  readonly clock: ManualClock
  readonly parts: DiscoveryParts
  fetches: number
  /** what the agent's card is; throw to be unreachable */
  card: () => Buffer | Promise<Buffer>
}

function make(): World {
  const clock = createManualClock()
  const world: World = {
    clock,
    fetches: 0,
    card: () => Buffer.from('{"name":"Calculator","url":"http://10.0.0.7"}'),
    parts: {
      clock,
      cards: new Map(),
      jwks: () => '{"keys":[]}',
      fetchCard: async () => {
        world.fetches += 1
        return await world.card()
      },
    },
  }
  return world
}

const agents: ConfigInput['agents'] = [
  { name: 'calculator', url: 'http://127.0.0.1:1' },
  { name: 'vault', url: 'http://127.0.0.1:2' },
]
const defaults = { agents }

interface Answered {
  readonly refusal: Refusal | undefined
  readonly status: number
  readonly headers: HeaderRecord
  readonly body: string
  readonly facts: { agent: string; operation: string; binding: string }
}

async function answered(
  work: (call: Parameters<typeof discover>[2]) => Promise<Refusal | undefined>,
): Promise<Answered> {
  const facts = { agent: '', operation: '', binding: '' }
  let given = { status: 0, headers: {} as HeaderRecord, body: '' }
  const refusal = await work({
    facts,
    answer: (status, headers, body) => {
      given = { status, headers, body }
      return Promise.resolve(undefined)
    },
  })
  return { refusal, facts, ...given }
}

function ask(
  world: World,
  kind: 'card' | 'directory',
  input: ConfigInput = defaults,
  isVisible = (name: string): boolean => name !== 'vault',
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const snapshot = snapshotOf(input)
  const target = kind === 'card' ? { kind, agent: snapshot.config.agents[0] } : { kind }
  // discover reads nothing else of a request
  const discovering = { target, snapshot, headers: new Map(Object.entries(headers)) } as unknown as Discovering
  return answered((call) => discover(discovering, (agent) => isVisible(agent.name), call, world.parts))
}

function refused(code: RefusalCode, outcome: Answered): void {
  assert.ok(isRefusal(outcome.refusal), 'answered')
  assert.equal(outcome.refusal.code, code)
  assert.equal(outcome.status, 0)
}

test("the directory lists visible agents by the gateway's address, and no other", async () => {
  const { status, headers, body, facts } = await ask(make(), 'directory')
  assert.equal(status, 200)
  const url = 'https://agents.example.com/agents/calculator'
  assert.deepEqual(JSON.parse(body), {
    agents: [{ name: 'calculator', url, card: `${url}/.well-known/agent-card.json` }],
  })
  assert.match(headers['cache-control'] ?? '', /private/)
  assert.equal(facts.operation, 'ListAgents')
})

test('for whom nothing is visible the directory is empty', async () => {
  assert.deepEqual(JSON.parse((await ask(make(), 'directory', defaults, () => false)).body), { agents: [] })
})

test('a card is rebuilt, and shared by no cache', async () => {
  const { status, headers, body, facts } = await ask(make(), 'card')
  assert.equal(status, 200)
  assert.doesNotMatch(body, /10\.0\.0\.7/)
  assert.match(headers['cache-control'] ?? '', /^private/)
  assert.match(headers['vary'] ?? '', /authorization/)
  assert.deepEqual(facts, { agent: 'calculator', operation: 'GetAgentCard', binding: 'HTTP+JSON' })
})

test('a card that the caller has is not sent again, another one is', async () => {
  const world = make()
  const { headers, body } = await ask(world, 'card')
  const tag = headers['etag'] ?? ''
  const askAgain = (value: string): Promise<Answered> =>
    ask(world, 'card', defaults, undefined, { 'if-none-match': value })
  for (const value of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const again = await askAgain(value)
    assert.equal(again.status, 304, value)
    assert.equal(again.body, '')
    assert.equal(again.headers['etag'], tag)
    assert.equal(again.headers['cache-control'], headers['cache-control'])
  }
  for (const value of ['"other"', tag.replaceAll('"', ''), '', `${tag}x`, tag.toUpperCase()]) {
    const again = await askAgain(value)
    assert.equal(again.status, 200, value)
    assert.equal(again.body, body)
  }
})

test('a card of which the agent has made another has another tag', async () => {
  const world = make()
  const first = await ask(world, 'card')
  world.clock.advance(60_000)
  world.card = () => Buffer.from('{"name":"Another"}')
  const second = await ask(world, 'card', defaults, undefined, { 'if-none-match': first.headers['etag'] ?? '' })
  assert.equal(second.status, 200)
  assert.notEqual(second.headers['etag'], first.headers['etag'])
})

test('a card is fetched once a minute, however many ask, also at once', async () => {
  const world = make()
  await Promise.all(Array.from({ length: 10 }, () => ask(world, 'card')))
  world.clock.advance(59_999)
  await ask(world, 'card')
  assert.equal(world.fetches, 1)
  world.clock.advance(1)
  await ask(world, 'card')
  assert.equal(world.fetches, 2)
})

test('a changed configuration fetches anew', async () => {
  const world = make()
  await ask(world, 'card')
  await ask(world, 'card', { agents, gateway: { securityContact: 'mailto:a@example.com' } })
  assert.equal(world.fetches, 2)
})

test('a dead agent is asked every two seconds at most, and found again soon', async () => {
  const world = make()
  const alive = world.card
  world.card = () => Promise.reject(new Error('PRIVATE 10.0.0.7 refused'))
  for (let count = 0; count < 5; count += 1) refused('FORWARD_UNAVAILABLE', await ask(world, 'card'))
  assert.equal(world.fetches, 1)
  world.card = alive
  world.clock.advance(1_999)
  refused('FORWARD_UNAVAILABLE', await ask(world, 'card'))
  world.clock.advance(1)
  assert.equal((await ask(world, 'card')).status, 200)
})

test('a slow failure under an old configuration does not push out the card of the new one', async () => {
  const world = make()
  const alive = world.card
  let fail: (error: Error) => void = () => undefined
  world.card = () => new Promise<Buffer>((_resolve, reject) => (fail = reject))
  const old = ask(world, 'card')
  world.card = alive
  const changed = { agents, gateway: { securityContact: 'mailto:a@example.com' } }
  await ask(world, 'card', changed)
  fail(new Error('gone'))
  refused('FORWARD_UNAVAILABLE', await old)
  await ask(world, 'card', changed)
  assert.equal(world.fetches, 2)
})

test('a document that is no card is never passed on', async () => {
  const bad = [
    '',
    'null',
    '[]',
    '{}',
    '<html>',
    '{"name":"a","name":"b"}',
    '\ufeff{"name":"a"}',
    '{"name":"a"}{}',
    `{"name":"a","x":${'['.repeat(70)}${']'.repeat(70)}}`,
    `{"name":"a","x":[${'0,'.repeat(20_001)}0]}`,
  ]
  for (const text of [...bad, Buffer.from('{"name":"\xff"}', 'latin1')]) {
    const world = make()
    world.card = () => Buffer.from(text)
    refused('RELEASE_INVALID_ANSWER', await ask(world, 'card'))
  }
})

function askPublic(
  world: World,
  kind: 'jwks' | 'security-txt' | 'public-card',
  input: ConfigInput = defaults,
): Promise<Answered & { readonly reply: FakeReply }> {
  const snapshot = snapshotOf(input)
  const reply = new FakeReply()
  const [agent] = snapshot.config.agents
  assert.ok(agent)
  const document = kind === 'public-card' ? { kind, agent } : { kind }
  // discoverPublic reads nothing else of a request
  const request = { snapshot, reply, headers: new Map() } as unknown as ReceivedFields
  return answered((call) => discoverPublic(request, document, call, world.parts)).then((outcome) => ({
    ...outcome,
    reply,
  }))
}

test("the gateway's keys are for everyone", async () => {
  const { reply } = await askPublic(make(), 'jwks')
  assert.equal(reply.body, '{"keys":[]}')
  assert.equal(reply.headers['content-type'], 'application/jwk-set+json')
})

test('the security contact is there where one is configured, as RFC 9116 has it', async () => {
  const { reply } = await askPublic(make(), 'security-txt', {
    agents,
    gateway: { securityContact: 'mailto:security@example.com' },
  })
  assert.match(
    reply.body,
    /^Contact: mailto:security@example\.com\nExpires: 20\d\d-.*Z\nCanonical: https:\/\/agents\.example\.com\/\.well-known\/security\.txt\n$/,
  )
  refused('ROUTE_NOT_FOUND', await askPublic(make(), 'security-txt'))
})

test('a public card may be shared by caches, and a public agent may be dead', async () => {
  const world = make()
  assert.match((await askPublic(world, 'public-card')).headers['cache-control'] ?? '', /^public/)
  const dead = make()
  dead.card = () => Promise.reject(new Error('dead'))
  refused('FORWARD_UNAVAILABLE', await askPublic(dead, 'public-card'))
})
