// POST /token over the whole walk: what an agent gets for one hop, who may show it and for how long, and everything
// that is refused. Planner (bob's key) was called by alice; calculator and vault are further agents.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { catalogue, type RefusalCode } from '../refusal/refusal.ts'
import { messageParams, say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'

const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'

interface World extends FakeWalk {
  /** what came with the latest call to this agent */
  readonly given: Map<string, string>
  state: string
}

async function start(t: TestContext): Promise<World> {
  const walk = await startFakeWalk({
    agents: [
      { name: 'planner', principals: ['key:bob'] },
      { name: 'broker', principals: ['key:nobody'] },
    ],
    config: {
      policy: {
        roles: [
          { name: 'user', rules: [{ agents: ['calculator', 'planner', 'broker'], operations: ['*'] }] },
          { name: 'more', rules: [{ agents: ['vault'], operations: ['*'] }] },
        ],
        bindings: [
          { role: 'user', callers: ['key:alice', 'agent:planner', 'agent:broker'] },
          { role: 'more', callers: ['agent:planner'] },
        ],
      },
    },
  })
  t.after(() => walk.close())
  const world: World = Object.assign(walk, { given: new Map<string, string>(), state: 'TASK_STATE_WORKING' })
  walk.agent = (request, response, body) => {
    const assertion = String(request.headers['sallyport-caller-assertion'])
    world.given.set(claimsOf(assertion)['aud'] as string, assertion)
    const { method } = JSON.parse(body) as { method: string }
    const id = claimsOf(assertion)['call'] as string
    const task = {
      id: method === 'SendMessage' ? `t-${id}` : 't-first',
      contextId: `x-${id}`,
      status: { state: world.state },
    }
    say(response, body, method === 'SendMessage' ? { task } : task)
  }
  await walk.rpc('SendMessage', messageParams, { path: '/agents/planner', as: 'alice', call: 'first' })
  return world
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

type Form = Readonly<Record<string, string | undefined>>

function formOf(world: World, changed: Form = {}): string {
  const form: Form = {
    grant_type: grantType,
    subject_token: world.given.get('agent:planner'),
    subject_token_type: jwtType,
    audience: 'agent:calculator',
    ...changed,
  }
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) if (value !== undefined) search.set(name, value)
  return search.toString()
}

let asked = 0
async function ask(world: World, changed: Form | string = {}, more: Ask = {}): ReturnType<FakeWalk['ask']> {
  const body = typeof changed === 'string' ? changed : formOf(world, changed)
  const { headers, ...rest } = more
  return await world.ask({
    path: '/token',
    as: 'bob',
    call: `token${(asked += 1)}`,
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...rest,
  })
}

interface TokenAnswer {
  readonly access_token: string
  readonly issued_token_type: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope?: string
}

async function tokenOf(world: World, changed: Form = {}): Promise<TokenAnswer> {
  const reply = await ask(world, changed)
  assert.equal(reply.status, 200, reply.body)
  assert.equal(reply.headers['cache-control'], 'no-store')
  return reply.json() as TokenAnswer
}

async function refused(
  world: World,
  error: string,
  code: RefusalCode,
  changed: Form | string = {},
  more: Ask = {},
): Promise<void> {
  const reply = await ask(world, changed, more)
  assert.equal((reply.json() as { error: string }).error, error, `${reply.body} ${world.records.at(-1)?.detail}`)
  assert.equal(reply.status, catalogue[code].http)
  assert.equal(world.records.at(-1)?.code, code)
  assert.equal(world.records.at(-1)?.facts.operation, code.startsWith('ROUTE_') ? '' : 'ExchangeToken')
}

async function callWith(
  world: World,
  token: string,
  to = 'calculator',
  as: Ask['as'] = 'bob',
  method = 'SendMessage',
): Promise<number> {
  const headers = { 'sallyport-caller-assertion': token }
  const params = method === 'SendMessage' ? messageParams : { id: 't-first' }
  return (await world.rpc(method, params, { as, path: `/agents/${to}`, call: `on${(asked += 1)}`, headers })).status
}

test('an agent gets a token for its next hop, and calls on with it', async (t) => {
  const world = await start(t)
  const token = await tokenOf(world)
  assert.equal(token.issued_token_type, jwtType)
  assert.equal(token.token_type, 'N_A')
  assert.equal(token.expires_in, 60)
  assert.equal(token.scope, undefined)
  const claims = claimsOf(token.access_token)
  assert.equal(claims['sub'], 'key:alice')
  assert.equal(claims['aud'], 'agent:calculator')
  assert.equal(claims['client_id'], 'agent:planner')
  assert.deepEqual(claims['act'], { sub: 'agent:planner' })
  assert.equal(await callWith(world, token.access_token), 200)
  const next = claimsOf(world.given.get('agent:calculator') ?? '')
  assert.equal(next['sub'], 'key:alice')
  assert.deepEqual(next['act'], { sub: 'agent:planner' })
  const exchange = world.records.find(({ facts }) => facts.operation === 'ExchangeToken')
  assert.equal(exchange?.facts.caller, 'agent:planner')
  assert.equal(exchange?.facts.origin, 'key:alice')
  assert.equal(exchange?.facts.agent, 'calculator')
  assert.equal(exchange?.facts.grantedBy, 'first')
  assert.equal(exchange?.facts.autonomous, false)
})

test('the same by resource, for hours, while the task is open', async (t) => {
  const world = await start(t)
  world.clock.advance(5 * 3_600_000)
  const resource = 'https://agents.example.com/agents/calculator'
  await tokenOf(world, { audience: undefined, resource })
  await tokenOf(world, { audience: undefined, resource: `${resource}/` })
  await tokenOf(world, { resource, requested_token_type: jwtType, client_id: 'agent:planner' })
  world.state = 'TASK_STATE_CANCELED'
  assert.equal(
    (await world.rpc('CancelTask', { id: 't-first' }, { path: '/agents/planner', as: 'alice', call: 'cancel' })).status,
    200,
  )
  await refused(world, 'invalid_request', 'DELEGATE_SUBJECT')
})

test('a token lives a minute, and never longer than what it was exchanged for', async (t) => {
  const world = await start(t)
  const { access_token } = await tokenOf(world)
  world.clock.advance(64_999)
  assert.equal(await callWith(world, access_token), 200)
  world.clock.advance(1)
  assert.equal(await callWith(world, access_token), 401)
  world.clock.advance(8 * 3_600_000 - 65_000 - 10_500)
  assert.equal((await tokenOf(world)).expires_in, 10)
  world.clock.advance(10_000)
  await refused(world, 'invalid_request', 'DELEGATE_SUBJECT')
})

test('a token is for one agent, and for the agent that it was issued to', async (t) => {
  const world = await start(t)
  const { access_token } = await tokenOf(world)
  assert.equal(await callWith(world, access_token, 'broker'), 404)
  assert.equal(await callWith(world, access_token, 'planner'), 404)
  assert.equal(await callWith(world, access_token, 'calculator', 'nobody'), 401)
  assert.equal(await callWith(world, access_token, 'calculator', 'alice'), 401)
  assert.equal(await callWith(world, access_token, 'calculator', ''), 401)
})

test('no agent takes a token for an assertion, and no token is a subject again', async (t) => {
  const world = await start(t)
  const { access_token } = await tokenOf(world)
  const [header = ''] = access_token.split('.')
  const { typ } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { typ: string }
  assert.equal(typ, 'sallyport-exchange+jwt')
  await refused(world, 'invalid_request', 'DELEGATE_SUBJECT', { subject_token: access_token })
})

test('a token is narrowed as it was asked for, and every hop after it is', async (t) => {
  const world = await start(t)
  const token = await tokenOf(world, {
    audience: 'agent:broker',
    scope: 'agent:broker agent:calculator GetTask SendMessage',
  })
  assert.equal(token.scope, 'agent:broker agent:calculator GetTask SendMessage')
  assert.equal(await callWith(world, token.access_token, 'broker'), 200)
  const given = world.given.get('agent:broker') ?? ''
  assert.deepEqual(claimsOf(given)['narrowed'], {
    agents: ['broker', 'calculator'],
    operations: ['GetTask', 'SendMessage'],
  })
  // broker, in its turn
  const asBroker = { as: 'nobody' } as const
  const ofBroker = { subject_token: given }
  await refused(world, 'invalid_scope', 'DELEGATE_SCOPE', { ...ofBroker, scope: 'agent:vault' }, asBroker)
  await refused(world, 'invalid_scope', 'DELEGATE_SCOPE', { ...ofBroker, scope: 'CancelTask' }, asBroker)
  await refused(world, 'invalid_scope', 'DELEGATE_SCOPE', { ...ofBroker, scope: 'agent:broker' }, asBroker)
  const again = await ask(world, { ...ofBroker, scope: 'SendMessage' }, asBroker)
  const second = again.json() as TokenAnswer
  assert.equal(second.scope, 'agent:broker agent:calculator SendMessage')
  assert.equal(await callWith(world, second.access_token, 'calculator', 'nobody', 'GetTask'), 403)
  assert.equal(await callWith(world, second.access_token, 'calculator', 'nobody'), 200)
  assert.deepEqual(claimsOf(world.given.get('agent:calculator') ?? '')['act'], {
    sub: 'agent:broker',
    act: { sub: 'agent:planner' },
  })
  // and without a token the narrowing holds all the same
  assert.equal(await callWith(world, given, 'calculator', 'nobody', 'CancelTask'), 403)
})

test('no token for an agent that is not there, may not be known of, or would close a circle', async (t) => {
  const world = await start(t)
  for (const audience of [
    'agent:nowhere',
    'agent:vault',
    'agent:planner',
    'calculator',
    'agent:',
    'agent:calculator ',
    '*',
  ])
    await refused(world, 'invalid_target', 'DELEGATE_TARGET', { audience })
  const at = 'https://agents.example.com/agents/'
  for (const resource of [
    at,
    `${at}vault`,
    `${at}calculator/x`,
    `${at}Calculator`,
    'https://evil.example.com/agents/calculator',
  ])
    await refused(world, 'invalid_target', 'DELEGATE_TARGET', { audience: undefined, resource })
  await refused(world, 'invalid_target', 'DELEGATE_TARGET', { resource: `${at}broker` })
  await refused(world, 'invalid_request', 'DELEGATE_REQUEST', { audience: undefined })
  await refused(world, 'invalid_request', 'DELEGATE_REQUEST', `${formOf(world)}&audience=agent:broker`)
})

test('no token for what is not an assertion of this agent', async (t) => {
  const world = await start(t)
  const given = world.given.get('agent:planner') ?? ''
  const [header = '', payload = '', signature = ''] = given.split('.')
  const forged = Buffer.from(JSON.stringify({ ...claimsOf(given), sub: 'key:root' })).toString('base64url')
  for (const subject_token of [
    'x',
    'a.b.c',
    `${header}.${forged}.${signature}`,
    `${header}.${payload}.`,
    given.repeat(40),
  ])
    await refused(world, 'invalid_request', 'DELEGATE_SUBJECT', { subject_token })
  // what another agent was given
  await refused(world, 'invalid_request', 'DELEGATE_SUBJECT', {}, { as: 'nobody' })
})

test('no token for one who is no agent, or who does not prove to be one', async (t) => {
  const world = await start(t)
  await refused(world, 'unauthorized_client', 'DELEGATE_CALLER', {}, { as: 'alice' })
  const reply = await ask(world, {}, { as: '' })
  assert.equal(reply.status, 401)
  assert.equal((reply.json() as { error: string }).error, 'invalid_client')
  assert.notEqual(reply.headers['www-authenticate'], undefined)
})

test('no token for a request that is not exactly one', async (t) => {
  const world = await start(t)
  const bad: [string, Form | string, Ask?][] = [
    ['subject twice', `${formOf(world)}&subject_token=x`],
    ['no subject', { subject_token: undefined }],
    ['empty subject', { subject_token: '' }],
    ['another subject type', { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }],
    ['no subject type', { subject_token_type: undefined }],
    ['another requested type', { requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' }],
    ['a secret in the body', { client_secret: 'x' }],
    ['an assertion of a client', { client_assertion: 'x', client_assertion_type: 'y' }],
    ['an actor', { actor_token: 'x', actor_token_type: jwtType }],
    ['the id of another', { client_id: 'agent:broker' }],
    ['JSON', '{}', { headers: { 'content-type': 'application/json' } }],
    ['no type', {}, { headers: { 'content-type': '' } }],
    [
      'an assertion in the header',
      {},
      { headers: { 'sallyport-caller-assertion': world.given.get('agent:planner') ?? '' } },
    ],
  ]
  for (const [name, form, more] of bad)
    await t.test(name, () => refused(world, 'invalid_request', 'DELEGATE_REQUEST', form, more))
  for (const grant_type of ['authorization_code', 'client_credentials', '', undefined])
    await refused(world, 'unsupported_grant_type', 'DELEGATE_GRANT_TYPE', { grant_type })
  await refused(world, 'invalid_scope', 'DELEGATE_SCOPE', { scope: 'everything' })
  await refused(world, 'invalid_request', 'LISTEN_BODY_TOO_LARGE', { padding: 'x'.repeat(40_000) })
  await refused(world, 'invalid_request', 'ROUTE_METHOD_NOT_ALLOWED', {}, { method: 'GET' })
})

test('nothing leaves that is not recorded first', async (t) => {
  const world = await start(t)
  world.failing.add('discovered')
  const reply = await ask(world)
  assert.equal(reply.status, 503)
  assert.equal((reply.json() as { error: string }).error, 'temporarily_unavailable')
  assert.equal(reply.body.includes('access_token'), false)
})

test('asking costs what a call costs', async (t) => {
  const world = await start(t)
  let last = 0
  for (let count = 0; count < 700 && last !== 429; count += 1) last = (await ask(world, { scope: 'x' })).status
  assert.equal(last, 429)
})

test('no token where somebody in it, or the agent, is blocked', async (t) => {
  for (const [kind, id, status] of [
    ['caller', 'key:alice', 400],
    ['agent', 'calculator', 400],
    // the agent that asks is told like any caller
    ['caller', 'agent:planner', 403],
    ['caller', 'key:bob', 403],
  ] as const) {
    const world = await start(t)
    await tokenOf(world)
    world.blocks.block(kind, id)
    const reply = await ask(world)
    assert.equal(reply.status, status, `${id} ${reply.body}`)
    assert.doesNotMatch(reply.body, /access_token/)
    world.blocks.remove(kind, id)
    await tokenOf(world)
  }
})
