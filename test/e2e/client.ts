// A plain caller for the end-to-end tests: A2A 1.0 in both bindings over node:http, server-sent events one by one,
// and raw sockets for what no HTTP client would send. It repairs nothing and retries nothing.

import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { randomUUID } from 'node:crypto'
import { buildRestPath } from '../../src/a2a/paths.ts'
import type { Binding, Operation } from '../../src/a2a/operations.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/base/strict-json.ts'

export const bindings: readonly Binding[] = ['JSONRPC', 'HTTP+JSON']

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: JsonObject
  /** the A2A error in it, whichever the binding; all empty when it holds none */
  readonly error: { readonly code: number; readonly reason: string; readonly message: string }
  /** the JSON-RPC result, or the HTTP+JSON body */
  readonly result: JsonObject
}

export interface HttpCall {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer | AsyncIterable<Buffer>
  readonly signal?: AbortSignal
}

export interface OperationCall {
  readonly binding: Binding
  readonly agent: string
  readonly operation: Operation
  readonly params?: JsonObject
  /** the JSON-RPC id; 1 unless given */
  readonly id?: string | number
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** A message whose one text tells the hostile agent what to do. */
export function say(text: string, fields: JsonObject = {}): JsonObject {
  return { message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }], ...fields } }
}

/** The HTTP request that an operation is in a binding. */
export function spell(call: OperationCall): HttpCall {
  const params = call.params ?? {}
  const headers: Record<string, string> = {
    'a2a-version': '1.0',
    ...(call.key !== undefined && { authorization: `Bearer ${call.key}` }),
  }
  const root = `/agents/${call.agent}`
  const more = call.signal && { signal: call.signal }
  if (call.binding === 'JSONRPC') {
    const body = JSON.stringify({ jsonrpc: '2.0', id: call.id ?? 1, method: call.operation, params })
    return {
      method: 'POST',
      path: root,
      headers: { ...headers, 'content-type': 'application/json', ...call.headers },
      body,
      ...more,
    }
  }
  const { method, path, body } = spellRest(call.operation, params)
  return {
    method,
    path: root + path,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }), ...call.headers },
    ...(body !== undefined && { body }),
    ...more,
  }
}

function spellRest(operation: Operation, params: JsonObject): { method: string; path: string; body?: string } {
  const { id, taskId, ...rest } = params
  const isConfig = operation.includes('PushNotificationConfig')
  const ids = { tenant: '', taskId: textOf(isConfig ? taskId : id), configId: isConfig ? textOf(id) : '' }
  const path = (): string => buildRestPath({ operation, ...ids })
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return { method: 'POST', path: path(), body: JSON.stringify(params) }
    case 'CreateTaskPushNotificationConfig':
      return { method: 'POST', path: path(), body: JSON.stringify({ ...rest, ...(id !== undefined && { id }) }) }
    case 'CancelTask':
    case 'SubscribeToTask':
      return { method: 'POST', path: path() }
    case 'DeleteTaskPushNotificationConfig':
      return { method: 'DELETE', path: path() }
    default: {
      const query = Object.entries(rest).map(([name, value]) => `${name}=${encodeURIComponent(textOf(value))}`)
      return { method: 'GET', path: query.length === 0 ? path() : `${path()}?${query.join('&')}` }
    }
  }
}

export interface Client {
  http(call: HttpCall): Promise<Answer>
  call(call: OperationCall): Promise<Answer>
  stream(call: OperationCall): Promise<EventStream>
  raw(): RawConnection
  close(): void
}

export function createClient(baseUrl: string): Client {
  const { hostname, port } = new URL(baseUrl)
  const agent = new Agent({ keepAlive: true, maxSockets: 200 })
  const open = (call: HttpCall): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const { body } = call
    const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
    const request = httpRequest({
      hostname,
      port,
      agent,
      method: call.method ?? 'GET',
      path: call.path,
      headers: { ...(isWhole && { 'content-length': Buffer.byteLength(body) }), ...call.headers },
      // a gateway that never answers must fail a test, not hang it
      signal: call.signal ?? AbortSignal.timeout(15_000),
    })
    // after the answer has begun an error means only that the other side did not want the rest of the body
    request.on('response', resolve).on('error', reject)
    if (body === undefined || isWhole) request.end(body)
    else void pour(body, request)
    return promise
  }
  const http = async (call: HttpCall): Promise<Answer> => {
    const response = await open(call)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return readAnswer(response, Buffer.concat(chunks).toString())
  }
  return {
    http,
    call: (call) => http(spell(call)),
    stream: async (call) => new EventStream(await open(spell(call))),
    raw: () => new RawConnection(connect(Number(port), hostname)),
    close: () => agent.destroy(),
  }
}

