import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { readLedger } from '../audit/audit.ts'
import { needs } from '../../test/needs.ts'
import { loadConfig, type ConfigInput } from '../config/config.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

interface Running {
  readonly gateway: Gateway
  readonly home: string
  /** writes another configuration and has it read; false when it was refused */
  readonly reload: (input: ConfigInput) => Promise<boolean>
  readonly get: (path: string) => Promise<{ status: number; text: string }>
  readonly ready: () => Promise<{ status: number; text: string }>
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

function configOf({ gateway, admin, ...rest }: ConfigInput): string {
  return JSON.stringify({
    gateway: { listen: '127.0.0.1:0', ...gateway, bounds: { drain: '1s', ...gateway?.bounds } },
    admin: { listen: '127.0.0.1:0', ...admin },
    dataDir: './data',
    ...rest,
  })
}

async function fetchText(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { headers: { connection: 'close' } })
  return { status: response.status, text: await response.text() }
}

async function start(
  t: TestContext,
  input: ConfigInput,
  files: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const home = temporaryFolder()
  const file = join(home, 'sallyport.yaml')
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content, { mode: 0o600 })
  writeFileSync(file, configOf(input))
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const gateway = await startGateway({
    loaded,
    dataDir: loaded.dataDir,
    log: silent,
    onFatal: (fault) => assert.fail(fault),
  })
  t.after(() => gateway.stop())
  return {
    gateway,
    home,
    async reload(changed) {
      writeFileSync(file, configOf(changed))
      return (await gateway.methods['policy.reload']({})).problems.length === 0
    },
    get: (path) => fetchText(gateway.url + path),
    ready: () => fetchText(`${gateway.adminUrl}/readyz`),
  }
}

test('the rate of unauthenticated requests follows a reload', async (t) => {
  const { get, reload } = await start(t, { unauthenticated: { requests: '600/m' } })
  for (let count = 0; count < 3; count += 1) assert.equal((await get('/agents')).status, 401)
  assert.ok(await reload({ unauthenticated: { requests: '1/h' } }))
  await get('/agents')
  assert.equal((await get('/agents')).status, 429)
})

test('limits follow a reload, and the reload is on record', async (t) => {
  const { gateway, reload } = await start(t, {})
  const { key } = await gateway.methods['key.create']({ name: 'alice', expiresInMs: null })
  const status = async (): Promise<number> =>
    (await fetch(`${gateway.url}/agents`, { headers: { authorization: `Bearer ${key}` } })).status
  for (let count = 0; count < 3; count += 1) assert.equal(await status(), 200)
  assert.ok(await reload({ limits: [{ per: ['caller'], requests: '1/h' }] }))
  await status()
  assert.equal(await status(), 429)
  assert.equal(await reload({ agents: [{ name: 'a', url: 'file:///' }] }), false)
  // durable after what was asked for before it
  await gateway.state.audit.administered('test', '', {})
  const { dataDir, ledger } = gateway.state
  const operations: string[] = []
  for await (const { envelope } of readLedger(join(dataDir, 'ledger', basename(ledger.origin)), {}))
    if (envelope.kind === 'administration') operations.push(`${envelope.operation} ${envelope.snapshot}`)
  const { digest } = gateway.snapshot()
  assert.ok(operations.includes(`configuration.reload ${digest}`), operations.join())
  assert.ok(operations.includes(`configuration.refused ${digest}`), operations.join())
})

test('/readyz says no while the index of owners cannot be written', async (t) => {
  const { gateway, ready } = await start(t, {})
  assert.equal((await ready()).status, 200)
  // stands in for a disk that fails under it
  Object.defineProperty(gateway.state.ownership, 'problem', { value: 'disk I/O error' })
  const { status, text } = await ready()
  assert.equal(status, 503)
  assert.match(text, /"store".*disk I\/O error/)
})

