// A message that was sent before the gateway was stopped, or killed with its index not written: the agent does not hear
// of it again, and its sender is told which task came of it.

import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { loadConfig, type ConfigInput } from '../config/config.ts'
import { startGateway, type Gateway } from './gateway.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

interface Agent {
  readonly url: string
  /** texts of the messages that it was sent */
  readonly heard: string[]
  status: number
}

async function startAgent(t: TestContext): Promise<Agent> {
  const agent = { url: '', heard: [] as string[], status: 200 }
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(404).end()
      const { message } = JSON.parse(body) as { message: { parts: { text: string }[] } }
      const text = message.parts[0]?.text ?? ''
      agent.heard.push(text)
      const task = { id: `task of ${text}`, contextId: `c-${text}`, status: { state: 'TASK_STATE_WORKING' } }
      if (request.url?.endsWith(':stream') === true) {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        return response.end(`data: ${JSON.stringify({ task })}\n\n`)
      }
      return response
        .writeHead(agent.status, { 'content-type': 'application/json' })
        .end(agent.status === 200 ? JSON.stringify({ task }) : '{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  agent.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return agent
}

interface Running {
  readonly gateway: Gateway
  readonly stop: () => Promise<void>
  send(messageId: string, text: string, how?: 'send' | 'stream'): Promise<{ status: number; text: string }>
}

/** In this folder, which may be a copy. */
async function start(t: TestContext, folder: string, agent: Agent, key?: string): Promise<Running & { key: string }> {
  const file = join(folder, 'sallyport.yaml')
  const config: ConfigInput = {
    gateway: { listen: '127.0.0.1:0', bounds: { drain: '100ms' } },
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    agents: [{ name: 'a', url: agent.url, health: { interval: '0s' } }],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice'] }],
    },
  }
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const onFatal = (fault: Error): void => assert.fail(fault.message)
  const gateway = await startGateway({ loaded, dataDir: loaded.dataDir, log: silent, onFatal })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= gateway.stop())
  t.after(stop)
  const bearer = key ?? (await gateway.methods['key.create']({ name: 'alice', expiresInMs: null })).key
  return {
    gateway,
    stop,
    key: bearer,
    async send(messageId, text, how = 'send') {
      const message = { messageId, role: 'ROLE_USER', parts: [{ text }] }
      const answer = await fetch(`${gateway.url}/agents/a/message:${how}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'a2a-version': '1.0', 'content-type': 'application/json' },
        body: JSON.stringify({ message }),
      })
      return { status: answer.status, text: await answer.text() }
    },
  }
}

const endings: Readonly<Record<string, (running: Running, folder: string) => Promise<string>>> = {
  stopped: async (running, folder) => {
    await running.stop()
    return folder
  },
  // what a kill leaves: the ledger, and of the index what was written by then
  killed: async (running, folder) => {
    const copy = temporaryFolder()
    cpSync(folder, copy, { recursive: true, filter: (path) => !/\/(lock|lock\.pid|control\.sock)$/.test(path) })
    await running.stop()
    return copy
  },
}

for (const [how, end] of Object.entries(endings)) {
  test(`a message that was sent before the gateway was ${how} is not sent again`, async (t) => {
    const agent = await startAgent(t)
    const folder = temporaryFolder()
    const before = await start(t, folder, agent)
    assert.equal((await before.send('m1', 'pay')).status, 200)
    assert.equal((await before.send('m2', 'stream', 'stream')).status, 200)
    agent.status = 503
    await before.send('m3', 'not taken')
    agent.status = 200
    const heard = agent.heard.length
    const after = await start(t, await end(before, folder), agent, before.key)
    const again = await after.send('m1', 'pay')
    assert.equal(again.status, 409)
    assert.match(again.text, /DUPLICATE_MESSAGE.*"taskId":"task of pay"/)
    const stream = await after.send('m2', 'stream', 'stream')
    assert.match(stream.text, /"taskId":"task of stream"/)
    assert.match((await after.send('m1', 'pay twice')).text, /MESSAGE_ID_REUSED/)
    assert.equal(agent.heard.length, heard)
    // what the agent has not begun may be sent again
    assert.equal((await after.send('m3', 'not taken')).status, 200)
  })
}

test('an erased caller sends anew, and nothing of what it sent is on disk', async (t) => {
  const agent = await startAgent(t)
  const folder = temporaryFolder()
  const running = await start(t, folder, agent)
  await running.send('m1', 'pay')
  const request = { subject: 'key:alice', reason: 'asked', dryRun: false, approver: null, approve: null }
  await running.gateway.methods['audit.erase'](request)
  await running.gateway.state.ownership.flush()
  assert.deepEqual(running.gateway.state.ownership.sent(), [])
  await running.send('m1', 'pay')
  assert.deepEqual(agent.heard, ['pay', 'pay'])
})
