// From permission to effect and back. The order is the promise of invariant 2: a call that changes something is
// durable in the ledger before the agent sees it, a read before the first byte of its answer leaves, and an id
// that a task got is somebody's, durably, before anybody learns it.

import { operations } from '../a2a/operations.ts'
import { isJsonObject } from '../base/strict-json.ts'
import type { Admitted, Claim, HeaderRecord, Receipt } from '../exchange/exchange.ts'
import { forward, type AgentCall, type StreamAnswer, type UnaryAnswer } from '../forward/forward.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { claimOfRequest, releaseAnswer, type ReleasedAnswer } from '../release/release.ts'
import type { Completion } from '../audit/audit.ts'
import { recordHeader, type Call } from './call.ts'
import type { WalkParts } from './parts.ts'
import { relayStream } from './relay-stream.ts'

const unavailable = (error: unknown): Refusal =>
  refuse('AUDIT_UNAVAILABLE', String(error), { headers: { 'retry-after': '5' } })

/** Returns a refusal only while nothing has been recorded as allowed; after that it answers by itself. */
export async function carry(admitted: Admitted, call: Call, parts: WalkParts): Promise<Refusal | undefined> {
  const claimed = parts.ownership.claim(claimOfRequest(admitted, parts.ownership))
  // someone else took the context between authorize and here
  if (!claimed.ok) return refuse('AUTHZ_TASK_NOT_FOUND', 'the context was claimed by another at the same time')
  const decision = parts.audit.allowed(call.facts, admitted, claimed.fresh)
  // awaited below on every path; this only keeps an early failure from being reported as unhandled
  decision.catch(() => undefined)
  const trip: Trip = { admitted, call, parts, decision }
  // a read and its record go side by side, unless records are being lost: then nothing is forwarded before one is kept
  if (operations[admitted.operation].changes || parts.audit.unrecorded > 0) {
    try {
      await decision
    } catch (error) {
      claimed.undo()
      return unavailable(error)
    }
    call.mark('audit')
  }
  if (admitted.operation === 'ListTasks') return await answerList(trip)
  return await answerFromAgent(trip)
}

interface Trip {
  readonly admitted: Admitted
  readonly call: Call
  readonly parts: WalkParts
  readonly decision: Promise<Receipt>
}

async function answerFromAgent(trip: Trip): Promise<Refusal | undefined> {
  const { admitted, call, parts } = trip
  if (admitted.reply.gone) return await complete(trip, gone())
  const agentCall: AgentCall = forward(admitted, parts.rulesOf(admitted.snapshot).forwarder)
  admitted.reply.onGone(() => agentCall.abort())
  const answer = await agentCall.answer
  call.mark('forward')
  let receipt: Receipt
  try {
    receipt = await trip.decision
  } catch (error) {
    agentCall.abort()
    return unavailable(error)
  }
  const headers = { ...admitted.limitHeaders, 'sallyport-record': recordHeader(receipt) }
  if (answer.kind === 'stream') return await answerStream(trip, answer, headers)
  return await answerUnary(trip, isRefusal(answer) ? answer : releaseUnary(trip, answer), headers)
}

function releaseUnary(trip: Trip, answer: UnaryAnswer): ReleasedAnswer | Refusal {
  const released = releaseAnswer(trip.admitted, answer, trip.parts.ownership)
  trip.call.mark('release')
  return released
}

async function answerList(trip: Trip): Promise<Refusal | undefined> {
  const { admitted, parts } = trip
  const listed = await parts.lister.list(admitted, parts.rulesOf(admitted.snapshot).forwarder)
  let receipt: Receipt
  try {
    receipt = await trip.decision
  } catch (error) {
    return unavailable(error)
  }
  return await answerUnary(trip, listed, { ...admitted.limitHeaders, 'sallyport-record': recordHeader(receipt) })
}

