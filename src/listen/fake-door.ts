// For tests of this folder: a listener on loopback with what it hands on, and clients of HTTP/2 that end with it.
// Nothing of the product imports this.

import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { systemClock } from '../base/clock.ts'
import type { Received } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { connectRaw, type RawHttp2 } from '../../test/fakes/http2-frames.ts'
import { createListener, type Listener, type ListenerTls, type Unreadable } from './listen.ts'

export interface Door {
  readonly listener: Listener
  readonly port: number
  readonly calls: Received[]
  readonly unreadable: Unreadable[]
  client(): ClientHttp2Session
  /** by hand; greets with preface and settings unless told otherwise */
  raw(greets?: boolean): Promise<RawHttp2>
}

export interface DoorOptions {
  readonly gateway?: NonNullable<Parameters<typeof snapshotOf>[0]>['gateway']
  readonly tls?: ListenerTls
  /** by default the body is read and its length told */
  readonly onCall?: (received: Received) => void
}

export async function withDoor(options: DoorOptions, work: (door: Door) => Promise<void>): Promise<void> {
  const snapshot = snapshotOf(options.gateway === undefined ? {} : { gateway: options.gateway })
  const calls: Received[] = []
  const unreadable: Unreadable[] = []
  const clients: ClientHttp2Session[] = []
  const raws: RawHttp2[] = []
  const listener = createListener({
    clock: systemClock,
    snapshot: () => snapshot,
    onCall: (received) => {
      calls.push(received)
      if (options.onCall === undefined) tellLength(received)
      else options.onCall(received)
    },
    onUnreadable: (each) => {
      unreadable.push(each)
      each.reply.send(each.refusal.code === 'LISTEN_HEAD_TOO_LARGE' ? 431 : 400, { 'x-code': each.refusal.code }, 'no')
    },
    ...(options.tls && { tls: options.tls }),
  })
  const port = await listener.listen('127.0.0.1', 0)
  try {
    await work({
      listener,
      port,
      calls,
      unreadable,
      client() {
        const scheme = options.tls === undefined ? 'http' : 'https'
        const client = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false })
        client.on('error', () => undefined)
        clients.push(client)
        return client
      },
      async raw(greets) {
        const raw = await connectRaw(port, greets)
        raws.push(raw)
        return raw
      },
    })
  } finally {
    for (const client of clients) client.destroy()
    for (const { socket } of raws) socket.destroy()
    await listener.drain(0)
  }
}

export function tellLength(received: Received): void {
  void received.readBody().then((body) => {
    if (isRefusal(body)) received.reply.send(400, { 'x-code': body.code }, body.code)
    else received.reply.send(200, {}, `got ${body.length}`)
  })
}

export interface Told {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders | undefined
  readonly body: string
  /** how the stream ended; 0 when all is well */
  readonly code: number
}

/** One request by a well-behaved client, and all that came of it. */
export function ask(client: ClientHttp2Session, fields: OutgoingHttpHeaders, body?: string | Buffer): Promise<Told> {
  return new Promise((resolve) => {
    const stream = client.request(fields, { endStream: body === undefined })
    let headers: IncomingHttpHeaders = {}
    let trailers: IncomingHttpHeaders | undefined
    let text = ''
    stream.setEncoding('utf8')
    stream.on('response', (each) => (headers = each))
    stream.on('trailers', (each) => (trailers = each))
    stream.on('data', (chunk: string) => (text += chunk))
    stream.on('error', () => undefined)
    stream.on('close', () => resolve({ headers, trailers, body: text, code: stream.rstCode ?? 0 }))
    if (body !== undefined) stream.end(body)
  })
}
