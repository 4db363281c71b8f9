// Who may do what, in one table: callers of every kind, over TLS, against agents, all eleven operations, all three bindings.
// A row is a caller and an agent; a letter is an operation, in the order of `operationNames`:
//   +  allowed   -  permission denied   t  task not found   0  there is no such agent   !  authentication is required
// What stands in the table is what the gateway must answer; where one letter differs, the test says which.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'
import { Agent, request } from 'node:https'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { calculateJwkThumbprint, SignJWT, UnsecuredJWT } from 'jose'
import { bindingNames, operationNames, type Binding, type Operation } from '../../src/a2a/operations.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { encodeRequest } from '../../src/protobuf/encode.ts'
import { frameMessage } from '../../src/protobuf/frames.ts'
import { decodeStatus } from '../../src/protobuf/grpc-status.ts'
import { methodOf } from '../../src/protobuf/schema.ts'
import type { ConfigInput } from '../../src/config/config.ts'
import { foundAuthority, type Issued } from '../fakes/certificates.ts'
import { startFakeApi, type FakeApi } from '../fakes/kubernetes-api.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { say, spell } from './client.ts'
import type { LedgerRecord } from '../../src/audit/audit.ts'
import { needs } from '../needs.ts'
import { launcher, readRecords, verify } from './harness.ts'

type Letter = '+' | '-' | 't' | '0' | '!'
interface Credential {
  /** where it comes from: who tries in vain waits, by source and by the key's id, and must not make others wait */
  readonly source?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly certificate?: Issued
  /** makes a DPoP proof for each request */
  readonly prove?: (method: string, path: string) => Promise<string>
  /** others of its kind, used in turn: a key that is tried in vain too often has to wait */
  readonly turns?: readonly Credential[]
}

