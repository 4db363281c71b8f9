// Nobody but the gateway calls an agent: every assertion that is absent, stale, forged or made for someone else
// gets the same 401, whichever check it failed, on every path but the card's.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { UnsecuredJWT, SignJWT } from 'jose'
import { startSampleAgents } from '../src/sample-agents.ts'
import { payloadOf, type Claims } from './gateway-keys.ts'
import { startHarness, type Harness } from './harness.ts'

let harness: Harness
before(async () => {
  harness = await startHarness()
})
after(() => harness.close())

const body = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'SendMessage',
  params: { message: { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: '2+2' }] } },
})

function call(token: string | undefined, url: string = harness.agents.calculator.url): Promise<Response> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'a2a-version': '1.0' }
  if (token !== undefined) headers['sallyport-caller-assertion'] = token
  return fetch(url, { method: 'POST', headers, body })
}

async function assertRefused(response: Response): Promise<void> {
  assert.equal(response.status, 401)
  const text = await response.text()
  assert.equal(text, '{"error":{"code":401,"status":"UNAUTHENTICATED","message":"unauthenticated","details":[]}}')
}

test('lets a good assertion in', async () => {
  assert.equal((await call(await harness.keys.mint())).status, 200)
})

test('lets an assertion with a chain in', async () => {
  const act = { sub: 'agent:concierge', act: { sub: 'agent:planner' } }
  assert.equal((await call(await harness.keys.mint({ act }))).status, 200)
})

const bad: readonly (readonly [string, Claims])[] = [
  ['an expired assertion', { issuedSecondsAgo: 120 }],
  ['an assertion from the future', { issuedSecondsAgo: -60 }],
  ['an assertion that lives longer than a minute', { lifeSeconds: 3600 }],
  ['an old assertion with a long life', { issuedSecondsAgo: 300, lifeSeconds: 3600 }],
  ['an assertion for another agent', { aud: 'agent:concierge' }],
  ['an assertion for several agents', { aud: ['agent:calculator', 'agent:concierge'] }],
  ['an assertion for this agent in a list', { aud: ['agent:calculator'] }],
  ['another issuer', { iss: 'https://elsewhere.test' }],
  ['another type of token', { typ: 'JWT' }],
  ['an access token', { typ: 'at+jwt' }],
  ['an empty subject', { sub: '' }],
  ['an actor without a name', { act: {} }],
  ['an actor that is a text', { act: 'agent:concierge' }],
  ['an actor that is nothing', { act: null }],
  ['an endless chain', { act: chainOf(9) }],
  ['no subject', { without: 'sub' }],
  ['no audience', { without: 'aud' }],
  ['no issuer', { without: 'iss' }],
  ['no expiry', { without: 'exp' }],
  ['no time of issue', { without: 'iat' }],
  ['no id', { without: 'jti' }],
]
for (const [what, claims] of bad) {
  test(`refuses ${what}`, async () => {
    await assertRefused(await call(await harness.keys.mint(claims)))
  })
}

test('refuses a call without an assertion', async () => {
  await assertRefused(await call(undefined))
})

test('refuses an empty assertion', async () => {
  await assertRefused(await call(''))
})

test('refuses two assertions in one header', async () => {
  const token = await harness.keys.mint()
  await assertRefused(await call(`${token}, ${token}`))
})

test('refuses what is not a token', async () => {
  for (const token of ['x', 'a.b.c', '..', 'Bearer x', '{}']) await assertRefused(await call(token))
})

test('refuses an assertion signed by an unknown key', async () => {
  await assertRefused(await call(await harness.keys.forge()))
})

test('refuses the algorithm none', async () => {
  await assertRefused(await call(new UnsecuredJWT(payloadOf({})).encode()))
})

test('refuses a symmetric signature made with the public key', async () => {
  const jwks = await (await fetch(harness.keys.jwksUrl)).text()
  const header = { alg: 'HS256', kid: 'test', typ: 'sallyport-assertion+jwt' }
  const token = await new SignJWT(payloadOf({})).setProtectedHeader(header).sign(new TextEncoder().encode(jwks))
  await assertRefused(await call(token))
})

