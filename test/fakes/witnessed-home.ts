// A gateway with an agent and a caller in a folder of its own, to be started with witnesses of the test's choice, as
// often as the test wants. Its log has begun, so that a witness can be told of its key.

import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { loadConfig, type ConfigInput } from '../../src/config/config.ts'
import { startGateway, type Gateway } from '../../src/serve/gateway.ts'
import { createClient, say, type Answer } from '../e2e/client.ts'
import { startHostileAgent } from './hostile-agent.ts'
import { openTestWitness, type TestWitness } from './small-log.ts'
import { temporaryFolder } from './temporary-folder.ts'

export type WitnessInput = NonNullable<ConfigInput['audit']>['witness']

export interface WitnessedHome {
  readonly dir: string
  readonly data: string
  readonly logFolder: string
  readonly warnings: string[]
  start(witness: WitnessInput): Promise<Gateway>
  /** a good call by alice */
  call(gateway: Gateway): Promise<Answer>
  readonly seenByAgent: () => number
}

export async function makeWitnessedHome(t: TestContext): Promise<WitnessedHome> {
  const dir = temporaryFolder()
  const agent = await startHostileAgent()
  t.after(() => agent.close())
  const warnings: string[] = []
  const start = async (witness: WitnessInput): Promise<Gateway> => {
    const file = join(dir, 'sallyport.yaml')
    const config: ConfigInput = {
      gateway: { listen: '127.0.0.1:0', bounds: { drain: '100ms' } },
      admin: { listen: '127.0.0.1:0' },
      dataDir: './data',
      agents: [{ name: 'a', url: agent.url }],
      policy: {
        roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
        bindings: [{ role: 'user', callers: ['key:alice'] }],
      },
      audit: { witness },
    }
    writeFileSync(file, JSON.stringify(config))
    const loaded = await loadConfig(file)
    assert.ok(loaded.ok, JSON.stringify(loaded))
    const warn = (fields: object, message: string): void => void warnings.push(`${message} ${JSON.stringify(fields)}`)
    const log = { info: () => undefined, warn, error: warn }
    return await startGateway({ loaded, dataDir: loaded.dataDir, log, onFatal: (fault) => assert.fail(fault) })
  }
  // a witness must know the key of a log before the log asks it
  const first = await start(undefined)
  const { key } = await first.methods['key.create']({ name: 'alice', expiresInMs: null })
  await first.stop()
  const data = join(dir, 'data')
  const [name = ''] = readdirSync(join(data, 'ledger'))
  return {
    dir,
    data,
    logFolder: join(data, 'ledger', name),
    warnings,
    start,
    async call(gateway) {
      const client = createClient(gateway.url)
      try {
        const params = say('message')
        return await client.call({ binding: 'JSONRPC', agent: 'a', operation: 'SendMessage', params, key })
      } finally {
        client.close()
      }
    },
    seenByAgent: () => agent.seen.length,
  }
}

export const openFor = ({ logFolder }: WitnessedHome, name: string, port = 0): Promise<TestWitness> =>
  openTestWitness({ name, port, files: [join(logFolder, 'key.vkey')] })

export const isReady = async ({ adminUrl }: Gateway): Promise<boolean> =>
  (await fetch(`${adminUrl}/readyz`)).status === 200

export async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 10_000; Date.now() < endMs; await wait(20)) if (await look()) return
  assert.fail(`not in time: ${what}`)
}
