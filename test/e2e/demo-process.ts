// `bin/sallyport demo --json` as a process, with a data directory that the test can read afterwards.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import type { Binding, Operation } from '../../src/a2a/operations.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { createClient, type Answer, type Client } from './client.ts'
import { launcher, verify } from './harness.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

export interface DemoReady {
  readonly gateway: string
  readonly admin: string
  readonly dataDir: string
  readonly agents: readonly { readonly name: string; readonly url: string }[]
  readonly callers: Readonly<Record<'alice' | 'bob', { readonly id: string; readonly key: string }>>
  readonly adminToken: string
}

export interface Demo {
  readonly ready: DemoReady
  readonly client: Client
  /** all of standard output so far */
  output(): string
  ask(
    caller: 'alice' | 'bob',
    agent: string,
    operation: Operation,
    params: JsonObject,
    binding?: Binding,
  ): Promise<Answer>
  /** ends it and returns its exit code; the ledger must verify */
  stop(signal: NodeJS.Signals): Promise<number>
}

export async function startDemo(): Promise<Demo> {
  const home = temporaryFolder()
  const child = spawn(launcher, ['demo', '--json', '--port', '0', '--admin-port', '0', '--data-dir', home], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 128)))
  const line = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (out.includes('\n')) resolve(out)
    })
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const first = await Promise.race([line, ended])
  if (typeof first === 'number') throw new Error(`the demo ended with ${first}: ${err}`)
  const ready = JSON.parse(first) as DemoReady
  const client = createClient(ready.gateway)
  return {
    ready,
    client,
    output: () => out,
    ask: (caller, agent, operation, params, binding = 'JSONRPC') =>
      client.call({ binding, agent, operation, params, key: ready.callers[caller].key }),
    async stop(signal) {
      client.close()
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      const code = await ended
      clearTimeout(timer)
      try {
        assert.doesNotMatch(err, /a bug denied a call/, err.slice(-2_000))
        await verify(ready.dataDir)
      } finally {
        await rm(home, { recursive: true, force: true })
      }
      return code
    },
  }
}
