// One keep-alive HTTP/1.1 connection of the load generator on a raw socket: writes prebuilt requests, reads answers
// with a length or in chunks, counts the events of a stream. It reads only what well-behaved servers send; anything
// else is reported as lost, never repaired.

import { connect } from 'node:net'

export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Connection {
  send(bytes: Buffer): void
  close(): void
}

export interface ConnectionEvents {
  readonly ready: () => void
  readonly answer: (answer: Answer) => void
  /** one event of a stream that the answer opened; an error in its place counts as the loss of the stream */
  readonly event: (line: string) => void
  readonly lost: (reason: string) => void
}

// Reads are taken out of it before the next socket is read, so that all connections share one.
const shared = Buffer.allocUnsafe(65_536)

export function openConnection(port: number, events: ConnectionEvents): Connection {
  let rest = ''
  let isStream = false
  let isClosed = false
  const take = (text: string): void => {
    rest += text
    if (isStream) return takeEvents()
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = rest.slice(0, headEnd).toLowerCase()
    if (head.includes('\r\ncontent-type: text/event-stream')) {
      isStream = true
      rest = rest.slice(headEnd + 4)
      return takeEvents()
    }
    const body = readBody(head, rest, headEnd + 4)
    if (body === undefined) return
    rest = ''
    events.answer({ status: Number(head.slice(9, 12)), body })
  }
  const takeEvents = (): void => {
    for (let at = rest.indexOf('data:'); at >= 0; at = rest.indexOf('data:')) {
      const lineEnd = rest.indexOf('\n', at)
      if (lineEnd < 0) return
      const line = rest.slice(at, lineEnd)
      rest = rest.slice(lineEnd)
      // A proxy that does not like an event says so in one of its own.
      if (line.includes('"error":')) lose(`the stream went wrong: ${line}`)
      else events.event(line)
    }
    // Half of the word may have arrived.
    rest = rest.slice(-4)
  }
  const lose = (reason: string): void => {
    if (isClosed) return
    isClosed = true
    socket.destroy()
    events.lost(reason)
  }
  const socket = connect({
    host: '127.0.0.1',
    port,
    noDelay: true,
    onread: {
      buffer: shared,
      callback: (size) => {
        take(shared.toString('latin1', 0, size))
        return true
      },
    },
  })
  socket.on('connect', events.ready)
  socket.on('error', (error) => lose(error.message))
  socket.on('close', () => lose('the connection was closed'))
  return {
    send: (bytes) => void socket.write(bytes),
    close: () => {
      isClosed = true
      socket.destroy()
    },
  }
}

/** The body when all of it is there. Nothing may follow it: the next request has not been sent yet. */
function readBody(head: string, text: string, start: number): string | undefined {
  const field = head.indexOf('\r\ncontent-length:')
  if (field >= 0) {
    const length = Number.parseInt(head.slice(field + 17), 10)
    return text.length >= start + length ? text.slice(start, start + length) : undefined
  }
  if (!head.includes('\r\ntransfer-encoding: chunked')) throw new Error('an answer has neither length nor chunks')
  let body = ''
  for (let at = start; ;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    if (text.length < lineEnd + 2 + size + 2) return undefined
    if (size === 0) return body
    body += text.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}
