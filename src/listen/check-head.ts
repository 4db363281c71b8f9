// Node's parser is more tolerant than a gateway may be: it takes the first of two Authorization fields, accepts
// HTTP/0.9 with a bare LF, `Host: a, b` and absolute-form targets (RFC 9112 §3.2, §6.3). Whatever two servers
// could read differently is refused here, before anything is believed.

import type { Protocol } from '../exchange/exchange.ts'

/** Fields that must not be repeated: a second one would be read by someone else than the first. */
const singleFields: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'x-api-key',
  'dpop',
  'sallyport-caller-assertion',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'a2a-version',
  'expect',
  'origin',
  'traceparent',
  'sallyport-agent',
])

const hostPattern = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/
// origin-form only: printable ASCII without space, '"', '<', '>', '\', '^', '`', '{', '|', '}' and '#'
const targetPattern = /^\/[!$-;=?-[\]_a-z~]*$/

export interface CheckedHead {
  readonly protocol: Protocol
  readonly headers: Map<string, string>
  readonly host: string
  readonly path: string
  readonly query: string
}

/** The head as `node:http` hands it over; `rawHeaders` alternates names and values. */
export interface RawHead {
  readonly httpVersion: string
  readonly url: string
  readonly rawHeaders: readonly string[]
}

/** A head with exactly one meaning, or the (private) reason why it has not. */
export function checkHead(raw: RawHead): CheckedHead | string {
  if (raw.httpVersion !== '1.1' && raw.httpVersion !== '1.0') return `http version ${raw.httpVersion}`
  if (!targetPattern.test(raw.url)) return 'request target is not in origin-form'
  const headers = collectHeaders(raw.rawHeaders)
  if (typeof headers === 'string') return headers
  const host = headers.get('host')?.toLowerCase()
  if (host === undefined || !hostPattern.test(host)) return 'host field missing or malformed'
  const expectation = headers.get('expect')
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue')
    return 'an expectation that is not 100-continue'
  const framing = checkFraming(headers, raw.httpVersion)
  if (framing !== undefined) return framing
  const mark = raw.url.indexOf('?')
  return {
    protocol: raw.httpVersion === '1.0' ? 'HTTP/1.0' : 'HTTP/1.1',
    headers,
    host,
    path: mark < 0 ? raw.url : raw.url.slice(0, mark),
    query: mark < 0 ? '' : raw.url.slice(mark + 1),
  }
}

function collectHeaders(rawHeaders: readonly string[]): Map<string, string> | string {
  const headers = new Map<string, string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    const earlier = headers.get(name)
    if (earlier === undefined) headers.set(name, value)
    else if (singleFields.has(name)) return `field ${name} is repeated`
    else headers.set(name, `${earlier}, ${value}`)
  }
  return headers
}

function checkFraming(headers: ReadonlyMap<string, string>, httpVersion: string): string | undefined {
  const coding = headers.get('transfer-encoding')
  const length = headers.get('content-length')
  if (coding !== undefined) {
    if (httpVersion === '1.0') return 'transfer-encoding in HTTP/1.0'
    if (coding.toLowerCase() !== 'chunked') return 'transfer-encoding other than chunked'
    if (length !== undefined) return 'content-length beside transfer-encoding'
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'content-length malformed'
  const encoding = headers.get('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return 'content-encoding is not accepted'
  return undefined
}
