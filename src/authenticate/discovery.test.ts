import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, ecKey, issuerUrl, jwkOf, makeWorld, type World } from '../../test/fakes/identity.ts'
import { fetchDiscoveredKeys } from './discovery.ts'

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
const keys = json({ keys: [jwkOf(ecKey)] })

/** Serves these documents and remembers what was asked for. */
function serve(documents: Record<string, object | Buffer>): {
  asked: string[]
  fetch: (url: string) => Promise<Buffer>
} {
  const asked: string[] = []
  return {
    asked,
    fetch: async (url) => {
      asked.push(url)
      const found = documents[url]
      if (found === undefined) throw new Error('status 404')
      return Buffer.isBuffer(found) ? found : json(found)
    },
  }
}

function discovering(issuer = issuerUrl): World {
  return makeWorld({ identity: { jwt: [{ name: 'corp', issuer, audience, algorithms: ['ES256'] }] } })
}

test('an issuer without a key set in the configuration tells where it lies', async () => {
  const world = discovering()
  const asked: string[] = []
  world.jwks = (url) => {
    asked.push(url)
    return url.endsWith('/keys') ? keys : json({ issuer: issuerUrl, jwks_uri: 'https://other.example.com/keys' })
  }
  expectPassed(await world.bearer(world.token()))
  assert.deepEqual(asked, [`${issuerUrl}/.well-known/openid-configuration`, 'https://other.example.com/keys'])
})

test('finds the metadata of an issuer with a path, as OpenID and as RFC 8414 have it', async () => {
  const issuer = 'https://idp.example.com/realms/one'
  const metadata = { issuer, jwks_uri: 'https://idp.example.com/keys' }
  for (const place of [
    'realms/one/.well-known/openid-configuration',
    '.well-known/oauth-authorization-server/realms/one',
  ]) {
    const { fetch } = serve({ [`https://idp.example.com/${place}`]: metadata, 'https://idp.example.com/keys': keys })
    assert.deepEqual(await fetchDiscoveredKeys(issuer, fetch), keys)
  }
})

test('metadata that names another issuer is not believed, and nothing else is asked for', async () => {
  for (const claimed of [
    'https://evil.example.com',
    `${issuerUrl}/`,
    'HTTPS://idp.example.com',
    undefined,
    [issuerUrl],
  ]) {
    const served = serve({
      [`${issuerUrl}/.well-known/openid-configuration`]: { issuer: claimed, jwks_uri: 'https://idp.example.com/keys' },
    })
    await assert.rejects(fetchDiscoveredKeys(issuerUrl, served.fetch))
    assert.equal(served.asked.length, 1)
  }
})

test('keys come by https from where a URL says, and from nowhere else', async () => {
  for (const jwks_uri of [
    'http://idp.example.com/keys',
    'http://127.0.0.1/keys',
    'http://169.254.169.254/latest',
    'file:///etc/passwd',
    'https://user:secret@idp.example.com/keys',
    '/keys',
    '',
    undefined,
    ['https://idp.example.com/keys'],
  ]) {
    const served = serve({ [`${issuerUrl}/.well-known/openid-configuration`]: { issuer: issuerUrl, jwks_uri } })
    await assert.rejects(fetchDiscoveredKeys(issuerUrl, served.fetch))
    assert.equal(served.asked.length, 1)
  }
})

test('an issuer on this machine may have its keys on this machine', async () => {
  const issuer = 'http://127.0.0.1:3000'
  const served = serve({
    [`${issuer}/.well-known/openid-configuration`]: { issuer, jwks_uri: `${issuer}/jwks` },
    [`${issuer}/jwks`]: keys,
  })
  assert.deepEqual(await fetchDiscoveredKeys(issuer, served.fetch), keys)
})

test('metadata that is not one strict JSON object proves nobody', async () => {
  for (const text of [
    '',
    '[]',
    '{',
    '{"issuer":"https://idp.example.com","issuer":"https://idp.example.com"}',
    '\uFEFF{}',
  ]) {
    const world = discovering()
    world.jwks = () => Buffer.from(text)
    expectRefusal(await world.bearer(world.token()), 'AUTHN_INVALID')
  }
})

test('keys are fetched in the background before they age, so that no call waits for them', async () => {
  const world = discovering()
  world.jwks = (url) => (url.endsWith('/keys') ? keys : json({ issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` }))
  const refresh = async (): Promise<void> => {
    world.authenticator.tokens.refresh(world.snapshot)
    for (let i = 0; i < 4; i++) await new Promise(setImmediate)
  }
  await refresh()
  assert.equal(world.fetches, 2)
  for (let minute = 0; minute < 60; minute++) {
    world.clock.advance(60_000)
    await refresh()
  }
  assert.ok(world.fetches <= 18, String(world.fetches))
  const before = world.fetches
  expectPassed(await world.bearer(world.token()))
  assert.equal(world.fetches, before)
})
