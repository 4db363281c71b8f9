// The agent behind every proxy of the bench: A2A 1.0 JSON-RPC on raw sockets, so that it costs less than any proxy in
// front of it. It answers sends with a message or a new task (as the message's metadata asks), reads with a task it
// made, and streams with one event and then silence. It speaks only the HTTP that well-behaved proxies speak.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { BackendOrder } from './orders.ts'

interface Call {
  readonly id: string
  readonly method: string
  readonly params: {
    readonly id?: string
    readonly message?: { readonly messageId: string; readonly metadata: { readonly answer: string } }
  }
}

const mostTasks = 500_000
const tasks = new Map<string, string>()
const streams = new Map<Socket, { readonly id: string; readonly taskId: string }>()
/** events that every stream had so far */
let turn = 0
const findings = 'Revenue rose by four percent; travel costs doubled in the second month and want a look. '.repeat(3)

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer | undefined
  socket.on('data', (chunk: Buffer) => {
    let left: Buffer = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    for (let used = takeRequest(socket, left); used > 0; used = takeRequest(socket, left)) left = left.subarray(used)
    rest = left.length > 0 ? left : undefined
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => streams.delete(socket))
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit(0))
process.on('message', (order: BackendOrder) => {
  if (order.kind !== 'event-to-every-stream') return
  turn++
  for (const [socket, { id, taskId }] of streams) socket.write(chunkOf(eventOf(resultOf(id, statusUpdate(taskId)))))
})

/** Answers the request that `bytes` begin with; how many bytes it was, 0 while it is not all there. */
function takeRequest(socket: Socket, bytes: Buffer): number {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return 0
  const head = bytes.toString('latin1', 0, headEnd)
  if (head.startsWith('GET ')) {
    answer(socket, card())
    return headEnd + 4
  }
  const length = /\r\ncontent-length: ?(\d+)/i.exec(head)
  if (length === null) {
    socket.end('HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n')
    return 0
  }
  const end = headEnd + 4 + Number(length[1])
  if (bytes.length < end) return 0
  act(socket, JSON.parse(bytes.toString('utf8', headEnd + 4, end)) as Call)
  return end
}

function act(socket: Socket, call: Call): void {
  const { message } = call.params
  if (call.method === 'GetTask') {
    const taskId = call.params.id ?? ''
    const contextId = tasks.get(taskId)
    if (contextId === undefined) return answer(socket, errorOf(call.id, -32001, 'task not found'))
    return answer(socket, resultOf(call.id, taskJson(taskId, contextId, 'm-')))
  }
  if (message === undefined) return answer(socket, errorOf(call.id, -32601, 'method not found'))
  if (call.method === 'SendStreamingMessage') return openStream(socket, call.id)
  if (message.metadata.answer === 'message')
    return answer(socket, resultOf(call.id, `{"message":${replyJson(message.messageId)}}`))
  const [taskId, contextId] = addTask()
  answer(socket, resultOf(call.id, `{"task":${taskJson(taskId, contextId, message.messageId)}}`))
}

function openStream(socket: Socket, id: string): void {
  const [taskId, contextId] = addTask()
  streams.set(socket, { id, taskId })
  socket.write(
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n' +
      chunkOf(
        eventOf(
          resultOf(
            id,
            `{"task":{"id":"${taskId}","contextId":"${contextId}","status":{"state":"TASK_STATE_WORKING"}}}`,
          ),
        ),
      ),
    'latin1',
  )
}

function addTask(): readonly [taskId: string, contextId: string] {
  const taskId = randomUUID()
  const contextId = randomUUID()
  if (tasks.size >= mostTasks) tasks.delete(tasks.keys().next().value ?? '')
  tasks.set(taskId, contextId)
  return [taskId, contextId]
}

function answer(socket: Socket, body: string): void {
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  )
}

function resultOf(id: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`
}

function errorOf(id: string, code: number, text: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":{"code":${code},"message":"${text}"}}`
}

function replyJson(messageId: string): string {
  return `{"messageId":"r-${messageId}","contextId":"${randomUUID()}","role":"ROLE_AGENT","parts":[{"text":"${findings}"}]}`
}

function taskJson(taskId: string, contextId: string, messageId: string): string {
  return `{"id":"${taskId}","contextId":"${contextId}","status":{"state":"TASK_STATE_COMPLETED","timestamp":"2026-11-01T12:00:00.000Z"},"artifacts":[{"artifactId":"a-${messageId}","parts":[{"text":"${findings}"}]}]}`
}

function statusUpdate(taskId: string): string {
  return `{"statusUpdate":{"taskId":"${taskId}","contextId":"${tasks.get(taskId) ?? ''}","status":{"state":"TASK_STATE_WORKING"},"metadata":{"turn":${turn}}}}`
}

function eventOf(json: string): string {
  return `data: ${json}\n\n`
}

function chunkOf(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

function card(): string {
  return JSON.stringify({
    name: 'bench',
    description: 'answers whatever it is sent',
    version: '1.0.0',
    supportedInterfaces: [{ url: 'http://127.0.0.1', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'answer', name: 'answer', description: 'answers', tags: ['bench'] }],
  })
}
