import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { Fault } from '../base/fault.ts'
import { actorsOf, createAssertionSigner, loadAssertionKey, type MintRequest } from './mint-assertion.ts'
import { fakeSealer } from '../../test/fakes/sealer.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const nowMs = 1_800_000_000_000
const request: MintRequest = {
  issuer: 'https://agents.example.com',
  subject: 'user:corp/älice',
  groups: ['group:corp/analysts'],
  actors: ['agent:latest', 'agent:middle', 'agent:first'],
  audienceAgent: 'calculator',
  call: 'call1',
  operation: 'SendMessage',
  nowMs,
}
const signer = createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

function verify(assertion: string, changed: object = {}): ReturnType<typeof jwtVerify> {
  return jwtVerify(assertion, createLocalJWKSet({ keys: [...signer.jwks().keys] }), {
    algorithms: ['ES256'],
    issuer: 'https://agents.example.com',
    audience: 'agent:calculator',
    typ: 'sallyport-assertion+jwt',
    currentDate: new Date(nowMs),
    ...changed,
  })
}

test('is understood by any JOSE library that has the published key set', async () => {
  const { payload } = await verify(signer.mint(request))
  assert.deepEqual(payload, {
    iss: 'https://agents.example.com',
    sub: 'user:corp/älice',
    aud: 'agent:calculator',
    iat: nowMs / 1000,
    exp: nowMs / 1000 + 60,
    jti: 'call1',
    call: 'call1',
    op: 'SendMessage',
    act: { sub: 'agent:latest', act: { sub: 'agent:middle', act: { sub: 'agent:first' } } },
    groups: ['group:corp/analysts'],
  })
})

test('leaves out what is empty', async () => {
  const { payload } = await verify(signer.mint({ ...request, groups: [], actors: [] }))
  assert.equal('act' in payload, false)
  assert.equal('groups' in payload, false)
})

test('is worth nothing for another agent, after a minute, or under another key', async () => {
  const assertion = signer.mint(request)
  await assert.rejects(verify(assertion, { audience: 'agent:concierge' }))
  await assert.rejects(verify(assertion, { currentDate: new Date(nowMs + 60_000) }))
  const other = createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  await assert.rejects(verify(other.mint(request)))
})

test('publishes the public part of its key alone, under its thumbprint', async () => {
  const [jwk, ...others] = signer.jwks().keys
  assert.ok(jwk)
  assert.equal(others.length, 0)
  assert.deepEqual(Object.keys(jwk).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  assert.equal(jwk.kid, await calculateJwkThumbprint({ ...jwk }))
  assert.deepEqual(decodeProtectedHeader(signer.mint(request)), {
    alg: 'ES256',
    kid: jwk.kid,
    typ: 'sallyport-assertion+jwt',
  })
})

test('the chain of actors begins with the caller, unless the caller is the origin', () => {
  const [alice, concierge, first, second] = ['user:corp/alice', 'agent:concierge', 'agent:first', 'agent:second'].map(
    (id) => ({ id, groups: [], display: id }),
  )
  assert.ok(alice && concierge && first && second)
  const caller = { method: 'api-key' as const, credential: 'x', expiresAtMs: Infinity, isRevoked: () => false }
  assert.deepEqual(actorsOf({ caller: { ...alice, ...caller }, origin: alice, chain: [] }), [])
  assert.deepEqual(actorsOf({ caller: { ...concierge, ...caller }, origin: alice, chain: [] }), ['agent:concierge'])
  assert.deepEqual(actorsOf({ caller: { ...concierge, ...caller }, origin: alice, chain: [first, second] }), [
    'agent:concierge',
    'agent:second',
    'agent:first',
  ])
})

test('makes its key once, sealed and for the owner alone, and refuses any other kind of key', async () => {
  const directory = temporaryFolder()
  try {
    const path = join(directory, 'keys', 'assertion.pem')
    const key = await loadAssertionKey(path, fakeSealer)
    assert.doesNotMatch(readFileSync(path, 'latin1'), /PRIVATE KEY/)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(join(directory, 'keys')).mode & 0o777, 0o700)
    assert.ok((await loadAssertionKey(path, fakeSealer)).equals(key))
    const before = readFileSync(path)
    for (const text of ['', 'x', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })]) {
      writeFileSync(path, text)
      await assert.rejects(
        loadAssertionKey(path, fakeSealer),
        (error) => error instanceof Fault && error.code === 'KEY_UNREADABLE',
      )
      assert.equal(readFileSync(path, 'utf8'), text)
    }
    writeFileSync(path, before)
    assert.ok((await loadAssertionKey(path, fakeSealer)).equals(key))
  } finally {
  }
})
