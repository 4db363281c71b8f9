// A reference to a stored secret in a running gateway: without the secret the door stays closed, with another one the
// agent gets that, and nothing that was asked for shows the value.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Fault } from '../base/fault.ts'
import { loadConfig } from '../config/config.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { createPorts } from './serve.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const value = (text: string): string => Buffer.from(text).toString('base64')

async function start(t: TestContext, file: string): Promise<Gateway> {
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const { dataDir } = loaded
  const gateway = await startGateway({ loaded, dataDir, log: silent, onFatal: (fault) => assert.fail(fault) })
  t.after(() => gateway.stop())
  return gateway
}

async function storeBeside(file: string, name: string, text: string): Promise<void> {
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok)
  const state = await createPorts().openState({ dataDir: loaded.dataDir, loaded })
  await state.methods['secret.set']({ name, value: value(text) }).finally(() => state.close())
}

test('a gateway does not start on a reference to a secret that is not stored, and says which', async (t) => {
  const file = join(temporaryFolder(), 'sallyport.yaml')
  writeFileSync(
    file,
    'gateway: { listen: "127.0.0.1:0" }\nadmin: { listen: "127.0.0.1:0", token: "secret:admin" }\ndataDir: ./data\n' +
      'agents: [{ name: a, url: "http://127.0.0.1:9", credential: { value: "secret:crm" } }]\n',
  )
  await assert.rejects(start(t, file), (error) => {
    assert.ok(error instanceof Fault && error.code === 'CONFIG_INVALID')
    assert.match(error.message, /admin\.token: .*admin; agents\[0\]\.credential\.value: .*crm/)
    assert.match(error.hint ?? '', /sallyport secret set admin/)
    return true
  })
  await storeBeside(file, 'admin', 'token')
  await assert.rejects(start(t, file), /agents\[0\]/)
  // what is stored must also be of use where it is put
  await storeBeside(file, 'crm', 'two\nlines')
  await assert.rejects(start(t, file), /agents\[0\]/)
  await storeBeside(file, 'crm', 'Bearer one')
  await start(t, file)
})

test('a secret that is set while the gateway runs is what the agent gets from then on', async (t) => {
  const seen: string[] = []
  const agent = createServer((request, response) => {
    request.resume()
    // the card is read without the credential, whenever the gateway wants it
    if (request.method === 'POST') seen.push(request.headers.authorization ?? '')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      '{"jsonrpc":"2.0","id":1,"result":{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_COMPLETED"}}}}',
    )
  })
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve))
  t.after(() => agent.close())
  const { port } = agent.address() as AddressInfo
  const file = join(temporaryFolder(), 'sallyport.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      gateway: { listen: '127.0.0.1:0', bounds: { drain: '1s' } },
      admin: { listen: '127.0.0.1:0' },
      dataDir: './data',
      agents: [
        { name: 'a', url: `http://127.0.0.1:${port}`, credential: { value: 'secret:crm' }, health: { interval: '0s' } },
      ],
      policy: {
        roles: [{ name: 'r', rules: [{ agents: ['a'], operations: ['*'] }] }],
        bindings: [{ role: 'r', callers: ['key:alice'] }],
      },
    }),
  )
  await storeBeside(file, 'crm', 'Bearer one')
  const gateway = await start(t, file)
  const { key } = await gateway.methods['key.create']({ name: 'alice', expiresInMs: null })
  const call = async (): Promise<number> =>
    (
      await fetch(`${gateway.url}/agents/a`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'a2a-version': '1.0',
          connection: 'close',
        },
        body: `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"${randomUUID()}","role":"ROLE_USER","parts":[{"text":"x"}]}}}`,
      })
    ).status
  assert.equal(await call(), 200)
  const change = await gateway.methods['secret.set']({ name: 'crm', value: value('Bearer two') })
  assert.deepEqual(
    [change.usedAt, change.needRestart, change.notTakenUp],
    [['agents[0].credential.value'], [], undefined],
  )
  assert.equal(await call(), 200)
  assert.deepEqual(seen, ['Bearer one', 'Bearer two'])
  // one that is of no use is stored, told, and not taken up
  const bad = await gateway.methods['secret.set']({ name: 'crm', value: value('two\nlines') })
  assert.match(bad.notTakenUp ?? '', /agents\[0\]/)
  assert.doesNotMatch(JSON.stringify(bad), /two|lines/)
  assert.equal(await call(), 200)
  // nor does a removal take away what runs
  await gateway.methods['secret.remove']({ name: 'crm' })
  assert.equal((await gateway.methods['policy.reload']({})).problems.length, 1)
  assert.equal(await call(), 200)
  assert.deepEqual(seen.slice(2), ['Bearer two', 'Bearer two'])
  // a rotation while calls go on
  const progress = await gateway.methods['secrets.rotate']({ kek: null, goOn: false })
  assert.ok(progress.finished)
  assert.equal(await call(), 200)
})
