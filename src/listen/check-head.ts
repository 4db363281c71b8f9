// Node's parser is more tolerant than a gateway may be: it takes the first of two Authorization fields, accepts
// HTTP/0.9 with a bare LF, `Host: a, b` and absolute-form targets (RFC 9112 §3.2, §6.3). Whatever two servers
// could read differently is refused here, before anything is believed; heads of HTTP/2 (RFC 9113 §8.2, §8.3) by the
// same rules, and by their own although its codec has them too.

import { METHODS } from 'node:http'
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
  'grpc-timeout',
  'grpc-encoding',
])

const hostPattern = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/
// origin-form only: printable ASCII without space, '"', '<', '>', '\', '^', '`', '{', '|', '}' and '#'
const targetPattern = /^\/[!$-;=?-[\]_a-z~]*$/

export interface CheckedHead {
  readonly protocol: Protocol
  readonly method: string
  readonly headers: Map<string, string>
  readonly host: string
  readonly path: string
  readonly query: string
}

/** The head as `node:http` hands it over; `rawHeaders` alternates names and values. */
export interface RawHead {
  readonly httpVersion: string
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
}

/** A head with exactly one meaning, or the (private) reason why it has not. */
export function checkHead(raw: RawHead): CheckedHead | string {
  if (raw.httpVersion !== '1.1' && raw.httpVersion !== '1.0') return `http version ${raw.httpVersion}`
  const headers = collectHeaders(raw.rawHeaders)
  if (typeof headers === 'string') return headers
  const framing = checkFraming(headers, raw.httpVersion)
  if (framing !== undefined) return framing
  const protocol = raw.httpVersion === '1.0' ? 'HTTP/1.0' : 'HTTP/1.1'
  return checkTarget({ protocol, method: raw.method, target: raw.url, headers })
}

/** Fields that speak of one connection of HTTP/1. */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** What node:http takes as a method, so that both protocols know the same ones. */
const methods: ReadonlySet<string> = new Set(METHODS)

/** The same of a head of HTTP/2: names and values in turn, pseudo-header fields first. */
export function checkHttp2Head(rawHeaders: readonly string[]): CheckedHead | string {
  const pseudo = new Map<string, string>()
  let first = 0
  for (; rawHeaders[first]?.startsWith(':') === true; first += 2) {
    const name = rawHeaders[first] ?? ''
    if (!pseudoFields.has(name)) return 'an unknown pseudo-header field'
    if (pseudo.has(name)) return `${name} is repeated`
    pseudo.set(name, rawHeaders[first + 1] ?? '')
  }
  const fields = rawHeaders.slice(first)
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return 'a field name that is not one, or has capitals'
    if (connectionFields.has(name)) return `field ${name} is of HTTP/1`
    if (name === 'te' && fields[i + 1] !== 'trailers') return 'te other than trailers'
  }
  const headers = collectHeaders(fields)
  if (typeof headers === 'string') return headers
  const framing = checkFraming(headers, '2')
  if (framing !== undefined) return framing
  const method = pseudo.get(':method') ?? ''
  if (!methods.has(method) || method === 'CONNECT') return 'a method that is not served'
  const scheme = pseudo.get(':scheme')
  if (scheme !== 'http' && scheme !== 'https') return 'a scheme other than http and https'
  const authority = pseudo.get(':authority')
  const host = headers.get('host')
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    return ':authority and host differ'
  if (authority !== undefined) headers.set('host', authority)
  return checkTarget({ protocol: 'HTTP/2', method, target: pseudo.get(':path') ?? '', headers })
}

const pseudoFields: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path'])

/**
 * The size of a head as HTTP/2 counts it: 32 bytes for each field beside its name and value (RFC 9113 §6.5.2). So it
 * bounds the number of fields too.
 */
export const sizeOfHttp2Head = (rawHeaders: readonly string[]): number =>
  rawHeaders.reduce((bytes, text) => bytes + text.length, 16 * rawHeaders.length)

interface OpenHead {
  readonly protocol: Protocol
  readonly method: string
  readonly target: string
  readonly headers: Map<string, string>
}

/** What is asked for, and of whom: the same rules for every version of HTTP. */
function checkTarget({ protocol, method, target, headers }: OpenHead): CheckedHead | string {
  if (!targetPattern.test(target)) return 'request target is not in origin-form'
  const host = headers.get('host')?.toLowerCase()
  if (host === undefined || !hostPattern.test(host)) return 'host missing or malformed'
  const expectation = headers.get('expect')
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue')
    return 'an expectation that is not 100-continue'
  const mark = target.indexOf('?')
  return {
    protocol,
    method,
    headers,
    host,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
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