// prettier-ignore
const expected: readonly (readonly [caller: string, agent: string, letters: string])[] = [
  //                                              S S G L C S c g l d X
  ['key: writer',                   'calculator', '+ + + + + + + + + + +'],
  ['key: writer',                   'vault',      '0 0 0 0 0 0 0 0 0 0 0'],
  ['key: writer',                   'locked',     '! ! ! ! ! ! ! ! ! ! !'],
  ['key: reader',                   'calculator', '- - + + - + - - - - -'],
  ['key: reader',                   'vault',      '0 0 0 0 0 0 0 0 0 0 0'],
  ['key: sends only, by scope',     'calculator', '+ - - - - - - - - - -'],
  ['key: other agents, by scope',   'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['key: nobody bound it',          'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['key: denied by name',           'calculator', '- - - - - - - - - - -'],
  ['key: of another network',       'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['key: revoked',                  'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['key: of another environment',   'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['key: with a wrong secret',      'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['key: in the query',             'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: an analyst',               'calculator', '+ + + + + + + + + + +'],
  ['jwt: an analyst',               'vault',      '0 0 0 0 0 0 0 0 0 0 0'],
  ['jwt: an analyst',               'locked',     '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: without the group',        'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['jwt: the group of another issuer', 'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['jwt: system:masters',           'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['jwt: expired',                  'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: for another audience',     'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: of an unknown issuer',     'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: bound to a certificate, with it', 'calculator', '+ + + + + + + + + + +'],
  ['jwt: bound to a certificate, without', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: bound to a key, with proofs', 'calculator', '+ + + + + + + + + + +'],
  ['jwt: bound to a key, one proof again', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['jwt: bound to a key, as a bearer', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['opaque token: active',          'calculator', '+ + + + + + + + + + +'],
  ['opaque token: not active',      'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['certificate: a mapped name',    'calculator', '+ + + + + + + + + + +'],
  ['certificate: another name',     'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['alias: by its second name',     'calculator', '+ + + + + + + + + + +'],
  ['jwt: alg none',                 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['spiffe: planner',               'calculator', '+ + + + + + + + + + +'],
  ['spiffe: planner',               'locked',     '+ + + + + + + + + + +'],
  ['spiffe: planner',               'vault',      '0 0 0 0 0 0 0 0 0 0 0'],
  ['spiffe: nobody bound it',       'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['spiffe: another trust domain',  'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['service account: planner',      'calculator', '+ + + + + + + + + + +'],
  ['service account: planner',      'vault',      '0 0 0 0 0 0 0 0 0 0 0'],
  ['service account: planner',      'locked',     '! ! ! ! ! ! ! ! ! ! !'],
  ['service account: another name', 'calculator', '0 0 0 0 0 0 0 0 0 0 0'],
  ['service account: another audience', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['service account: its pod is gone', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['service account: another cluster', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['agent: for alice',              'calculator', '+ - + + - + - - - - -'],
  ['agent: for alice',              'vault',      '0 0 0 0 0 0 0 0 0 0 0'],
  ['agent: for one who may not',    'calculator', '- - - - - - - - - - -'],
  ['agent: on its own account',     'calculator', '- - - - - - - - - - -'],
  ['agent: autonomous by name',     'calculator', '+ + + + + + + + + + +'],
  ['agent: with another’s assertion', 'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['nobody: an assertion alone',    'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['nobody: no credential',         'calculator', '! ! ! ! ! ! ! ! ! ! !'],
  ['nobody: no credential',         'vault',      '! ! ! ! ! ! ! ! ! ! !'],
  ['nobody: rubbish',               'calculator', '! ! ! ! ! ! ! ! ! ! !'],
]

const audience = 'https://agents.example.com'
const issuers = {
  corp: { url: 'https://idp.example.com', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
  partner: { url: 'https://partner.example.com', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
} as const
const authority = foundAuthority()
const server = authority.issue({ names: [{ dns: 'localhost' }] })

const credentials = new Map<string, Credential>()
let agent: HostileAgent
let cluster: FakeApi
let otherCluster: FakeApi
let keySets: Server
let gateway: ChildProcess
let home: string
let port: number
let log = ''

const everything = { operations: ['*'] }
const policy: ConfigInput['policy'] = {
  roles: [
    { name: 'user', rules: [{ agents: ['calculator', 'locked', 'concierge'], ...everything }] },
    {
      name: 'narrow',
      rules: [{ agents: ['calculator'], operations: ['SendMessage', 'GetTask', 'ListTasks', 'SubscribeToTask'] }],
    },
    {
      name: 'reader',
      rules: [{ agents: ['calculator'], operations: ['GetTask', 'ListTasks', 'SubscribeToTask'], owner: 'any' }],
    },
  ],
  bindings: [
    {
      role: 'user',
      callers: [
        'key:writer',
        'key:alice',
        'key:banned',
        'group:corp/analysts',
        'spiffe://example.org/ns/a/sa/planner',
        'serviceaccount:prod/team-a/planner',
        'user:robots/robot',
      ],
    },
    { role: 'reader', callers: ['key:reader'] },
    { role: 'narrow', callers: ['agent:concierge'] },
    { role: 'user', callers: ['key:no-calculator'] },
    { role: 'user', callers: ['agent:nightly'], autonomous: true },
  ],
  denies: [
    { name: 'banned', callers: ['key:banned'], when: 'agent.name == "calculator"' },
    { name: 'not-there', callers: ['key:no-calculator'], agents: ['calculator'], when: 'size(chain) >= 0' },
  ],
}

const keyOf = async (...words: string[]): Promise<string> => {
  const child = spawn(launcher, [...words, '--config', join(home, 'sallyport.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0, err)
  return out.trim()
}
const bearer = (token: string): Credential => ({ headers: { authorization: `Bearer ${token}` } })

/** A connection shows one certificate: callers do not share them. */
const connections = new Map<Credential, Agent>()
function connectionsOf(credential: Credential): Agent {
  const { certificate } = credential
  const shown = certificate && { cert: certificate.pem, key: certificate.keyPem }
  const open = connections.get(credential) ?? new Agent({ ca: authority.pem, keepAlive: true, ...shown })
  connections.set(credential, open)
  return open
}

let turn = 0
const inTurn = (credential: Credential): Credential =>
  credential.turns === undefined
    ? credential
    : { ...credential, ...credential.turns[(turn += 1) % credential.turns.length] }

interface Answer {
  readonly status: number
  readonly reason: string
  readonly text: string
}

async function send(
  credential: Credential,
  call: { binding: Binding; agent: string; operation: Operation; params: JsonObject; query?: string },
): Promise<Answer> {
  if (call.binding === 'GRPC') return await sendGrpc(credential, call)
  const { method = 'GET', path, headers = {}, body } = spell(call)
  const shown = inTurn(credential)
  const proof = await credential.prove?.(method, path)
  const outgoing = request({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    agent: connectionsOf(credential),
    localAddress: credential.source ?? '127.0.0.1',
    method,
    path: `${path}${call.query ?? ''}`,
    headers: {
      ...headers,
      ...(typeof body === 'string' && { 'content-length': Buffer.byteLength(body) }),
      ...shown.headers,
      ...(proof !== undefined && { dpop: proof }),
    },
    signal: AbortSignal.timeout(20_000),
  })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream & { statusCode: number }]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, reason: /"reason":"([A-Z_]+)"/.exec(text)?.[1] ?? '', text }
}

const sessions = new Map<Credential, ClientHttp2Session>()
function sessionOf(credential: Credential): ClientHttp2Session {
  const known = sessions.get(credential)
  if (known !== undefined && !known.closed && !known.destroyed) return known
  const options: ConnectionOptions & { localAddress: string } = {
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    localAddress: credential.source ?? '127.0.0.1',
    ALPNProtocols: ['h2'],
    ca: authority.pem,
    cert: credential.certificate?.pem,
    key: credential.certificate?.keyPem,
  }
  const session = connect(`https://localhost:${port}`, { createConnection: () => connectTls(options) })
  session.on('error', () => undefined)
  sessions.set(credential, session)
  return session
}

/** The same call over gRPC: one frame in, and how it ended from head or trailers. */
async function sendGrpc(
  credential: Credential,
  call: { agent: string; operation: Operation; params: JsonObject; query?: string },
): Promise<Answer> {
  const shown = inTurn(credential)
  const path = methodOf(call.operation)?.path ?? ''
  const proof = await credential.prove?.('POST', path)
  const encoded = encodeRequest(call.operation, call.params)
  assert.ok(encoded.ok)
  const stream = sessionOf(credential).request({
    ':method': 'POST',
    ':path': `${path}${call.query ?? ''}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'a2a-version': '1.0',
    'sallyport-agent': call.agent,
    ...shown.headers,
    ...(proof !== undefined && { dpop: proof }),
  })
  const fields: Record<string, unknown> = {}
  stream.on('response', (head) => Object.assign(fields, head))
  stream.on('trailers', (trailers) => Object.assign(fields, trailers))
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.end(frameMessage(encoded.bytes))
  await once(stream, 'close', { signal: AbortSignal.timeout(20_000) })
  if (fields['grpc-status'] === '0') return { status: 200, reason: '', text: Buffer.concat(chunks).toString('latin1') }
  const details = fields['grpc-status-details-bin']
  const info = typeof details === 'string' ? decodeStatus(Buffer.from(details, 'base64'))?.details[0] : undefined
  const reason = info !== undefined && 'reason' in info ? info.reason : ''
  return { status: 400, reason, text: JSON.stringify(fields) }
}

const reasons: Readonly<Record<string, Letter>> = {
  UNAUTHENTICATED: '!',
  PERMISSION_DENIED: '-',
  AGENT_NOT_FOUND: '0',
  TASK_NOT_FOUND: 't',
}

function letterOf({ status, reason, text }: Answer): string {
  if (status >= 200 && status < 300 && reason === '') return '+'
  return reasons[reason] ?? `${status} ${text.slice(0, 120)}`
}

/** A task of this caller's own, where it may send; otherwise one of the writer's. */
async function taskFor(credential: Credential, agentName: string, fallback: string): Promise<string> {
  const call = { binding: 'JSONRPC', agent: agentName, operation: 'SendMessage', params: say('task-working') } as const
  const made = await send(credential, call)
  return /"id":"(t-[^"]+)"/.exec(made.text)?.[1] ?? fallback
}

function paramsOf(operation: Operation, task: string): JsonObject {
  switch (operation) {
    case 'SendMessage':
      return say('message good')
    case 'SendStreamingMessage':
      return say('stream')
    case 'GetTask':
    case 'CancelTask':
    case 'SubscribeToTask':
      return { id: task }
    case 'CreateTaskPushNotificationConfig':
      return { taskId: task, id: 'c1', url: 'https://hooks.example.com/x' }
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig':
      return { taskId: task, id: 'c1' }
    case 'ListTaskPushNotificationConfigs':
      return { taskId: task }
    default:
      return {}
  }
}

async function token(
  name: keyof typeof issuers,
  claims: object = {},
  options: { audience?: string; expiresAt?: string; issuer?: string } = {},
): Promise<string> {
  const { url, key } = issuers[name]
  return await new SignJWT({ groups: ['analysts'], ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: name, typ: 'at+jwt' })
    .setIssuer(options.issuer ?? url)
    .setAudience(options.audience ?? audience)
    .setSubject('4f1c')
    .setIssuedAt()
    .setExpirationTime(options.expiresAt ?? '10m')
    .sign(key.privateKey)
}

async function makeCredentials(): Promise<void> {
  const [writer, reader, alice, banned, nobody, elsewhere, revoked, narrow, other, concierge, nightly, second] =
    await Promise.all([
      keyOf('key', 'create', 'writer'),
      keyOf('key', 'create', 'reader'),
      keyOf('key', 'create', 'alice'),
      keyOf('key', 'create', 'banned'),
      keyOf('key', 'create', 'nobody'),
      Promise.all([1, 2, 3, 4, 5].map(() => keyOf('key', 'create', 'writer', '--network', '10.0.0.0/8'))),
      Promise.all([1, 2, 3, 4, 5].map(() => keyOf('key', 'create', 'writer'))),
      keyOf('key', 'create', 'writer', '--operation', 'SendMessage', '--agent', 'calculator'),
      keyOf('key', 'create', 'writer', '--agent', 'vault'),
      keyOf('key', 'create', 'concierge'),
      keyOf('key', 'create', 'nightly'),
      keyOf('key', 'create', 'second-name'),
    ])
  for (const key of revoked) await keyOf('key', 'revoke', key)
  const set = (name: string, credential: Credential): void =>
    void credentials.set(name, { ...credential, source: `127.0.1.${credentials.size + 1}` })
  set('key: writer', bearer(writer))
  set('key: reader', bearer(reader))
  set('key: sends only, by scope', bearer(narrow))
  set('key: other agents, by scope', bearer(other))
  set('key: nobody bound it', bearer(nobody))
  set('key: denied by name', bearer(banned))
  set('key: of another network', { turns: elsewhere.map(bearer) })
  set('key: revoked', { turns: revoked.map(bearer) })
  set('key: of another environment', bearer(writer.replace('sp_test_', 'sp_live_')))
  set('key: with a wrong secret', bearer(`${writer.slice(0, -8)}AAAAAAAA`))
  set('key: in the query', {})
  set('jwt: an analyst', bearer(await token('corp')))
  set('jwt: without the group', bearer(await token('corp', { groups: [] })))
  set(
    'jwt: the group of another issuer',
    bearer(await token('partner', { groups: ['analysts', 'group:corp/analysts'] })),
  )
  set('jwt: system:masters', bearer(await token('corp', { groups: ['system:masters', '*'] })))
  set('jwt: expired', bearer(await token('corp', {}, { expiresAt: '-10m' })))
  set('jwt: for another audience', bearer(await token('corp', {}, { audience: 'https://other.example.com' })))
  set('jwt: of an unknown issuer', bearer(await token('corp', {}, { issuer: 'https://evil.example.com' })))
  const bound = authority.issue({ names: ['spiffe://example.org/ns/a/sa/planner'] })
  const toCertificate = bearer(await token('corp', { cnf: { 'x5t#S256': bound.thumbprint } }))
  set('jwt: bound to a certificate, with it', { ...toCertificate, certificate: bound })
  set('jwt: bound to a certificate, without', toCertificate)
  const holder = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = holder.publicKey.export({ format: 'jwk' })
  const toKey = await token('corp', { cnf: { jkt: await calculateJwkThumbprint(jwk) } })
  const prove = (method: string, path: string): Promise<string> =>
    new SignJWT({
      htm: method,
      htu: `${audience}${path.split('?')[0]}`,
      jti: randomUUID(),
      ath: createHash('sha256').update(toKey).digest('base64url'),
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: jwk })
      .setIssuedAt()
      .sign(holder.privateKey)
  set('jwt: bound to a key, with proofs', { headers: { authorization: `DPoP ${toKey}` }, prove })
  const spent = await prove('POST', '/agents/calculator')
  set('jwt: bound to a key, one proof again', { headers: { authorization: `DPoP ${toKey}`, dpop: spent } })
  // used here, and again by every call of the table
  await send(credentials.get('jwt: bound to a key, one proof again') ?? {}, {
    binding: 'JSONRPC',
    agent: 'calculator',
    operation: 'SendMessage',
    params: say('message good'),
  })
  set('jwt: bound to a key, as a bearer', bearer(toKey))
  set('opaque token: active', bearer('op_active-token'))
  set('opaque token: not active', bearer('op_another-token'))
  set('certificate: a mapped name', { certificate: authority.issue({ names: [{ dns: 'robot.example.com' }] }) })
  set('certificate: another name', { certificate: authority.issue({ names: [{ dns: 'other.example.com' }] }) })
  set('alias: by its second name', bearer(second))
  const unsigned = new UnsecuredJWT({ groups: ['analysts'] }).setIssuer(issuers.corp.url).setAudience(audience)
  set('jwt: alg none', bearer(`${unsigned.setSubject('4f1c').setExpirationTime('10m').encode()}x`))
  const workload = (id: string): Credential => ({ certificate: authority.issue({ names: [id] }) })
  const pod = (of: FakeApi, account: string, name: string, forAudience = audience): Credential =>
    bearer(of.runPod({ namespace: 'team-a', name, account, audience: forAudience }).token)
  set('service account: planner', pod(cluster, 'planner', 'planner-1'))
  set('service account: another name', pod(cluster, 'other', 'other-1'))
  set('service account: another audience', pod(cluster, 'planner', 'planner-2', 'https://other.example.com'))
  set('service account: its pod is gone', pod(cluster, 'planner', 'planner-3'))
  cluster.deletePod('team-a', 'planner-3')
  set('service account: another cluster', pod(otherCluster, 'planner', 'planner-1'))
  set('spiffe: planner', workload('spiffe://example.org/ns/a/sa/planner'))
  set('spiffe: nobody bound it', workload('spiffe://example.org/ns/a/sa/other'))
  set('spiffe: another trust domain', workload('spiffe://example.com/ns/a/sa/planner'))
  // an assertion is given to the agent that is called, while its task goes on
  const given = async (from: string): Promise<string> => {
    const text = 'task-working'
    const answer = await send(bearer(from), {
      binding: 'JSONRPC',
      agent: 'concierge',
      operation: 'SendMessage',
      params: say(text),
    })
    assert.equal(answer.status, 200, answer.text)
    return agent.seen.at(-1)?.headers['sallyport-caller-assertion'] ?? assert.fail('no assertion')
  }
  const forAlice = await given(alice)
  const forWho = await given(banned)
  const acting = (key: string, assertion: string): Credential => ({
    headers: { authorization: `Bearer ${key}`, 'sallyport-caller-assertion': assertion },
  })
  set('agent: for alice', acting(concierge, forAlice))
  set('agent: for one who may not', acting(concierge, forWho))
  set('agent: on its own account', bearer(concierge))
  set('agent: autonomous by name', bearer(nightly))
  set('agent: with another’s assertion', acting(nightly, forAlice))
  set('nobody: an assertion alone', { headers: { 'sallyport-caller-assertion': forAlice } })
  set('nobody: no credential', {})
  set('nobody: rubbish', bearer('eyJhbGciOiJFUzI1NiJ9.e30.AAAA'))
}

async function introspect(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = ''
  for await (const chunk of incoming) body += String(chunk)
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const active = {
    active: true,
    iss: issuers.corp.url,
    aud: audience,
    sub: 'opaque',
    groups: ['analysts'],
    iat: nowSeconds,
    exp: nowSeconds + 600,
  }
  const isActive = new URLSearchParams(body).get('token') === 'op_active-token'
  response.setHeader('content-type', 'application/json').end(JSON.stringify(isActive ? active : { active: false }))
}

before(async () => {
  agent = await startHostileAgent()
  cluster = await startFakeApi({ issuer: 'https://prod.cluster.example.com' })
  otherCluster = await startFakeApi({ issuer: 'https://other.cluster.example.com' })
  keySets = createServer((incoming, response) => {
    if (incoming.url === '/introspect') {
      void introspect(incoming, response)
      return
    }
    const name = incoming.url === '/partner' ? 'partner' : 'corp'
    const jwk = { ...issuers[name].key.publicKey.export({ format: 'jwk' }), kid: name, alg: 'ES256', use: 'sig' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(keySets, 'listening')
  const jwks = `http://127.0.0.1:${(keySets.address() as AddressInfo).port}`
  home = temporaryFolder()
  for (const [name, content] of Object.entries({
    'tls.crt': server.pem,
    'tls.key': server.keyPem,
    'client.secret': 'a-secret-of-the-gateway-at-its-issuer',
    'cluster.token': cluster.gatewayToken,
    'ca.pem': authority.pem,
  }))
    writeFileSync(join(home, name), content, { mode: 0o600 })
  const settings = { url: agent.url, health: { interval: '0s' } }
  const config: ConfigInput = {
    gateway: {
      listen: '127.0.0.1:0',
      publicUrl: audience,
      tls: {
        certificate: 'file:tls.crt',
        key: 'file:tls.key',
        clientCa: 'file:ca.pem',
        clientCertificates: 'optional',
      },
      bounds: { drain: '1s' },
    },
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    identity: {
      apiKeys: { environment: 'test' },
      jwt: [
        {
          name: 'corp',
          issuer: issuers.corp.url,
          audience,
          algorithms: ['ES256'],
          jwks: `${jwks}/corp`,
          introspection: {
            endpoint: `${jwks}/introspect`,
            clientId: 'gateway',
            clientSecret: 'file:client.secret',
            prefix: 'op_',
          },
          groups: 'groups',
        },
        {
          name: 'partner',
          issuer: issuers.partner.url,
          audience,
          algorithms: ['ES256'],
          jwks: `${jwks}/partner`,
          groups: 'groups',
        },
      ],
      kubernetes: [
        {
          name: 'prod',
          issuer: 'https://prod.cluster.example.com',
          audience,
          server: cluster.url,
          token: 'file:cluster.token',
        },
      ],
      mtls: {
        spiffe: [{ trustDomain: 'example.org', ca: 'file:ca.pem' }],
        subjects: [
          { name: 'robots', ca: 'file:ca.pem', certificates: [{ dns: 'robot.example.com', subject: 'robot' }] },
        ],
      },
    },
    agents: [
      { name: 'calculator', ...settings },
      { name: 'vault', ...settings },
      { name: 'locked', ...settings, authentication: { methods: ['mtls'] } },
      { name: 'concierge', ...settings, principals: ['key:concierge'] },
      { name: 'nightly', ...settings, principals: ['key:nightly'] },
    ],
    aliases: [{ name: 'writer', principals: ['key:writer', 'key:second-name'] }],
    policy,
    limits: [{ per: ['caller'], requests: '1000000/m', concurrentStreams: 1_000 }],
    unauthenticated: { requests: '100000/m' },
  }
  writeFileSync(join(home, 'sallyport.yaml'), JSON.stringify(config), { mode: 0o600 })
  gateway = spawn(launcher, ['serve', '--config', join(home, 'sallyport.yaml'), '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  gateway.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  const [line] = (await Promise.race([
    once(gateway.stdout!.setEncoding('utf8'), 'data'),
    once(gateway, 'exit').then(() => assert.fail(log)),
  ])) as [string]
  port = Number(new URL((JSON.parse(line) as { gateway: string }).gateway).port)
  await makeCredentials()
})

after(async () => {
  for (const open of connections.values()) open.destroy()
  for (const session of sessions.values()) session.destroy()
  gateway.kill('SIGTERM')
  const [code] = (await once(gateway, 'exit')) as [number]
  keySets.close()
  await agent.close()
  await cluster.close()
  await otherCluster.close()
  assert.equal(code, 0, log)
  assert.doesNotMatch(log, /a bug denied a call/)
  await verify(join(home, 'data'))
  const records = await readRecords(join(home, 'data'))
  assert.ok(records.length > 500)
  assertNothingPresentedIsKept(records)
})

/** What a caller presented lies nowhere in what the process wrote: its log, and everything in its data directory. */
function assertNothingPresentedIsKept(records: readonly LedgerRecord[]): void {
  const data = join(home, 'data')
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.ok(files.length > 5)
  const written = files.map((entry) => join(entry.parentPath, entry.name))
  const texts = written.map((file): [string, string] => [file, readFileSync(file, 'latin1')])
  // bodies of records lie sealed: what they say is looked at in clear
  for (const [file, content] of [
    ['the log', log] as const,
    ['the records', JSON.stringify(records)] as const,
    ...texts,
  ])
    for (const [name, { headers, turns = [] }] of credentials)
      for (const value of [headers, ...turns.map((each) => each.headers)].flatMap((each) => Object.values(each ?? {})))
        assert.ok(!content.includes(value.replace('Bearer ', '')), `${name} in ${file}`)
}

// every caller comes from an address of its own below 127.0.0.0/8, which only Linux has without more ado
describe('who may do what', { concurrency: 4, ...needs('addresses of loopback', process.platform === 'linux') }, () => {
  it('denials outnumber permits', () => {
    const letters = expected.flatMap(([, , row]) => row.split(' '))
    const permits = letters.filter((letter) => letter === '+').length
    assert.ok(permits * 2 < letters.length, `${permits} of ${letters.length}`)
  })

  for (const [caller, agentName, row] of expected) {
    it(`${caller} on ${agentName}`, async () => {
      const credential = credentials.get(caller) ?? assert.fail(`no credential of ${caller}`)
      const writer = credentials.get('key: writer') ?? assert.fail('no writer')
      const query = caller === 'key: in the query' ? `?access_token=${writer.headers?.['authorization']?.slice(7)}` : ''
      const letters = row.split(' ')
      for (const binding of bindingNames) {
        const fallback = await taskFor(writer, 'calculator', '')
        const found: string[] = []
        for (const operation of operationNames) {
          // a task that was cancelled or has ended would answer otherwise
          const task = letters.includes('+') ? await taskFor(credential, agentName, fallback) : fallback
          if (operation.endsWith('PushNotificationConfig') && operation !== 'CreateTaskPushNotificationConfig')
            await send(credential, {
              binding,
              agent: agentName,
              operation: 'CreateTaskPushNotificationConfig',
              params: paramsOf('CreateTaskPushNotificationConfig', task),
            })
          found.push(
            letterOf(
              await send(credential, {
                binding,
                agent: agentName,
                operation,
                params: paramsOf(operation, task),
                query,
              }),
            ),
          )
        }
        assert.deepEqual(
          Object.fromEntries(operationNames.map((name, at) => [name, found[at]])),
          Object.fromEntries(operationNames.map((name, at) => [name, letters[at]])),
          binding,
        )
      }
    })
  }
})