async function answerUnary(trip: Trip, answer: ReleasedAnswer | Refusal, headers: HeaderRecord): Promise<undefined> {
  const { admitted, parts } = trip
  if (admitted.reply.gone) {
    const claimed = isRefusal(answer) ? undefined : answer
    return await complete(trip, { ...gone(), claims: claimed?.claims ?? [] }, () => claimed?.undo())
  }
  if (isRefusal(answer)) {
    const status = trip.call.sayAfterDecision(answer, headers)
    return await complete(trip, { outcome: 'failed', status, code: answer.code, detail: answer.detail })
  }
  const { text } = answer.released
  const completion = { status: answer.status, claims: answer.claims, answerBytes: Buffer.byteLength(text) }
  if (!admitted.reply.hasRoomFor(completion.answerBytes)) {
    const refusal = refuse('LIMIT_MEMORY', `${completion.answerBytes} bytes`, { headers: { 'retry-after': '5' } })
    const status = trip.call.sayAfterDecision(refusal, headers)
    // the agent did its work: what it made is its caller's all the same
    return await complete(trip, { outcome: 'failed', status, code: refusal.code, claims: answer.claims }, answer.undo)
  }
  if (answer.claims.length > 0) {
    try {
      await recordCompletion(trip, completion)
    } catch (error) {
      answer.undo()
      trip.call.sayAfterDecision(unavailable(error), headers)
      trip.call.ended('failed')
      return undefined
    }
  }
  // noted first: a caller that asks for its list next must find what this answer says
  parts.ownership.note(answer.states, admitted)
  admitted.reply.send(answer.status, { ...headers, 'content-type': answer.contentType }, text)
  if (answer.claims.length > 0) trip.call.ended('completed')
  else await complete(trip, completion)
  return undefined
}

async function answerStream(trip: Trip, stream: StreamAnswer, headers: HeaderRecord): Promise<undefined> {
  const { admitted, call, parts } = trip
  forgetRequest(admitted)
  admitted.reply.begin(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const end = await relayStream(admitted, stream, {
    clock: parts.clock,
    heartbeat: parts.heartbeat,
    ownership: parts.ownership,
    recordClaims: async (event) => {
      try {
        await parts.audit.claimed(call.facts, event.claims)
      } catch (error) {
        event.undo()
        throw error
      }
    },
  })
  return await complete(trip, {
    outcome: end.clientGone ? 'aborted' : end.refusal === undefined ? 'completed' : 'failed',
    status: 200,
    code: end.refusal?.code ?? '',
    detail: end.refusal === undefined ? end.why : `${end.why}: ${end.refusal.detail}`,
    events: end.events,
    answerBytes: admitted.reply.bytesSent,
  })
}

/** A stream may be open for an hour, and thousands are: of the request only its id is asked for again. */
function forgetRequest(admitted: Admitted): void {
  const id = isJsonObject(admitted.body) ? admitted.body['id'] : undefined
  const body = id === undefined ? undefined : { id }
  Object.assign(admitted, { bodyText: '', body, headers: noHeaders, policyInput: noInput, list: undefined })
}

const noHeaders: ReadonlyMap<string, string> = new Map()
const noInput = Object.freeze({})

const gone = (): Partial<Completion> => ({ outcome: 'aborted', detail: 'the client went away before the answer' })

/** The answer is out, or never will be: leave the completion. Its loss is counted by the trail, not the caller's matter. */
async function complete(
  trip: Trip,
  completion: Partial<Completion>,
  onLost = (): void => undefined,
): Promise<undefined> {
  trip.call.ended(completion.outcome ?? 'completed')
  if (completion.code !== undefined && completion.code !== '') trip.parts.metrics.refusal(completion.code)
  await recordCompletion(trip, completion).catch(onLost)
  return undefined
}

function recordCompletion(trip: Trip, completion: Partial<Completion>): Promise<Receipt> {
  const claims: readonly Claim[] = completion.claims ?? []
  return trip.parts.audit.completed(trip.call.facts, {
    outcome: 'completed',
    status: 0,
    code: '',
    detail: '',
    events: 0,
    answerBytes: 0,
    durationMs: Math.round(trip.parts.clock.monotonicMs() - trip.admitted.startedMs),
    ...completion,
    claims,
  })
}
