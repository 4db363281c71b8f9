import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { systemClock } from '../base/clock.ts'
import type { Received } from '../exchange/exchange.ts'
import { foundAuthority, type Issued } from '../../test/fakes/certificates.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { createListener, type ListenerTls } from './listen.ts'

const authority = foundAuthority('ours')
const server = authority.issue({ names: [{ dns: 'localhost' }] })
const dayMs = 86_400_000
const clients = {
  ours: authority.issue({ name: 'client' }),
  'of another authority': foundAuthority('theirs').issue({ name: 'client' }),
  'of another authority with our name': foundAuthority('ours').issue({ name: 'client' }),
  'self-signed': foundAuthority('client', { usages: ['digitalSignature', 'keyCertSign'] }),
  expired: authority.issue({ name: 'client', notAfterMs: Date.now() - 60_000 }),
  'not yet valid': authority.issue({
    name: 'client',
    notBeforeMs: Date.now() + dayMs,
    notAfterMs: Date.now() + 2 * dayMs,
  }),
  'for servers only': authority.issue({ name: 'client', purposes: ['server'] }),
} satisfies Record<string, Issued>
const refused = Object.keys(clients).filter((name) => name !== 'ours') as (keyof typeof clients)[]

interface Door {
  readonly port: number
  readonly calls: Received[]
}

async function open(clientCertificates: 'required' | 'optional'): Promise<Door> {
  const snapshot = snapshotOf()
  const calls: Received[] = []
  const tls: ListenerTls = {
    certificate: Buffer.from(server.pem),
    key: Buffer.from(server.keyPem),
    clients: { clientCa: Buffer.from(authority.pem) },
    clientCertificates,
  }
  const listener = createListener({
    clock: systemClock,
    snapshot: () => snapshot,
    onCall: (received) => {
      calls.push(received)
      received.reply.send(200, {}, 'ok')
    },
    onUnreadable: () => assert.fail('the request was read'),
    tls,
  })
  const port = await listener.listen('127.0.0.1', 0)
  after(() => listener.drain(0))
  return { port, calls }
}

const required = await open('required')
const optional = await open('optional')

const closed = (socket: TLSSocket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

/** What came back, '' where the connection was ended instead. */
async function call(door: Door, client?: Issued, options: ConnectionOptions = {}, fields = ''): Promise<string> {
  const socket = connect({
    port: door.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.pem,
    ...(client && { cert: client.pem, key: client.keyPem }),
    ...options,
  })
  let answer = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
  socket.write(`GET /agents HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`)
  await closed(socket)
  return answer
}

for (const [mode, door] of [
  ['required', required],
  ['optional', optional],
] as const) {
  test(`${mode}: a certificate that the handshake verified is handed on`, async () => {
    door.calls.length = 0
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
      assert.match(await call(door, clients.ours, { minVersion: version, maxVersion: version }), /^HTTP\/1\.1 200/)
    for (const received of door.calls) {
      assert.deepEqual(received.peer?.der, clients.ours.der)
      assert.equal(received.peer?.thumbprint, clients.ours.thumbprint)
    }
    assert.equal(door.calls.length, 2)
  })

  for (const name of refused)
    test(`${mode}: a certificate that is ${name} ends its connection`, async () => {
      door.calls.length = 0
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
        assert.equal(await call(door, clients[name], { minVersion: version, maxVersion: version }), '')
      assert.equal(door.calls.length, 0)
    })
}

test('required: nobody comes in without a certificate', async () => {
  required.calls.length = 0
  assert.equal(await call(required), '')
  assert.equal(required.calls.length, 0)
})

test('optional: who shows no certificate has none, whatever its header fields claim', async () => {
  optional.calls.length = 0
  const claimed = encodeURIComponent(clients.ours.pem)
  const fields =
    `X-Forwarded-Client-Cert: Hash=00;URI=spiffe://example.org/ns/a/sa/planner;Cert="${claimed}"\r\n` +
    `Client-Cert: :${clients.ours.der.toString('base64')}:\r\nX-SSL-Client-Verify: SUCCESS\r\n` +
    `X-SSL-Client-Cert: ${claimed}\r\n`
  assert.match(await call(optional, undefined, {}, fields), /^HTTP\/1\.1 200/)
  assert.equal(optional.calls[0]?.peer, undefined)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  test(`a session is not resumed: each ${version} connection proves its key anew`, async () => {
    optional.calls.length = 0
    const base: ConnectionOptions = {
      port: optional.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.pem,
      minVersion: version,
      maxVersion: version,
    }
    let session: Buffer | undefined
    const get = async (options: ConnectionOptions): Promise<boolean> => {
      const socket = connect({ ...base, ...options })
      let isReused = true
      socket.on('session', (each: Buffer) => (session = each))
      socket.once('secureConnect', () => (isReused = socket.isSessionReused()))
      socket.write('GET /agents HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      socket.resume()
      await closed(socket)
      return isReused
    }
    await get({ cert: clients.ours.pem, key: clients.ours.keyPem })
    // without the key this time, only with what the session remembers
    assert.equal(await get(session === undefined ? {} : { session }), false)
    assert.deepEqual(
      optional.calls.map((received) => received.peer?.thumbprint),
      [clients.ours.thumbprint, undefined],
    )
  })
