// The bytes of the bench's calls, and what a right answer to them holds. A call is one prebuilt buffer in which only
// ten digits change, so that the load generator costs as little as it can. Specification: A2A 1.0, JSON-RPC binding.

import type { Target, Work } from './orders.ts'

export type CallKind = Work | 'stream'

export interface CallTemplate {
  /** the whole request; the digits of call `n` are in place once `number(n)` was called */
  readonly bytes: Buffer
  readonly number: (call: number) => string
}

const digits = 10
const zeros = '0'.repeat(digits)
/** Brings a send to 1.2 KB of JSON, as a short letter to an agent has. */
const filler = 'Please add the figures of the last quarter and tell me what stands out. '.repeat(12)

export function callTemplate(target: Target, kind: CallKind, taskId = ''): CallTemplate {
  const body = bodyOf(kind, taskId)
  const head =
    `POST ${target.path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nAuthorization: Bearer ${target.key}\r\n` +
    `Content-Type: application/json\r\nAccept: ${kind === 'stream' ? 'text/event-stream' : 'application/json'}\r\n` +
    `A2A-Version: 1.0\r\nUser-Agent: bench\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  const bytes = Buffer.from(head + body, 'latin1')
  const places = findPlaces(bytes)
  const number = (call: number): string => {
    const text = String(call).padStart(digits, '0')
    for (const place of places) bytes.write(text, place, 'latin1')
    return text
  }
  return { bytes, number }
}

function bodyOf(kind: CallKind, taskId: string): string {
  if (kind === 'read') {
    return JSON.stringify({
      jsonrpc: '2.0',
      id: `c-${zeros}`,
      method: 'GetTask',
      params: { id: taskId, historyLength: 0 },
    })
  }
  return JSON.stringify({
    jsonrpc: '2.0',
    id: `c-${zeros}`,
    method: kind === 'stream' ? 'SendStreamingMessage' : 'SendMessage',
    params: {
      message: {
        messageId: `m-${zeros}`,
        role: 'ROLE_USER',
        parts: [{ text: filler, mediaType: 'text/plain' }],
        metadata: { answer: kind === 'send-message' ? 'message' : 'task', client: 'bench', locale: 'en' },
      },
      configuration: { acceptedOutputModes: ['text/plain', 'application/json'], historyLength: 0 },
    },
  })
}

function findPlaces(bytes: Buffer): readonly number[] {
  const places: number[] = []
  for (const mark of [`c-${zeros}`, `m-${zeros}`]) {
    const at = bytes.indexOf(mark)
    if (at >= 0) places.push(at + 2)
  }
  return places
}

/** Says what is wrong with an answer, or undefined. Cheap for every answer; `thorough` parses it too. */
export function findProblem(
  answer: { readonly status: number; readonly body: string },
  asked: { readonly kind: Work; readonly number: string; readonly taskId: string },
  thorough: boolean,
): string | undefined {
  const { status, body } = answer
  const expected = asked.kind === 'read' ? `"id":"${asked.taskId}"` : `m-${asked.number}`
  if (status !== 200 || !body.includes(`"c-${asked.number}"`) || !body.includes(expected)) {
    return `${asked.kind} ${asked.number} was answered ${status} ${body.slice(0, 400)}`
  }
  if (!thorough) return undefined
  const parsed = JSON.parse(body) as { id?: unknown; result?: { id?: unknown; task?: unknown; message?: unknown } }
  const result = parsed.result ?? {}
  const found = { read: result.id === asked.taskId, 'send-task': result.task, 'send-message': result.message }[
    asked.kind
  ]
  return parsed.id === `c-${asked.number}` && found
    ? undefined
    : `${asked.kind} was answered with ${body.slice(0, 400)}`
}

/** The id of the task that a right answer to `send-task` names. */
export function readTaskId(body: string): string {
  return (JSON.parse(body) as { result: { task: { id: string } } }).result.task.id
}
