// Where copies of records go, as an interface, and what every target over HTTP has in common: one bounded POST, no
// redirects, and an answer that is judged by its status alone. Nothing of a receiver's answer is ever printed as it
// came, and the authorization appears in no message.

import type { Dialler, TlsClient } from '../forward/forward.ts'
import type { Batch } from './export-batches.ts'

/** What became of a batch that arrived. */
export interface Sent {
  /** records that the receiver has, yet will not keep */
  readonly rejected: number
  readonly why: string
}

export interface ExportTarget {
  /** where to, for people and records: no query, no userinfo, no secret */
  readonly address: string
  /** Resolves when the receiver has everything. Throws a SendFailure for what may work later. */
  send(batch: Batch): Promise<Sent>
  close(): Promise<void>
}

/** A batch that has not arrived, or may not have. */
export class SendFailure extends Error {
  override readonly name = 'SendFailure'
  /** how long the receiver asks to be left alone */
  readonly retryAfterMs: number | undefined
  /** of the answer; 0 when there was none */
  readonly status: number

  constructor(message: string, retryAfterMs?: number, status = 0) {
    super(message)
    this.retryAfterMs = retryAfterMs
    this.status = status
  }
}

const sendBounds = { maxBytes: 65_536, timeoutMs: 30_000 }
const maxRetryAfterMs = 900_000 // bound: how long a receiver of an export may ask to wait

export interface HttpTargetOptions {
  readonly url: string
  readonly contentType: string
  readonly dialler: Pick<Dialler, 'post'>
  /** read anew for every request, so that a replaced file counts; throws when there is none */
  readonly authorization: () => string | undefined
  readonly tls: TlsClient | undefined
  /** of the wall, for dates in Retry-After */
  readonly nowMs: () => number
}

/** Sends one body; returns that of the answer. */
export async function postBatch(options: HttpTargetOptions, body: Buffer): Promise<Buffer> {
  const { url, contentType, tls } = options
  const authorization = readAuthorization(options.authorization)
  const bounds = { ...sendBounds, ...(tls && { tls }) }
  const answer = await options.dialler.post(url, body, bounds, { contentType, authorization }).catch((error) => {
    throw new SendFailure(reasonOf(error))
  })
  const { status, retryAfter } = answer
  if (status >= 200 && status < 300) return answer.body
  const isAsking = status === 429 || status === 503
  throw new SendFailure(`status ${status}`, isAsking ? parseRetryAfter(retryAfter, options.nowMs()) : undefined, status)
}

function readAuthorization(read: () => string | undefined): string | undefined {
  try {
    return read()
  } catch {
    // the reason may quote a path, or what lies there: `config check` says it
    throw new SendFailure('the authorization cannot be read')
  }
}

/** A code of the system or the client, never a text of the other side. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  if ('code' in error && typeof error.code === 'string') return error.code
  return /^(no answer within|more than) \d+ (ms|bytes)$/.test(error.message) ? error.message : 'no answer'
}

/** RFC 9110 §10.2.3: seconds or a date; undefined when it is neither. */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), maxRetryAfterMs) : undefined
}

/** A URL without what may hold a secret. */
export function addressOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
