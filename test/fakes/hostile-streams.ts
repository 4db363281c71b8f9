// Streams that misbehave, and a few that behave. A stream is begun by the name in the message's first text.

import { randomUUID } from 'node:crypto'
import type { Binding } from '../../src/a2a/operations.ts'
import type { RefusalCode } from '../../src/refusal/refusal.ts'
import type { Behaviour, Exchange } from './exchange.ts'

const working = { state: 'TASK_STATE_WORKING' }
const completed = { state: 'TASK_STATE_COMPLETED' }
export const taskEvent = (taskId: string): object => ({
  task: { id: taskId, contextId: `c-${taskId}`, status: working },
})
export const updateEvent = (taskId: string, text: string): object => ({
  artifactUpdate: { taskId, contextId: `c-${taskId}`, artifact: { artifactId: 'a', parts: [{ text }] } },
})
export const endEvent = (taskId: string): object => ({
  statusUpdate: { taskId, contextId: `c-${taskId}`, status: completed },
})

export interface StreamTrick {
  readonly name: string
  /** what ends the stream; undefined: the stream is good and must end well */
  readonly becomes: RefusalCode | undefined
  readonly only?: Binding
  /** called after a good first event */
  readonly go: (exchange: Exchange, taskId: string) => void | Promise<void>
}

const line = (x: Exchange, event: object): string => `data: ${x.envelope(JSON.stringify(event))}`
const bad = (name: string, go: StreamTrick['go'], only?: Binding): StreamTrick => ({
  name,
  becomes: 'RELEASE_INVALID_ANSWER',
  go: async (x, id) => {
    await go(x, id)
    x.end()
  },
  ...(only && { only }),
})
const good = (name: string, go: StreamTrick['go']): StreamTrick => ({
  name,
  becomes: undefined,
  go: async (x, id) => {
    await go(x, id)
    x.event(endEvent(id))
    x.end()
  },
})

