// A gateway whose certificates change under it: what is written while calls go on, half of it first, and what is
// taken away from callers who are connected already.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { readLedger } from '../audit/audit.ts'
import { loadConfig, type ConfigInput } from '../config/config.ts'
import { foundAuthority, type Authority, type Issued } from '../../test/fakes/certificates.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { startGateway, type Gateway, type Log } from './gateway.ts'

const id = 'spiffe://example.org/ns/a/sa/planner'
const authority = foundAuthority('gateways')
const callers = foundAuthority('callers')
const newServer = (): Issued => authority.issue({ name: 'gateway', names: [{ dns: 'localhost' }] })
const newClient = (from: Authority = callers): Issued => from.issue({ names: [id] })

interface Running {
  readonly gateway: Gateway
  /** replaces files as an issuer would: written beside, then moved over, one after the other */
  readonly write: (files: Readonly<Record<string, string>>) => void
  /** acts, and waits until the gateway has logged this */
  readonly until: (message: RegExp, act: () => void) => Promise<void>
  readonly open: (client: Issued, chain?: string) => Promise<Connection>
  readonly metric: (name: string) => Promise<string | undefined>
  readonly acts: () => Promise<string[]>
}

const taken = /taken up/
const refused = /were refused/

async function start(t: TestContext, files: Record<string, string>, input: ConfigInput): Promise<Running> {
  const home = temporaryFolder()
  const write = (changed: Readonly<Record<string, string>>): void => {
    for (const [name, content] of Object.entries(changed)) {
      writeFileSync(join(home, `.${name}`), content, { mode: 0o600 })
      renameSync(join(home, `.${name}`), join(home, name))
    }
  }
  write(files)
  const file = join(home, 'sallyport.yaml')
  const written = {
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: [id] }],
    },
    ...input,
    gateway: { listen: '127.0.0.1:0', bounds: { drain: '1s' }, ...input.gateway },
  }
  writeFileSync(file, JSON.stringify(written))
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const watchers = new Set<(message: string) => void>()
  const note = (_fields: object, message: string): void => watchers.forEach((watcher) => watcher(message))
  const log: Log = { info: note, warn: note, error: note }
  const gateway = await startGateway({
    loaded,
    dataDir: loaded.dataDir,
    log,
    onFatal: (fault) => assert.fail(fault),
  })
  t.after(() => gateway.stop())
  return {
    gateway,
    write,
    async until(message, act) {
      const seen = new Promise<void>((resolve) => {
        const watcher = (text: string): void => {
          if (!message.test(text)) return
          watchers.delete(watcher)
          resolve()
        }
        watchers.add(watcher)
      })
      act()
      await seen
    },
    open: (client, chain = '') => openConnection(Number(new URL(gateway.url).port), client, chain),
    metric: async (name) => {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
      return text.split('\n').find((line) => line.startsWith(name))
    },
    acts: async () => {
      const { dataDir, ledger } = gateway.state
      const found: string[] = []
      for await (const { envelope } of readLedger(join(dataDir, 'ledger', basename(ledger.origin)), {}))
        if (envelope.kind === 'administration') found.push(envelope.operation)
      return found
    },
  }
}

interface Connection {
  readonly socket: TLSSocket
  /** thumbprint of the gateway's certificate */
  readonly served: string
  /** everything that came so far */
  readonly text: () => string
  send(method: string, path: string, body?: object): void
  /** waits for this in what comes */
  reads(pattern: RegExp): Promise<void>
  readonly closed: Promise<void>
}

async function openConnection(port: number, client: Issued, chain: string): Promise<Connection> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.pem,
    cert: client.pem + chain,
    key: client.keyPem,
  })
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    socket.emit('grown')
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  await Promise.race([once(socket, 'secureConnect'), closed])
  return {
    socket,
    served: socket.getPeerX509Certificate()?.fingerprint256 ?? '',
    text: () => text,
    closed,
    send(method, path, body) {
      const content = body === undefined ? '' : JSON.stringify(body)
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
      )
    },
    async reads(pattern) {
      while (!pattern.test(text)) {
        if (socket.closed) assert.fail(`the connection ended with: ${text}`)
        await Promise.race([once(socket, 'grown'), closed])
      }
      text = text.replace(pattern, '')
    },
  }
}

const ask = {
  jsonrpc: '2.0',
  id: 1,
  method: 'SendStreamingMessage',
  /** each time it is written a message of its own */
  get params(): object {
    return { message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text: 'x' }] } }
  },
}
const event = (text: string): string =>
  `data: ${JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    result: {
      statusUpdate: {
        taskId: 't1',
        contextId: 'c1',
        status: { state: 'TASK_STATE_WORKING', message: { messageId: text, role: 'ROLE_AGENT', parts: [{ text }] } },
      },
    },
  })}\n\n`
