// The two ends of the walk that the other tests leave out: callers over TLS with JSON Web Tokens of an issuer whose
// key set lies behind a URL and rotates, and agents over TLS that is verified, with a client certificate.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { Agent, createServer as createTlsServer, request } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SignJWT, type JWTPayload } from 'jose'
import type { TLSSocket } from 'node:tls'
import { launcher } from './harness.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const fixtures = join(import.meta.dirname, '../fixtures/tls')
const pem = (name: string): Buffer => readFileSync(join(fixtures, name))
const audience = 'https://agents.example.com'
const corp = 'https://idp.example.com'
const rotating = 'https://rotating.example.com'

const keys = {
  first: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  second: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}
let published: (keyof typeof keys)[] = ['first']
let jwksServer: Server
let agentServer: ReturnType<typeof createTlsServer>
let seen: { certificate: string; headers: Record<string, unknown> }[] = []
let child: ChildProcess
let home: string
let port: number
let log = ''
const trusting = new Agent({ ca: pem('ca.crt'), keepAlive: false })

before(async () => {
  jwksServer = createServer((incoming, response) => {
    const kids: (keyof typeof keys)[] = incoming.url === '/rotating' ? published : ['first']
    const set = kids.map((kid) => ({
      ...keys[kid].publicKey.export({ format: 'jwk' }),
      kid,
      alg: 'ES256',
      use: 'sig',
    }))
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: set }))
  }).listen(0, '127.0.0.1')
  agentServer = createTlsServer(
    { cert: pem('server.crt'), key: pem('server.key'), ca: pem('ca.crt'), requestCert: true, rejectUnauthorized: true },
    (incoming, response) => {
      const certificate = (incoming.socket as TLSSocket).getPeerCertificate().subject.CN
      // its card is asked for without being called
      if (incoming.method === 'POST') seen.push({ certificate: String(certificate), headers: incoming.headers })
      incoming.resume().on('end', () => {
        const message = { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'hello' }] }
        response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { message } }))
      })
    },
  ).listen(0, '127.0.0.1')
  await Promise.all([once(jwksServer, 'listening'), once(agentServer, 'listening')])
  home = temporaryFolder()
  const agentUrl = `https://localhost:${(agentServer.address() as AddressInfo).port}`
  const client = { certificate: `file:${fixtures}/client.crt`, key: `file:${fixtures}/client.key` }
  const jwks = `http://127.0.0.1:${(jwksServer.address() as AddressInfo).port}`
  const config = {
    gateway: {
      listen: '127.0.0.1:0',
      tls: { certificate: `file:${fixtures}/server.crt`, key: `file:${fixtures}/server.key` },
      bounds: { drain: '1s' },
    },
    admin: { listen: '127.0.0.1:0' },
    identity: {
      jwt: [
        { name: 'corp', issuer: corp, audience, algorithms: ['ES256'], jwks: `${jwks}/jwks`, groups: 'groups' },
        { name: 'rotating', issuer: rotating, audience, algorithms: ['ES256'], jwks: `${jwks}/rotating` },
      ],
    },
    agents: [
      { name: 'verified', url: agentUrl, tls: { ca: `file:${fixtures}/ca.crt`, ...client } },
      { name: 'stranger', url: agentUrl, tls: { ca: `file:${fixtures}/stranger.crt`, ...client } },
      { name: 'nobody', url: agentUrl, tls: { ca: `file:${fixtures}/ca.crt` } },
    ],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['SendMessage'] }] }],
      bindings: [{ role: 'user', callers: ['user:corp/alice', 'user:rotating/alice', 'group:corp/analysts'] }],
    },
  }
  writeFileSync(join(home, 'sallyport.yaml'), JSON.stringify(config))
  child = spawn(launcher, ['serve', '--config', join(home, 'sallyport.yaml'), '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  const [line] = (await Promise.race([
    once(child.stdout!.setEncoding('utf8'), 'data'),
    once(child, 'exit').then(() => assert.fail(log)),
  ])) as [string]
  const { gateway } = JSON.parse(line) as { gateway: string }
  assert.match(gateway, /^https:/)
  port = Number(new URL(gateway).port)
})

