// Where spans go, by the standard variables of OpenTelemetry (opentelemetry.io/docs/specs/otel/configuration): whoever
// runs services knows them, and operators in clusters set them for every pod. Spans are off unless an OTLP endpoint is
// named. What we do not support, or cannot read, is said and never guessed; a header's value appears in no message.

import { readFileSync } from 'node:fs'
import { Secret } from '../base/secret.ts'
import type { Environment } from './secrets.ts'

export type SamplerKind = 'always_on' | 'always_off' | 'traceidratio'

export interface SpanExport {
  /** where requests are posted */
  readonly url: string
  readonly encoding: 'protobuf' | 'json'
  /** names and values in turn; the values may be credentials */
  readonly headers: readonly { readonly name: string; readonly value: Secret }[]
  /** for one request */
  readonly timeoutMs: number
  readonly tls?: { readonly ca?: Buffer; readonly certificate?: Buffer; readonly key?: Secret }
  /** OTEL_RESOURCE_ATTRIBUTES, with service.name */
  readonly resource: Readonly<Record<string, string>>
  readonly sampler: { readonly kind: SamplerKind; readonly ratio: number; readonly parentBased: boolean }
  readonly queue: {
    readonly delayMs: number
    /** for a batch, attempts and pauses together */
    readonly exportTimeoutMs: number
    readonly maxSpans: number
    readonly maxBatch: number
  }
}

export interface TraceEnvironment {
  /** undefined: no spans are kept */
  readonly spans: SpanExport | undefined
  readonly warnings: readonly string[]
}

const maxQueued = 65_536 // bound: spans that wait to be sent
const maxHeaders = 32 // bound: headers of requests to an OTLP receiver
const maxAttributes = 64 // bound: attributes of OTEL_RESOURCE_ATTRIBUTES

/** Reads once, at the start: the environment of a process does not change. */
export function readTraceEnvironment(env: Environment = process.env): TraceEnvironment {
  const warnings: string[] = []
  const warn = (message: string): undefined => {
    warnings.push(message)
    return undefined
  }
  // an empty variable is as if it were not set
  const read = (name: string): string => (env[name] ?? '').trim()
  if (read('OTEL_SDK_DISABLED').toLowerCase() === 'true') return { spans: undefined, warnings }
  const exporter = read('OTEL_TRACES_EXPORTER')
  if (exporter === 'none') return { spans: undefined, warnings }
  const url = readUrl(read, warn)
  if (url === undefined) return { spans: undefined, warnings }
  if (exporter !== '' && exporter !== 'otlp') {
    warn('OTEL_TRACES_EXPORTER: only otlp and none are supported; no spans are sent')
    return { spans: undefined, warnings }
  }
  const protocol = read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || read('OTEL_EXPORTER_OTLP_PROTOCOL') || 'http/protobuf'
  if (protocol !== 'http/protobuf' && protocol !== 'http/json') {
    warn('OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf and http/json are supported; no spans are sent')
    return { spans: undefined, warnings }
  }
  const compression = read('OTEL_EXPORTER_OTLP_TRACES_COMPRESSION') || read('OTEL_EXPORTER_OTLP_COMPRESSION')
  if (compression !== '' && compression !== 'none')
    warn('OTEL_EXPORTER_OTLP_COMPRESSION is not supported; spans are sent uncompressed')
  const tls = readTls(read, warn)
  if (tls === 'unreadable') return { spans: undefined, warnings }
  const number = (name: string, fallback: number, max: number): number => {
    const text = read(name)
    const value = Number(text)
    if (text === '') return fallback
    if (/^\d{1,9}$/.test(text) && value >= 1) return Math.min(value, max)
    warn(`${name} is no positive number; ${fallback} is used`)
    return fallback
  }
  const maxSpans = number('OTEL_BSP_MAX_QUEUE_SIZE', 2_048, maxQueued)
  const timeoutName = read('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') === '' ? '' : '_TRACES'
  return {
    spans: {
      url,
      encoding: protocol === 'http/json' ? 'json' : 'protobuf',
      headers: readHeaders(read, warn),
      timeoutMs: number(`OTEL_EXPORTER_OTLP${timeoutName}_TIMEOUT`, 10_000, 60_000),
      ...(tls && { tls }),
      resource: readResource(read, warn),
      sampler: readSampler(read, warn),
      queue: {
        delayMs: number('OTEL_BSP_SCHEDULE_DELAY', 5_000, 60_000),
        exportTimeoutMs: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000, 600_000),
        maxSpans,
        maxBatch: Math.min(number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 4_096), maxSpans),
      },
    },
    warnings,
  }
}

type Read = (name: string) => string
type Warn = (message: string) => undefined

