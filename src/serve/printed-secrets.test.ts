// Objects end in logs and error reports by accident. Everything that a running gateway holds is printed here in full
// depth, and what it keeps secret is searched for in what comes out.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { inspect } from 'node:util'
import { findCanaries, makeCanary } from '../../test/fakes/canary.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { loadConfig } from '../config/config.ts'
import { startGateway } from './gateway.ts'
import { loadKeyEncryptionKey } from './key-encryption-key.ts'
import { agentSecrets, compileRules } from './rules.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const print = (value: unknown): string =>
  inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: Infinity, maxStringLength: Infinity })

test('a gateway, its configuration, its state and its rules print no secret', async (t) => {
  const names = ['admin', 'credential', 'pepper', 'kek', 'stored', 'late'] as const
  const canaries = names.map((name) => makeCanary(name))
  const [admin, credential, pepper, , stored, late] = canaries.map(({ bytes }) => bytes.toString())
  const home = temporaryFolder()
  // a Buffer is printed up to its 50th byte: those that are shorter would show whole
  const shortened = canaries.map(({ name, bytes }) => ({ name, bytes: bytes.subarray(0, 32) }))
  const kek = Buffer.from(shortened[3]?.bytes ?? '')
  for (const [name, text] of Object.entries({ admin, credential, pepper, kek: kek.toString('base64url') }))
    writeFileSync(join(home, name), text ?? '', { mode: 0o600 })
  const file = join(home, 'sallyport.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      gateway: { listen: '127.0.0.1:0', bounds: { drain: '1s' } },
      admin: { listen: '127.0.0.1:0', token: 'file:admin' },
      dataDir: './data',
      identity: { apiKeys: { pepper: 'file:pepper' } },
      agents: [
        { name: 'a', url: 'http://127.0.0.1:9', credential: { value: 'file:credential' }, health: { interval: '0s' } },
      ],
      audit: { keyEncryptionKey: 'file:kek' },
    }),
  )
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const gateway = await startGateway({
    loaded,
    dataDir: loaded.dataDir,
    log: silent,
    onFatal: (fault) => assert.fail(fault),
  })
  t.after(() => gateway.stop())
  await gateway.methods['secret.set']({ name: 'crm', value: Buffer.from(stored ?? '').toString('base64') })
  const { key } = await gateway.methods['key.create']({ name: 'alice', expiresInMs: null })
  shortened.push({ name: 'key', bytes: Buffer.from(key.split('_').at(-1)?.slice(0, 43) ?? '') })
  const [agent] = loaded.config.agents
  assert.ok(agent)
  const failed = await gateway.methods['secrets.rotate']({ kek: 'file:none', goOn: false }).catch(
    (error: unknown) => error,
  )
  const thrown = await gateway.state.secrets
    .set('x'.repeat(10), Buffer.alloc(40_000, late ?? ''))
    .catch((error: unknown) => error)
  const printed = {
    loaded,
    state: gateway.state,
    gateway,
    kek: loadKeyEncryptionKey(loaded.dataDir, loaded),
    secrets: agentSecrets(agent, loaded.secrets),
    compileRules,
    failed,
    thrown,
  }
  for (const [name, value] of Object.entries(printed)) assert.deepEqual(findCanaries(print(value), shortened), [], name)
})
