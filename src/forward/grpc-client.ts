// One gRPC call to an agent, messages as bytes in both directions: nothing is decoded here, nothing compressed is asked
// for, and what is larger than the bound never arrives. A stream is handed on message by message with pause and resume.

import {
  InterceptingCall,
  Metadata,
  status,
  type Client,
  type ClientReadableStream,
  type InterceptorOptions,
  type ServiceError,
} from '@grpc/grpc-js'
import type { GrpcFailure } from '../faces/grpc-error.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import { legacyExtensionsHeader } from '../a2a/v0-3/names.ts'
import { abortedDetail, type AgentAnswer, type AgentCall, type ChunkSink, type StreamAnswer } from './call-agent.ts'
import { readActivated } from './read-activated.ts'

export interface GrpcRequest {
  readonly client: Client
  /** `/package.Service/Method` */
  readonly path: string
  /** alternating names and values */
  readonly headers: readonly string[]
  readonly message: Buffer
  /** of a unary answer, or of a stream until it begins */
  readonly firstByteMs: number
  /** what is left of the caller's own patience; Infinity for none */
  readonly deadlineMs: number
  readonly nowMs: number
  readonly streams: boolean
  readonly maxAnswerBytes: number
}

const asBytes = (bytes: Buffer): Buffer => bytes

/** Servers send their head before they know whether they refuse: what comes in this time decides what the call gets. */
const headAloneMs = 1_000 // bound: a gRPC stream whose head has come waits for its first message for

export function callGrpc(request: GrpcRequest): AgentCall {
  return request.streams ? new GrpcStream(request) : callUnary(request)
}

function metadataOf(headers: readonly string[]): Metadata {
  const metadata = new Metadata()
  for (let at = 0; at + 1 < headers.length; at += 2) metadata.set(headers[at] ?? '', headers[at + 1] ?? '')
  return metadata
}

const activatedIn = (head: Metadata): string =>
  readActivated({
    'a2a-extensions': head.get('a2a-extensions'),
    [legacyExtensionsHeader]: head.get(legacyExtensionsHeader),
  })

function callUnary(request: GrpcRequest): AgentCall {
  let isAborted = false
  let extensions = ''
  let abort = (): void => undefined
  const answer = new Promise<AgentAnswer>((resolve) => {
    const deadline = request.nowMs + Math.min(request.firstByteMs, request.deadlineMs)
    const call = request.client.makeUnaryRequest(
      request.path,
      asBytes,
      asBytes,
      request.message,
      metadataOf(request.headers),
      { deadline },
      (error, body) => {
        if (error !== null) return resolve(isAborted ? aborted() : answerOfError(error))
        const answered = body ?? Buffer.alloc(0)
        const isTooLarge = answered.length > request.maxAnswerBytes
        if (isTooLarge) resolve(refuse('RELEASE_TOO_LARGE', `more than ${request.maxAnswerBytes} bytes`))
        else resolve({ kind: 'unary', status: 200, contentType: 'application/grpc', body: answered, extensions })
      },
    )
    call.on('metadata', (head: Metadata) => (extensions = activatedIn(head)))
    abort = () => call.cancel()
  })
  return {
    answer,
    abort() {
      isAborted = true
      abort()
    },
  }
}

const aborted = (): Refusal => refuse('FORWARD_UNAVAILABLE', abortedDetail)

function answerOfError(error: ServiceError): AgentAnswer {
  const refusal = refusalOf(error)
  const body = Buffer.alloc(0)
  return refusal ?? { kind: 'unary', status: 200, contentType: 'application/grpc', body, grpc: failureOf(error) }
}

function failureOf({ code, details, metadata }: ServiceError): GrpcFailure {
  const [bytes] = metadata.get('grpc-status-details-bin')
  // the library leaves it out where it could not decompress, whatever its types say
  return { code, message: details ?? '', details: Buffer.isBuffer(bytes) ? bytes : undefined }
}

/** The library's own words where no connection came about; the same status also ends calls that an agent had begun. */
const unconnected = 'No connection established'

/** What says something of the agent's relation to the gateway rather than of the call; undefined for an agent's answer. */
function refusalOf({ code, details }: ServiceError): Refusal | undefined {
  switch (code) {
    case status.UNAVAILABLE:
      return refuse('FORWARD_UNAVAILABLE', details, { unsent: details.startsWith(unconnected) })
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return refuse('FORWARD_UNAVAILABLE', `the agent refused the gateway: ${status[code]}`, { unsent: true })
    case status.DEADLINE_EXCEEDED:
      return refuse('FORWARD_TIMEOUT', details)
    case status.RESOURCE_EXHAUSTED:
      // the library's own word for a message beyond the bound
      return details.startsWith('Received message') ? refuse('RELEASE_TOO_LARGE', details) : undefined
    default:
      return undefined
  }
}

