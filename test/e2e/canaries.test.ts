// Canaries in every field of the configuration that holds a secret, in every kind of reference, and in what callers
// present: the process is called well and badly, reloaded with rubbish, asked everything that commands and listeners
// answer, and ended. Then everything that it wrote is searched: its output, every answer, every file. The list of fields is the schema's: one that is added there fails here until a canary is in it.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { openKeyFile } from '../../src/base/key-file.ts'
import { encryptAge, formatAgeValue, secretPositions, type ConfigInput } from '../../src/config/config.ts'
import { createLocalKey, DataKeys, onDisk } from '../../src/secrets/secrets.ts'
import { canaryOfPem, findCanaries, formsOf, makeCanary, type Canary } from '../fakes/canary.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { deadUrl, eventually, launcher } from './harness.ts'

const fixtures = join(import.meta.dirname, '../fixtures/tls')
const pem = (name: string): string => readFileSync(join(fixtures, name), 'utf8')

/** Handed out in every handshake, or by every authority. */
const publicPositions = [
  'gateway.tls.certificate',
  'gateway.tls.clientCa',
  'gateway.tls.crl',
  'identity.kubernetes.*.ca',
  'identity.kubernetes.*.certificate',
  'identity.mtls.spiffe.*.ca',
  'identity.mtls.subjects.*.ca',
  'agents.*.assertion.exchange.ca',
  'agents.*.tls.ca',
  'agents.*.tls.certificate',
  'audit.witness.witnesses.*.ca',
  'audit.export.*.ca',
]

const canaries: Canary[] = []
const planted = new Set<string>()
/** what the process and commands wrote, by where */
const written = new Map<string, string>()
let home: string
let agent: HostileAgent
let receiver: Server
const environment: Record<string, string> = {}
const stored: Record<string, string> = {}

function plant(position: string, content?: string): string {
  planted.add(position)
  if (content !== undefined) {
    canaries.push(canaryOfPem(position, content))
    return content
  }
  const canary = makeCanary(position)
  canaries.push(canary)
  return canary.bytes.toString()
}

let count = 0
const inFile = (text: string): string => {
  const name = `planted-${(count += 1)}`
  writeFileSync(join(home, name), text, { mode: 0o600 })
  return `file:${name}`
}
const inEnvironment = (text: string): string => {
  const name = `CANARY_${(count += 1)}`
  environment[name] = text
  return `env:${name}`
}
const inStore = (text: string): string => {
  const name = `planted-${(count += 1)}`
  stored[name] = text
  return `secret:${name}`
}

