// What every call to one API server goes through: its address, our credential, the pool, room for so many questions
// at once, and a deadline that counts the wait for room too. A question that failed in a way that another attempt may
// mend is asked once more, within the same deadline; nothing is ever answered from here without the API server.

import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Dialler, PoolLease } from '../forward/forward.ts'
import { ClusterFault, faultOf } from './cluster-fault.ts'
import type { Credential, CredentialSource } from './credential.ts'
import { createGate, type Gate } from './gate.ts'
import { parseObject } from './json-lines.ts'
import { openStream, request, statusFault, type ApiAnswer, type OpenAnswer, type StreamSink } from './request.ts'

export interface ConnectionOptions {
  /** `https://host:port`, without a path */
  readonly server: string
  readonly credential: CredentialSource
  readonly dialler: Dialler
  readonly clock: Clock
  readonly timeoutMs: number
  /** most questions at once */
  readonly concurrency: number
}

export interface Asked {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: JsonObject
  /** undefined: any */
  readonly accept?: string
  readonly maxBytes?: number
  /** before everything else that waits */
  readonly isUrgent?: boolean
  /** the room that it takes its place in; default: that of the connection */
  readonly gate?: Gate
}

export interface Connection {
  /** the bytes of a success; anything else is thrown as ClusterFault */
  ask(asked: Asked): Promise<Buffer>
  /** the same, read as one strict JSON object */
  askJson(asked: Asked): Promise<JsonObject>
  /** a stream of its own, outside the room for questions */
  stream(path: string, sink: StreamSink): OpenAnswer
  /** reads our credential again */
  reread(): boolean
  release(): void
}

const maxAnswerBytes = 1024 * 1024 // bound: the answer of an API server to a review
const longestPauseMs = 1_000

export function createConnection(options: ConnectionOptions): Connection {
  const { clock, credential, dialler, timeoutMs } = options
  const gate = createGate(options.concurrency)
  let leased: { readonly digest: string; readonly lease: PoolLease } | undefined
  let isReleased = false

  const poolFor = ({ digest, tls }: Credential): PoolLease['dispatcher'] => {
    if (isReleased) throw new ClusterFault('UNREACHABLE', 'this cluster is configured no longer')
    if (leased?.digest === digest) return leased.lease.dispatcher
    const lease = dialler.pool({
      origin: options.server,
      connectTimeoutMs: Math.min(timeoutMs, 5_000),
      // two kinds of reviews, each with its own room, lists and watches
      maxConnections: options.concurrency * 2 + 16,
      tls,
    })
    leased?.lease.release()
    leased = { digest, lease }
    return lease.dispatcher
  }
  const headersFor = ({ token }: Credential, asked: Asked): string[] => [
    ...(token === undefined ? [] : ['authorization', `Bearer ${token.text()}`]),
    'accept',
    asked.accept ?? 'application/json',
    'user-agent',
    'sallyport',
    ...(asked.body === undefined ? [] : ['content-type', 'application/json']),
  ]

  const attempt = async (asked: Asked, deadlineMs: number): Promise<ApiAnswer> => {
    const leftMs = deadlineMs - clock.monotonicMs()
    if (leftMs <= 0) throw new ClusterFault('TIMEOUT', `no answer within ${timeoutMs} ms`)
    const ours = credential.current()
    const answer = await request(poolFor(ours), {
      method: asked.method,
      path: asked.path,
      headers: headersFor(ours, asked),
      ...(asked.body && { body: JSON.stringify(asked.body) }),
      maxBytes: asked.maxBytes ?? maxAnswerBytes,
      timeoutMs: Math.max(1, leftMs),
    })
    if (answer.status !== 200 && answer.status !== 201) throw statusFault(answer)
    return answer
  }
  /** whether asking once more may help, after what wait; undefined when it will not */
  const secondChance = (fault: ClusterFault): number | undefined => {
    if (fault.status === 401) return credential.reread() ? 0 : undefined
    if (fault.status === 429 || fault.status === 503)
      return fault.retryAfterMs !== undefined && fault.retryAfterMs <= longestPauseMs ? fault.retryAfterMs : undefined
    // most of all a kept connection that the API server closed as we wrote to it; a review changes nothing
    return fault.code === 'UNREACHABLE' && !isReleased ? 0 : undefined
  }
  const ask = (asked: Asked): Promise<Buffer> => {
    const deadlineMs = clock.monotonicMs() + timeoutMs
    return (asked.gate ?? gate).run(async () => {
      try {
        return (await attempt(asked, deadlineMs)).body
      } catch (error) {
        const fault = faultOf(error)
        const pauseMs = secondChance(fault)
        if (pauseMs === undefined || clock.monotonicMs() + pauseMs >= deadlineMs) throw fault
        if (pauseMs > 0) await pause(pauseMs)
        return (await attempt(asked, deadlineMs)).body
      }
    }, asked.isUrgent)
  }

  return {
    ask,
    askJson: async (asked) => parseObject(await ask(asked)),
    stream(path, sink) {
      const ours = credential.current()
      const asked: Asked = { method: 'GET', path }
      const head = {
        method: 'GET',
        path,
        headers: headersFor(ours, asked),
        maxBytes: maxAnswerBytes,
        timeoutMs,
      } as const
      return openStream(poolFor(ours), head, sink)
    },
    reread: () => credential.reread(),
    release() {
      isReleased = true
      leased?.lease.release()
      leased = undefined
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
