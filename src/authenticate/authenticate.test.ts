import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { craftToken, ecKey, makeSnapshot, makeWorld, rsaKey } from '../../test/fakes/identity.ts'
import { catalogue } from '../refusal/refusal.ts'
import { authenticate } from './authenticate.ts'

test('knows the holder of an API key, in either header', async () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci' })
  for (const headers of [
    { authorization: `Bearer ${key}` },
    { authorization: `bearer ${key}` },
    { 'x-api-key': key },
  ]) {
    const { caller, origin, chain, autonomous } = expectPassed(await world.call(headers))
    assert.equal(caller.id, 'key:ci')
    assert.equal(caller.method, 'api-key')
    assert.equal(caller.credential, record.id)
    assert.equal(origin, caller)
    assert.deepEqual(chain, [])
    assert.equal(autonomous, false)
  }
})

test('accepts the same key in both headers', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  expectPassed(await world.call({ authorization: `Bearer ${key}`, 'x-api-key': key }))
})

test('refuses two credentials that differ, also when both are good', async () => {
  const world = makeWorld()
  const one = world.admin.create({ name: 'one' }).key
  const two = world.admin.create({ name: 'two' }).key
  expectRefusal(await world.call({ authorization: `Bearer ${one}`, 'x-api-key': two }), 'AUTHN_INVALID')
  expectRefusal(await world.call({ authorization: `Bearer ${world.token()}`, 'x-api-key': one }), 'AUTHN_INVALID')
})

test('asks for a credential when there is none', async () => {
  const world = makeWorld()
  expectRefusal(await world.call({}), 'AUTHN_MISSING')
  expectRefusal(await world.call({ cookie: `token=${world.token()}` }), 'AUTHN_MISSING')
})

test('refuses whatever is not one bearer token', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    `Basic ${key}`,
    `Bearer  ${key}`,
    ` Bearer ${key}`,
    `Bearer ${key} `,
    key,
    `Bearer ${key}, Bearer ${key}`,
    `Bearer\t${key}`,
    'DPoP x',
    'Negotiate x',
  ]) {
    expectRefusal(await world.call({ authorization }), 'AUTHN_INVALID')
  }
  for (const value of ['', world.token(), `Bearer ${key}`, key.toUpperCase(), `${key} `])
    expectRefusal(await world.call({ 'x-api-key': value }), 'AUTHN_INVALID')
})

test('answers at once for an API key and for a token seen before', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci' })
  const token = world.token()
  assert.ok(authenticate(world.receive({ authorization: `Bearer ${token}` }), world.authenticator) instanceof Promise)
  expectPassed(await world.bearer(token))
  for (const credential of [key, key, token]) {
    const outcome = authenticate(world.receive({ authorization: `Bearer ${credential}` }), world.authenticator)
    assert.ok(!(outcome instanceof Promise))
    expectPassed(outcome)
  }
})

test('says the same to the caller whatever failed', async () => {
  const world = makeWorld()
  const { key, record } = world.admin.create({ name: 'ci' })
  const good = world.token()
  world.admin.revoke(record.id)
  const failures = [
    undefined,
    `Bearer ${key}`,
    'Bearer sp_live_x',
    'Bearer a.b.c',
    `Bearer ${good.slice(0, -4)}AAAA`,
    `Bearer ${world.token({ iss: 'https://other.example.com' })}`,
    `Bearer ${world.token({ aud: 'other' })}`,
    `Bearer ${world.token({ exp: 1 })}`,
  ]
  const seen = new Set<string>()
  for (const authorization of failures) {
    const outcome = await world.call(authorization === undefined ? {} : { authorization })
    assert.ok('kind' in outcome)
    seen.add(JSON.stringify([catalogue[outcome.code], outcome.headers, outcome.hint]))
  }
  assert.equal(seen.size, 1)
})

test('knows a person by issuer and subject, with groups of that issuer', async () => {
  const world = makeWorld()
  const token = world.token({ groups: ['analysts', 'on call'], email: 'alice@example.com', email_verified: true })
  const { caller } = expectPassed(await world.bearer(token))
  assert.equal(caller.id, 'user:corp/4f1c')
  assert.deepEqual(caller.groups, ['group:corp/analysts', 'group:corp/on%20call'])
  assert.equal(caller.display, 'alice@example.com')
  assert.equal(caller.method, 'jwt')
  assert.equal(caller.credential, 'corp')
  assert.equal(caller.expiresAtMs, world.clock.nowMs() + 600_000)
  assert.equal(caller.isRevoked(), false)
})

test('an agent without an assertion acts on its own account, and everyone knows', async () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'concierge' })
  const { caller, origin, autonomous } = expectPassed(await world.bearer(key))
  assert.equal(caller.id, 'agent:concierge')
  assert.equal(origin.id, 'agent:concierge')
  assert.equal(autonomous, true)
})

test('an agent may also be known by a token', async () => {
  const world = makeWorld()
  const { caller, autonomous } = expectPassed(await world.bearer(world.token({ sub: 'calculator' })))
  assert.equal(caller.id, 'agent:calculator')
  assert.equal(autonomous, true)
})

test('sees the configuration of the request, not the one it was made with', async () => {
  const world = makeWorld()
  const token = world.token()
  const { key } = world.admin.create({ name: 'ci' })
  expectPassed(await world.bearer(token))
  expectPassed(await world.bearer(key))
  const before = world.snapshot
  world.snapshot = makeSnapshot({ identity: { apiKeys: { environment: 'test' } } })
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(key), 'AUTHN_INVALID')
  world.snapshot = before
  expectPassed(await world.bearer(token))
  expectPassed(await world.bearer(key))
})

test('a reload that leaves an issuer alone keeps its keys and its proven tokens', async () => {
  const world = makeWorld()
  const token = world.token()
  expectPassed(await world.bearer(token))
  world.snapshot = makeSnapshot()
  const outcome = authenticate(world.receive({ authorization: `Bearer ${token}` }), world.authenticator)
  assert.equal(outcome instanceof Promise, false)
  assert.equal(world.fetches, 1)
})

test('a token is not taken for one of another issuer, whose keys would fit', async () => {
  const world = makeWorld()
  const token = craftToken({ alg: 'RS256', kid: 'rsa-1' }, world.claims({ iss: 'https://idp.example.com/' }), rsaKey)
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  expectRefusal(
    await world.bearer(
      craftToken({ alg: 'ES256', kid: 'ec-1' }, world.claims({ iss: ['https://idp.example.com'] }), ecKey),
    ),
    'AUTHN_INVALID',
  )
})