async function makeConfig(exportUrl: string): Promise<ConfigInput> {
  const identity = await generateX25519Identity()
  canaries.push({ name: 'age identity', bytes: Buffer.from(identity) })
  environment['SALLYPORT_AGE_IDENTITY'] = identity
  const recipient = await identityToRecipient(identity)
  const encrypted = async (text: string): Promise<string> =>
    formatAgeValue(await encryptAge(Buffer.from(text), [recipient]))
  const kek = randomBytes(32)
  planted.add('audit.keyEncryptionKey')
  canaries.push(
    { name: 'key-encryption key', bytes: kek },
    { name: 'its text', bytes: Buffer.from(kek.toString('base64url')) },
  )
  const dead = (await deadUrl()).replace('/a2a', '')
  const client = pem('client.key')
  return {
    gateway: {
      listen: '127.0.0.1:0',
      bounds: { drain: '1s' },
      tls: {
        certificate: `file:${fixtures}/server.crt`,
        key: inStore(plant('gateway.tls.key', pem('server.key'))),
      },
    },
    admin: {
      listen: '127.0.0.1:0',
      token: inFile(plant('admin.token')),
      tokens: [{ name: 'machine', role: 'viewer', token: await encrypted(plant('admin.tokens.*.token')) }],
      oidc: {
        name: 'people',
        issuer: dead,
        clientId: 'sallyport',
        clientSecret: inStore(plant('admin.oidc.clientSecret')),
      },
    },
    dataDir: './data',
    identity: {
      apiKeys: { pepper: inFile(plant('identity.apiKeys.pepper')) },
      jwt: [
        {
          name: 'opaque',
          issuer: `${dead}/opaque`,
          audience: 'sallyport',
          algorithms: ['ES256'],
          introspection: {
            endpoint: `${dead}/introspect`,
            clientId: 'sallyport',
            clientSecret: inStore(plant('identity.jwt.*.introspection.clientSecret')),
          },
        },
      ],
      kubernetes: [
        {
          name: 'prod',
          issuer: 'https://kubernetes.default.svc',
          audience: 'sallyport',
          server: dead.replace('http:', 'https:'),
          ca: `file:${fixtures}/ca.crt`,
          token: inFile(plant('identity.kubernetes.*.token')),
          certificate: `file:${fixtures}/client.crt`,
          key: inStore(plant('identity.kubernetes.*.key', client)),
        },
      ],
    },
    agents: [
      {
        name: 'good',
        url: agent.url,
        health: { interval: '0s' },
        credential: { header: 'x-upstream', value: await encrypted(plant('agents.*.credential.value')) },
      },
      {
        name: 'mutual',
        url: dead.replace('http:', 'https:'),
        tls: {
          ca: `file:${fixtures}/ca.crt`,
          certificate: `file:${fixtures}/client.crt`,
          key: inEnvironment(plant('agents.*.tls.key', client)),
        },
      },
      {
        name: 'bundled',
        url: dead.replace('http:', 'https:'),
        tls: { credentialBundle: inFile(plant('agents.*.tls.credentialBundle', client) + pem('client.crt')) },
      },
      {
        name: 'exchanged',
        url: agent.url,
        health: { interval: '0s' },
        assertion: {
          as: 'exchange',
          exchange: {
            tokenUrl: `${dead}/token`,
            clientId: 'sallyport',
            clientSecret: inStore(plant('agents.*.assertion.exchange.clientSecret')),
          },
        },
      },
    ],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice'] }],
    },
    audit: {
      keyEncryptionKey: inEnvironment(kek.toString('base64url')),
      export: [
        { name: 'file', kind: 'jsonl-file', path: 'exported.jsonl' },
        {
          name: 'http',
          kind: 'jsonl-http',
          url: exportUrl,
          authorization: await encrypted(plant('audit.export.*.authorization')),
        },
      ],
    },
  }
}

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function command(args: readonly string[], input = ''): Promise<Run> {
  const child = spawn(launcher, [...args, '--config', join(home, 'sallyport.yaml')], {
    env: { ...process.env, ...environment },
    cwd: home,
  })
  child.stdin.end(input)
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('latin1').on('data', (text: string) => (texts[name] += text))
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)))
  return { code, ...texts }
}

/** Runs a command whose output is searched. */
async function watched(args: readonly string[], input = ''): Promise<Run> {
  const run = await command(args, input)
  written.set(`${args.join(' ')} #${written.size}`, run.stdout + run.stderr)
  return run
}

let child: ChildProcess
let url: URL
let adminUrl: string
let log = ''
let received = ''
let receivedSpans = ''
const trusting = new Agent({ ca: pem('ca.crt'), keepAlive: false })

function send(path: string, headers: Record<string, string>, body = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { agent: trusting, host: 'localhost', port: url.port, path, method: body === '' ? 'GET' : 'POST', headers },
      (answer) => {
        let text = JSON.stringify(answer.headers)
        answer.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
        answer.on('close', () => {
          written.set(`answer to ${path} #${written.size}`, text)
          resolve(answer.statusCode ?? 0)
        })
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

const message = (text: string): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'SendMessage',
    params: { message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }] } },
  })

