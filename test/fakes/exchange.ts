// One call as the hostile agent got it, and the ways to answer it: well-formed in either binding, or as raw bytes
// on the socket. Records what arrived and how the exchange ended, so that tests can say what the agent never saw.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Binding, Operation } from '../../src/a2a/operations.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'

/** What reached the agent. */
export interface SeenCall {
  readonly method: string
  /** path and query as they arrived */
  readonly url: string
  /** names lower case; repeated fields joined by ', ' */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** the same as it came */
  readonly bytes: Buffer
  readonly binding: Binding
  readonly operation: Operation | ''
  /** the first text part of the message; '' where there is none */
  readonly text: string
  readonly messageId: string
  readonly taskId: string
  /** bytes of answer handed to the socket so far */
  readonly sentBytes: () => number
  /** true while the other side does not read */
  readonly isPaused: () => boolean
  /** settles when the exchange is over: 'answered' by us, or 'aborted' by the other side */
  readonly over: Promise<'answered' | 'aborted'>
}

export class Exchange {
  readonly response: ServerResponse
  readonly socket: Socket
  readonly params: JsonObject
  readonly binding: Binding
  readonly operation: Operation | ''
  readonly taskId: string
  /** what follows the behaviour's name */
  readonly argument: string
  /** the JSON-RPC id as a JSON token */
  readonly requestId: string
  readonly over: Promise<'answered' | 'aborted'>
  gone = false
  #rawBytes = 0

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    call: Pick<Exchange, 'params' | 'binding' | 'operation' | 'taskId' | 'argument' | 'requestId'>,
  ) {
    this.response = response
    this.socket = request.socket
    this.params = call.params
    this.binding = call.binding
    this.operation = call.operation
    this.taskId = call.taskId
    this.argument = call.argument
    this.requestId = call.requestId
    this.over = new Promise((resolve) => {
      response.once('close', () => {
        this.gone = true
        resolve(response.writableFinished ? 'answered' : 'aborted')
      })
    })
    response.on('error', () => undefined)
    // sockets are shared by calls of one connection: one listener is enough
    if (this.socket.listenerCount('error') < 4) this.socket.on('error', () => undefined)
  }

  get sentBytes(): number {
    return this.#rawBytes + this.#responseBytes
  }
  #responseBytes = 0

  /** `result` as this binding says it. */
  envelope(result: string): string {
    return this.binding === 'JSONRPC' ? `{"jsonrpc":"2.0","id":${this.requestId},"result":${result}}` : result
  }

  answer(result: unknown): void {
    this.send(200, 'application/json', this.envelope(JSON.stringify(result)))
  }

  /** An A2A error of the agent's own. */
  error(code: number, status: number, reason: string, message: string): void {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'a2a-protocol.org' }]
    if (this.binding === 'JSONRPC') {
      const error = JSON.stringify({ code, message, data: details })
      this.send(200, 'application/json', `{"jsonrpc":"2.0","id":${this.requestId},"error":${error}}`)
    } else
      this.send(
        status,
        'application/json',
        JSON.stringify({ error: { code: status, status: reason, message, details } }),
      )
  }

  send(status: number, contentType: string, body: string | Buffer, headers: Record<string, string> = {}): void {
    const length = Buffer.byteLength(body)
    this.#responseBytes += length
    this.response.writeHead(status, { 'content-type': contentType, 'content-length': String(length), ...headers })
    this.response.end(body)
  }

  beginStream(headers: Record<string, string> = {}): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
    this.response.flushHeaders()
  }

  event(result: unknown): boolean {
    return this.write(`data: ${this.envelope(JSON.stringify(result))}\n\n`)
  }

  write(chunk: string | Buffer): boolean {
    this.#responseBytes += Buffer.byteLength(chunk)
    return this.response.write(chunk)
  }

  end(): void {
    this.response.end()
  }

  /** Bytes past node:http: whatever is wanted, well-formed or not. */
  raw(bytes: string | Buffer): boolean {
    this.#rawBytes += Buffer.byteLength(bytes)
    return this.socket.write(bytes)
  }

  /** A complete raw answer with the usual fields, body as given. */
  rawAnswer(fields: string, body: string): void {
    this.raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${fields}\r\n${body}`)
  }

  /** Connection reset (RST). */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Writes until `totalBytes` are out or the other side is gone, honouring back-pressure. */
  async pour(chunk: Buffer, totalBytes: number): Promise<void> {
    while (!this.gone && this.#responseBytes < totalBytes) {
      if (this.write(chunk)) continue
      await new Promise<void>((resolve) => {
        this.response.once('drain', resolve)
        void this.over.then(() => resolve())
      })
    }
  }
}

export type Behaviour = (exchange: Exchange) => void | Promise<void>
