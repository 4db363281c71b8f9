// An agent as they are: it remembers what was said in a context, and tells it to whoever speaks there next. It counts
// where it gives ids of its own, so that they are easy to guess and clash with names. Both bindings, and streams.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Message {
  readonly contextId?: string
  readonly taskId?: string
  readonly parts: readonly { readonly text: string }[]
}

export interface RememberingAgent {
  readonly url: string
  /** contexts of all messages that reached it, '' where there was none */
  readonly seen: readonly string[]
  /** bodies as they arrived */
  readonly bodies: readonly string[]
  /** what was said in each context */
  readonly memory: ReadonlyMap<string, readonly string[]>
  close(): Promise<void>
}

export async function startRememberingAgent(): Promise<RememberingAgent> {
  const seen: string[] = []
  const bodies: string[] = []
  const memory = new Map<string, string[]>()
  const tasks = new Map<string, { id: string; contextId: string; [key: string]: unknown }>()
  let contexts = 0

  const hear = (message: Message): object => {
    seen.push(message.contextId ?? '')
    const before = message.taskId === undefined ? undefined : tasks.get(message.taskId)
    const contextId = message.contextId ?? before?.contextId ?? String(++contexts)
    const words = memory.get(contextId) ?? []
    memory.set(contextId, [...words, ...message.parts.map((part) => part.text)])
    const id = before?.id ?? `t-${tasks.size + 1}`
    const said = { messageId: `m-${id}`, role: 'ROLE_AGENT', contextId, taskId: id, parts: [{ text: words.join(' ') }] }
    const task = {
      id,
      contextId,
      status: { state: 'TASK_STATE_INPUT_REQUIRED', message: said },
      history: [{ ...message, contextId, taskId: id }],
      artifacts: [{ artifactId: 'a', parts: [{ data: { contextId: 'as said', number: 12345678901234567000 } }] }],
      metadata: { contextId: 'as said' },
    }
    tasks.set(id, task)
    return task
  }

  const answer = (operation: string, params: Record<string, unknown>, isRpc: boolean): unknown => {
    const task = tasks.get(String(params['id']))
    if (operation === 'SendMessage') return { task: hear(params['message'] as Message) }
    if (task === undefined) throw new Error(`no such task: ${operation} ${String(params['id'])} ${isRpc}`)
    return operation === 'CancelTask' ? { ...task, status: { state: 'TASK_STATE_CANCELED' } } : task
  }
  const stream = (response: ServerResponse, task: Record<string, unknown>, wrap: (event: unknown) => string): void => {
    const { id: taskId, contextId } = task
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const events = [
      { task },
      { artifactUpdate: { taskId, contextId, artifact: { artifactId: 'a', parts: [{ text: 'x' }] } } },
      { statusUpdate: { taskId, contextId, status: task['status'] } },
    ]
    for (const event of events) response.write(`data: ${wrap(event)}\n\n`)
    response.end()
  }

  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const url = (request.url ?? '').split('?')[0] ?? ''
      // it has no card
      if (url.includes('/.well-known/')) return void response.writeHead(404).end()
      bodies.push(body)
      const rest = /^\/tasks\/([^:/]+)(?::(\w+))?$/.exec(url)
      const asked = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>)
      const isRpc = 'method' in asked
      const verbs: Record<string, string> = { cancel: 'CancelTask', subscribe: 'SubscribeToTask' }
      const ofTask = rest === null ? undefined : (verbs[rest[2] ?? ''] ?? 'GetTask')
      const ofMessage = url.endsWith(':stream') ? 'SendStreamingMessage' : 'SendMessage'
      const operation = isRpc ? String(asked['method']) : (ofTask ?? ofMessage)
      const params = isRpc ? (asked['params'] as Record<string, unknown>) : { ...asked, ...(rest && { id: rest[1] }) }
      const wrap = (result: unknown): string =>
        JSON.stringify(isRpc ? { jsonrpc: '2.0', id: asked['id'], result } : result)
      if (operation === 'SendStreamingMessage')
        return stream(response, hear(params['message'] as Message) as Record<string, unknown>, wrap)
      const result = answer(operation, params, isRpc)
      if (operation === 'SubscribeToTask') return stream(response, result as Record<string, unknown>, wrap)
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(wrap(result))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    bodies,
    memory,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
