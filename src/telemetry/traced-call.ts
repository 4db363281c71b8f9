// One call as spans: the call itself (SERVER), and below it each stage that it walked through. That in which the agent is
// called is a CLIENT span, and the parent of what the agent makes of it. Stages are noted while the call walks and
// become spans at its end, when it is known what became of it; for a call that is not sampled nothing is noted.

import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type HrTime,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api'
import type { CallFacts } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { formatTraceparent, randomFlag, type TraceContext } from '../base/trace-context.ts'
import type { AgentAddress, Received } from '../exchange/exchange.ts'
import type { CallTrace } from '../pipeline/pipeline.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import { addressAttributes, callAttributes, errorAttributes, nameCall, stagesOf } from './say-call.ts'

interface Stage {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
}

export class TracedCall implements CallTrace {
  readonly #received: Received
  readonly #claimed: TraceContext | undefined
  readonly #tracer: Tracer
  readonly #clock: Clock
  traceparent = ''
  #state = ''
  #flags = 0
  #root: Span | undefined
  #context: Context = ROOT_CONTEXT
  #agentSpan: Span | undefined
  #headers: readonly string[] | undefined
  #stages: Stage[] = []
  #streams = false
  #ended = false

  constructor(received: Received, claimed: TraceContext | undefined, parts: { tracer: Tracer; clock: Clock }) {
    this.#received = received
    this.#claimed = claimed
    this.#tracer = parts.tracer
    this.#clock = parts.clock
  }

  settle(continuesCallers: boolean): void {
    const claimed = this.#claimed
    const parent = continuesCallers && claimed !== undefined ? claimed : undefined
    const links = claimed !== undefined && parent === undefined ? [{ context: contextOf(claimed) }] : []
    const { startedMs } = this.#received
    this.#root = this.#tracer.startSpan(
      'call',
      { kind: SpanKind.SERVER, startTime: this.#timeOf(startedMs), links },
      parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent)),
    )
    this.#context = trace.setSpan(ROOT_CONTEXT, this.#root)
    this.#state = parent?.state ?? ''
    // the SDK's own ids are random throughout
    this.#flags = (parent?.flags ?? randomFlag) & randomFlag
    this.traceparent = this.#format(this.#root.spanContext())
    if (!this.#root.isRecording()) this.#stages = []
  }

  headers(to: AgentAddress): readonly string[] {
    if (this.#headers !== undefined) return this.#headers
    const root = this.#root
    if (root === undefined) return []
    if (root.isRecording())
      this.#agentSpan = this.#tracer.startSpan(
        'forward',
        {
          kind: SpanKind.CLIENT,
          startTime: this.#timeOf(this.#clock.monotonicMs()),
          attributes: addressAttributes(to),
        },
        this.#context,
      )
    const traceparent = this.#format((this.#agentSpan ?? root).spanContext())
    return (this.#headers = ['traceparent', traceparent, ...(this.#state === '' ? [] : ['tracestate', this.#state])])
  }

  stage(name: string, fromMs: number, toMs: number): void {
    if (this.#root?.isRecording() !== false) this.#stages.push({ name, fromMs, toMs })
  }

  streams(): void {
    this.#streams = true
  }

  end(facts: CallFacts, outcome: string, code: RefusalCode | '', nowMs: number): void {
    const root = this.#root
    if (this.#ended || root === undefined || !root.isRecording()) return
    this.#ended = true
    const responsible = code === '' ? [] : stagesOf(code, this.#streams)
    const failed = this.#stages.findLast(({ name }) => responsible.includes(name))
    for (const stage of this.#stages) this.#endStage(stage, facts, stage === failed ? code : '', nowMs)
    // the agent was called, and never came to answer
    if (this.#agentSpan?.isRecording() === true) this.#endAgentSpan(facts, code, nowMs)
    root.updateName(nameCall(facts))
    root.setAttributes(callAttributes(facts, outcome))
    blame(root, facts, code)
    root.end(this.#timeOf(nowMs))
    this.#stages = []
  }

  #endStage(stage: Stage, facts: CallFacts, code: RefusalCode | '', nowMs: number): void {
    if (stage.name === 'forward' && this.#agentSpan !== undefined) {
      this.#endAgentSpan(facts, code, this.#streams ? nowMs : stage.toMs)
      return
    }
    const span = this.#tracer.startSpan(stage.name, { startTime: this.#timeOf(stage.fromMs) }, this.#context)
    blame(span, facts, code)
    span.end(this.#timeOf(stage.toMs))
  }

  #endAgentSpan(facts: CallFacts, code: RefusalCode | '', atMs: number): void {
    this.#agentSpan?.setAttribute('gen_ai.agent.name', facts.agent)
    if (this.#agentSpan !== undefined) blame(this.#agentSpan, facts, code)
    this.#agentSpan?.end(this.#timeOf(atMs))
  }

  #format({ traceId, spanId, traceFlags }: SpanContext): string {
    return formatTraceparent({ traceId, spanId, flags: traceFlags | this.#flags, state: '' })
  }

  /** Of the wall, as the call's start has it; monotonic from there. */
  #timeOf(monotonicMs: number): HrTime {
    const { receivedAtMs, startedMs } = this.#received
    const sinceMs = receivedAtMs + Math.max(0, monotonicMs - startedMs)
    const seconds = Math.floor(sinceMs / 1_000)
    return [seconds, Math.round((sinceMs - seconds * 1_000) * 1_000) * 1_000]
  }
}

function blame(span: Span, facts: CallFacts, code: RefusalCode | ''): void {
  if (code === '') return
  span.setAttributes(errorAttributes(facts, code))
  span.setStatus({ code: SpanStatusCode.ERROR })
}

function contextOf({ traceId, spanId, flags, state }: TraceContext): SpanContext {
  const traceState = state === '' ? undefined : createTraceState(state)
  return { traceId, spanId, traceFlags: flags & 1, isRemote: true, ...(traceState && { traceState }) }
}
