// One HTTP exchange with an API server, through the one dialler's pools. Bodies are bounded while they arrive, time
// is bounded from the first byte sent to the last one read, redirects are an answer like any other and followed by
// nobody, and compressed answers are not asked for and not believed.

import type { PoolLease } from '../forward/forward.ts'
import { ClusterFault } from './cluster-fault.ts'

type Dispatcher = PoolLease['dispatcher']
type Handler = Parameters<Dispatcher['dispatch']>[1]
type Controller = Parameters<NonNullable<Handler['onResponseStart']>>[0]

export interface ApiRequest {
  readonly method: 'GET' | 'POST'
  /** with its query */
  readonly path: string
  /** alternating names and values */
  readonly headers: readonly string[]
  readonly body?: string
  readonly maxBytes: number
  readonly timeoutMs: number
}

export interface ApiAnswer {
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly body: Buffer
}

export interface OpenAnswer {
  abort(): void
}

/** Told of a stream's bytes; exactly one of `onEnd` and `onFault` is called, once. */
export interface StreamSink {
  onOpen(): void
  onChunk(chunk: Buffer): void
  onEnd(): void
  onFault(fault: ClusterFault): void
}

export function request(dispatcher: Dispatcher, asked: ApiRequest): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let answer = { status: 0, retryAfterMs: undefined as number | undefined }
    let bytes = 0
    exchange(dispatcher, asked, {
      onHead(status, retryAfterMs) {
        answer = { status, retryAfterMs }
      },
      onChunk(chunk) {
        bytes += chunk.length
        if (bytes > asked.maxBytes) throw new ClusterFault('GARBAGE', `an answer of more than ${asked.maxBytes} bytes`)
        chunks.push(chunk)
      },
      onEnd: () => resolve({ ...answer, body: Buffer.concat(chunks, bytes) }),
      onFault: reject,
    })
  })
}

/** `timeoutMs` bounds the time to the head; `maxBytes` the body of an answer that is no success. */
export function openStream(dispatcher: Dispatcher, asked: ApiRequest, sink: StreamSink): OpenAnswer {
  let problem: { status: number; retryAfterMs: number | undefined; body: Buffer } | undefined
  const open = exchange(dispatcher, asked, {
    onHead(status, retryAfterMs, opened) {
      if (status === 200) {
        opened()
        sink.onOpen()
      } else problem = { status, retryAfterMs, body: Buffer.alloc(0) }
    },
    onChunk(chunk) {
      if (problem === undefined) return sink.onChunk(chunk)
      problem.body = Buffer.concat([problem.body, chunk])
      if (problem.body.length > asked.maxBytes) throw statusFault(problem)
    },
    onEnd: () => (problem === undefined ? sink.onEnd() : sink.onFault(statusFault(problem))),
    onFault: (fault) => sink.onFault(fault),
  })
  return open
}

/** What the API server says of an answer that is no success, as far as it says it in a Status object. */
export function statusFault({ status, retryAfterMs, body }: ApiAnswer): ClusterFault {
  const said = /"message":"([^"\\]{1,300})/.exec(body.subarray(0, 4_096).toString('utf8'))?.[1]
  return new ClusterFault('STATUS', `status ${status}${said === undefined ? '' : `: ${said}`}`, {
    status,
    retryAfterMs,
  })
}

interface ExchangeSink {
  /** `opened` stops the clock: what follows is a stream */
  onHead(status: number, retryAfterMs: number | undefined, opened: () => void): void
  onChunk(chunk: Buffer): void
  onEnd(): void
  onFault(fault: ClusterFault): void
}

function exchange(dispatcher: Dispatcher, asked: ApiRequest, sink: ExchangeSink): OpenAnswer {
  let inUse: Controller | undefined
  let isOver = false
  const over = (): boolean => {
    if (isOver) return false
    isOver = true
    clearTimeout(timer)
    return true
  }
  const fail = (error: unknown): void => {
    if (!over()) return
    const fault =
      error instanceof ClusterFault
        ? error
        : new ClusterFault('UNREACHABLE', error instanceof Error ? error.message : String(error), { cause: error })
    inUse?.abort(fault)
    sink.onFault(fault)
  }
  const timer = setTimeout(
    () => fail(new ClusterFault('TIMEOUT', `no answer within ${asked.timeoutMs} ms`)),
    asked.timeoutMs,
  )
  /** what a sink throws ends the exchange, and nothing else */
  const guarded = (step: () => void): void => {
    if (isOver) return
    try {
      step()
    } catch (error) {
      fail(error)
    }
  }
  dispatcher.dispatch(
    { method: asked.method, path: asked.path, headers: [...asked.headers], body: asked.body ?? null },
    {
      onRequestStart(controller) {
        inUse = controller
        if (isOver) controller.abort(new Error('given up'))
      },
      onResponseStart(_controller, status, fields) {
        if (status < 200) return
        guarded(() => {
          const encoding = fields['content-encoding']
          if (encoding !== undefined && encoding !== 'identity')
            throw new ClusterFault('GARBAGE', 'the API server compressed its answer unasked')
          sink.onHead(status, readRetryAfter(fields['retry-after']), () => clearTimeout(timer))
        })
      },
      onResponseData: (_controller, chunk) => guarded(() => sink.onChunk(chunk)),
      onResponseEnd() {
        if (!over()) return
        sink.onEnd()
      },
      onResponseError: (_controller, error) => fail(error),
    },
  )
  return {
    abort() {
      if (over()) inUse?.abort(new Error('given up'))
    },
  }
}

const maxRetryAfterSeconds = 300 // bound: how long an API server may ask us to wait, in seconds

/** Seconds only, as API servers write it; a date is not read. */
function readRetryAfter(field: unknown): number | undefined {
  if (typeof field !== 'string' || !/^\d{1,6}$/.test(field)) return undefined
  return Math.min(Number(field), maxRetryAfterSeconds) * 1_000
}