// prettier-ignore
export const streamTricks: readonly StreamTrick[] = [
  // one event, however it is cut and dressed
  good('crlf', (x, id) => void x.write(`${line(x, updateEvent(id, 'fine'))}\r\n\r\n`)),
  good('comments-and-retry', (x, id) => void x.write(`: hello\nretry: 5\nid: 7\n${line(x, updateEvent(id, 'fine'))}\n\n`)),
  good('two-events-in-a-chunk', (x, id) => void x.write(`${line(x, updateEvent(id, 'fine'))}\n\n${line(x, updateEvent(id, 'fine'))}\n\n`)),
  good('no-space-after-colon', (x, id) => void x.write(`${line(x, updateEvent(id, 'fine')).replace('data: ', 'data:')}\n\n`)),
  good('an-event-byte-by-byte', async (x, id) => {
    for (const byte of Buffer.from(`${line(x, updateEvent(id, 'fine \u{1f6aa}'))}\n\n`)) {
      x.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
  }),
  // events nobody may see
  bad('html', (x) => void x.write('<html>POISON</html>\n\n')),
  bad('not-json', (x) => void x.write('data: POISON\n\n')),
  bad('duplicate-keys', (x, id) => void x.write(`data: ${x.envelope(`{"statusUpdate":{"taskId":"${id}","taskId":"POISON","status":{"state":"TASK_STATE_WORKING"}}}`)}\n\n`)),
  bad('snake-case-alias', (x, id) => void x.write(`data: ${x.envelope(`{"statusUpdate":{"taskId":"${id}","context_id":"POISON","status":{"state":"TASK_STATE_WORKING"}}}`)}\n\n`)),
  bad('two-kinds-in-one', (x, id) => void x.event({ ...taskEvent(id), ...updateEvent(id, 'POISON') })),
  bad('lone-cr-line-ends', (x, id) => void x.write(`data: {"POISON":1}\r${line(x, updateEvent(id, 'POISON'))}\n\n`)),
  bad('byte-order-mark', (x, id) => void x.write(`\ufeff${line(x, updateEvent(id, 'POISON'))}\n\n`)),
  bad('bad-utf-8', (x, id) => void x.write(Buffer.from(`${line(x, updateEvent(id, 'POISON\u00ff'))}\n\n`, 'latin1'))),
  bad('event-of-unknown-kind', (x, id) => void x.write(`event: poison\n${line(x, updateEvent(id, 'POISON'))}\n\n`)),
  bad('field-of-unknown-name', (x, id) => void x.write(`poison: 1\n${line(x, updateEvent(id, 'POISON'))}\n\n`)),
  bad('result-in-an-error-event', (x, id) => void x.write(`event: error\n${line(x, updateEvent(id, 'POISON'))}\n\n`)),
  bad('an-event-of-another-request', (x, id) => void x.write(`data: {"jsonrpc":"2.0","id":"POISON","result":${JSON.stringify(updateEvent(id, 'POISON'))}}\n\n`), 'JSONRPC'),
  bad('result-and-error', (x, id) => void x.write(`data: {"jsonrpc":"2.0","id":${x.requestId},"result":${JSON.stringify(updateEvent(id, 'POISON'))},"error":{"code":1,"message":"POISON"}}\n\n`), 'JSONRPC'),
]

/** Streams by name, for messages. */
export const streams: Readonly<Record<string, Behaviour>> = {
  /** `stream N`: a task, N artifact updates, completion */
  stream: (x) => {
    const id = openTask(x)
    for (let i = 0; i < Number.parseInt(x.argument || '3', 10); i++) x.event(updateEvent(id, `step ${i}`))
    x.event(endEvent(id))
    x.end()
  },
  /** a task and then silence for ever */
  'stream-silent': (x) => void openTask(x),
  /** a head and then silence for ever */
  'stream-without-events': (x) => x.beginStream(),
  /** events without end, as fast as they are taken */
  'stream-endless': async (x) => {
    const id = openTask(x)
    await x.pour(Buffer.from(`${line(x, updateEvent(id, 'x'.repeat(4_000)))}\n\n`), Infinity)
  },
  /** one event that never ends */
  'stream-huge-event': async (x) => {
    openTask(x)
    x.write('data: {"POISON":"')
    await x.pour(Buffer.alloc(65_536, 'x'), 2 ** 30)
  },
  /** one event of many short lines that never ends */
  'stream-huge-event-of-lines': async (x) => {
    openTask(x)
    await x.pour(Buffer.from('data: "POISON"\n'.repeat(1_000)), 2 ** 30)
  },
  /** the last event has no blank line behind it */
  'stream-unfinished': (x) => {
    x.write(`${line(x, updateEvent(openTask(x), 'POISON'))}\n`)
    x.end()
  },
  'stream-reset': (x) => {
    openTask(x)
    // a reset discards what the other side has not read: give it time to read the event
    setTimeout(() => x.reset(), 100)
  },
  /** ends in the middle of a chunk */
  'stream-cut': (x) => {
    openTask(x)
    setTimeout(() => x.socket.end('fff\r\ndata: POI'), 100)
  },
  /** `stream-foreign ID`: begins well, then speaks of someone else's task */
  'stream-foreign': (x) => {
    const id = openTask(x)
    x.event(updateEvent(id, 'mine'))
    x.event(updateEvent(x.argument, 'POISON'))
    x.end()
  },
  /** `stream-task ID`: the first event is someone else's task */
  'stream-task': (x) => {
    x.beginStream()
    x.event(taskEvent(x.argument))
    x.end()
  },
  /** an agent's own error in mid-stream */
  'stream-error': (x) => {
    openTask(x)
    const error = { code: x.binding === 'JSONRPC' ? -32004 : 400, message: 'not today' }
    if (x.binding === 'JSONRPC')
      x.write(`event: error\ndata: {"jsonrpc":"2.0","id":${x.requestId},"error":${JSON.stringify(error)}}\n\n`)
    else
      x.write(
        `event: error\ndata: ${JSON.stringify({ error: { ...error, status: 'FAILED_PRECONDITION', details: [] } })}\n\n`,
      )
    x.end()
  },
  /** `stream-trick NAME` */
  'stream-trick': async (x) => {
    const trick = streamTricks.find((candidate) => candidate.name === x.argument)
    if (trick === undefined) throw new Error(`no such trick: ${x.argument}`)
    await trick.go(x, openTask(x))
  },
}

function openTask(x: Exchange): string {
  const id = x.taskId === '' ? `t-${randomUUID()}` : x.taskId
  x.beginStream()
  x.event(taskEvent(id))
  return id
}
