// For tests of this folder: one agent on loopback that keeps tasks, and a gateway before it that can be stopped, killed
// or bereft of its index, and started again where it lay. Nothing of the product imports this.

import assert from 'node:assert/strict'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { loadConfig, type ConfigInput } from '../config/config.ts'
import { startGateway, type Gateway } from './gateway.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

export interface FakeAgent {
  readonly url: string
  /** texts of the messages that it was sent */
  readonly heard: string[]
  /** tasks by id, with their states; a message `x` makes `task of x`, which it can be asked about */
  readonly tasks: Map<string, string>
  /** streams that it holds open */
  readonly streams: ServerResponse[]
  /** what messages are answered with; 200 for a task */
  status: number
  /** streams stay open after their first event */
  holds: boolean
}

export async function startFakeAgent(t: TestContext): Promise<FakeAgent> {
  const agent: FakeAgent & { url: string } = {
    url: '',
    heard: [],
    tasks: new Map(),
    streams: [],
    status: 200,
    holds: false,
  }
  const taskOf = (id: string): object => ({
    id,
    contextId: `c-${id}`,
    status: { state: agent.tasks.get(id) ?? 'TASK_STATE_WORKING' },
  })
  const answer = (response: ServerResponse, value: object, streams: boolean): void => {
    if (!streams) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`data: ${JSON.stringify(value)}\n\n`)
    if (agent.holds) agent.streams.push(response)
    else response.end()
  }
  /** in both JSON bindings */
  const serve = (url: string, body: string, response: ServerResponse): void => {
    const parsed = (body === '' ? {} : JSON.parse(body)) as {
      id?: unknown
      method?: string
      params?: { id?: string; message?: { taskId?: string; parts: { text: string }[] } }
      message?: { taskId?: string; parts: { text: string }[] }
    }
    const isJsonRpc = parsed.method !== undefined
    const dress = (value: object): object => (isJsonRpc ? { jsonrpc: '2.0', id: parsed.id, result: value } : value)
    const message = parsed.message ?? parsed.params?.message
    const streams = /Stream|Subscribe/.test(parsed.method ?? '') || /:(stream|subscribe)/.test(url)
    if (message === undefined) {
      const path = /\/tasks\/([^:/?]+)/.exec(url)?.[1]
      const id = parsed.params?.id ?? decodeURIComponent(path ?? '')
      if (!agent.tasks.has(id)) return void response.writeHead(404).end()
      return answer(response, dress(streams ? { task: taskOf(id) } : taskOf(id)), streams)
    }
    const text = message.parts[0]?.text ?? ''
    agent.heard.push(text)
    if (agent.status !== 200) return void response.writeHead(agent.status).end()
    const id = message.taskId ?? `task of ${text}`
    if (!agent.tasks.has(id)) agent.tasks.set(id, 'TASK_STATE_WORKING')
    return answer(response, dress({ task: taskOf(id) }), streams)
  }
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => serve(request.url ?? '', body, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  agent.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return agent
}

export interface Running {
  readonly gateway: Gateway
  readonly folder: string
  /** the API keys of alice and bob */
  readonly keys: readonly string[]
  stop(): Promise<void>
  /** a request in the HTTP+JSON binding; `body` makes it a POST */
  ask(path: string, body?: object, key?: string): Promise<{ readonly status: number; readonly text: string }>
  send(messageId: string, text: string, more?: object): ReturnType<Running['ask']>
}

export interface RestartOptions {
  readonly folder?: string
  readonly keys?: readonly string[]
  readonly agent?: Partial<NonNullable<ConfigInput['agents']>[number]>
  readonly config?: ConfigInput
}

/** In a folder of its own, or in one where a gateway lay before. */
export async function startRunning(t: TestContext, agent: FakeAgent, options: RestartOptions = {}): Promise<Running> {
  const folder = options.folder ?? temporaryFolder()
  const file = join(folder, 'sallyport.yaml')
  const config: ConfigInput = {
    gateway: { listen: '127.0.0.1:0', bounds: { drain: '100ms' } },
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    agents: [{ name: 'a', url: agent.url, health: { interval: '0s' }, ...options.agent }],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice', 'key:bob'] }],
    },
    ...options.config,
  }
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const onFatal = (fault: Error): void => assert.fail(fault.message)
  const gateway = await startGateway({ loaded, dataDir: loaded.dataDir, log: silent, onFatal })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= gateway.stop())
  t.after(stop)
  const create = async (name: string): Promise<string> =>
    (await gateway.methods['key.create']({ name, expiresInMs: null })).key
  const keys = options.keys ?? [await create('alice'), await create('bob')]
  const running: Running = {
    gateway,
    folder,
    keys,
    stop,
    async ask(path, body, key = keys[0]) {
      const answer = await fetch(`${gateway.url}/agents/a${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${key}`, 'a2a-version': '1.0', 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: answer.status, text: await answer.text() }
    },
    send: (messageId, text, more) =>
      running.ask('/message:send', { message: { messageId, role: 'ROLE_USER', parts: [{ text }], ...more } }),
  }
  return running
}

/** How a gateway may come to an end. Each answers the folder where the next one is to start. */
export const endings: Readonly<
  Record<'stopped' | 'killed' | 'bereft of its index', (running: Running) => Promise<string>>
> = {
  stopped: async (running) => {
    await running.stop()
    return running.folder
  },
  // what a kill leaves: the ledger, and of the index what was written by then
  killed: async (running) => {
    const copy = temporaryFolder()
    const isLock = (path: string): boolean => /\/(lock|lock\.pid|control\.sock)$/.test(path)
    cpSync(running.folder, copy, { recursive: true, filter: (path) => !isLock(path) })
    await running.stop()
    return copy
  },
  'bereft of its index': async (running) => {
    await running.stop()
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(running.folder, 'data', `index.db${suffix}`), { force: true })
    return running.folder
  },
}