const task = `data: ${JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: { task: { id: 't1', contextId: 'c1', status: { state: 'TASK_STATE_WORKING' } } },
})}\n\n`

/** An agent that holds its streams open, and says what it is told. */
async function startAgent(t: TestContext): Promise<{ url: string; say(text: string): void }> {
  const open = new Set<ServerResponse>()
  const server = createServer((incoming, response) => {
    incoming.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(task)
    open.add(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    say: (text) => open.forEach((response) => response.write(event(text))),
  }
}

const tls = { certificate: 'file:tls.crt', key: 'file:tls.key', clientCa: 'file:clients.pem' } as const
const identity = { mtls: { spiffe: [{ trustDomain: 'example.org' }] } }

test('open streams survive a rotation, new handshakes get the new leaf', async (t) => {
  const agent = await startAgent(t)
  const [first, second] = [newServer(), newServer()]
  const client = newClient()
  const { write, until, open, metric, acts } = await start(
    t,
    { 'tls.crt': first.pem, 'tls.key': first.keyPem, 'clients.pem': callers.pem },
    { gateway: { tls }, identity, agents: [{ name: 'a', url: agent.url }] },
  )
  const streaming = await open(client)
  assert.equal(streaming.served, fingerprint(first))
  streaming.send('POST', '/agents/a', ask)
  await streaming.reads(/"t1"/)
  await until(taken, () => write({ 'tls.key': second.keyPem, 'tls.crt': second.pem }))
  const later = await open(client)
  assert.equal(later.served, fingerprint(second))
  later.send('GET', '/agents')
  await later.reads(/HTTP\/1\.1 200/)
  agent.say('still here')
  await streaming.reads(/still here/)
  const kept = await metric('sallyport_tls_reloads_total{outcome="taken-up"}')
  assert.match(kept ?? '', / [1-9]$/)
  assert.ok((await acts()).includes('tls.rotated'))
  streaming.socket.destroy()
  later.socket.destroy()
})

const fingerprint = ({ thumbprint }: Issued): string =>
  (Buffer.from(thumbprint, 'base64url').toString('hex').toUpperCase().match(/../g) ?? []).join(':')

test('half of a pair leaves what was in force, is told once, and is mended by the other half', async (t) => {
  const [first, second] = [newServer(), newServer()]
  const { write, until, open, metric, acts } = await start(
    t,
    { 'tls.crt': first.pem, 'tls.key': first.keyPem, 'clients.pem': callers.pem },
    { gateway: { tls }, identity },
  )
  for (const half of [
    { 'tls.crt': second.pem },
    { 'tls.crt': second.pem.slice(0, 200) },
    { 'tls.crt': '' },
    { 'tls.crt': first.pem, 'clients.pem': callers.pem.slice(0, 300) },
    { 'clients.pem': 'rubbish' },
  ]) {
    await until(refused, () => write(half))
    const connection = await open(newClient())
    assert.equal(connection.served, fingerprint(first))
    connection.send('GET', '/agents')
    await connection.reads(/HTTP\/1\.1 200/)
    connection.socket.destroy()
  }
  assert.match((await metric('sallyport_tls_reloads_total{outcome="refused"}')) ?? '', / [5-9]$/)
  await until(taken, () => write({ 'clients.pem': callers.pem, 'tls.key': second.keyPem, 'tls.crt': second.pem }))
  assert.equal((await open(newClient())).served, fingerprint(second))
  assert.ok((await acts()).includes('tls.refused'))
})

test('key and chain in one file', async (t) => {
  const [first, second] = [newServer(), newServer()]
  const bundleOf = (each: Issued): string => each.keyPem + each.pem + authority.pem
  const { write, until, open } = await start(
    t,
    { 'bundle.pem': bundleOf(first), 'clients.pem': callers.pem },
    { gateway: { tls: { credentialBundle: 'file:bundle.pem', clientCa: 'file:clients.pem' } }, identity },
  )
  assert.equal((await open(newClient())).served, fingerprint(first))
  await until(taken, () => write({ 'bundle.pem': bundleOf(second) }))
  assert.equal((await open(newClient())).served, fingerprint(second))
})

test('an authority that is taken away ends what its callers have open', async (t) => {
  const agent = await startAgent(t)
  const server = newServer()
  const others = foundAuthority('others')
  const { write, until, open } = await start(
    t,
    { 'tls.crt': server.pem, 'tls.key': server.keyPem, 'clients.pem': callers.pem + others.pem },
    { gateway: { tls }, identity, agents: [{ name: 'a', url: agent.url }] },
  )
  const middle = callers.found('middle')
  const [streaming, idle, below, other] = await Promise.all([
    open(newClient()),
    open(newClient()),
    open(newClient(middle), middle.pem),
    open(newClient(others)),
  ])
  for (const each of [idle, below, other]) {
    each.send('GET', '/agents')
    await each.reads(/HTTP\/1\.1 200/)
  }
  streaming.send('POST', '/agents/a', ask)
  await streaming.reads(/"t1"/)
  await until(taken, () => write({ 'clients.pem': others.pem }))
  await streaming.reads(/-32040/)
  for (const each of [idle, below]) {
    each.send('GET', '/agents')
    await each.reads(/HTTP\/1\.1 401[^]*connection: close/i)
    await each.closed
  }
  await ended(await open(newClient()))
  other.send('GET', '/agents')
  await other.reads(/HTTP\/1\.1 200/)
  other.socket.destroy()
})

/** In TLS 1.3 a client learns only afterwards that its certificate was not accepted. */
async function ended(connection: Connection): Promise<void> {
  await connection.closed
  assert.equal(connection.text(), '')
}

test('a revoked certificate fails at its next request and on its open stream, within a second', async (t) => {
  const agent = await startAgent(t)
  const server = newServer()
  const [good, bad] = [newClient(), newClient()]
  const { write, until, open } = await start(
    t,
    {
      'tls.crt': server.pem,
      'tls.key': server.keyPem,
      'clients.pem': callers.pem,
      'crl.pem': callers.revocationList(),
    },
    { gateway: { tls: { ...tls, crl: 'file:crl.pem' } }, identity, agents: [{ name: 'a', url: agent.url }] },
  )
  const [streaming, idle, other] = await Promise.all([open(bad), open(bad), open(good)])
  streaming.send('POST', '/agents/a', ask)
  await streaming.reads(/"t1"/)
  idle.send('GET', '/agents')
  await idle.reads(/HTTP\/1\.1 200/)
  const writtenAt = performance.now()
  await until(taken, () => write({ 'crl.pem': callers.revocationList({ revoked: [bad] }) }))
  await streaming.reads(/-32040/)
  // looked at four times a second; a busy machine has time to do so
  assert.ok(performance.now() - writtenAt < 5_000)
  idle.send('GET', '/agents')
  await idle.reads(/HTTP\/1\.1 401/)
  await ended(await open(bad))
  other.send('GET', '/agents')
  await other.reads(/HTTP\/1\.1 200/)
  // a list that is out of date closes for everyone
  await until(taken, () => write({ 'crl.pem': callers.revocationList({ nextUpdateMs: Date.now() - 1_000 }) }))
  other.send('GET', '/agents')
  await other.reads(/HTTP\/1\.1 401/)
  await ended(await open(good))
})

test('the client certificate that an agent is shown rotates with its file', async (t) => {
  const agents = foundAuthority('agents')
  const agentLeaf = agents.issue({ names: [{ dns: 'localhost' }] })
  const shown: string[] = []
  const agent = createTlsServer(
    { cert: agentLeaf.pem, key: agentLeaf.keyPem, ca: authority.pem, requestCert: true, rejectUnauthorized: true },
    (incoming, response) => {
      shown.push((incoming.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? '')
      incoming.resume()
      const message = { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'hello' }] }
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { message } }))
    },
  ).listen(0, '127.0.0.1')
  await once(agent, 'listening')
  t.after(() => {
    agent.closeAllConnections()
    agent.close()
  })
  const server = newServer()
  const [first, second] = [newServer(), newServer()]
  const bundleOf = (each: Issued): string => each.keyPem + each.pem
  const { write, until, open } = await start(
    t,
    {
      'tls.crt': server.pem,
      'tls.key': server.keyPem,
      'clients.pem': callers.pem,
      'agents.pem': agents.pem,
      'client.pem': bundleOf(first),
    },
    {
      gateway: { tls },
      identity,
      agents: [
        {
          name: 'a',
          url: `https://localhost:${(agent.address() as AddressInfo).port}`,
          tls: { ca: 'file:agents.pem', credentialBundle: 'file:client.pem' },
          health: { interval: '0s' },
        },
      ],
    },
  )
  const caller = await open(newClient())
  const call = async (): Promise<string | undefined> => {
    caller.send('POST', '/agents/a', { ...ask, method: 'SendMessage' })
    await caller.reads(/HTTP\/1\.1 200[^]*hello/)
    return shown.at(-1)
  }
  assert.equal(await call(), fingerprint(first))
  await until(/configuration reloaded/, () => write({ 'client.pem': bundleOf(second) }))
  assert.equal(await call(), fingerprint(second))
  await until(/was refused/, () => write({ 'client.pem': first.keyPem + second.pem }))
  assert.equal(await call(), fingerprint(second))
  caller.socket.destroy()
})
