// Traces of callers where no spans are kept: the agent gets the trace that the caller is in, with a span of the gateway's
// own as its parent, which the call's record names. Whose trace is continued is the configuration's to say: an id that
// somebody outside chose ties calls together that he chose, and asks for spans that others pay for.

import { createSpanId, formatTraceparent, type TraceContext } from '../base/trace-context.ts'
import { isNamed, type Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import type { CallTrace } from './parts.ts'

/** `caller` is undefined as long as nobody has proven who it is. */
export function mayContinueTrace(caller: Caller | undefined, { config }: Snapshot): boolean {
  const from = config.telemetry.traces.continueFrom
  if (from === 'everyone') return true
  if (from === 'nobody' || caller === undefined || caller.method === 'anonymous') return false
  return from === 'authenticated' || isNamed(from, caller.id, caller.groups)
}

export function continueTrace(claimed: TraceContext): CallTrace {
  return new ContinuedTrace(claimed)
}

const none: readonly string[] = Object.freeze([])

class ContinuedTrace implements CallTrace {
  readonly #claimed: TraceContext
  traceparent = ''

  constructor(claimed: TraceContext) {
    this.#claimed = claimed
  }

  settle(continuesCallers: boolean): void {
    if (continuesCallers) this.traceparent = formatTraceparent({ ...this.#claimed, spanId: createSpanId() })
  }

  headers(): readonly string[] {
    if (this.traceparent === '') return none
    const { state } = this.#claimed
    return ['traceparent', this.traceparent, ...(state === '' ? none : ['tracestate', state])]
  }

  stage(): void {
    // nothing is kept of stages
  }

  streams(): void {
    // nor of streams
  }

  end(): void {
    // nor of the end
  }
}
