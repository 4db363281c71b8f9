import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, issuerUrl, jwksUrl, makeWorld, type World } from '../../test/fakes/identity.ts'
import { authenticate } from './authenticate.ts'

const introspection = { endpoint: `${issuerUrl}/introspect`, clientId: 'gateway', clientSecret: 'file:secret' }

function opaqueWorld(changed: object = {}): { world: World; active: (extra?: object) => object } {
  const issuer = { name: 'corp', issuer: issuerUrl, audience, algorithms: ['ES256' as const], jwks: jwksUrl }
  const world = makeWorld({ identity: { jwt: [{ ...issuer, introspection, ...changed }] } })
  const active = (extra: object = {}): object => ({ active: true, ...world.claims(), ...extra })
  world.introspect = () => active()
  return { world, active }
}

test('a token that says nothing is what its issuer says of it', async () => {
  const { world, active } = opaqueWorld()
  world.introspect = () => active({ jti: 'x', groups: ['analysts'] })
  const { caller } = expectPassed(await world.bearer('opaque-token'))
  assert.equal(caller.id, 'user:corp/4f1c')
  assert.equal(caller.method, 'introspection')
  assert.deepEqual(caller.evidence, { jti: 'x' })
})

test('active is the value true and nothing that looks like it, and all else is checked as for any token', async () => {
  const { world, active } = opaqueWorld()
  const nowSeconds = world.clock.nowMs() / 1000
  const bad = [
    {},
    { ...active(), active: 'true' },
    { ...active(), active: 1 },
    { ...active(), active: false },
    active({ iss: 'https://other.example.com' }),
    active({ iss: [issuerUrl] }),
    active({ aud: 'other' }),
    active({ aud: undefined }),
    active({ exp: nowSeconds - 31 }),
    active({ exp: undefined }),
    active({ exp: String(nowSeconds + 60) }),
    active({ exp: nowSeconds + 86_401 }),
    active({ nbf: nowSeconds + 31 }),
    active({ nbf: 'now' }),
    active({ iat: nowSeconds + 31 }),
    active({ iat: undefined }),
    active({ sub: undefined }),
    active({ events: {} }),
    active({ cnf: { kid: 'x' } }),
    active({ cnf: { jkt: 'x'.repeat(43) } }),
    active({ token_type: 'DPoP' }),
  ]
  for (const [index, answer] of bad.entries()) {
    world.introspect = () => answer
    world.clock.advance(0)
    const source = `192.0.2.${index}`
    const received = Object.assign(world.receive({ authorization: `Bearer opaque-${index}` }), { source })
    expectRefusal(await world.authenticate(received), 'AUTHN_INVALID')
  }
  world.introspect = () => active({ iss: undefined, aud: ['other', audience] })
  expectPassed(await world.bearer('another'))
})

test('a good answer is believed for ten seconds, at once, and then asked for again', async () => {
  const { world } = opaqueWorld()
  expectPassed(await world.bearer('opaque'))
  for (let i = 0; i < 9; i++) {
    world.clock.advance(1_000)
    const outcome = authenticate(world.receive({ authorization: 'Bearer opaque' }), world.authenticator)
    assert.ok(!(outcome instanceof Promise))
    expectPassed(outcome)
  }
  assert.equal(world.introspections, 1)
  world.clock.advance(1_000)
  world.introspect = () => ({ active: false })
  expectRefusal(await world.bearer('opaque'), 'AUTHN_INVALID')
  assert.equal(world.introspections, 2)
})

test('an issuer that does not answer is a refusal, which is not kept', async () => {
  const { world, active } = opaqueWorld()
  const down = (): never => {
    throw new Error('unreachable')
  }
  world.introspect = down
  for (let i = 0; i < 50; i++) expectRefusal(await world.bearer('opaque'), 'AUTHN_INVALID')
  assert.equal(world.introspections, 50)
  world.introspect = () => active()
  expectPassed(await world.bearer('opaque'))
  world.introspect = down
  world.clock.advance(9_999)
  expectPassed(await world.bearer('opaque'))
  world.clock.advance(1)
  expectRefusal(await world.bearer('opaque'), 'AUTHN_INVALID')
})

test('a token that its issuer revoked ends open streams within ten seconds, and so does its silence', async () => {
  for (const afterwards of [() => ({ active: false }), () => assert.fail('silent')]) {
    const { world } = opaqueWorld()
    const { caller } = expectPassed(await world.bearer('opaque'))
    let beats = 0
    for (; beats < 30; beats++) {
      if (beats === 20) world.introspect = afterwards
      world.clock.advance(1_000)
      const isOver = caller.isRevoked()
      for (let i = 0; i < 3; i++) await new Promise(setImmediate)
      if (isOver) break
    }
    assert.ok(beats > 20 && beats <= 30, String(beats))
  }
})

test('a stream ends when the token is somebody else’s', async () => {
  const { world, active } = opaqueWorld()
  const { caller } = expectPassed(await world.bearer('opaque'))
  world.introspect = () => active({ sub: 'other' })
  world.clock.advance(10_000)
  assert.equal(expectPassed(await world.bearer('opaque')).caller.id, 'user:corp/other')
  assert.equal(caller.isRevoked(), true)
})

test('a token that can be read is never shown to an issuer, good or not', async () => {
  const { world } = opaqueWorld()
  for (const token of [
    world.token({ aud: 'other' }),
    world.token({ iss: 'https://other.example.com' }),
    `${world.token().slice(0, -4)}AAAA`,
    `${world.token().split('.')[0]}.x`,
    'sp_live_x',
    'sp_test_abcdefghijkl_x',
  ])
    expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  assert.equal(world.introspections, 0)
})

test('only tokens with the issuer’s prefix are shown to it', async () => {
  const { world } = opaqueWorld({ introspection: { ...introspection, prefix: 'corp_' } })
  for (const token of ['ghp_abc', 'corp', 'CORP_x', 'x.corp_'])
    expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  assert.equal(world.introspections, 0)
  expectPassed(await world.bearer('corp_x'))
})

test('an answer that is not one strict JSON object, or not a good status, is no answer', async () => {
  const { world } = opaqueWorld()
  world.introspect = () => [{ active: true }]
  expectRefusal(await world.bearer('opaque'), 'AUTHN_INVALID')
})

test('an opaque token and its subject are revoked like any other', async () => {
  const { world, active } = opaqueWorld()
  world.introspect = () => active({ jti: 'leaked' })
  const { caller } = expectPassed(await world.bearer('opaque'))
  const nowMs = world.clock.nowMs()
  const entry = { kind: 'token', issuer: 'corp', id: 'leaked', beforeMs: nowMs, revokedAtMs: nowMs } as const
  world.revocations.revoke({ ...entry, untilMs: nowMs + 1e9 })
  assert.equal(caller.isRevoked(), true)
  expectRefusal(await world.bearer('opaque'), 'AUTHN_INVALID')
})
