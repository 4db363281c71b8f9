// What a test may do in any column: one call, or one stream. Nothing is repaired, retried or left out on the way.

import type { Face } from '../faces.ts'
import type { JsonObject, Operation } from '../wire/dialect.ts'

/** Where a face of an agent is, by its card, and what a caller must show there. */
export interface Address {
  readonly face: Face
  /** gRPC: host:port */
  readonly url: string
  readonly tenant: string
  /** HTTP headers, or gRPC metadata */
  readonly headers: Readonly<Record<string, string>>
}

export interface CallOptions {
  /** beside or instead of what the address and the version ask for; undefined leaves one out */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

/** An error as the column's binding says it; empty where the binding has no such word. */
export interface Failure {
  /** JSON-RPC: code of the error; HTTP+JSON: HTTP status; gRPC: number of the status */
  readonly code: number
  /** HTTP+JSON 0.3: the JSON-RPC code in the body */
  readonly inner: number | undefined
  /** name of google.rpc.Code */
  readonly status: string
  /** of google.rpc.ErrorInfo */
  readonly reason: string
  readonly domain: string
  readonly message: string
}

export interface Answer {
  readonly kind: 'answer'
  /** in the words of A2A 1.0 */
  readonly result: JsonObject
  readonly failure: Failure | undefined
  /** HTTP status; undefined in gRPC */
  readonly http: number | undefined
  readonly headers: Readonly<Record<string, string>>
  /** what came, before translation */
  readonly wire: JsonObject
}

export interface Event {
  /** a StreamResponse in the words of A2A 1.0 */
  readonly response: JsonObject
  readonly wire: JsonObject
}

export interface Stream {
  readonly kind: 'stream'
  readonly headers: Readonly<Record<string, string>>
  /** undefined when the stream has ended in order; rejects when it broke off, or when nothing comes for long */
  next(): Promise<Event | undefined>
  close(): void
}

export interface Client {
  readonly address: Address
  call(operation: Operation, params: JsonObject, options?: CallOptions): Promise<Answer>
  /** Resolves with the first event on its way, or with the refusal. */
  stream(operation: Operation, params: JsonObject, options?: CallOptions): Promise<Stream | Answer>
  close(): void
}

/** much longer than anything takes, also where everything else runs at the same time */
const usualPatienceMs = 15_000

/** Rejects when nothing comes for long: a test fails then, and does not hang. */
export async function soon<T>(promise: Promise<T>, what: string, patienceMs = usualPatienceMs): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`nothing came within ${patienceMs} ms: ${what}`)), patienceMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Headers of a call: those of the address, the version, and what the test says otherwise. */
export function headersOf({ face, headers }: Address, options: CallOptions | undefined): Record<string, string> {
  const all: Record<string, string | undefined> = { 'a2a-version': face.version, ...headers, ...options?.headers }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Words of google.rpc.ErrorInfo among the details of an error. */
export function errorInfoIn(details: unknown): Pick<Failure, 'reason' | 'domain'> {
  const list: unknown[] = Array.isArray(details) ? details : []
  for (const detail of list) {
    if (typeof detail !== 'object' || detail === null || !('reason' in detail)) continue
    const domain = 'domain' in detail ? detail.domain : ''
    return { reason: String(detail.reason), domain: String(domain) }
  }
  return { reason: '', domain: '' }
}
