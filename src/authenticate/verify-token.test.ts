import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import {
  audience,
  base64url,
  craftToken,
  ecKey,
  issuerUrl,
  jwkOf,
  jwksUrl,
  makeWorld,
  rsaKey,
  type TestKey,
} from '../../test/fakes/identity.ts'

const header = { alg: 'ES256', kid: 'ec-1' }

test('accepts the types that access tokens have, and no other', async () => {
  const world = makeWorld()
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])
    expectPassed(await world.bearer(world.token({}, { typ })))
  expectPassed(await world.bearer(craftToken(header, world.claims(), ecKey)))
  for (const typ of ['', 'dpop+jwt', 'logout+jwt', 'sallyport-assertion+jwt', 'JOSE', 7, null, ['JWT']]) {
    expectRefusal(await world.bearer(world.token({}, { typ })), 'AUTHN_INVALID')
  }
})

test('accepts RSA and EC where the issuer allows them', async () => {
  const world = makeWorld()
  expectPassed(await world.bearer(craftToken({ alg: 'RS256', kid: 'rsa-1' }, world.claims(), rsaKey)))
  expectPassed(await world.bearer(craftToken(header, world.claims(), ecKey)))
})

test('refuses an algorithm that the issuer does not allow, though the key could do it', async () => {
  const world = makeWorld({
    identity: { jwt: [{ name: 'corp', issuer: issuerUrl, audience, algorithms: ['RS256'], jwks: jwksUrl }] },
  })
  expectRefusal(await world.bearer(craftToken(header, world.claims(), ecKey)), 'AUTHN_INVALID')
  assert.equal(world.fetches, 0)
})

test('refuses an algorithm other than the one the key set declares for the key', async () => {
  const world = makeWorld()
  world.jwks = () => Buffer.from(JSON.stringify({ keys: [jwkOf(rsaKey, { alg: 'PS256' })] }))
  expectRefusal(await world.bearer(craftToken({ alg: 'RS256', kid: 'rsa-1' }, world.claims(), rsaKey)), 'AUTHN_INVALID')
})

test('refuses a token signed by someone else under a known key id', async () => {
  const world = makeWorld()
  const stranger: TestKey = { kid: 'ec-1', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
  const token = craftToken(header, world.claims(), stranger)
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  expectPassed(await world.bearer(world.token()))
})

test('refuses a changed payload and a stripped signature', async () => {
  const world = makeWorld()
  const [head, , signature] = world.token().split('.')
  const other = base64url(world.claims({ sub: 'root' }))
  for (const token of [
    `${head}.${other}.${signature}`,
    `${head}.${other}.`,
    `${head}.${other}`,
    `${head}..${signature}`,
    `.${other}.${signature}`,
    '..',
    `${head}.${other}.${signature}.x`,
  ]) {
    expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  }
})

test('refuses claims that are missing or of another type', async () => {
  const world = makeWorld()
  const changes = [
    { exp: undefined },
    { exp: '9999999999' },
    { exp: null },
    { iat: 'now' },
    { nbf: '0' },
    { iss: undefined },
    { iss: 7 },
    { aud: undefined },
    { aud: [] },
    { aud: 7 },
    { aud: '' },
    { sub: undefined },
    { sub: '' },
    { sub: 7 },
    { sub: ['4f1c'] },
    { sub: 'x'.repeat(257) },
    { sub: 'a\u0000b' },
    { sub: 'a\nb' },
    { groups: [7] },
    { groups: [''] },
    { groups: { a: 1 } },
    { groups: ['x'.repeat(257)] },
    { groups: Array.from({ length: 257 }, (_, i) => String(i)) },
  ]
  for (const change of changes) expectRefusal(await world.bearer(world.token(change)), 'AUTHN_INVALID')
})

test('refuses a payload or header that is not one strict JSON object', async () => {
  const world = makeWorld()
  for (const payload of ['', '[]', '"x"', 'null', '{', '{}{}', `\uFEFF${JSON.stringify(world.claims())}`])
    expectRefusal(await world.bearer(craftToken(header, payload, ecKey)), 'AUTHN_INVALID')
  for (const text of [
    '[]',
    '{"alg":"ES256"} ,',
    '{"alg":"ES256","kid":7}',
    '{"kid":"ec-1"}',
    '{"alg":["ES256"]}',
    `{"alg":"ES256","kid":"${'x'.repeat(257)}"}`,
  ]) {
    expectRefusal(await world.bearer(craftToken(text, world.claims(), ecKey)), 'AUTHN_INVALID')
  }
})

test('refuses a token that lives longer than the issuer may grant', async () => {
  const world = makeWorld()
  const nowSeconds = world.clock.nowMs() / 1000
  expectPassed(await world.bearer(world.token({ exp: nowSeconds + 86_400 })))
  expectRefusal(await world.bearer(world.token({ exp: nowSeconds + 86_401 })), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(world.token({ exp: nowSeconds + 86_401, iat: undefined })), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(world.token({ exp: nowSeconds + 600, iat: nowSeconds - 86_400 })), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(world.token({ exp: 1e300 })), 'AUTHN_INVALID')
})

test('a proven token ends when it expires, without a new signature check', async () => {
  const world = makeWorld()
  const token = world.token()
  expectPassed(await world.bearer(token))
  world.clock.advance(600_000 + 29_999)
  expectPassed(await world.bearer(token))
  world.clock.advance(1)
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
})

test('a key that the issuer withdrew takes its proven tokens along', async () => {
  const world = makeWorld()
  const token = world.token()
  const { caller } = expectPassed(await world.bearer(token))
  world.jwks = () => Buffer.from(JSON.stringify({ keys: [jwkOf(rsaKey)] }))
  world.clock.advance(590_000)
  await world.bearer(token) // begins the refresh ahead of its time
  await new Promise(setImmediate)
  expectRefusal(await world.bearer(token), 'AUTHN_INVALID')
  assert.equal(caller.isRevoked(), true)
})

test('a token without key id is good only where one key fits', async () => {
  const world = makeWorld()
  expectPassed(await world.bearer(craftToken({ alg: 'ES256' }, world.claims(), ecKey)))
  const second: TestKey = { kid: 'ec-2', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
  world.jwks = () => Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey), jwkOf(second)] }))
  world.clock.advance(599_000)
  await world.bearer(craftToken({ alg: 'ES256' }, world.claims({ jti: 'x' }), ecKey))
  await new Promise(setImmediate)
  expectRefusal(await world.bearer(craftToken({ alg: 'ES256' }, world.claims(), ecKey)), 'AUTHN_INVALID')
})

test('two registrations at one issuer are told apart by audience', async () => {
  const shared = { issuer: issuerUrl, algorithms: ['ES256' as const], jwks: jwksUrl }
  const world = makeWorld({
    identity: {
      jwt: [
        { ...shared, name: 'one', audience: 'a1' },
        { ...shared, name: 'two', audience: ['a2', 'a3'] },
      ],
    },
  })
  assert.equal(expectPassed(await world.bearer(world.token({ aud: 'a1' }))).caller.id, 'user:one/4f1c')
  assert.equal(expectPassed(await world.bearer(world.token({ aud: ['x', 'a3'] }))).caller.id, 'user:two/4f1c')
  expectRefusal(await world.bearer(world.token({ aud: 'a4' })), 'AUTHN_INVALID')
})