before(async () => {
  home = temporaryFolder()
  agent = await startHostileAgent()
  receiver = createServer((asked, answer) => {
    // what the export sends leaves the process too; its header is meant to
    const isSpans = asked.url === '/v1/traces'
    asked.setEncoding('latin1').on('data', (chunk: string) => {
      if (isSpans) receivedSpans += chunk
      else received += chunk
    })
    asked.on('end', () => answer.writeHead(204).end())
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const config = await makeConfig(receiverUrl)
  const spanHeader = makeCanary('OTEL_EXPORTER_OTLP_HEADERS')
  canaries.push(spanHeader)
  writeFileSync(join(home, 'sallyport.yaml'), JSON.stringify(config))
  for (const [name, text] of Object.entries(stored)) {
    const run = await watched(['secret', 'set', name], text)
    assert.equal(run.code, 0, run.stderr)
  }
  child = spawn(launcher, ['serve', '--config', join(home, 'sallyport.yaml'), '--json'], {
    env: {
      ...process.env,
      ...environment,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiverUrl,
      // the second is left out with a warning, which must not say what was in it
      OTEL_EXPORTER_OTLP_HEADERS: `x-token=${spanHeader.bytes.toString()},x-wrong=${spanHeader.bytes.toString()}%0a`,
    },
    cwd: home,
  })
  let out = ''
  child.stdout?.setEncoding('latin1').on('data', (text: string) => {
    out += text
    written.set('standard output', out)
  })
  child.stderr?.setEncoding('latin1').on('data', (text: string) => {
    log += text
    written.set('standard error', log)
  })
  const ready = await eventually('the gateway is ready', () => (out.includes('\n') ? out : undefined), 20_000).catch(
    (error: unknown) => assert.fail(`${String(error)}: ${log}`),
  )
  const said = JSON.parse(ready) as { gateway: string; admin: string }
  url = new URL(said.gateway)
  adminUrl = said.admin
})

after(async () => {
  child.kill('SIGKILL')
  await agent.close()
  receiver.close()
})

test('every field that may hold a secret holds a canary', () => {
  // the two ways to give a listener its key exclude each other
  const bundle = 'gateway.tls.credentialBundle'
  assert.deepEqual([...planted, bundle, ...publicPositions].sort(), [...secretPositions()].sort())
})

test('a canary that was written down would be found in any of its forms', () => {
  for (const canary of canaries)
    for (const form of formsOf(canary)) assert.deepEqual(findCanaries(`x${form}y`, [canary]).length, 1)
  const [one] = canaries
  assert.ok(one)
  for (const before of ['', 'a', 'ab', 'abc']) {
    const whole = Buffer.concat([Buffer.from(before), one.bytes, Buffer.from('after it')])
    for (const encoding of ['base64', 'base64url', 'hex'] as const)
      assert.equal(findCanaries(whole.toString(encoding), [one]).length, 1, `${before} ${encoding}`)
  }
})

test('calls that succeed and calls that fail, of every kind', async () => {
  const made = await command(['key', 'create', 'alice'])
  assert.equal(made.code, 0, made.stderr)
  const key = made.stdout.trim()
  canaries.push({ name: 'an API key', bytes: Buffer.from(key.split('_').slice(-1)[0]?.slice(0, 43) ?? '') })
  const token = (kind: string): string => {
    const canary = makeCanary(kind)
    canaries.push(canary)
    return canary.bytes.toString()
  }
  const json = { 'content-type': 'application/json', 'a2a-version': '1.0' }
  const good = { ...json, authorization: `Bearer ${key}` }
  assert.equal(await send('/agents/good', good, message('message good')), 200)
  for (const [name, headers] of Object.entries({
    'a bearer token': { authorization: `Bearer ${token('a bearer token')}` },
    'a key of another': { authorization: `Bearer sp_live_abcdefghijkl_${token('a foreign key')}` },
    'an API key field': { 'x-api-key': token('an API key field') },
    'a JSON Web Token': {
      authorization: `Bearer eyJhbGciOiJFUzI1NiJ9.${Buffer.from(JSON.stringify({ iss: 'https://kubernetes.default.svc', sub: token('a claim') })).toString('base64url')}.${token('a signature')}`,
    },
    basic: { authorization: `Basic ${Buffer.from(`a:${token('a password')}`).toString('base64')}` },
    'an assertion': { ...good, 'sallyport-caller-assertion': token('an assertion') },
    'a cookie': { cookie: `session=${token('a cookie')}` },
    DPoP: { authorization: `DPoP ${token('a bound token')}`, dpop: token('a proof') },
  }))
    assert.ok((await send('/agents/good', { ...json, ...headers }, message('message good'))) >= 400, name)
  assert.ok((await send(`/agents/good?access_token=${token('a token in the query')}`, json, message('x'))) >= 400)
  for (const text of ['rubbish', 'status 500', 'close', 'message good'])
    for (const name of ['good', 'mutual', 'bundled', 'exchanged', 'nobody'])
      await send(`/agents/${name}`, good, message(text)).catch(() => undefined)
  for (const body of ['{', '[]', '{"jsonrpc":"2.0","id":1,"method":"Nothing"}', message('x').replace('parts', 'pärts')])
    await send('/agents/good', good, body)
  const assertions = agent.seen.flatMap(({ headers }) => headers['sallyport-caller-assertion'] ?? [])
  assert.ok(assertions.length > 0)
  for (const each of assertions) {
    const signature = each.split('.')[2] ?? ''
    canaries.push({ name: 'an assertion', bytes: Buffer.from(signature) })
  }
  // the credential did reach the agent that it is for
  assert.ok(agent.seen.some(({ headers }) => (headers['x-upstream'] ?? '').startsWith('canary')))
})

test('reloads that are refused, among them secrets that were written in clear', async () => {
  const file = join(home, 'sallyport.yaml')
  const before = readFileSync(file, 'utf8')
  const token = makeCanary('a secret in clear')
  canaries.push(token)
  const clear = token.bytes.toString()
  const config = JSON.parse(before) as ConfigInput
  const wrong: unknown[] = [
    { ...config, admin: { ...config.admin, token: clear } },
    { ...config, admin: { ...config.admin, token: `Bearer ${clear}` } },
    { ...config, admin: { ...config.admin, token: [clear] } },
    { ...config, admin: { ...config.admin, token: { value: clear } } },
    { ...config, admin: { ...config.admin, tokens: [{ name: 'x', role: 'viewer', token: clear }] } },
    { ...config, agents: [{ name: 'good', url: `https://user:${clear}@127.0.0.1/`, credential: { value: clear } }] },
    { ...config, agents: [{ name: 'good', url: 'http://127.0.0.1:9', credential: { value: `age:${clear}` } }] },
    { ...config, agents: [{ name: 'good', url: 'http://127.0.0.1:9', credential: { value: 'secret:nothing' } }] },
    { ...config, audit: { export: [{ name: 'x', kind: 'otlp', url: 'https://127.0.0.1', authorization: clear }] } },
    { ...config, audit: { keyEncryptionKey: clear } },
  ]
  for (const each of wrong) {
    writeFileSync(file, JSON.stringify(each))
    const lines = log.split('refused').length
    child.kill('SIGHUP')
    await eventually('the reload was refused', () => (log.split('refused').length > lines ? true : undefined))
    await watched(['config', 'check', '--json'])
  }
  await watched(['config', 'check'])
  await watched(['config', 'show', '--effective'])
  writeFileSync(file, before)
  child.kill('SIGHUP')
  await eventually('the good one was taken', () =>
    log.trimEnd().split('\n').at(-1)?.includes('reloaded') === true ? true : undefined,
  )
})

test('every question that a command or a listener answers', async () => {
  const [first] = canaries
  assert.ok(first)
  const [given] = Object.keys(stored)
  for (const [expected, ...args] of [
    [0, 'config', 'check', '--json'],
    [0, 'config', 'show'],
    [0, 'config', 'show', '--effective', '--json'],
    [0, 'key', 'list', '--json'],
    [0, 'secret', 'list'],
    [0, 'secret', 'list', '--json'],
    [0, 'agent', 'list', '--json'],
    [3, 'agent', 'inspect', 'mutual'],
    [0, 'policy', 'check', '--json'],
    [0, 'audit', 'tail', '--json', '-n', '1000'],
    [0, 'audit', 'search', '--json'],
    [0, 'audit', 'export', '--with-events', '--out', 'bundle.jsonl'],
    [0, 'secrets', 'rotate', '--json'],
    [1, 'secret', 'remove', 'nothing'],
    [3, 'secrets', 'rotate', '--kek', 'file:none'],
    [2, 'secrets', 'rotate', '--kek', `secret:${given ?? ''}`],
  ] as const) {
    const { code, stdout, stderr } = await watched(args)
    assert.equal(code, expected, `${args.join(' ')}: ${stdout.slice(0, 200)} ${stderr.slice(-300)}`)
  }
  assert.equal((await watched(['secret', 'set', 'late'], 'x')).code, 0)
  for (const path of ['/metrics', '/readyz', '/healthz', '/api/v1/status', '/api/v1/config', '/api/v1/nothing']) {
    const token = readFileSync(join(home, 'planted-2'), 'utf8')
    for (const authorization of ['', 'Bearer wrong', `Bearer ${token}`]) {
      const answer = await fetch(adminUrl + path, {
        headers: { connection: 'close', ...(authorization !== '' && { authorization }) },
      })
      written.set(`admin ${path} ${authorization.length}`, JSON.stringify([...answer.headers]) + (await answer.text()))
    }
  }
  const canary = makeCanary('a value on the control socket')
  canaries.push(canary)
  const value = canary.bytes.toString('base64')
  for (const line of [
    `{"id":1,"method":"secret.set","params":{"name":"${canary.bytes.toString().toUpperCase()}","value":"${value}"}}`,
    `{"id":1,"method":"secret.set","params":{"name":"x","value":"${canary.bytes.toString()}!"}}`,
    `{"id":1,"method":"secret.set","params":{"name":"x","value":"${value}"}}`,
    `{"id":1,"method":"secret.list","params":{"value":"${value}"}}`,
    `{"id":1,"method":"secrets.rotate","params":{"kek":"${canary.bytes.toString()}","goOn":false}}`,
    `{"id":1,"method":"${canary.bytes.toString()}"}`,
    canary.bytes.toString(),
  ])
    written.set(`control ${written.size}`, await askControl(line))
})

function askControl(line: string): Promise<string> {
  const path = existsSync(join(home, 'data', 'control.path'))
    ? readFileSync(join(home, 'data', 'control.path'), 'utf8').trim()
    : join(home, 'data', 'control.sock')
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(path, () => socket.write(`${line}\n`))
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n')) socket.end()
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}

test('nothing that the process wrote holds any of them', async () => {
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  await ended
  await addSigningKeys()
  // what was planted, and the configuration that names it, are ours
  const isOurs = (name: string): boolean => /^(planted-\d+|sallyport\.yaml)$/.test(name)
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !isOurs(path.slice(home.length + 1))) written.set(path, readFileSync(path, 'latin1'))
  }
  written.set('sent to the export', received)
  written.set('sent as spans', receivedSpans)
  assert.match(receivedSpans, /invoke_agent good/)
  assert.doesNotMatch(receivedSpans, /message (good|bad)|key:alice/)
  assert.ok(received.length > 1_000, `${received.length}: ${log.slice(-1_500)}`)
  assert.ok([...written.keys()].some((name) => name.endsWith('state.db')))
  const found = [...written].flatMap(([where, text]) => findCanaries(text, canaries).map((what) => `${what}: ${where}`))
  assert.deepEqual(found, [])
  assert.ok(canaries.length > 30, `${canaries.length}`)
})

/** Private keys that the process made for itself, and the data keys they are sealed under. */
async function addSigningKeys(): Promise<void> {
  const kek = canaries.find(({ name }) => name === 'key-encryption key')?.bytes ?? Buffer.alloc(32)
  const keys = join(home, 'data', 'keys')
  const key = { key: createLocalKey(kek), reference: '' }
  const dataKeys = await DataKeys.open({ disk: onDisk(join(keys, 'data-keys.json')), kek: key, nowMs: () => 0 })
  const names = readdirSync(keys).filter((name) => /\.(pem|secret)$/.test(name))
  assert.ok(names.includes('assertion.pem') && names.length >= 3)
  for (const name of names) {
    const plain = openKeyFile(dataKeys, name, readFileSync(join(keys, name)))
    canaries.push(name.endsWith('.pem') ? ed25519OrEc(name, plain) : { name, bytes: plain })
  }
}

function ed25519OrEc(name: string, plain: Buffer): Canary {
  const der = Buffer.from(plain.toString().replace(/-----[^-]+-----/g, ''), 'base64')
  // an Ed25519 key is the last 32 bytes; of a P-256 key the private part stands at a fixed place
  return { name, bytes: der.length < 60 ? der.subarray(-32) : der.subarray(36, 68) }
}