type NextCall = ConstructorParameters<typeof InterceptingCall>[0]

/**
 * Stands below a stream of the library, which asks for sixteen messages ahead of whoever reads it: with a slow caller an
 * agent would fill that many of the largest. While shut it asks for none. And it gives the request away a turn late, when
 * the library has a place for it: what comes before is kept by the library for as long as the stream is open.
 */
class Gate extends InterceptingCall {
  #isShut = false
  #isAsked = false

  constructor(next: NextCall) {
    super(next, { sendMessage: (message: Buffer, give: (message: Buffer) => void) => void setImmediate(give, message) })
  }

  override startRead(): void {
    if (this.#isShut) this.#isAsked = true
    else super.startRead()
  }

  shut(): void {
    this.#isShut = true
  }

  open(): void {
    this.#isShut = false
    if (!this.#isAsked) return
    this.#isAsked = false
    super.startRead()
  }
}

/**
 * Begins with its first message: an agent that ends a stream before any has refused the call, and is answered for as a
 * refusal, not as a stream that broke off.
 */
class GrpcStream implements AgentCall, StreamAnswer {
  readonly kind = 'stream'
  extensions = ''
  readonly answer: Promise<AgentAnswer>
  readonly #call: ClientReadableStream<Buffer>
  #gate: Gate | undefined
  #timer: NodeJS.Timeout
  /** what came before anybody took it */
  #early: Buffer[] = []
  #settle: (answer: AgentAnswer) => void = () => undefined
  #begun = false
  #aborted = false
  #timedOut = false
  #ended: 'ended' | Refusal | GrpcFailure | undefined
  #sink: ChunkSink | undefined

  constructor(request: GrpcRequest) {
    this.answer = new Promise((resolve) => (this.#settle = resolve))
    const { client, path, message, headers, deadlineMs, nowMs } = request
    const options = {
      ...(deadlineMs !== Infinity && { deadline: nowMs + deadlineMs }),
      interceptors: [
        (given: InterceptorOptions, next: (options: InterceptorOptions) => NextCall) =>
          (this.#gate = new Gate(next(given))),
      ],
    }
    this.#call = client.makeServerStreamRequest(path, asBytes, asBytes, message, metadataOf(headers), options)
    this.#timer = setTimeout(() => {
      this.#timedOut = true
      this.#call.cancel()
    }, request.firstByteMs)
    this.#timer.unref()
    this.#call.on('data', (message: Buffer) => this.#take(message))
    this.#call.on('metadata', (head: Metadata) => {
      this.extensions = activatedIn(head)
      this.#waitAfterHead()
    })
    this.#call.on('error', (error: ServiceError) => this.#fail(error))
    this.#call.on('end', () => this.#finish('ended'))
  }

  #waitAfterHead(): void {
    if (this.#begun) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#begin(), headAloneMs)
    this.#timer.unref()
  }

  #take(message: Buffer): void {
    if (this.#sink !== undefined) return this.#sink.onChunk(message)
    this.#early.push(message)
    this.pause()
    this.#begin()
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    clearTimeout(this.#timer)
    this.#settle(this)
  }

  #fail(error: ServiceError): void {
    clearTimeout(this.#timer)
    const refusal = this.#aborted
      ? aborted()
      : this.#timedOut
        ? refuse('FORWARD_TIMEOUT', 'the stream did not begin in time')
        : refusalOf(error)
    if (!this.#begun) {
      this.#begun = true
      this.#settle(refusal ?? answerOfError(error))
      return
    }
    this.#finish(refusal ?? failureOf(error))
  }

  #finish(how: 'ended' | Refusal | GrpcFailure): void {
    this.#begin()
    if (this.#ended !== undefined) return
    this.#ended = how
    this.#tell()
  }

  #tell(): void {
    const how = this.#ended
    if (how === undefined || this.#sink === undefined) return
    if (how === 'ended') return this.#sink.onEnd()
    if ('kind' in how) return this.#sink.onFailure(how)
    this.#sink.onAgentError(how)
  }

  start(sink: ChunkSink): void {
    this.#sink = sink
    this.resume()
    // a sink that pauses at once finds what follows unread
    for (const message of this.#early.splice(0)) sink.onChunk(message)
    this.#tell()
  }

  pause(): void {
    this.#gate?.shut()
    this.#call.pause()
  }

  resume(): void {
    this.#gate?.open()
    this.#call.resume()
  }

  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#call.cancel()
  }
}