function readUrl(read: Read, warn: Warn): string | undefined {
  const own = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const text = own || read('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (text === '') return undefined
  const name = own === '' ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  try {
    const url = new URL(text)
    if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
      return warn(`${name}: expected an http or https URL without userinfo; no spans are sent`)
    url.hash = ''
    // the common endpoint is a base, that of a signal is used as it is
    if (own === '') url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
    return url.href
  } catch {
    return warn(`${name} is no URL; no spans are sent`)
  }
}

/** What the request is about is ours to say. */
const reserved = /^(content-(type|length|encoding)|transfer-encoding|host|connection|expect|te|trailer|upgrade)$/

function readHeaders(read: Read, warn: Warn): SpanExport['headers'] {
  const name = read('OTEL_EXPORTER_OTLP_TRACES_HEADERS') === '' ? 'OTEL_EXPORTER_OTLP_HEADERS' : ''
  const headers = new Map<string, Secret>()
  const pairs = readPairs(read(name || 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'))
  for (const pair of pairs) {
    const key = pair?.key.toLowerCase() ?? ''
    const isGood = /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(key) && /^[\t -~]*$/.test(pair?.value ?? '\n')
    if (!isGood || reserved.test(key) || headers.size >= maxHeaders)
      warn('OTEL_EXPORTER_OTLP_HEADERS: a header was left out: malformed, not to be set, or one too many')
    else headers.set(key, Secret.ofText(pair?.value ?? ''))
  }
  return [...headers].map(([key, value]) => ({ name: key, value }))
}

/** `key=value,key=value`, values percent-encoded, as W3C Baggage has them without properties. */
function readPairs(text: string): ({ readonly key: string; readonly value: string } | undefined)[] {
  const members = text.split(',').filter((member) => member.trim() !== '')
  return members.map((member) => {
    const at = member.indexOf('=')
    if (at < 1) return undefined
    try {
      const key = decodeURIComponent(member.slice(0, at).trim())
      return { key, value: decodeURIComponent(member.slice(at + 1).trim()) }
    } catch {
      // decodeURIComponent's only complaint is a percent sign that encodes nothing
      return undefined
    }
  })
}

function readResource(read: Read, warn: Warn): Record<string, string> {
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>
  const pairs = readPairs(read('OTEL_RESOURCE_ATTRIBUTES'))
  for (const pair of pairs.slice(0, maxAttributes)) if (pair !== undefined) attributes[pair.key] = pair.value
  if (pairs.length > maxAttributes || pairs.includes(undefined))
    warn('OTEL_RESOURCE_ATTRIBUTES: an attribute was left out: malformed, or one too many')
  const own = read('OTEL_SERVICE_NAME')
  return { ...attributes, 'service.name': own || (attributes['service.name'] ?? 'sallyport') }
}

const samplers: readonly string[] = ['always_on', 'always_off', 'traceidratio']

function readSampler(read: Read, warn: Warn): SpanExport['sampler'] {
  const text = read('OTEL_TRACES_SAMPLER') || 'parentbased_always_on'
  const parentBased = text.startsWith('parentbased_')
  const name = parentBased ? text.slice('parentbased_'.length) : text
  const kind = samplers.includes(name) ? (name as SamplerKind) : undefined
  if (kind === undefined) {
    warn('OTEL_TRACES_SAMPLER: always_on, always_off, traceidratio and parentbased_… of them are supported')
    return { kind: 'always_on', ratio: 1, parentBased: true }
  }
  const argument = read('OTEL_TRACES_SAMPLER_ARG')
  const ratio = argument === '' ? 1 : Number(argument)
  if (kind !== 'traceidratio') return { kind, ratio: 1, parentBased }
  if (ratio >= 0 && ratio <= 1) return { kind, ratio, parentBased }
  warn('OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1; 1 is used')
  return { kind, ratio: 1, parentBased }
}

/** A file that was named and cannot be read means that nothing is sent, not that it is sent unprotected. */
function readTls(read: Read, warn: Warn): SpanExport['tls'] | 'unreadable' {
  const file = (name: string): Buffer | undefined => {
    const path = read(`OTEL_EXPORTER_OTLP_TRACES_${name}`) || read(`OTEL_EXPORTER_OTLP_${name}`)
    return path === '' ? undefined : readFileSync(path)
  }
  try {
    const ca = file('CERTIFICATE')
    const certificate = file('CLIENT_CERTIFICATE')
    const key = file('CLIENT_KEY')
    if (ca === undefined && certificate === undefined && key === undefined) return undefined
    return { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key: new Secret(key) }) }
  } catch {
    warn('OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_CERTIFICATE or …_CLIENT_KEY cannot be read; no spans are sent')
    return 'unreadable'
  }
}
