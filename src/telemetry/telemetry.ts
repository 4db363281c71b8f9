// Door of telemetry: spans of calls, sent to an OTLP receiver. Off unless the environment names one; until then nothing
// of it is loaded. Calls never wait for it: what a receiver does not take is counted and lost. A span says which call
// it was, which agent and what became of it, never what was said, and not who called: that is in the record.

import type { Clock } from '../base/clock.ts'
import type { SpanExport } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
import type { Tracing } from '../pipeline/pipeline.ts'
import type { SpanCounts } from './span-queue.ts'

export type { SpanCounts } from './span-queue.ts'

export interface TracingOptions {
  readonly spans: SpanExport
  readonly dialler: Pick<Dialler, 'post'>
  readonly clock: Clock
  /** of this product */
  readonly version: string
  /** told once that spans do not arrive, and once that they do again */
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

export interface OpenTracing extends Tracing {
  report(): SpanCounts
  /** sends what waits, within a bounded time */
  stop(): Promise<void>
}

export async function startTracing(options: TracingOptions): Promise<OpenTracing> {
  const { openTracing } = await import('./open-tracing.ts')
  return openTracing(options)
}