after(async () => {
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  jwksServer.close()
  agentServer.close()
  assert.equal(code, 0, log)
})

interface TokenOptions {
  readonly claims?: JWTPayload
  readonly kid?: string
  readonly key?: KeyObject
  readonly issuer?: string
}

async function token({
  claims = {},
  kid = 'first',
  key = keys.first.privateKey,
  issuer = corp,
}: TokenOptions = {}): Promise<string> {
  return await new SignJWT({ sub: 'alice', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(key)
}

interface Answered {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: { error?: { code: number }; result?: object }
}

async function send(agent: string, bearer: string, tls = trusting): Promise<Answered> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'SendMessage',
    params: { message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text: 'hello' }] } },
  })
  const headers = {
    authorization: `Bearer ${bearer}`,
    'content-type': 'application/json',
    'a2a-version': '1.0',
    cookie: 'session=1',
  }
  const sent = request({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    path: `/agents/${agent}`,
    method: 'POST',
    headers,
    agent: tls,
  })
  sent.end(body)
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) }
}

test('a token of the configured issuer is a caller; the agent sees an assertion and never the token', async () => {
  seen = []
  const bearer = await token()
  const answered = await send('verified', bearer)
  assert.equal(answered.status, 200, JSON.stringify(answered.body) + log)
  assert.match(String(answered.headers['strict-transport-security']), /max-age/)
  const [call] = seen
  assert.equal(call?.certificate, 'client')
  assert.ok(!JSON.stringify(call?.headers).includes(bearer))
  assert.equal(call?.headers['authorization'], undefined)
  assert.equal(call?.headers['cookie'], undefined)
  const claims = JSON.parse(
    Buffer.from(String(call?.headers['sallyport-caller-assertion']).split('.')[1] ?? '', 'base64url').toString(),
  ) as JWTPayload
  assert.equal(claims.sub, 'user:corp/alice')
  assert.equal(claims.aud, 'agent:verified')
})

test('a group of the issuer counts, a group of its name elsewhere does not', async () => {
  assert.equal((await send('verified', await token({ claims: { sub: 'bob', groups: ['analysts'] } }))).status, 200)
  assert.equal(
    (await send('verified', await token({ claims: { sub: 'bob', groups: ['group:corp/analysts'] } }))).status,
    404,
  )
})

test('tokens of the wrong kind are all refused alike', async () => {
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const wrong = [
    await token({ key: stranger }),
    await token({ kid: 'unknown' }),
    await token({ claims: { sub: '' } }),
    (await token()).slice(0, -2),
    'not.a.token',
  ]
  for (const bearer of wrong) {
    const answered = await send('verified', bearer)
    assert.deepEqual([answered.status, answered.body.error?.code], [401, -32040])
    assert.match(String(answered.headers['www-authenticate']), /^Bearer/)
  }
})

test('a key that the issuer adds is taken up at its first token, without a restart', async () => {
  assert.equal((await send('verified', await token({ issuer: rotating }))).status, 200)
  published = ['first', 'second']
  const fresh = { kid: 'second', key: keys.second.privateKey, issuer: rotating }
  assert.equal((await send('verified', await token(fresh))).status, 200)
})

test('an agent whose certificate another authority signed is not called', async () => {
  seen = []
  const answered = await send('stranger', await token())
  assert.deepEqual([answered.status, answered.body.error?.code], [503, -32043])
  assert.equal(seen.length, 0)
})

test('an agent that asks for a client certificate gets none where none is configured', async () => {
  seen = []
  const answered = await send('nobody', await token())
  assert.deepEqual([answered.status, answered.body.error?.code], [503, -32043])
  assert.equal(seen.length, 0)
})

test('plain HTTP on the TLS port gets no answer, and costs nobody else anything', async () => {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  socket.write('GET /agents HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'close')
  assert.ok(!text.includes('HTTP/1.1 200'))
  assert.equal((await send('verified', await token())).status, 200)
})

test('a caller that does not know the authority does not send its token', async () => {
  await assert.rejects(send('verified', await token(), new Agent({ ca: pem('stranger.crt') })))
})
