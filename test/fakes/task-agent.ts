// An agent with tasks that go on: whoever subscribes to one gets it as it is by now, and from then on every event of it,
// however many subscribe. In both JSON bindings, A2A 1.0. For tests; a test moves its tasks by hand.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface TaskAgent {
  readonly url: string
  /** how many subscribers it has now */
  subscribers(taskId: string): number
  /** tells all subscribers; a final state ends their streams */
  say(taskId: string, state: string): void
  close(): void
}

interface Subscriber {
  readonly response: ServerResponse
  readonly dress: (result: object) => object
}

const isFinal = (state: string): boolean => /COMPLETED|FAILED|CANCELED|REJECTED/.test(state)

export async function startTaskAgent(): Promise<TaskAgent> {
  const states = new Map<string, string>()
  const streams = new Map<string, Set<Subscriber>>()
  let made = 0

  const taskOf = (id: string): object => ({ id, contextId: `c-${id}`, status: { state: states.get(id) } })
  const event = (result: object): string => `data: ${JSON.stringify(result)}\n\n`
  const subscribe = (id: string, subscriber: Subscriber): void => {
    const { response, dress } = subscriber
    const all = streams.get(id) ?? new Set()
    streams.set(id, all.add(subscriber))
    response.once('close', () => all.delete(subscriber))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event(dress({ task: taskOf(id) })))
  }

  const serve = (url: string, body: string, response: ServerResponse): void => {
    const request = (body === '' ? {} : JSON.parse(body)) as {
      id?: unknown
      method?: string
      params?: { id?: string; message?: object }
      message?: object
    }
    const isJsonRpc = request.method !== undefined
    const dress = (result: object): object => (isJsonRpc ? { jsonrpc: '2.0', id: request.id, result } : result)
    const isMessage = (request.message ?? request.params?.message) !== undefined
    const id = isMessage ? `t${++made}` : (request.params?.id ?? /\/tasks\/([^:/?]+)/.exec(url)?.[1] ?? '')
    if (isMessage) states.set(id, 'TASK_STATE_WORKING')
    if (!states.has(id)) return void response.writeHead(404).end()
    if (/Stream|Subscribe/.test(request.method ?? '') || /:(stream|subscribe)/.test(url))
      return subscribe(id, { response, dress })
    const result = isMessage ? { task: taskOf(id) } : taskOf(id)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(dress(result)))
  }

  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => serve(request.url ?? '', body, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subscribers: (taskId) => streams.get(taskId)?.size ?? 0,
    say(taskId, state) {
      states.set(taskId, state)
      for (const { response, dress } of streams.get(taskId) ?? []) {
        response.write(event(dress({ statusUpdate: { taskId, contextId: `c-${taskId}`, status: { state } } })))
        if (isFinal(state)) response.end()
      }
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
