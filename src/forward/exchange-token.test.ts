// The gateway as a client of an agent's identity provider: what it asks, what it believes, how long it keeps it, and
// that nothing goes to the agent while the provider says no.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Secret } from '../base/secret.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { createTokenExchanger, type ExchangeConfig, type TokenExchanger } from './exchange-token.ts'
import type { PostAnswer, PostFields } from './dialler.ts'

interface World {
  readonly clock: ManualClock
  readonly exchanger: TokenExchanger
  readonly asked: { readonly url: string; readonly form: URLSearchParams; readonly authorization: string }[]
  answer: () => Promise<PostAnswer>
}

const answerOf = (body: unknown, status = 200): PostAnswer => ({
  status,
  contentType: 'application/json',
  retryAfter: '',
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
})
const good = { access_token: 'abc.def', token_type: 'Bearer', expires_in: 300 }

function makeWorld(config: Partial<ExchangeConfig> = {}): World {
  const clock = createManualClock()
  const asked: World['asked'] = []
  const post = (
    url: string,
    body: Buffer,
    bounds: { maxBytes: number; timeoutMs: number },
    fields?: PostFields,
  ): Promise<PostAnswer> => {
    assert.ok(bounds.maxBytes <= 65_536 && bounds.timeoutMs <= 5_000)
    asked.push({ url, form: new URLSearchParams(String(body)), authorization: fields?.authorization ?? '' })
    return world.answer()
  }
  const whole = { tokenUrl: 'https://idp.example.com/token', clientId: 'gate:way', clientSecret: 'env:X', ...config }
  const secrets = { clientSecret: Secret.ofText('s/cret') }
  const world: World = {
    clock,
    asked,
    exchanger: createTokenExchanger(whole, secrets, { dialler: { post }, clock }),
    answer: () => Promise.resolve(answerOf(good)),
  }
  return world
}

const ask = async (world: World, who = 'alice'): Promise<string | Refusal> =>
  await world.exchanger.tokenFor(who, () => `assertion of ${who}`)

test('asks as RFC 8693 says, with its own secret', async () => {
  const world = makeWorld({ audience: 'calculator', resource: 'https://calculator.example.com', scope: 'a b' })
  assert.equal(await ask(world), 'abc.def')
  const [request] = world.asked
  assert.equal(request?.url, 'https://idp.example.com/token')
  assert.deepEqual(Object.fromEntries(request?.form ?? []), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'assertion of alice',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: 'calculator',
    resource: 'https://calculator.example.com',
    scope: 'a b',
  })
  const credentials = Buffer.from((request?.authorization ?? '').replace('Basic ', ''), 'base64').toString()
  assert.equal(credentials, 'gate%3Away:s%2Fcret')
})

test('keeps a token until shortly before it ends, for the same caller alone', async () => {
  const world = makeWorld()
  await ask(world)
  world.clock.advance(269_999)
  await ask(world)
  assert.equal(world.asked.length, 1)
  await ask(world, 'bob')
  assert.equal(world.asked.length, 2)
  world.clock.advance(1)
  await ask(world)
  assert.equal(world.asked.length, 3)
})

test('a token without a life, or of a short one, is used once; of a long one for ten minutes', async () => {
  for (const [life, kept] of [
    [undefined, false],
    [30, false],
    [-5, false],
    ['300', false],
    [86_400, true],
  ] as const) {
    const world = makeWorld()
    world.answer = () => Promise.resolve(answerOf({ ...good, expires_in: life }))
    await ask(world)
    await ask(world)
    assert.equal(world.asked.length, kept ? 1 : 2, String(life))
    world.clock.advance(600_000)
    await ask(world)
    assert.equal(world.asked.length, kept ? 2 : 3)
  }
})

test('those who ask at the same time wait for one request', async () => {
  const world = makeWorld()
  let release: (answer: PostAnswer) => void = () => undefined
  world.answer = () => new Promise((resolve) => (release = resolve))
  const all = [ask(world), ask(world), ask(world)]
  release(answerOf(good))
  assert.deepEqual(await Promise.all(all), ['abc.def', 'abc.def', 'abc.def'])
  assert.equal(world.asked.length, 1)
})

test('whatever else the provider says is no token, is not kept, and is told to nobody', async () => {
  const bad: PostAnswer[] = [
    answerOf({ error: 'invalid_client' }, 401),
    answerOf(good, 201),
    answerOf(good, 302),
    answerOf('', 500),
    answerOf(''),
    answerOf('abc.def'),
    answerOf([good]),
    answerOf('{"access_token":"a","access_token":"b","token_type":"Bearer"}'),
    answerOf({ ...good, access_token: undefined }),
    answerOf({ ...good, access_token: 7 }),
    answerOf({ ...good, access_token: '' }),
    answerOf({ ...good, access_token: 'a b' }),
    answerOf({ ...good, access_token: 'a\r\nx-injected: 1' }),
    answerOf({ ...good, access_token: 'é' }),
    answerOf({ ...good, access_token: 'x'.repeat(9_000) }),
    answerOf({ ...good, token_type: 'N_A' }),
    answerOf({ ...good, token_type: 'DPoP' }),
    answerOf({ ...good, token_type: undefined }),
  ]
  for (const answer of bad) {
    const world = makeWorld()
    world.answer = () => Promise.resolve(answer)
    const given = await ask(world)
    assert.ok(isRefusal(given), String(answer.body))
    assert.equal(given.code, 'FORWARD_UNAVAILABLE')
    assert.equal(given.detail.includes('abc'), false)
    world.answer = () => Promise.resolve(answerOf(good))
    assert.equal(await ask(world), 'abc.def')
  }
})

test('a provider that is not there is an agent that is not there', async () => {
  const world = makeWorld()
  world.answer = () => Promise.reject(new Error('no answer within 5000 ms'))
  const given = await ask(world)
  assert.ok(isRefusal(given))
  assert.equal(given.code, 'FORWARD_UNAVAILABLE')
})
