// One HTTP exchange with an agent through undici's dispatch, the cheapest layer it has. Bodies are bounded while
// they arrive; a stream is handed on chunk by chunk with pause and resume; aborting works at any moment.

import type { Dispatcher } from 'undici'
import type { GrpcFailure } from '../faces/grpc-error.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import { readActivated } from './read-activated.ts'

export interface AgentRequest {
  readonly pool: Dispatcher
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** alternating names and values */
  readonly headers: string[]
  readonly body: string
  readonly firstByteMs: number
  /** what is left of the caller's own patience; Infinity for none */
  readonly leftMs: number
  readonly maxAnswerBytes: number
  readonly acceptsStream: boolean
}

export interface UnaryAnswer {
  readonly kind: 'unary'
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
  /** on gRPC: with what the agent ended the call, other than OK */
  readonly grpc?: GrpcFailure
  /** which extensions the agent says that it took up, as it came; '' or undefined when it says nothing */
  readonly extensions?: string
}

/** Chunks flow only after `start`. On gRPC a chunk is a message. Exactly one of the other three is called, once. */
export interface ChunkSink {
  onChunk(chunk: Buffer): void
  onEnd(): void
  onFailure(refusal: Refusal): void
  /** gRPC alone: the agent ended its stream with an error of its own */
  onAgentError(failure: GrpcFailure): void
}

export interface StreamAnswer {
  readonly kind: 'stream'
  readonly extensions?: string
  start(sink: ChunkSink): void
  pause(): void
  resume(): void
  abort(): void
}

/** The private detail of a call that we ended ourselves: no sign of the agent's health. */
export const abortedDetail = 'the call was aborted'

export type AgentAnswer = UnaryAnswer | StreamAnswer | Refusal

/** A call on its way; `abort` ends it and settles `answer` with a refusal. */
export interface AgentCall {
  readonly answer: Promise<AgentAnswer>
  /** members of the caller's request that the agent's form of it has no place for */
  readonly lost?: readonly string[] | undefined
  abort(): void
}

export function callAgent(request: AgentRequest): AgentCall {
  const exchange = new Exchange(request)
  return { answer: exchange.answer, abort: () => exchange.abort() }
}

const longestTimer = 2 ** 31 - 1

class Exchange implements Dispatcher.DispatchHandler, StreamAnswer {
  readonly kind = 'stream'
  extensions = ''
  readonly answer: Promise<AgentAnswer>
  readonly #maxBytes: number
  readonly #bodyMs: number
  readonly #acceptsStream: boolean
  #settle: (answer: AgentAnswer) => void = () => undefined
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #contentType = ''
  #chunks: Buffer[] = []
  #bytes = 0
  #deadline: NodeJS.Timeout | undefined
  #callersDeadline: NodeJS.Timeout | undefined
  #streaming = false
  #sink: ChunkSink | undefined
  #ended: Refusal | 'ended' | undefined
  #aborted = false

  constructor(request: AgentRequest) {
    this.#maxBytes = request.maxAnswerBytes
    this.#bodyMs = request.firstByteMs
    this.#acceptsStream = request.acceptsStream
    this.answer = new Promise((resolve) => {
      this.#settle = (answer) => {
        clearTimeout(this.#deadline)
        clearTimeout(this.#callersDeadline)
        resolve(answer)
      }
    })
    // the library's own timers are too coarse for what a caller counts in milliseconds
    if (request.leftMs <= longestTimer) this.#callersDeadline = setTimeout(() => this.#giveUp(), request.leftMs)
    request.pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body === '' ? null : request.body,
        headersTimeout: request.firstByteMs,
        bodyTimeout: request.acceptsStream ? 0 : request.firstByteMs,
      },
      this,
    )
  }

  #giveUp(): void {
    this.#settle(refuse('FORWARD_TIMEOUT', "the caller's deadline has passed"))
    this.#aborted = true
    this.#controller?.abort(new Error('too late'))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted) controller.abort(new Error('aborted'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    if (status < 200) return
    this.#status = status
    const contentType = headers['content-type']
    this.#contentType = typeof contentType === 'string' ? contentType.toLowerCase() : ''
    this.extensions = readActivated(headers)
    const encoding = headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') {
      this.#fail(refuse('RELEASE_INVALID_ANSWER', 'the agent compressed its answer unasked'))
      controller.abort(new Error('compressed'))
      return
    }
    if (this.#acceptsStream && status === 200 && /^text\/event-stream\s*(;|$)/.test(this.#contentType)) {
      this.#streaming = true
      controller.pause()
      this.#settle(this)
      return
    }
    // undici bounds the silence between two pieces, not a body that drips
    this.#deadline = setTimeout(() => {
      this.#fail(refuse('FORWARD_TIMEOUT', 'the body did not end in time'))
      controller.abort(new Error('too slow'))
    }, this.#bodyMs)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#streaming) {
      this.#sink?.onChunk(chunk)
      return
    }
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) {
      this.#fail(refuse('RELEASE_TOO_LARGE', `more than ${this.#maxBytes} bytes`))
      controller.abort(new Error('too large'))
    } else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#streaming) return this.#finish('ended')
    const body = this.#chunks.length === 1 ? this.#chunks[0] : undefined
    this.#settle({
      kind: 'unary',
      extensions: this.extensions,
      status: this.#status,
      contentType: this.#contentType,
      body: body ?? Buffer.concat(this.#chunks, this.#bytes),
    })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const refusal = this.#aborted ? refuse('FORWARD_UNAVAILABLE', abortedDetail) : refusalOf(error)
    this.#fail({ ...refusal, unsent: this.#controller === undefined })
  }

  start(sink: ChunkSink): void {
    this.#sink = sink
    if (this.#ended === undefined) this.#controller?.resume()
    else this.#tell(this.#ended)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#controller?.abort(new Error('aborted'))
    this.#fail(refuse('FORWARD_UNAVAILABLE', abortedDetail, { unsent: this.#controller === undefined }))
  }

  #fail(refusal: Refusal): void {
    if (this.#streaming) this.#finish(refusal)
    else this.#settle(refusal)
  }

  #finish(how: Refusal | 'ended'): void {
    if (this.#ended !== undefined) return
    this.#ended = how
    if (this.#sink !== undefined) this.#tell(how)
  }

  #tell(how: Refusal | 'ended'): void {
    if (how === 'ended') this.#sink?.onEnd()
    else this.#sink?.onFailure(how)
  }
}

/** What a failed exchange means to the caller; the agent's address stays in the private detail. */
function refusalOf(error: Error & { code?: string }): Refusal {
  const detail = `${error.code ?? error.name}: ${error.message}`
  switch (error.code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return refuse('FORWARD_TIMEOUT', detail)
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return refuse('RELEASE_INVALID_ANSWER', detail)
    default:
      return error.name === 'HTTPParserError' || error.code?.startsWith('HPE_') === true
        ? refuse('RELEASE_INVALID_ANSWER', detail)
        : refuse('FORWARD_UNAVAILABLE', detail)
  }
}
