// One request to an OTLP/HTTP receiver (opentelemetry.io/docs/specs/otlp): spans in protobuf or JSON by the library's
// serializer, posted by the dialler that everything else goes out by. Nothing of a receiver's answer is repeated.

import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { SpanExport } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'

export type Sent =
  | { readonly kind: 'sent'; readonly rejected: number }
  /** may work later */
  | { readonly kind: 'later'; readonly why: string; readonly afterMs: number | undefined }
  | { readonly kind: 'refused'; readonly why: string }

export type SendSpans = (spans: ReadableSpan[]) => Promise<Sent>

const maxAnswerBytes = 65_536 // bound: the answer of an OTLP receiver
/** so the protocol has it: any other status means that the same request will not be taken */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])

export function createSpanSender({ spans, dialler }: { spans: SpanExport; dialler: Pick<Dialler, 'post'> }): SendSpans {
  const isJson = spans.encoding === 'json'
  const serializer = isJson ? JsonTraceSerializer : ProtobufTraceSerializer
  const bounds = { maxBytes: maxAnswerBytes, timeoutMs: spans.timeoutMs, ...(spans.tls && { tls: spans.tls }) }
  const contentType = isJson ? 'application/json' : 'application/x-protobuf'
  return async (batch) => {
    const request = serializer.serializeRequest(batch)
    if (request === undefined) return { kind: 'refused', why: 'they could not be serialised' }
    const more = spans.headers.flatMap(({ name, value }) => [name, value.text()])
    try {
      const answer = await dialler.post(spans.url, Buffer.from(request), bounds, { contentType, more })
      if (answer.status >= 200 && answer.status < 300)
        return {
          kind: 'sent',
          rejected: Math.min(
            batch.length,
            readRejected(() => serializer.deserializeResponse(answer.body)),
          ),
        }
      const why = `status ${answer.status}`
      if (!retryable.has(answer.status)) return { kind: 'refused', why }
      const afterMs = /^\d{1,5}$/.test(answer.retryAfter) ? Number(answer.retryAfter) * 1_000 : undefined
      return { kind: 'later', why, afterMs }
    } catch (error) {
      return { kind: 'later', why: reasonOf(error), afterMs: undefined }
    }
  }
}

function readRejected(read: () => { partialSuccess?: { rejectedSpans?: unknown } }): number {
  try {
    const rejected = Number(read().partialSuccess?.rejectedSpans ?? 0)
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0
  } catch {
    // an answer that is none: the status said that they were taken
    return 0
  }
}

/** A code of the system or the client, never a text of the other side. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no answer'
}
