import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { Fault } from '../base/fault.ts'
import { callControl } from '../cli/control-client.ts'
import { CommandError } from '../cli/io.ts'
import type { ControlMethods, KeySummary } from '../cli/ports.ts'
import { startControlServer } from './control-server.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const summary: KeySummary = {
  id: 'abc',
  name: 'ci',
  environment: 'live',
  createdAtMs: 1,
  expiresAtMs: null,
  revokedAtMs: null,
  previousUntilMs: null,
  agents: null,
  operations: null,
  networks: null,
  lastUsedMs: null,
  lastNetwork: null,
  wrongSecrets: 0,
  wrongSinceMs: null,
  wrongNetworks: 0,
}

const never = (): never => assert.fail('not to be called')

function fakeMethods(): ControlMethods {
  return {
    ping: () => Promise.resolve({ pid: 7 }),
    'key.create': ({ name }) => Promise.resolve({ key: 'sp_live_x', summary: { ...summary, name } }),
    'key.import': () => Promise.resolve(summary),
    'key.list': () => Promise.resolve([summary]),
    'key.rotate': () =>
      Promise.reject(new Fault('CONTROL_FAILED', 'there is no such key', { hint: 'see: sallyport key list' })),
    'key.revoke': () => Promise.reject(new Fault('LEDGER_FULL', 'the disk is full')),
    'block.add': (params) => Promise.resolve({ ...params, sinceMs: 0, untilMs: null }),
    'block.remove': (params) => Promise.resolve({ ...params, sinceMs: 0, untilMs: null }),
    'block.list': () => Promise.resolve([]),
    'policy.reload': () => Promise.reject(new Error('password=hunter2')),
    'token.revoke': () => Promise.reject(new Fault('CONFIG_INVALID', 'no issuer')),
    'token.revocations': () => Promise.resolve([]),
    'approval.list': () => Promise.resolve([]),
    'approval.grant': () => Promise.resolve({ kind: 'refused', why: 'no approver', hint: '' }),
    'approval.deny': () => Promise.resolve({ kind: 'refused', why: 'no approver', hint: '' }),
    'admin.bootstrap': () => Promise.resolve({ token: 't', expiresAtMs: 1, url: 'u' }),
    'admin.sessions': () => Promise.resolve([]),
    'admin.logout': () => Promise.resolve({ ended: false }),
    'audit.taken': () => Promise.resolve({ recorded: true }),
    'audit.erase': () => Promise.resolve({ kind: 'refused', why: 'held', hint: '' }),
    'audit.hold': () => Promise.resolve({ kind: 'refused', why: 'there is one', hint: '' }),
    'audit.holds': () => Promise.resolve([]),
    'audit.release': () => Promise.resolve({ kind: 'refused', why: 'there is none', hint: '' }),
    'audit.prune': () => Promise.resolve({ heldBy: '', clockAheadMs: 0, logs: [] }),
    'secret.set': never,
    'secret.list': never,
    'secret.remove': never,
    'secrets.rotate': never,
    'assertion.rotate-key': () => Promise.reject(new Fault('CONTROL_FAILED', 'a new key is published already')),
    'ledger.rotate-key': () => Promise.reject(new Fault('CONTROL_FAILED', 'two keys sign this log')),
  }
}

interface Started {
  readonly dataDir: string
  readonly path: string
  readonly bugs: unknown[]
}

async function start(t: TestContext, dataDir = temporaryFolder('sp-')): Promise<Started> {
  const bugs: unknown[] = []
  const server = await startControlServer(dataDir, fakeMethods(), (error) => bugs.push(error))
  t.after(() => server.close())
  return { dataDir, path: server.path, bugs }
}

async function send(path: string, text: string): Promise<string> {
  const socket = createConnection(path)
  socket.write(text)
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return data.toString()
}

const failOnBug = (error: unknown): never => assert.fail(String(error))
const fails = (exitCode: number) => (error: unknown) => error instanceof CommandError && error.exitCode === exitCode

test('carries a request and its answer', async (t) => {
  const { dataDir } = await start(t)
  assert.deepEqual(await callControl(dataDir, { method: 'ping', params: {} }), { result: { pid: 7 } })
  const created = await callControl(dataDir, { method: 'key.create', params: { name: 'ci', expiresInMs: null } })
  assert.equal(created?.result.key, 'sp_live_x')
})

