// Copies as OpenTelemetry logs: OTLP/HTTP 1.x with JSON encoding (opentelemetry.io/docs/specs/otlp). The body of a log
// record is the OCSF event as one JSON text, so that what arrives behind any collector is byte for byte what a file
// would hold; a map of OTLP values would be three times as long and come out differently everywhere. What people
// filter by is repeated as attributes.

import { isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Batch, ExportedRecord } from './export-batches.ts'
import { addressOf, postBatch, type ExportTarget, type HttpTargetOptions, type Sent } from './export-target.ts'

export function createOtlpLogs(options: Omit<HttpTargetOptions, 'contentType'> & { version: string }): ExportTarget {
  return {
    address: addressOf(options.url),
    async send(batch) {
      const request = JSON.stringify(formatLogs(batch, options.version))
      return readAnswer(await postBatch({ ...options, contentType: 'application/json' }, Buffer.from(request)))
    },
    close: () => Promise.resolve(),
  }
}

/** ExportLogsServiceRequest of a batch. */
export function formatLogs({ origin, records }: Batch, version: string): JsonObject {
  return {
    resourceLogs: [
      {
        resource: {
          attributes: [
            text('service.name', 'sallyport'),
            text('service.version', version),
            text('service.instance.id', origin),
          ],
        },
        scopeLogs: [{ scope: { name: 'sallyport.ledger', version }, logRecords: records.map(logRecord) }],
      },
    ],
  }
}

/** OCSF: 1 informational … 4 high; OTLP: INFO, INFO2, WARN, ERROR */
const severityNumbers: Readonly<Record<number, number>> = { 1: 9, 2: 10, 3: 13, 4: 17 }

function logRecord({ event, line }: ExportedRecord): JsonObject {
  const metadata = objectOf(event['metadata'])
  const nanoseconds = `${numberOf(event['time'])}000000`
  return {
    timeUnixNano: nanoseconds,
    observedTimeUnixNano: nanoseconds,
    severityNumber: severityNumbers[numberOf(event['severity_id'])] ?? 9,
    severityText: stringOf(event['severity']),
    eventName: `ocsf.${numberOf(event['class_uid'])}`,
    body: { stringValue: line },
    attributes: [
      text('ocsf.version', stringOf(metadata['version'])),
      integer('ocsf.class_uid', event['class_uid']),
      integer('ocsf.type_uid', event['type_uid']),
      text('ocsf.uid', stringOf(metadata['uid'])),
      text('ocsf.correlation_uid', stringOf(metadata['correlation_uid'])),
      text('ocsf.status', stringOf(event['status'])),
      text('ocsf.status_code', stringOf(event['status_code'])),
    ].filter(({ value }) => value.stringValue !== ''),
    ...traceOf(event),
  }
}

type Attribute = { key: string; value: { stringValue?: string; intValue?: string } }

const text = (key: string, stringValue: string): Attribute => ({ key, value: { stringValue } })
// 64-bit integers are texts in the JSON encoding
const integer = (key: string, value: JsonValue | undefined): Attribute => ({
  key,
  value: { intValue: String(numberOf(value)) },
})

/** The record's event lies in the caller's span. */
function traceOf(event: JsonObject): JsonObject {
  const traceId = stringOf(objectOf(event['trace'])['uid'])
  const [, , spanId = ''] = stringOf(objectOf(event['unmapped'])['traceparent']).split('-')
  return traceId === '' || /^0*$/.test(spanId) ? {} : { traceId, spanId }
}

/** What the receiver will not keep is not sent again: so the protocol has it. Its own words are not repeated. */
function readAnswer(body: Buffer): Sent {
  const parsed = parseStrictJson(body.toString('utf8'), { maxDepth: 16, maxNodes: 1_000 })
  const partial = parsed.ok ? objectOf(objectOf(parsed.value)['partialSuccess']) : {}
  const rejected = Number(partial['rejectedLogRecords'] ?? 0)
  const isCount = Number.isSafeInteger(rejected) && rejected > 0
  return isCount ? { rejected, why: 'partial success' } : { rejected: 0, why: '' }
}

const objectOf = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {})
const stringOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
const numberOf = (value: JsonValue | undefined): number => (typeof value === 'number' ? value : 0)
