// Ties the parts together: the tracer of the OpenTelemetry SDK makes spans and decides which are sampled, a queue of our
// own holds them, and the gateway's dialler sends them. Loaded only where spans are kept.

import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from '@opentelemetry/sdk-trace'
import type { SpanExport } from '../config/config.ts'
import { createSpanSender } from './send-spans.ts'
import { SpanQueue } from './span-queue.ts'
import type { OpenTracing, TracingOptions } from './telemetry.ts'
import { TracedCall } from './traced-call.ts'

const maxAttribute = 256 // bound: characters of one attribute of a span

export function openTracing({ spans, dialler, clock, version, log }: TracingOptions): OpenTracing {
  const queue = new SpanQueue({ ...spans.queue, clock, send: createSpanSender({ spans, dialler }), log })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ ...spans.resource, 'service.version': version }),
    sampler: samplerOf(spans.sampler),
    spanLimits: { attributeValueLengthLimit: maxAttribute, attributeCountLimit: 32, linkCountLimit: 1 },
    spanProcessors: [queue],
  })
  const tracer = provider.getTracer('sallyport', version)
  return {
    open: (received, claimed) => new TracedCall(received, claimed, { tracer, clock }),
    report: () => queue.report(),
    stop: () => queue.shutdown(),
  }
}

function samplerOf({ kind, ratio, parentBased }: SpanExport['sampler']): Sampler {
  const root =
    kind === 'always_on'
      ? new AlwaysOnSampler()
      : kind === 'always_off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio)
  return parentBased ? new ParentBasedSampler({ root }) : root
}
