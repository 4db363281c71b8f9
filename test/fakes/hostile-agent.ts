// One A2A 1.0 agent for tests, in both bindings, that does to its gateway whatever a message tells it to: the first
// text of a message is `behaviour argument`, other operations follow what was set for their task. It believes
// everything, checks nothing, and remembers every request that reached it.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { matchRestPath } from '../../src/a2a/paths.ts'
import { isOperation, type Binding, type Operation } from '../../src/a2a/operations.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/base/strict-json.ts'
import { Exchange, type Behaviour, type SeenCall } from './exchange.ts'
import { endEvent, streams, taskEvent, updateEvent } from './hostile-streams.ts'
import { rubbish } from './rubbish.ts'

export type { SeenCall } from './exchange.ts'

export interface HostileAgent {
  readonly url: string
  /** every A2A request so far; cards and health checks are not among them */
  readonly seen: readonly SeenCall[]
  /** the first request whose text, task id or message id is this one; rejects when it does not come in time */
  sawCall(textOrTaskId: string): Promise<SeenCall>
  /** what the agent does when asked about this task by anything but a message */
  behave(taskId: string, behaviour: string): void
  /** lets a `held` call or the next step of a `stream-held` go on */
  release(text: string): void
  /** the agent remembers a task that never went through the gateway */
  plant(taskId: string): void
  close(): Promise<void>
}

const agentMessage = (text: string): object => ({
  message: { messageId: randomUUID(), role: 'ROLE_AGENT', parts: [{ text }] },
})

