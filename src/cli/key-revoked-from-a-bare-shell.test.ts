// A key leaks at night, and who must revoke it has neither the gateway's environment nor its secret files.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from './cli.ts'
import type { OpenState, Ports } from './ports.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const cwd = temporaryFolder()
mkdirSync(join(cwd, 'data'))
const summary = {
  id: 'abcdefghijkl',
  name: 'ci',
  environment: 'live',
  createdAtMs: 0,
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
const methods: Partial<OpenState['methods']> = {
  'key.create': () => Promise.resolve({ key: 'sp_live_x', summary }),
  'key.list': () => Promise.resolve([summary]),
  'key.rotate': () => Promise.resolve({ key: 'sp_live_y', summary }),
  'key.revoke': () => Promise.resolve([summary]),
}

async function run(...words: string[]): Promise<{ code: number; err: string }> {
  let err = ''
  const io = {
    out: () => undefined,
    err: (text: string): void => void (err += text),
    color: false,
    cwd,
    stopSignal: () => new AbortController().signal,
  }
  const ports: Partial<Ports> = {
    // the other methods are not called
    openState: () => Promise.resolve({ methods: methods as OpenState['methods'], close: () => Promise.resolve() }),
    checkPolicy: () => [],
  }
  const code = await runCli(words, io, () => Promise.resolve(ports as Ports))
  return { code, err }
}

function write(agent: string): void {
  const text = `dataDir: ./data\nadmin: { token: "env:SALLYPORT_NEVER_SET" }\nagents: [{ name: a, url: "http://127.0.0.1:9", ${agent} }]\n`
  writeFileSync(join(cwd, 'sallyport.yaml'), `${text}policy: { roles: [{ name: user }] }\n`)
}

const commands = [
  ['key', 'create', 'ci'],
  ['key', 'list'],
  ['key', 'rotate', 'ci'],
  ['key', 'revoke', 'ci'],
  ['key', 'revoke', 'ci', '--data-dir', 'data'],
  ['policy', 'bind', 'user', 'key:ci'],
]

test('keys and policy are changed without the secrets of agents and listeners', async () => {
  for (const value of ['env:SALLYPORT_NEVER_SET', 'file:never.txt']) {
    write(`credential: { value: "${value}" }`)
    for (const words of commands) assert.deepEqual(await run(...words), { code: 0, err: '' }, words.join(' '))
  }
})

test('what is wrong with the file itself is refused all the same', async () => {
  write('credential: { value: "hunter2" }')
  for (const words of commands) assert.equal((await run(...words)).code, 2, words.join(' '))
})

test('a check of the configuration misses a secret that is not there', async () => {
  write('credential: { value: "env:SALLYPORT_NEVER_SET" }')
  const { code, err } = await run('config', 'check')
  assert.equal(code, 2)
  assert.match(err, /SALLYPORT_NEVER_SET/)
})
