// People log in at the admin API of a real gateway by a real OpenID provider, and what they do is in a real ledger.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadConfig } from '../../src/config/config.ts'
import { startGateway, type Gateway } from '../../src/serve/gateway.ts'
import { createBrowser, loginClient, startLoginProvider, type LoginProvider } from '../fakes/login-provider.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { readRecords } from './harness.ts'

interface World {
  readonly gateway: Gateway
  readonly provider: LoginProvider
  readonly dataDir: string
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

async function start(t: TestContext, administrators: object[]): Promise<World> {
  const folder = temporaryFolder()
  // the provider knows the redirect URI before the gateway is there
  const port = await freePort()
  const provider = await startLoginProvider(() => `http://127.0.0.1:${port}/api/v1/login/callback`)
  t.after(() => provider.close())
  writeFileSync(join(folder, 'client.secret'), loginClient.secret, { mode: 0o600 })
  const config = {
    gateway: { listen: '127.0.0.1:0' },
    admin: {
      listen: `127.0.0.1:${port}`,
      oidc: {
        name: 'corp',
        issuer: provider.issuer,
        clientId: loginClient.id,
        clientSecret: 'file:client.secret',
        groups: 'groups',
      },
      administrators,
    },
    dataDir: './data',
  }
  const file = join(folder, 'sallyport.yaml')
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded.ok || loaded.problems))
  const quiet = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object) => assert.fail(JSON.stringify(fields)),
  }
  const gateway = await startGateway({
    loaded,
    dataDir: loaded.dataDir,
    log: quiet,
    onFatal: (fault) => assert.fail(fault),
  })
  t.after(() => gateway.stop())
  return { gateway, provider, dataDir: loaded.dataDir }
}

/** Follows redirects until there is none. */
async function logIn(gateway: Gateway): Promise<{ answer: Response; open: (path: string) => Promise<Response> }> {
  const browser = createBrowser()
  let answer = await browser.open(`${gateway.adminUrl}/api/v1/login`)
  for (let steps = 0; steps < 10 && answer.headers.get('location') !== null; steps += 1)
    answer = await browser.open(new URL(answer.headers.get('location') ?? '', answer.url).href)
  return { answer, open: (path) => browser.open(`${gateway.adminUrl}/api/v1${path}`) }
}

test('a person logs in, has the roles of his groups, and is named by what he does', async (t) => {
  const { gateway, dataDir } = await start(t, [
    { role: 'operator', who: ['group:corp/operators'] },
    { role: 'auditor', who: ['user:corp/bob'] },
  ])
  const { answer, open } = await logIn(gateway)
  assert.equal(answer.status, 200, await answer.clone().text())
  const session = (await (await open('/session')).json()) as {
    principal: string
    roles: string[]
    session: { csrfToken: string; id: string }
  }
  assert.equal(session.principal, 'user:corp/alice')
  assert.deepEqual(session.roles, ['operator'])
  assert.equal((await open('/keys')).status, 200)
  assert.equal((await open('/holds')).status, 403)
  const [listed] = await gateway.methods['admin.sessions']({})
  assert.deepEqual([listed?.principal, listed?.id], ['user:corp/alice', session.session.id])
  assert.deepEqual(await gateway.methods['admin.logout']({ id: session.session.id }), { ended: true })
  assert.equal((await open('/session')).status, 401)
  const acts = (await readRecords(dataDir))
    .filter(({ envelope }) => envelope.operation.startsWith('admin.'))
    .map(({ envelope, event }) => [envelope.operation, event?.['caller'] ?? ''])
  assert.deepEqual(acts, [
    ['admin.login', 'user:corp/alice'],
    ['admin.call', 'user:corp/alice'],
    ['admin.call', 'user:corp/alice'],
    ['admin.call.refused', 'user:corp/alice'],
    ['admin.logout', ''],
    ['admin.call', ''],
  ])
})

test('a person without a role is refused, and that is recorded', async (t) => {
  const { gateway, provider, dataDir } = await start(t, [{ role: 'auditor', who: ['user:corp/bob'] }])
  const mallory = await logIn(gateway)
  assert.equal(mallory.answer.status, 403)
  assert.equal((await mallory.open('/session')).status, 401)
  provider.account = 'bob'
  const bob = await logIn(gateway)
  assert.equal(bob.answer.status, 200)
  assert.equal((await bob.open('/holds')).status, 200)
  assert.equal((await bob.open('/keys')).status, 403)
  const operations = (await readRecords(dataDir)).map(({ envelope }) => envelope.operation)
  assert.ok(operations.includes('admin.login.refused'))
})

test('a key that an administrator makes is recorded with his name', async (t) => {
  const { gateway, dataDir } = await start(t, [])
  const { token } = await gateway.methods['admin.bootstrap']({})
  const post = async (path: string, body: object, fields: Record<string, string> = {}): Promise<Response> =>
    await fetch(`${gateway.adminUrl}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...fields },
      body: JSON.stringify(body),
    })
  const opened = await post('/session/bootstrap', { token })
  assert.equal(opened.status, 200)
  const { session } = (await opened.json()) as { session: { csrfToken: string } }
  const cookie = opened.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
  const fields = { cookie, origin: gateway.adminUrl, 'sallyport-csrf': session.csrfToken }
  assert.equal((await post('/keys', { name: 'ci' }, fields)).status, 200)
  assert.equal((await post('/holds', { name: 'h', subject: null, reason: 'r' }, fields)).status, 200)
  const by = (await readRecords(dataDir))
    .filter(({ envelope }) => /^(key|audit)\./.test(envelope.operation))
    .map(({ envelope, event }) => [envelope.operation, event?.['by']])
  assert.deepEqual(by, [
    ['key.create', 'admin-bootstrap'],
    ['key.create.done', 'admin-bootstrap'],
    ['audit.hold', 'admin-bootstrap'],
  ])
})