test('only the owner may open the socket', async (t) => {
  const { path } = await start(t)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('says that no process runs, also over a socket that a killed one left', async (t) => {
  const dataDir = temporaryFolder('sp-')
  assert.equal(await callControl(dataDir, { method: 'ping', params: {} }), undefined)
  // A bound socket whose owner is gone refuses connections; so does a file that never was a socket.
  writeFileSync(join(dataDir, 'control.sock'), '')
  assert.equal(await callControl(dataDir, { method: 'ping', params: {} }), undefined)
  await start(t, dataDir)
  assert.deepEqual(await callControl(dataDir, { method: 'ping', params: {} }), { result: { pid: 7 } })
})

test('does not push a living process aside', async (t) => {
  const { dataDir } = await start(t)
  await assert.rejects(
    startControlServer(dataDir, fakeMethods(), failOnBug),
    (error) => error instanceof Fault && error.code === 'CONTROL_FAILED',
  )
  assert.deepEqual(await callControl(dataDir, { method: 'ping', params: {} }), { result: { pid: 7 } })
})

test('a fault becomes its message and hint, with an exit code that says whose it is', async (t) => {
  const { dataDir } = await start(t)
  const rotate = callControl(dataDir, { method: 'key.rotate', params: { name: 'x', overlapMs: 0 } })
  await assert.rejects(
    rotate,
    (error) => fails(2)(error) && error instanceof CommandError && error.hint === 'see: sallyport key list',
  )
  await assert.rejects(callControl(dataDir, { method: 'key.revoke', params: { name: 'x' } }), fails(3))
})

test('what no method may throw stays inside', async (t) => {
  const { dataDir, path, bugs } = await start(t)
  await assert.rejects(callControl(dataDir, { method: 'policy.reload', params: {} }), fails(3))
  assert.doesNotMatch(await send(path, '{"id":1,"method":"policy.reload","params":{}}\n'), /hunter2/)
  assert.equal(bugs.length, 2)
})

test('refuses what is not a request, and goes on', async (t) => {
  const { dataDir, path } = await start(t)
  const hostile = [
    'rubbish\n',
    '{}\n',
    'null\n',
    '{"id":1,"method":"constructor","params":{}}\n',
    '{"id":1,"method":"__proto__","params":{}}\n',
    '{"id":1,"method":"key.create","params":{"name":"x"}}\n',
    '{"id":1,"method":"key.create","params":{"name":"x","expiresInMs":-1}}\n',
    '{"id":1,"method":"key.create","params":{"name":"x","expiresInMs":null,"admin":true}}\n',
    '{"id":1,"method":"key.revoke","params":{"name":["x"]}}\n',
    'x'.repeat(70_000),
  ]
  for (const text of hostile) assert.match(await send(path, text), /"code":"CONTROL_FAILED"/)
  assert.deepEqual(await callControl(dataDir, { method: 'ping', params: {} }), { result: { pid: 7 } })
})

test('answers several requests of one connection in order', async (t) => {
  const { path } = await start(t)
  const socket = createConnection(path)
  socket.write('{"id":1,"method":"ping","params":{}}\n{"id":2,"method":"key.list","params":{}}\n')
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (text.split('\n').length > 2) break
  }
  assert.deepEqual(
    text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: number }).id),
    [1, 2],
  )
})

test('a data directory with a long name has its socket elsewhere, and says where', async () => {
  const dataDir = join(temporaryFolder('sp-'), 'x'.repeat(110))
  mkdirSync(dataDir)
  assert.equal(await callControl(dataDir, { method: 'ping', params: {} }), undefined)
  const server = await startControlServer(dataDir, fakeMethods(), failOnBug)
  assert.ok(Buffer.byteLength(server.path) < 104)
  assert.deepEqual(await callControl(dataDir, { method: 'ping', params: {} }), { result: { pid: 7 } })
  await server.close()
  assert.ok(!existsSync(join(dataDir, 'control.path')) && !existsSync(server.path))
})

test('a process that hangs up is an error, never taken for none', async (t) => {
  const dataDir = temporaryFolder('sp-')
  const server = createServer((socket) => socket.destroy()).listen(join(dataDir, 'control.sock'))
  t.after(() => server.close())
  await once(server, 'listening')
  await assert.rejects(callControl(dataDir, { method: 'ping', params: {} }), fails(3))
})