export async function startHostileAgent(): Promise<HostileAgent> {
  const seen: SeenCall[] = []
  const watchers = new Set<() => void>()
  const scripts = new Map<string, string>()
  const gates = new Map<string, { count: number; open: (() => void)[] }>()
  const tasks = new Map<string, { id: string; contextId: string; status: { state: string } }>()
  const configs = new Map<string, Map<string, JsonObject>>()

  const gateOf = (text: string): { count: number; open: (() => void)[] } => {
    const gate = gates.get(text) ?? { count: 0, open: [] }
    gates.set(text, gate)
    return gate
  }
  const held = (text: string): Promise<void> => {
    const gate = gateOf(text)
    if (gate.count > 0) {
      gate.count -= 1
      return Promise.resolve()
    }
    return new Promise((resolve) => gate.open.push(resolve))
  }
  const makeTask = (x: Exchange, id: string, state: string): object => {
    const message = x.params['message']
    const asked = isJsonObject(message) ? message['contextId'] : undefined
    const task = { id, contextId: typeof asked === 'string' ? asked : `c-${id}`, status: { state } }
    tasks.set(id, task)
    return task
  }

  const behaviours: Record<string, Behaviour> = {
    ...streams,
    message: (x) => x.answer(agentMessage(x.argument || 'fine')),
    /** `task` or `task ID`, whoever's ID that is */
    task: (x) => x.answer({ task: makeTask(x, x.argument || x.taskId || `t-${randomUUID()}`, 'TASK_STATE_COMPLETED') }),
    'task-working': (x) => x.answer({ task: makeTask(x, `t-${randomUUID()}`, 'TASK_STATE_WORKING') }),
    /** for GetTask and CancelTask: answers about another task */
    'other-task': (x) => x.answer({ id: x.argument, contextId: 'c-x', status: { state: 'TASK_STATE_COMPLETED' } }),
    /** a new task in a context of someone else's */
    'task-in-context': (x) =>
      x.answer({ task: { id: `t-${randomUUID()}`, contextId: x.argument, status: { state: 'TASK_STATE_COMPLETED' } } }),
    /** a message that says it belongs to someone else's task */
    'message-of-task': (x) =>
      x.answer({ message: { messageId: 'm', taskId: x.argument, role: 'ROLE_AGENT', parts: [{ text: 'POISON' }] } }),
    'message-in-context': (x) =>
      x.answer({ message: { messageId: 'm', contextId: x.argument, role: 'ROLE_AGENT', parts: [{ text: 'POISON' }] } }),
    /** a new task whose history quotes someone else's */
    'history-of-task': (x) => {
      const history = [{ messageId: 'm', taskId: x.argument, role: 'ROLE_AGENT', parts: [{ text: 'POISON' }] }]
      x.answer({ task: { id: `t-${randomUUID()}`, status: { state: 'TASK_STATE_COMPLETED' }, history } })
    },
    rubbish: (x) => {
      const row = rubbish.find((candidate) => candidate.name === x.argument)
      if (row === undefined) throw new Error(`no such rubbish: ${x.argument}`)
      return row.send(x)
    },
    'agent-error': (x) => x.error(-32004, 400, 'UNSUPPORTED_OPERATION', 'not today'),
    'not-found': (x) => x.error(-32001, 404, 'TASK_NOT_FOUND', 'POISON: no such task here'),
    'huge-answer': async (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json' })
      x.write('{"POISON":"')
      await x.pour(Buffer.alloc(65_536, 'x'), 2 ** 30)
      x.end()
    },
    'huge-answer-declared': async (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 ** 30) })
      await x.pour(Buffer.alloc(65_536, 'x'), 2 ** 30)
    },
    never: () => undefined,
    'head-then-nothing': (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      x.response.flushHeaders()
    },
    'half-then-nothing': (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json' })
      x.write(x.envelope('{"message":').slice(0, -1))
    },
    /** a byte now and then, never an end */
    drip: (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => (x.gone ? clearInterval(timer) : x.write(' ')), 100)
      void x.over.then(() => clearInterval(timer))
    },
    /** a good answer, slowly */
    slow: async (x) => {
      const body = x.envelope(JSON.stringify(agentMessage('slow but fine')))
      x.response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      })
      for (const byte of Buffer.from(body)) {
        x.write(Buffer.from([byte]))
        await new Promise(setImmediate)
      }
      x.end()
    },
    reset: (x) => x.reset(),
    'reset-mid-answer': (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      x.response.write('{"POISON":', () => x.reset())
    },
    'close-mid-answer': (x) => {
      x.response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      x.response.write('{"POISON":', () => x.socket.end())
    },
    /** a good answer, and behind it one that nobody asked for */
    'answer-twice': (x) => {
      const body = x.envelope(JSON.stringify(agentMessage('first')))
      const poison = x.envelope(JSON.stringify(agentMessage('POISON')))
      const head = (length: number): string =>
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`
      x.raw(head(body.length) + body + head(poison.length) + poison)
    },
    /** `held KEY`: answers when released */
    held: async (x) => {
      await held(x.argument)
      x.answer(agentMessage('held and released'))
    },
    /** `stream-held KEY`: each event after the first waits for a release */
    'stream-held': async (x) => {
      const id = `t-${randomUUID()}`
      x.beginStream()
      x.event(taskEvent(id))
      for (let i = 0; i < 2; i++) {
        await held(x.argument)
        x.event(updateEvent(id, `step ${i}`))
      }
      await held(x.argument)
      x.event(endEvent(id))
      x.end()
    },
    known: answerAsAgentsDo,
  }

  /** What a decent agent answers to everything but messages. */
  function answerAsAgentsDo(x: Exchange): void {
    const task = tasks.get(x.taskId)
    const own = configs.get(x.taskId) ?? new Map<string, JsonObject>()
    const configId = typeof x.params['id'] === 'string' ? x.params['id'] : randomUUID()
    if (x.operation === 'GetExtendedAgentCard') return x.answer(card('http://unused.invalid'))
    if (task === undefined) return x.error(-32001, 404, 'TASK_NOT_FOUND', 'no such task here')
    switch (x.operation) {
      case 'CancelTask':
        return x.answer({ ...task, status: { state: 'TASK_STATE_CANCELED' } })
      case 'SubscribeToTask':
        x.beginStream()
        x.event({ task })
        return x.end()
      case 'CreateTaskPushNotificationConfig': {
        const config = { ...x.params, id: configId, taskId: x.taskId }
        configs.set(x.taskId, own.set(configId, config))
        return x.answer(config)
      }
      case 'GetTaskPushNotificationConfig':
        return x.answer(own.get(configId) ?? {})
      case 'ListTaskPushNotificationConfigs':
        return x.answer({ configs: [...own.values()] })
      case 'DeleteTaskPushNotificationConfig':
        own.delete(configId)
        return x.binding === 'JSONRPC' ? x.answer(null) : void x.response.writeHead(204).end()
      default:
        return x.answer(task)
    }
  }

  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(request, response).catch((error: unknown) => {
      // a test asked for something that does not exist: make it loud
      process.stderr.write(`hostile agent: ${String(error)}\n`)
      response.destroy()
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    const body = bytes.toString()
    if ((request.url ?? '').endsWith('/.well-known/agent-card.json')) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(card(url)))
      return
    }
    const call = understand(request, body)
    const script = call.text === '' ? (scripts.get(call.taskId) ?? 'known') : call.text
    const [name = '', ...rest] = script.split(' ')
    const x = new Exchange(request, response, { ...call, argument: rest.join(' ') })
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: joinHeaders(request.rawHeaders),
      body,
      bytes,
      binding: call.binding,
      operation: call.operation,
      text: call.text,
      messageId: call.messageId,
      taskId: call.taskId,
      sentBytes: () => x.sentBytes,
      isPaused: () => response.writableNeedDrain,
      over: x.over,
    })
    for (const watcher of watchers) watcher()
    await (behaviours[name] ?? behaviours['message'])?.(x)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a2a`

  return {
    url,
    seen,
    async sawCall(wanted) {
      const deadline = AbortSignal.timeout(10_000)
      for (;;) {
        const found = seen.find((call) => call.text === wanted || call.taskId === wanted || call.messageId === wanted)
        if (found !== undefined) return found
        if (deadline.aborted) throw new Error(`the agent never saw ${wanted}`)
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            watchers.delete(wake)
            resolve()
          }
          watchers.add(wake)
          deadline.addEventListener('abort', wake, { once: true })
        })
      }
    },
    behave: (taskId, behaviour) => void scripts.set(taskId, behaviour),
    release(text) {
      const gate = gateOf(text)
      const next = gate.open.shift()
      if (next === undefined) gate.count += 1
      else next()
    },
    plant: (id) => void tasks.set(id, { id, contextId: `c-${id}`, status: { state: 'TASK_STATE_COMPLETED' } }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Understood {
  readonly binding: Binding
  readonly operation: Operation | ''
  readonly params: JsonObject
  readonly requestId: string
  readonly taskId: string
  readonly text: string
  readonly messageId: string
}

function understand(request: IncomingMessage, body: string): Understood {
  const value = parse(body)
  const path = (request.url ?? '').split('?')[0]?.slice('/a2a'.length) ?? ''
  const isJsonRpc = path === '' || path === '/'
  const rest = matchRestPath(request.method ?? '', path)
  const method = isJsonRpc ? value['method'] : typeof rest === 'string' ? '' : rest.operation
  const operation = typeof method === 'string' && isOperation(method) ? method : ''
  const params = isJsonRpc
    ? objectOf(value['params'])
    : { ...value, ...(typeof rest !== 'string' && rest.configId !== '' && { id: rest.configId }) }
  const message = objectOf(params['message'])
  const parts = Array.isArray(message['parts']) ? message['parts'] : []
  const isConfig = operation.includes('PushNotificationConfig')
  const named = isJsonRpc ? (isConfig ? params['taskId'] : params['id']) : typeof rest === 'string' ? '' : rest.taskId
  return {
    binding: isJsonRpc ? 'JSONRPC' : 'HTTP+JSON',
    operation,
    params,
    requestId: JSON.stringify(value['id'] ?? null),
    taskId: textOf(message['taskId']) || textOf(named),
    text: textOf(objectOf(parts[0])['text']),
    messageId: textOf(message['messageId']),
  }
}

function parse(body: string): JsonObject {
  try {
    return objectOf(JSON.parse(body) as JsonValue)
  } catch {
    return {} // a body that is not JSON is a fact for the test to look at
  }
}

const objectOf = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {})
const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

function joinHeaders(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    headers[name] = headers[name] === undefined ? (raw[i + 1] ?? '') : `${headers[name]}, ${raw[i + 1] ?? ''}`
  }
  return headers
}

function card(url: string): object {
  return {
    name: 'hostile',
    description: 'does what it is told',
    version: '1.0.0',
    supportedInterfaces: [
      { url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
      { url, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
    ],
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'anything', name: 'anything', description: 'anything', tags: ['test'] }],
  }
}