test('bounds of connections follow a reload', async (t) => {
  const { gateway, get, reload, ready } = await start(t, {})
  assert.equal((await get('/agents')).status, 401)
  assert.ok(await reload({ gateway: { bounds: { connections: 1 } } }))
  const holder = await fetch(`${gateway.url}/agents`)
  await holder.text()
  // the one place is held by a connection that is kept alive
  await assert.rejects(get('/agents'))
  const readiness = await ready()
  assert.deepEqual([readiness.status, /no room for connections/.test(readiness.text)], [503, true])
})

test('a refused reload is told by /readyz, and serving goes on', async (t) => {
  const { get, reload, ready } = await start(t, {})
  assert.equal(await reload({ agents: [{ name: 'a', url: 'file:///' }] }), false)
  const refused = await ready()
  assert.deepEqual([refused.status, /last reload refused at 20/.test(refused.text)], [200, true])
  assert.equal((await get('/agents')).status, 401)
  assert.ok(await reload({}))
  assert.doesNotMatch((await ready()).text, /refused/)
})

test('an open circuit stays open over a reload', async (t) => {
  const input: ConfigInput = {
    agents: [{ name: 'a', url: 'http://127.0.0.1:1', breaker: { failures: 1, cooldown: '1h' } }],
    policy: {
      roles: [{ name: 'all', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'all', callers: ['key:alice'] }],
    },
  }
  const { gateway, reload } = await start(t, input)
  const { key } = await gateway.methods['key.create']({ name: 'alice', expiresInMs: null })
  const headers = { authorization: `Bearer ${key}`, 'a2a-version': '1.0' }
  assert.equal((await fetch(`${gateway.url}/agents/a/tasks`, { headers })).status, 200)
  const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'x' }] }
  const sent = await fetch(`${gateway.url}/agents/a/message:send`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ message }),
  })
  assert.equal(sent.status, 503)
  const isOpen = async (): Promise<boolean> =>
    /^\w*circuit_open\{agent="a"\} 1$/m.test((await fetchText(`${gateway.adminUrl}/metrics`)).text)
  assert.ok(await isOpen())
  assert.ok(await reload({ ...input, limits: [{ per: ['caller'], requests: '50/m' }] }))
  assert.ok(await isOpen())
})

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../test/fixtures/tls', name), 'utf8')

async function startTlsAgent(t: TestContext): Promise<string> {
  const card = { name: 'a', description: 'd', version: '1', skills: [] }
  const server: Server = createServer(
    { cert: fixture('server.crt'), key: fixture('server.key') },
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(card))
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test("a card is fetched by the agent's own CA as it was when the configuration was loaded", async (t) => {
  const url = await startTlsAgent(t)
  const agents = [{ name: 'a', url, discovery: 'public' as const, tls: { ca: 'file:ca.pem' } }]
  const { get, home } = await start(t, { agents }, { 'ca.pem': fixture('ca.crt') })
  rmSync(join(home, 'ca.pem'))
  const { status, text } = await get('/agents/a/.well-known/agent-card.json')
  assert.equal(status, 200, text)
})

test('a card of an agent whose certificate nobody vouches for is not fetched', async (t) => {
  const url = await startTlsAgent(t)
  const { get } = await start(t, { agents: [{ name: 'a', url, discovery: 'public' }] })
  assert.equal((await get('/agents/a/.well-known/agent-card.json')).status, 503)
})

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const probe = createNetServer()
  probe.once('error', () => resolve(false))
  probe.listen(0, '::1', () => probe.close(() => resolve(true)))
})

test('listens on IPv6 and says so in URLs that work', needs('IPv6 on loopback', hasIpv6), async (t) => {
  const { gateway, get, ready } = await start(t, { gateway: { listen: '[::1]:0' }, admin: { listen: '[::1]:0' } })
  assert.match(gateway.url, /^http:\/\/\[::1\]:\d+$/)
  assert.equal((await get('/agents')).status, 401)
  assert.equal((await ready()).status, 200)
  assert.equal(gateway.snapshot().publicUrl, gateway.url)
})
