// Starts the spans that the environment asks for, and says in the log what of it was not understood.

import { isLoopback, type TraceEnvironment } from '../config/config.ts'
import { startTracing, type OpenTracing, type TracingOptions } from '../telemetry/telemetry.ts'

export async function startSpans(
  { spans, warnings }: TraceEnvironment,
  options: Omit<TracingOptions, 'spans'>,
): Promise<OpenTracing | undefined> {
  const { log } = options
  for (const message of warnings) log.warn({}, message)
  if (spans === undefined) return undefined
  const { protocol, hostname, origin } = new URL(spans.url)
  if (protocol === 'http:' && spans.headers.length > 0 && !isLoopback(hostname))
    log.warn({ origin }, 'dangerouslyAllowPlaintext: spans are sent with a credential and without TLS')
  log.info({ origin, encoding: spans.encoding }, 'spans are sent to an OTLP receiver')
  return await startTracing({ ...options, spans })
}
