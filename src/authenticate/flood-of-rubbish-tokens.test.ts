// Somebody sends tokens by the thousand: shaped like nothing, like those of a cluster, or nearly like them. The API
// server is asked only about what could be one, no source takes the turns of another, and nothing grows without bound.

import assert from 'node:assert/strict'
import test from 'node:test'
import { base64url } from '../../test/fakes/identity.ts'
import { clusterIssuer, goodStatus, makeAccounts } from '../../test/fakes/service-accounts.ts'
import { createSourceTurns } from './source-turns.ts'

test('what is not shaped like a token of a configured cluster is never shown to one', async () => {
  const accounts = makeAccounts()
  const nowSeconds = Math.floor(accounts.clock.nowMs() / 1_000)
  const rubbish = [
    'x',
    'a.b.c',
    '..',
    `${base64url({ alg: 'RS256' })}.${base64url('{}')}.`,
    accounts.token({ iss: `${clusterIssuer}/` }),
    accounts.token({ iss: clusterIssuer.toUpperCase() }),
    accounts.token({ iss: undefined }),
    accounts.token({ aud: 'other' }),
    accounts.token({ aud: undefined }),
    accounts.token({ aud: { sallyport: true } }),
    accounts.token({ exp: nowSeconds - 1 }),
    accounts.token({ exp: String(nowSeconds + 60) }),
    accounts.token({ exp: undefined }),
    accounts.token({ sub: 'system:admin' }),
    accounts.token({ sub: undefined }),
    accounts.token({ 'kubernetes.io': undefined }),
    `${base64url({ alg: 'RS256', jku: 'https://evil.example.com' })}.${accounts.token().split('.')[1]}.${base64url('s')}`,
    `${base64url({ alg: 'RS256' })}.${base64url(`{"iss":"${clusterIssuer}","iss":"${clusterIssuer}"}`)}.${base64url('s')}`,
  ]
  for (const token of rubbish) {
    const outcome = await accounts.verify(token)
    assert.ok(outcome === undefined || 'kind' in outcome, token)
  }
  assert.deepEqual(accounts.asked, [])
})

test('a source gets sixteen turns at once, waits for more, and is refused beyond that; others are not in its way', async () => {
  const accounts = makeAccounts()
  const stuck = Promise.withResolvers<void>()
  accounts.answer = async (token) => {
    if (!token.includes(base64url('good'))) await stuck.promise
    return token.includes(base64url('good')) ? goodStatus() : { user: {}, error: 'invalid bearer token' }
  }
  const flood = Array.from({ length: 1_000 }, (_, at) => accounts.verify(accounts.token({ jti: at }), '203.0.113.5'))
  assert.equal(accounts.asked.length, 16)
  const good = `${accounts.token().split('.').slice(0, 2).join('.')}.${base64url('good')}`
  await accounts.passes(good, '198.51.100.7')
  stuck.resolve()
  const outcomes = await Promise.all(flood)
  assert.ok(outcomes.every((each) => each !== undefined && 'kind' in each))
  assert.equal(accounts.asked.length, 16 + 64 + 1)
})

test('addresses of one IPv6 network are one source, and a source leaves nothing behind', async () => {
  const turns = createSourceTurns()
  const stuck = Promise.withResolvers<void>()
  let running = 0
  const take = (source: string): unknown =>
    turns.take(source, async () => {
      running += 1
      await stuck.promise
    })
  const taken = Array.from({ length: 100 }, (_, at) => take(`2001:db8::${at.toString(16)}`))
  assert.equal(running, 16)
  assert.equal(taken.filter((each) => each !== undefined).length, 80)
  assert.equal(turns.sources, 1)
  stuck.resolve()
  await Promise.all(taken)
  assert.equal(turns.sources, 0)
})

test('the same rubbish over and over is one question a second', async () => {
  const accounts = makeAccounts()
  accounts.answer = () => ({ user: {}, error: 'invalid bearer token' })
  for (let at = 0; at < 50; at += 1) await accounts.refuses(accounts.token())
  assert.equal(accounts.asked.length, 1)
  accounts.clock.advance(1_000)
  await accounts.refuses(accounts.token())
  assert.equal(accounts.asked.length, 2)
})

test('whom the API server knows does not wait behind rubbish of the same address', async () => {
  const accounts = makeAccounts()
  const good = accounts.token()
  await accounts.passes(good, '203.0.113.5')
  accounts.clock.advance(10_000)
  const stuck = Promise.withResolvers<void>()
  accounts.answer = async (token) => {
    if (token !== good) await stuck.promise
    return token === good ? goodStatus() : { user: {}, error: 'invalid bearer token' }
  }
  const flood = Array.from({ length: 200 }, (_, at) => accounts.verify(accounts.token({ jti: at }), '203.0.113.5'))
  await accounts.passes(good, '203.0.113.5')
  stuck.resolve()
  await Promise.all(flood)
})
