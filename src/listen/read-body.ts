// Reads one request body under a size and a time bound. Nothing is read before a stage asks for it, so an
// unauthenticated sender cannot make us hold its megabytes.

import type { Readable } from 'node:stream'
import { refuse, type Refusal } from '../refusal/refusal.ts'

const empty: Buffer = Buffer.alloc(0)

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
  // an empty body on HTTP/2 has come to its end before anybody asks
  if (request.readableEnded) return Promise.resolve(empty)
  return new Promise((resolve) => {
    let held = empty
    let bytes = 0
    // most bodies come in one piece; those in a million must not cost a million objects
    const keep = (chunk: Buffer): void => {
      if (bytes === 0) held = chunk
      else {
        if (bytes + chunk.length > held.length) {
          const grown = Buffer.allocUnsafe(Math.min(bounds.body, Math.max(2 * bytes, bytes + chunk.length)))
          held.copy(grown, 0, 0, bytes)
          held = grown
        }
        chunk.copy(held, bytes)
      }
      bytes += chunk.length
    }
    const settle = (value: Buffer | Refusal): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      held = empty
      resolve(value)
    }
    const timer = setTimeout(() => settle(refuse('LISTEN_BODY_TIMEOUT', `${bytes} bytes arrived`)), bounds.bodyTime)
    const onData = (chunk: Buffer): void => {
      if (bytes + chunk.length > bounds.body) {
        request.pause()
        settle(refuse('LISTEN_BODY_TOO_LARGE', `more than ${bounds.body} bytes`))
      } else keep(chunk)
    }
    const onEnd = (): void => settle(held.subarray(0, bytes))
    const onClose = (): void => settle(refuse('LISTEN_HEAD_MALFORMED', 'the client went away before the body ended'))
    request.on('data', onData).on('end', onEnd).on('close', onClose)
    // a parser error after the head surfaces as `error` and then `close`; only `close` decides
    request.on('error', () => undefined)
  })
}