test('refuses an assertion whose payload was changed', async () => {
  const [header, , signature] = (await harness.keys.mint()).split('.')
  const changed = Buffer.from(JSON.stringify(payloadOf({ sub: 'key:root' }))).toString('base64url')
  await assertRefused(await call(`${header}.${changed}.${signature}`))
})

test('refuses a good assertion in place of a bearer token', async () => {
  const headers = { authorization: `Bearer ${await harness.keys.mint()}`, 'content-type': 'application/json' }
  await assertRefused(await fetch(harness.agents.calculator.url, { method: 'POST', headers, body }))
})

for (const path of ['/tasks', '/tasks/x', '/message:send', '/extendedAgentCard', '/nowhere', '//', '/.well-known/x']) {
  test(`refuses ${path} without an assertion`, async () => {
    await assertRefused(await fetch(`${harness.agents.calculator.url}${path}`))
  })
}

test('serves the card to anyone', async () => {
  for (const agent of ['calculator', 'concierge'] as const) {
    const response = await fetch(`${harness.agents[agent].url}/.well-known/agent-card.json`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('etag') ?? '', /^W?\/?"/)
    const card = await response.text()
    assert.match(card, new RegExp(`"name":"${agent}"`))
    assert.match(card, /"securitySchemes":\{"gateway":\{"apiKeySecurityScheme":\{/)
    assert.doesNotMatch(card, /\$case|""|\[\]/)
  }
})

test('answers a body that is too large without saying where it runs', async () => {
  const headers = { 'sallyport-caller-assertion': await harness.keys.mint(), 'content-type': 'application/json' }
  const large = JSON.stringify({ text: 'x'.repeat(3_000_000) })
  const response = await fetch(harness.agents.calculator.url, { method: 'POST', headers, body: large })
  assert.equal(response.status, 413)
  assert.doesNotMatch(await response.text(), /node_modules|at /)
})

test('takes a body larger than the usual hundred kilobytes', async () => {
  const text = `2+2${' '.repeat(1_500_000)}`
  const params = { message: { messageId: 'm1', role: 'ROLE_USER', parts: [{ text }] } }
  const large = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params })
  const headers = {
    'sallyport-caller-assertion': await harness.keys.mint(),
    'content-type': 'application/json',
    'a2a-version': '1.0',
  }
  const response = await fetch(harness.agents.calculator.url, { method: 'POST', headers, body: large })
  assert.equal(response.status, 200)
  assert.match(await response.text(), /TASK_STATE_COMPLETED/)
})

test('answers malformed JSON as each binding does', async () => {
  const headers = { 'sallyport-caller-assertion': await harness.keys.mint(), 'content-type': 'application/json' }
  const { url } = harness.agents.calculator
  const rpc = await fetch(url, { method: 'POST', headers, body: '{' })
  assert.equal(rpc.status, 200)
  assert.match(await rpc.text(), /-32700/)
  const rest = await fetch(`${url}/message:send`, { method: 'POST', headers, body: '{' })
  assert.equal(rest.status, 400)
})

test('says unavailable, and lets nobody in, while the keys cannot be had', async () => {
  const agents = await startSampleAgents({
    verification: { jwksUrl: 'http://127.0.0.1:9/jwks.json', issuer: harness.keys.issuer },
    concierge: { gatewayUrl: () => 'http://127.0.0.1:9', calculatorAgent: 'calculator', key: () => 'unused' },
  })
  const response = await call(await harness.keys.mint(), agents.calculator.url)
  assert.equal(response.status, 503)
  await agents.close()
})

function chainOf(length: number): unknown {
  let act: unknown
  for (let i = 0; i < length; i++) act = { sub: `agent:a${i}`, ...(act === undefined ? {} : { act }) }
  return act
}
