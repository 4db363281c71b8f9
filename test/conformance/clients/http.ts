// One HTTP/1.1 exchange, and server-sent events one by one, for the two JSON bindings. Over node:http, because fetch
// adds headers of its own and reads paths its own way.

import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { soon, type Event, type Stream } from './client.ts'
import type { JsonObject, JsonValue } from '../wire/dialect.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** {} when the body is no JSON object */
  readonly json: JsonObject
}

const agent = new Agent({ keepAlive: true })

export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  return await readWhole(await send(request))
}

/** The answer, or the stream when there is one. */
export async function openStream(
  request: HttpRequest,
  read: (data: JsonObject) => JsonObject,
): Promise<HttpAnswer | Stream> {
  const headers = { accept: 'text/event-stream', ...request.headers }
  const response = await send({ ...request, headers })
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true
  return isStream ? eventsOf(response, read) : await readWhole(response)
}

async function send({ method, url, headers, body }: HttpRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  httpRequest(url, { method, agent, headers: { ...length, ...headers } })
    .on('response', resolve)
    .on('error', reject)
    .end(body)
  return await soon(promise, `an answer to ${method} ${url}`)
}

async function readWhole(response: IncomingMessage): Promise<HttpAnswer> {
  const read = async (): Promise<string> => {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  }
  const text = await soon(read(), 'the rest of an answer')
  return { status: response.statusCode ?? 0, headers: headersIn(response), text, json: parse(text) }
}

function headersIn(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]))
}

function parse(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as JsonValue
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  } catch {
    return {} // an answer that is not JSON is for the test to judge
  }
}

function eventsOf(response: IncomingMessage, read: (data: JsonObject) => JsonObject): Stream {
  const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>
  let text = ''
  const next = async (): Promise<Event | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        const event = readBlock(block)
        if (event === undefined) continue
        if (event.name === 'error') throw new Error(`the stream broke off: ${event.data}`)
        const wire = parse(event.data)
        return { response: read(wire), wire }
      }
      const chunk = await soon(chunks.next(), 'the next event')
      if (chunk.done === true) return undefined
      text += chunk.value
    }
  }
  return { kind: 'stream', headers: headersIn(response), next, close: () => response.destroy() }
}

function readBlock(block: string): { readonly name: string; readonly data: string } | undefined {
  const data: string[] = []
  let name = ''
  for (const line of block.split('\n')) {
    if (line.startsWith('data:')) data.push(line.slice(5).trimStart())
    else if (line.startsWith('event:')) name = line.slice(6).trim()
  }
  // a comment keeps a silent stream alive
  return data.length === 0 ? undefined : { name, data: data.join('\n') }
}
