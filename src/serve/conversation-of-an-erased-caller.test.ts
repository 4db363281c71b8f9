// Alice is erased while the gateway runs, and bob names her task to it: he gets what a foreign one gets, the agent sees
// nothing of it, before and after a restart; alice, when she comes back, gets no more. What she called her context is a
// fresh one for both, and the id that the agent knows is nobody's to name.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startHostileAgent } from '../../test/fakes/hostile-agent.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { bindings, createClient, say, type Answer } from '../../test/e2e/client.ts'
import type { Operation } from '../a2a/operations.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { loadConfig, type ConfigInput, type LoadedConfig } from '../config/config.ts'
import { startGateway, type Gateway } from './gateway.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function configure(agentUrl: string): Promise<LoadedConfig> {
  const file = join(temporaryFolder(), 'sallyport.yaml')
  const config: ConfigInput = {
    gateway: { listen: '127.0.0.1:0', bounds: { drain: '100ms' } },
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    agents: [{ name: 'a', url: agentUrl }],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice', 'key:bob', 'key:carol'] }],
    },
  }
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded
}

async function start(t: TestContext, loaded: LoadedConfig): Promise<Gateway> {
  const onFatal = (fault: Error): void => assert.fail(fault.message)
  const gateway = await startGateway({ loaded, dataDir: loaded.dataDir, log: silent, onFatal })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= gateway.stop())
  t.after(stop)
  return { ...gateway, stop }
}

type Ask = (
  gateway: Gateway,
  key: string,
  operation: Operation,
  params: JsonObject,
  binding?: (typeof bindings)[number],
) => Promise<Answer>
const ask: Ask = async (gateway, key, operation, params, binding = 'JSONRPC') => {
  const client = createClient(gateway.url)
  try {
    return await client.call({ binding, agent: 'a', operation, params, key })
  } finally {
    client.close()
  }
}

const contextOf = (body: string): string => /"contextId":"([^"]+)"/.exec(body)?.[1] ?? ''

test('what an erased caller began is foreign to everybody, over the wire', async (t) => {
  const agent = await startHostileAgent()
  t.after(() => agent.close())
  const loaded = await configure(agent.url)
  let gateway = await start(t, loaded)
  const keys = new Map<string, string>()
  const tasks = new Map<string, string>()
  for (const name of ['alice', 'bob', 'carol'])
    keys.set(name, (await gateway.methods['key.create']({ name, expiresInMs: null })).key)
  for (const name of ['alice', 'carol']) {
    const made = await ask(gateway, keys.get(name) ?? '', 'SendMessage', say('task', { contextId: `of ${name}` }))
    tasks.set(name, (made.result['task'] as JsonObject)['id'] as string)
  }
  const request = { subject: 'key:alice', reason: 'asked', dryRun: false, approver: null, approve: null }
  const erased = await gateway.methods['audit.erase'](request)
  assert.equal(erased.kind === 'erased' && erased.ownershipRows, 2)

  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await gateway.stop()
      const bytes = ['', '-wal'].map((suffix) => {
        const path = join(loaded.dataDir, `index.db${suffix}`)
        return readFileSync(path, { encoding: 'latin1', flag: 'a+' })
      })
      // she has called since, and owns nothing
      assert.equal(bytes.join('').includes('key:alice'), false)
      gateway = await start(t, loaded)
    }
    let seen = agent.seen.length
    for (const binding of bindings) {
      const positions: [Operation, (name: string) => JsonObject][] = [
        ['SendMessage', (name) => say('task', { taskId: tasks.get(name) ?? '' })],
        ['GetTask', (name) => ({ id: tasks.get(name) ?? '' })],
        ['CancelTask', (name) => ({ id: tasks.get(name) ?? '' })],
      ]
      for (const [operation, of] of positions) {
        for (const caller of ['bob', 'alice']) {
          const key = keys.get(caller) ?? ''
          const [foreign, ofErased] = [
            await ask(gateway, key, operation, of('carol'), binding),
            await ask(gateway, key, operation, of('alice'), binding),
          ]
          assert.notEqual(foreign.error.reason, '', foreign.text)
          assert.deepEqual([ofErased.status, ofErased.error.reason], [foreign.status, foreign.error.reason], operation)
        }
      }
    }
    assert.equal(agent.seen.length, seen)
    const before = agent.seen.map(({ body }) => contextOf(body))
    // last of all: whoever names a context has one again
    for (const binding of isRestarted ? bindings : []) {
      for (const caller of ['bob', 'alice']) {
        // by her name for it, and by the id that the agent knows
        for (const contextId of ['of alice', before[0] ?? '']) {
          const made = await ask(gateway, keys.get(caller) ?? '', 'SendMessage', say('message', { contextId }), binding)
          assert.notEqual(made.result['message'], undefined, made.text)
          assert.notEqual(contextOf(agent.seen.at(-1)?.body ?? ''), before[0])
        }
      }
    }
    seen = agent.seen.length
    const listed = await ask(gateway, keys.get('alice') ?? '', 'ListTasks', {})
    assert.equal(listed.result['totalSize'], 0, listed.text)
    assert.equal(agent.seen.length, seen)
    const own = await ask(gateway, keys.get('carol') ?? '', 'GetTask', { id: tasks.get('carol') ?? '' })
    assert.equal(own.result['id'], tasks.get('carol'))
    assert.equal(agent.seen.length, seen + 1)
  }
})
