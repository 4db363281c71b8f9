// An OTLP/HTTP receiver of traces: takes requests in both encodings, reads them by eyes of its own, and can be made slow
// or unwilling. What it reads of protobuf is the wire form by opentelemetry/proto/trace/v1/trace.proto, written out here,
// so that a serializer is not believed because it agrees with itself.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  /** 1 internal, 2 server, 3 client */
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  /** 0 unset, 1 ok, 2 error */
  readonly status: number
  readonly traceState: string
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly resource: Readonly<Record<string, unknown>>
  readonly scope: string
}

export interface OtlpReceiver {
  readonly url: string
  readonly spans: ReceivedSpan[]
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[]
  /** what it answers; 200 with nothing by default */
  answer: (response: ServerResponse) => void
  close(): Promise<void>
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const receiver: OtlpReceiver = {
    url: '',
    spans: [],
    requests: [],
    answer: (response) => response.writeHead(200).end(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      receiver.requests.push({ path: request.url ?? '', headers: request.headers, body })
      receiver.spans.push(...(request.headers['content-type'] === 'application/json' ? readJson(body) : readWire(body)))
      receiver.answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(receiver, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

interface JsonValue {
  stringValue?: string
  intValue?: string | number
  boolValue?: boolean
}
interface JsonRequest {
  resourceSpans: {
    resource: { attributes: { key: string; value: JsonValue }[] }
    scopeSpans: {
      scope: { name: string }
      spans: {
        name: string
        traceId: string
        spanId: string
        parentSpanId?: string
        kind: number
        startTimeUnixNano: string
        endTimeUnixNano: string
        attributes: { key: string; value: JsonValue }[]
        status: { code: number }
        traceState?: string
        links?: { traceId: string; spanId: string }[]
      }[]
    }[]
  }[]
}

function readJson(body: Buffer): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(body.toString('utf8')) as JsonRequest
  const read = (pairs: { key: string; value: JsonValue }[]): Record<string, unknown> =>
    Object.fromEntries(
      pairs.map(({ key, value }) => [key, value.stringValue ?? value.boolValue ?? Number(value.intValue)]),
    )
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        kind: span.kind,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        attributes: read(span.attributes),
        status: span.status.code,
        traceState: span.traceState ?? '',
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        resource: read(resource.attributes),
        scope: scope.name,
      })),
    ),
  )
}

/** Fields of one message: numbers for varints and fixed widths, bytes for the rest. */
function fieldsOf(bytes: Buffer): { readonly field: number; readonly value: bigint | Buffer }[] {
  const fields: { field: number; value: bigint | Buffer }[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes.readUInt8(at))
      at += 1
      value |= (byte & 127n) << shift
      if (byte < 128n) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const field = tag >> 3
    if ((tag & 7) === 0) fields.push({ field, value: varint() })
    else if ((tag & 7) === 1) {
      fields.push({ field, value: bytes.readBigUInt64LE(at) })
      at += 8
    } else if ((tag & 7) === 5) {
      fields.push({ field, value: BigInt(bytes.readUInt32LE(at)) })
      at += 4
    } else if ((tag & 7) === 2) {
      const length = Number(varint())
      fields.push({ field, value: bytes.subarray(at, at + length) })
      at += length
    } else throw new Error(`wire type ${tag & 7}`)
  }
  return fields
}

const messages = (bytes: Buffer, field: number): Buffer[] =>
  fieldsOf(bytes).flatMap((each) => (each.field === field && Buffer.isBuffer(each.value) ? [each.value] : []))
const bytesOf = (bytes: Buffer, field: number): Buffer => messages(bytes, field)[0] ?? Buffer.alloc(0)
const textOf = (bytes: Buffer, field: number): string => bytesOf(bytes, field).toString('utf8')
const numberOf = (bytes: Buffer, field: number): bigint => {
  const value = fieldsOf(bytes).find((each) => each.field === field)?.value
  return typeof value === 'bigint' ? value : 0n
}

function attributesOf(bytes: Buffer, field: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(bytes, field).map((pair) => {
      const [value] = fieldsOf(bytesOf(pair, 2))
      const isText = value?.field === 1 && Buffer.isBuffer(value.value)
      return [textOf(pair, 1), isText ? String(value.value) : Number(value?.value)]
    }),
  )
}

function readWire(body: Buffer): ReceivedSpan[] {
  return messages(body, 1).flatMap((resourceSpans) =>
    messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => ({
        name: textOf(span, 5),
        traceId: bytesOf(span, 1).toString('hex'),
        spanId: bytesOf(span, 2).toString('hex'),
        parentSpanId: bytesOf(span, 4).toString('hex'),
        kind: Number(numberOf(span, 6)),
        startNs: numberOf(span, 7),
        endNs: numberOf(span, 8),
        attributes: attributesOf(span, 9),
        status: Number(numberOf(bytesOf(span, 15), 3)),
        traceState: textOf(span, 3),
        links: messages(span, 13).map((link) => ({
          traceId: bytesOf(link, 1).toString('hex'),
          spanId: bytesOf(link, 2).toString('hex'),
        })),
        resource: attributesOf(bytesOf(resourceSpans, 1), 1),
        scope: textOf(bytesOf(scopeSpans, 1), 1),
      })),
    ),
  )
}