async function pour(body: AsyncIterable<Buffer>, request: ReturnType<typeof httpRequest>): Promise<void> {
  try {
    for await (const chunk of body) {
      if (request.destroyed) return
      if (!request.write(chunk)) {
        await new Promise<void>((resolve) => {
          request.once('drain', resolve).once('close', resolve)
        })
      }
    }
    request.end()
  } catch (error) {
    request.destroy(error as Error)
  }
}

function readAnswer(response: IncomingMessage, text: string): Answer {
  const json = parse(text)
  const error = isJsonObject(json['error']) ? json['error'] : {}
  const details = error['data'] ?? error['details']
  const info = Array.isArray(details) && isJsonObject(details[0]) ? details[0] : {}
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json,
    error: { code: Number(error['code'] ?? 0), reason: textOf(info['reason']), message: textOf(error['message']) },
    result: isJsonObject(json['result']) ? json['result'] : json,
  }
}

function parse(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : {}
  } catch {
    return {} // an answer that is not JSON is for the test to judge
  }
}

function textOf(value: JsonValue | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
}

export interface SseEvent {
  readonly name: string
  readonly data: string
  readonly json: JsonObject
  /** the JSON-RPC result, or the event itself on HTTP+JSON */
  readonly result: JsonObject
  readonly error: JsonObject | undefined
}

/** A stream of server-sent events, read only as fast as `next` is called. */
export class EventStream {
  readonly response: IncomingMessage
  readonly status: number
  comments = 0
  bytes = 0
  #text = ''
  readonly #chunks: AsyncIterator<Buffer>

  constructor(response: IncomingMessage) {
    this.response = response
    this.status = response.statusCode ?? 0
    this.#chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** The next event; undefined when the stream has ended in order; rejects when it was cut off. */
  async next(): Promise<SseEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end >= 0) {
        const block = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        const event = readEvent(block)
        if (event !== undefined) return event
        this.comments += 1
        continue
      }
      const chunk = await this.#chunks.next()
      if (chunk.done === true) return undefined
      this.bytes += chunk.value.length
      this.#text += chunk.value.toString()
    }
  }

  /** All that is left. */
  async rest(): Promise<SseEvent[]> {
    const events: SseEvent[] = []
    for (let event = await this.next(); event !== undefined; event = await this.next()) events.push(event)
    return events
  }

  close(): void {
    this.response.destroy()
  }
}

function readEvent(block: string): SseEvent | undefined {
  const data: string[] = []
  let name = ''
  for (const line of block.split('\n')) {
    if (line.startsWith('data: ')) data.push(line.slice(6))
    else if (line.startsWith('event: ')) name = line.slice(7)
  }
  if (data.length === 0) return undefined
  const json = parse(data.join('\n'))
  return {
    name,
    data: data.join('\n'),
    json,
    result: isJsonObject(json['result']) ? json['result'] : json,
    error: isJsonObject(json['error']) ? json['error'] : undefined,
  }
}

/** Bytes in, bytes out. */
export class RawConnection {
  readonly socket: Socket
  received = ''
  closed = false
  #changed: () => void = () => undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1')
      this.#changed()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Resolves with everything received once it matches, or the other side has closed; rejects after `withinMs`. */
  async until(isEnough: (received: string) => boolean, withinMs = 5_000): Promise<string> {
    const deadline = AbortSignal.timeout(withinMs)
    while (!this.closed && !isEnough(this.received)) {
      if (deadline.aborted)
        throw new Error(`nothing more came within ${withinMs} ms after: ${JSON.stringify(this.received.slice(0, 300))}`)
      await new Promise<void>((resolve) => {
        this.#changed = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return this.received
  }

  untilClosed(withinMs?: number): Promise<string> {
    return this.until(() => false, withinMs)
  }

  close(): void {
    this.socket.destroy()
  }
}
