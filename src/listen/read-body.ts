// Reads one request body under a size and a time bound. Nothing is read before a stage asks for it, so an
// unauthenticated sender cannot make us hold its megabytes.

import type { Readable } from 'node:stream'
import { refuse, type Refusal } from '../refusal/refusal.ts'

const empty = Buffer.alloc(0)

/** What a head of HTTP/1 says of it. */
export const hasBody = (headers: ReadonlyMap<string, string>): boolean =>
  headers.has('content-length') || headers.has('transfer-encoding')

export interface BodyFacts {
  readonly hasBody: boolean
  readonly headers: ReadonlyMap<string, string>
  readonly bounds: { readonly body: number; readonly bodyTime: number }
}

export function readBody(request: Readable, { hasBody, headers, bounds }: BodyFacts): Promise<Buffer | Refusal> {
  if (!hasBody) return Promise.resolve(empty)
  const declared = headers.get('content-length')
  if (declared !== undefined && Number(declared) > bounds.body) {
    return Promise.resolve(refuse('LISTEN_BODY_TOO_LARGE', `declared ${declared} bytes`))
  }
  // `close` came and went: nothing further will be told
  if (request.destroyed)
    return Promise.resolve(refuse('LISTEN_HEAD_MALFORMED', 'the client had gone before its body was read'))
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let bytes = 0
    const settle = (value: Buffer | Refusal): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      chunks = []
      resolve(value)
    }
    const timer = setTimeout(() => settle(refuse('LISTEN_BODY_TIMEOUT', `${bytes} bytes arrived`)), bounds.bodyTime)
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > bounds.body) {
        request.pause()
        settle(refuse('LISTEN_BODY_TOO_LARGE', `more than ${bounds.body} bytes`))
      } else chunks.push(chunk)
    }
    const onEnd = (): void => settle(chunks.length === 1 ? (chunks[0] ?? empty) : Buffer.concat(chunks, bytes))
    const onClose = (): void => settle(refuse('LISTEN_HEAD_MALFORMED', 'the client went away before the body ended'))
    request.on('data', onData).on('end', onEnd).on('close', onClose)
    // a parser error after the head surfaces as `error` and then `close`; only `close` decides
    request.on('error', () => undefined)
  })
}
