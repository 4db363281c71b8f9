// One call's record while it walks: gathers the facts that audit writes, says every "no" in the caller's binding,
// and measures the stages. A refusal is durable in the ledger before its first byte leaves; when it cannot be
// recorded the answer is 503 and the loss is counted (invariants 1 and 2).

import { hash } from 'node:crypto'
import { formatReceipt, type CallFacts } from '../audit/audit.ts'
import { protocolVersion } from '../a2a/operations.ts'
import type { Snapshot } from '../config/config.ts'
import type { Authenticated, HeaderRecord, Receipt, Received, Routed, Validated } from '../exchange/exchange.ts'
import type { Unreadable } from '../listen/listen.ts'
import { refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import { refusalFace, renderRefusal, type RefusalFace } from '../refusal/render.ts'
import { claimedBinding, isTokenRequest } from '../route/route.ts'
import { requestIdOf } from '../validate/validate.ts'
import { sourceNetwork } from '../base/source-network.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { formatTraceparent, parseTraceContext } from '../base/trace-context.ts'
import { continueTrace, mayContinueTrace } from './continue-trace.ts'
import type { WalkParts } from './parts.ts'

export interface Call {
  readonly facts: CallFacts
  knowsCaller(authenticated: Authenticated): void
  knowsAgent(routed: Routed): void
  knowsBody(this: void, bytes: Buffer): void
  knowsOperation(validated: Validated): void
  /** a discovery answer: recorded, then sent */
  answer(status: number, headers: HeaderRecord, body: string): Promise<undefined>
  refuse(refusal: Refusal): Promise<void>
  /** a "no" after the call was recorded as allowed; the completion will tell */
  sayAfterDecision(refusal: Refusal, headers: HeaderRecord): Said
  /** time since the last mark goes to this stage, whether it let the call pass or not */
  mark(stage: string): void
  /** its answer is a stream, which begins now */
  streams(): void
  ended(outcome: string, code?: RefusalCode | ''): void
}

/** What was sent; empty where only the connection could be broken off. */
export interface Said {
  readonly status: number
  readonly body: string
}

/** What an answer says of its record. A signature is made when the record is durable, and only then. */
export async function recordHeaders(
  receipt: Receipt,
  snapshot: Snapshot,
  audit: WalkParts['audit'],
): Promise<HeaderRecord> {
  const headers: HeaderRecord = { 'sallyport-record': formatReceipt(receipt) }
  if (snapshot.config.audit.receipts === 'signed')
    headers['sallyport-record-signature'] = await audit.signReceipt(receipt)
  return headers
}

/** What a record commits to of a body: nothing, when there is none. */
export const bodyHash = (body: string | Buffer): string => (body.length === 0 ? '' : hash('sha256', body, 'base64url'))

export function openCall(received: Received, parts: WalkParts): Call {
  let lastMs = received.startedMs
  let known: Authenticated['caller'] | undefined
  let face: RefusalFace = isTokenRequest(received) ? 'OAuth' : claimedBinding(received)
  let requestId = ''
  const facts = openFacts(received.call, received.receivedAtMs, received.source, received.snapshot.digest)
  const claimed = parseTraceContext(received.headers.get('traceparent'), received.headers.get('tracestate'))
  const trace = parts.tracing?.open(received, claimed) ?? (claimed && continueTrace(claimed))
  if (claimed !== undefined) facts.callerTrace = formatTraceparent(claimed)
  const { reply } = received

  /** Asked when it is known who calls, and again before a record is left: the first counts. */
  const settleTrace = (caller: Authenticated['caller'] | undefined): void => {
    if (trace === undefined || facts.trace !== '') return
    trace.settle(mayContinueTrace(caller, received.snapshot))
    facts.trace = trace.traceparent
    Object.assign(received, { trace })
  }

  const mark = (stage: string): void => {
    const nowMs = parts.clock.monotonicMs()
    parts.metrics.stage(stage, nowMs - lastMs)
    trace?.stage(stage, lastMs, nowMs)
    lastMs = nowMs
  }
  const ended = (outcome: string, code: RefusalCode | '' = ''): void => {
    const nowMs = parts.clock.monotonicMs()
    parts.metrics.call(facts.agent, facts.operation, outcome, nowMs - received.startedMs)
    trace?.end(facts, outcome, code, nowMs)
    // the caller is a configured agent then
    if (facts.autonomous === true) parts.metrics.autonomous(facts.caller)
  }

  return {
    facts,
    knowsCaller(authenticated) {
      if (authenticated.caller.method !== 'anonymous') known = authenticated.caller
      facts.caller = authenticated.caller.id
      facts.origin = authenticated.origin.id
      facts.chain = authenticated.chain.map((actor) => actor.id)
      facts.authentication = authenticated.caller.method
      facts.credential = authenticated.caller.credential
      facts.evidence = authenticated.caller.evidence
      facts.autonomous = authenticated.autonomous
      if (authenticated.delegated !== undefined) facts.grantedBy = authenticated.delegated.call
      settleTrace(authenticated.caller)
    },
    knowsAgent(routed) {
      facts.agent = routed.agent.name
      const { binding, target } = routed
      facts.binding = binding
      face = refusalFace({ binding, version: target.kind === 'rest' ? target.rest.version : protocolVersion })
    },
    knowsBody(bytes) {
      facts.requestBytes = bytes.length
      facts.requestHash = bodyHash(bytes)
    },
    knowsOperation(validated) {
      facts.operation = validated.operation
      facts.version = validated.version
      face = refusalFace(validated)
      facts.tenant = validated.tenant
      facts.task = validated.taskId
      facts.context = validated.contextId
      requestId = validated.requestId
    },
    async answer(status, headers, body) {
      mark('discover')
      if (known !== undefined) parts.limiter.charge(known)
      settleTrace(undefined)
      const receipt = await parts.audit.discovered(facts, status)
      mark('audit')
      const record = await recordHeaders(receipt, received.snapshot, parts.audit)
      reply.send(status, { ...headers, ...record }, body)
      ended('completed')
      return undefined
    },
    async refuse(refusal) {
      const said = known === undefined ? slowDown(refusal, received.source, parts) : refusal
      // what limit refused took nothing; every other refusal costs its caller what a call would
      if (known !== undefined && said.code !== 'LIMIT_RATE') parts.limiter.charge(known)
      const id = requestId === '' ? requestIdOf(refusal) : requestId
      settleTrace(undefined)
      try {
        const receipt =
          known === undefined
            ? await parts.audit.refusedUnknown(facts, said)
            : await parts.audit.refused(facts, said, policyInputOf(said))
        const record = await recordHeaders(receipt, received.snapshot, parts.audit)
        parts.metrics.refusal(said.code)
        say(said, record, id)
      } catch {
        // the trail has counted it; the caller learns only that we cannot serve
        parts.metrics.refusal('AUDIT_UNAVAILABLE')
        say(refuse('AUDIT_UNAVAILABLE', 'the refusal could not be recorded'), { 'retry-after': '5' }, id)
      }
      mark('audit')
      ended('refused', said.code)
    },
    sayAfterDecision: (refusal, headers) => say(refusal, headers, requestId),
    mark,
    streams: () => trace?.streams(),
    ended,
  }

  function say(refusal: Refusal, headers: HeaderRecord, id: string): Said {
    const rendered = renderRefusal(refusal, face, id)
    const { status, body } = rendered
    if (reply.begun) {
      reply.destroy()
      return { status, body: '' }
    }
    reply.send(status, { ...rendered.headers, ...headers }, body)
    return { status, body }
  }
}

/**
 * Refusals of unknown callers have a rate per source address, and wrong credentials wait longer each time, by source
 * and by the key that they name; meanwhile they are told to wait instead. Asked only after a refusal, so that nobody
 * can lock out those who share an address, or whose key is named, and present a good credential.
 */
function slowDown(refusal: Refusal, source: string, parts: WalkParts): Refusal {
  const { sourceLimiter } = parts
  const ofRate = sourceLimiter.take(source) ? 0 : sourceLimiter.retryAfterSeconds(source)
  const waitSeconds = Math.max(ofRate, waitOfTries(refusal, source, parts.backoff))
  if (waitSeconds === 0) return refusal
  return refuse('AUTHN_FLOOD', refusal.detail, { headers: { 'retry-after': String(waitSeconds) } })
}

/** Both are always counted. Whoever shows nothing tries nothing. */
function waitOfTries({ code, claimedKey }: Refusal, source: string, backoff: WalkParts['backoff']): number {
  if (code !== 'AUTHN_INVALID') return 0
  const bySource = backoff.bySource.fail(sourceNetwork(source))
  const byKey = claimedKey === undefined ? 0 : backoff.byKey.fail(claimedKey)
  return Math.ceil(Math.max(bySource, byKey) / 1_000)
}

function policyInputOf(refusal: Refusal & { readonly policyInput?: JsonObject | undefined }): JsonObject | undefined {
  return refusal.policyInput
}

function openFacts(call: string, receivedAtMs: number, source: string, snapshotDigest: string): CallFacts {
  return {
    call,
    receivedAtMs,
    snapshotDigest,
    source,
    caller: '',
    origin: '',
    chain: [],
    authentication: '',
    credential: '',
    agent: '',
    operation: '',
    binding: '',
    version: '',
    tenant: '',
    task: '',
    context: '',
    requestBytes: 0,
    requestHash: '',
    trace: '',
  }
}

/** The bytes were never a request: no binding, no caller, no id. */
export async function refuseUnreadable(unreadable: Unreadable, parts: WalkParts): Promise<void> {
  const { refusal, reply, source } = unreadable
  const facts = openFacts(unreadable.call, unreadable.receivedAtMs, source, '')
  try {
    const receipt = await parts.audit.refusedUnknown(facts, refusal)
    const record = await recordHeaders(receipt, parts.snapshot(), parts.audit)
    parts.metrics.refusal(refusal.code)
    const rendered = renderRefusal(refusal, 'HTTP+JSON', '')
    reply.send(rendered.status, { ...rendered.headers, ...record }, rendered.body)
  } catch {
    parts.metrics.refusal('AUDIT_UNAVAILABLE')
    const rendered = renderRefusal(refuse('AUDIT_UNAVAILABLE', ''), 'HTTP+JSON', '')
    reply.send(rendered.status, rendered.headers, rendered.body)
  }
}
