// The agent of the README: `agent add` reads its card, and a call through the gateway is echoed.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { say, type Answer } from './client.ts'
import { startGateway } from './harness.ts'

const script = join(import.meta.dirname, '../../examples/echo-agent.mjs')

test('the echo agent of the README works as the README says', { timeout: 120_000 }, async (t) => {
  const agent = spawn(process.execPath, [script, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => agent.kill())
  const [line] = await once(agent.stdout.setEncoding('utf8'), 'data')
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0]
  assert.ok(url)

  const gateway = await startGateway({ agents: {} })
  try {
    const added = await gateway.command('agent', 'add', url)
    assert.deepEqual([added.code, added.stderr], [0, ''])
    assert.ok(added.stdout.startsWith(`added echo (${url}) to `), added.stdout)
    const ask = (params: JsonObject): Promise<Answer> =>
      gateway.as('alice', { binding: 'JSONRPC', agent: 'echo', operation: 'SendMessage', params })
    const { status, result } = await ask(say('hello'))
    assert.equal(status, 200)
    assert.match(JSON.stringify(result['message']), /"parts":\[\{"text":"echo: hello"\}\]/)
    const card = await gateway.command('agent', 'inspect', 'echo')
    assert.deepEqual([card.code, card.stderr], [0, ''])
  } finally {
    await gateway.stop()
  }
  const unlike = await fetch(url, { method: 'POST', body: 'no JSON' })
  assert.equal(unlike.status, 400)
  const other = await fetch(url, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'GetTask' }) })
  assert.match(await other.text(), /"code":-32004/)
})
