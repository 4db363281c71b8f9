// From permission to effect and back. The order is the promise of invariant 2: a call that changes something is
// durable in the ledger before the agent sees it, a read before the first byte of its answer leaves, and an id
// that a task got is somebody's, durably, before anybody learns it. A call is decided once, answered once and
// completed once, whatever is thrown on the way.

import type { NamedTask } from '../a2a/named-ids.ts'
import { operations } from '../a2a/operations.ts'
import { Fault } from '../base/fault.ts'
import { isJsonObject } from '../base/strict-json.ts'
import type { Admitted, Claim, HeaderRecord, Receipt } from '../exchange/exchange.ts'
import { forward, type AgentAnswer, type AgentCall, type StreamAnswer, type UnaryAnswer } from '../forward/forward.ts'
import { isRefusal, refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import {
  claimOfRequest,
  lostFields,
  releaseAgain,
  releaseAnswer,
  type KeptAnswer,
  type ReleasedAnswer,
} from '../release/release.ts'
import { noMessage } from '../validate/validate.ts'
import type { Completion, RecordedContent, Timings } from '../audit/audit.ts'
import { bodyHash, recordHeaders, type Call, type Said } from './call.ts'
import { duplicateOf, isUntouched, type FirstSend, type Met } from './duplicates.ts'
import { followTask } from './follow-task.ts'
import type { WalkParts } from './parts.ts'
import { messageOf, resultOf } from './recorded-parts.ts'
import { relayStream } from './relay-stream.ts'
import { openGrant } from './open-grant.ts'
import { tellActivated } from './tell-activated.ts'
import { watchPermission } from './still-allowed.ts'
import { findStop } from './find-stop.ts'
import { watchBlocks } from './watch-blocks.ts'

const unavailable = (error: unknown): Refusal =>
  refuse('AUDIT_UNAVAILABLE', String(error), { headers: { 'retry-after': '5' } })

/** Returns a refusal only while nothing has been recorded as allowed; after that it answers by itself. */
export async function carry(admitted: Admitted, call: Call, parts: WalkParts): Promise<Refusal | undefined> {
  const { approval } = admitted
  if (approval === undefined) return await carryOnce(admitted, call, parts)
  // before anything else: of two calls with one approval only one may go on
  if (!approval.take()) return refuse('AUTHZ_APPROVAL_REQUIRED', `the approval ${approval.id} was used meanwhile`)
  const refusal = await carryOnce(admitted, call, parts)
  if (refusal !== undefined) approval.giveBack()
  return refusal
}

/** A message that was sent before does not reach the agent again. */
async function carryOnce(admitted: Admitted, call: Call, parts: WalkParts): Promise<Refusal | undefined> {
  const met = parts.duplicates.meet(admitted)
  if (isRefusal(met)) return met
  if (met.kind === 'follow') {
    const following = await followTask(admitted, met.taskId, parts)
    // not for what reason: who may not subscribe is told what anybody is who sends twice
    if (isRefusal(following)) return duplicateOf(met.call, met.taskId)
    Object.assign(call.facts, { repeats: met.call, task: met.taskId })
    return await carryAllowed(following, call, parts, met)
  }
  if (met.kind === 'first') call.facts.sent = { ...met.first.mark }
  if (met.kind === 'again') call.facts.repeats = met.call
  try {
    return await carryAllowed(admitted, call, parts, met)
  } finally {
    if (met.kind === 'first') met.first.end()
  }
}

async function carryAllowed(admitted: Admitted, call: Call, parts: WalkParts, met: Met): Promise<Refusal | undefined> {
  // the body may have come slowly, and nothing is recorded as allowed that is not by now
  const stopped = findStop(admitted, parts)
  if (stopped !== undefined) return stopped
  // before the agent sees anything: a record that nobody vouches for is none where that is asked for
  const unwitnessed = parts.unwitnessed?.()
  if (unwitnessed !== undefined) return unavailable(unwitnessed)
  // first: the message that begins a context is not one in a context that is known
  const turn = admitted.countsTurns && !isRepeated(met) ? parts.ownership.takeTurn(admitted) : undefined
  if (turn !== undefined) call.facts.turn = { contextId: turn.contextId, number: turn.number }
  const claimed = parts.ownership.claim(claimOfRequest(admitted, parts.ownership))
  // someone else took it between authorize and here
  if (!claimed.ok) {
    turn?.undo()
    return refuse('AUTHZ_TASK_NOT_FOUND', `the ${claimed.conflict.kind} was claimed by another at the same time`)
  }
  const decision = parts.audit.allowed(call.facts, admitted, claimed.fresh, requestContent(admitted, parts))
  // awaited below on every path; this only keeps an early failure from being reported as unhandled
  decision.catch(() => undefined)
  const trip: Trip = { ...nowhere, admitted, call, parts, decision, met, timings: {} }
  step(trip, 'received')
  if (waitsForRecord(admitted, parts)) {
    const receipt = await receiptOf(trip)
    if (isRefusal(receipt)) {
      claimed.undo()
      turn?.undo()
      return receipt
    }
  }
  const endGrant = met.kind === 'again' ? nothing : openGrant(admitted, parts)
  try {
    if (met.kind === 'again') return await answerAgain(trip, met.kept)
    return admitted.operation === 'ListTasks' ? await answerList(trip) : await answerFromAgent(trip)
  } catch (error) {
    return await breakOff(trip, error)
  } finally {
    endGrant()
  }
}

const nothing = (): void => undefined

/** A read and its record go side by side, unless it is configured otherwise or records are being lost. */
function waitsForRecord({ operation, snapshot }: Admitted, { audit }: WalkParts): boolean {
  return operations[operation].changes || snapshot.config.audit.mode === 'blocking-strict' || audit.unrecorded > 0
}

function requestContent(admitted: Admitted, parts: WalkParts): RecordedContent | undefined {
  const { content } = parts.rulesOf(admitted.snapshot)
  return content.request(admitted.agent.name, () => messageOf(admitted))
}

/** One call on its way, and how far it got: what is left to do when something is thrown. */
interface Trip {
  readonly admitted: Admitted
  readonly call: Call
  readonly parts: WalkParts
  readonly decision: Promise<Receipt>
  /** whether the message was sent before, or is to be remembered */
  readonly met: Met
  receipt: Receipt | undefined
  /** begun as soon as there is a receipt: a signature is made while the agent works */
  record: Promise<HeaderRecord> | undefined
  agentCall: AgentCall | undefined
  released: ReleasedAnswer | undefined
  /** the caller has its answer */
  answered: Told | undefined
  isCounted: boolean
  isCompleted: boolean
  readonly timings: { -readonly [Step in keyof Timings]: Timings[Step] }
}

const nowhere = {
  receipt: undefined,
  record: undefined,
  agentCall: undefined,
  released: undefined,
  answered: undefined,
  isCounted: false,
  isCompleted: false,
} as const

/** Microseconds are enough. */
function sinceStart({ parts, admitted }: Trip): number {
  return Math.round((parts.clock.monotonicMs() - admitted.startedMs) * 1_000) / 1_000
}

function step(trip: Trip, name: keyof Timings): void {
  trip.timings[name] = sinceStart(trip)
}

/** Waits for the decision to be durable. What that takes is the ledger's time, and no stage's. */
async function receiptOf(trip: Trip): Promise<Receipt | Refusal> {
  if (trip.receipt !== undefined) return trip.receipt
  const { admitted, parts, call } = trip
  try {
    trip.receipt = await trip.decision
    trip.record = recordHeaders(trip.receipt, admitted.snapshot, parts.audit)
    // awaited with the answer; this only keeps an early failure from being reported as unhandled
    trip.record.catch(() => undefined)
    return trip.receipt
  } catch (error) {
    return unavailable(error)
  } finally {
    call.mark('audit')
  }
}

const headersOf = async ({ admitted, met, record, agentCall }: Trip): Promise<HeaderRecord> => ({
  ...admitted.limitHeaders,
  ...(isRepeated(met) && repeatedHeader),
  ...lostFields(agentCall?.lost ?? [], 'sallyport-lost-request-fields'),
  ...(await record),
})

async function answerFromAgent(trip: Trip): Promise<Refusal | undefined> {
  const { admitted, call, parts } = trip
  if (admitted.reply.gone) return await complete(trip, gone())
  // since it was decided the record of that was waited for
  const stopped = findStop(admitted, parts)
  if (stopped !== undefined) return await refuseDecided(trip, stopped)
  const first = firstOf(trip)
  first?.reached()
  const agentCall = (trip.agentCall = forward(admitted, parts.rulesOf(admitted.snapshot).forwarder))
  admitted.reply.onGone(() => agentCall.abort())
  step(trip, 'forwarded')
  const answer = await answerUnlessCut(trip, agentCall)
  if (first !== undefined && isUntouched(answer)) forgetSent(trip, first)
  step(trip, 'answered')
  call.mark('forward')
  const receipt = await receiptOf(trip)
  if (isRefusal(receipt)) {
    agentCall.abort()
    return receipt
  }
  const headers = { ...(await headersOf(trip)), ...tellActivated(admitted, answer) }
  if (answer.kind === 'stream') return await answerStream(trip, answer, headers)
  return await answerUnary(trip, isRefusal(answer) ? answer : releaseUnary(trip, answer), headers)
}

/** The agent's answer, unless it was broken off before there was one: an answer that came first stands. */
async function answerUnlessCut(trip: Trip, agentCall: AgentCall): Promise<AgentAnswer> {
  const waiting = watchWaiting(trip, () => agentCall.abort())
  const answer = await agentCall.answer
  const cut = waiting.end()
  return cut !== undefined && isRefusal(answer) ? cut : answer
}

/** While an agent is waited for: the operator may stop the gateway, block somebody in the call, or revoke who calls. */
function watchWaiting({ admitted, parts }: Trip, abort: () => void): { end(): Refusal | undefined } {
  let cut: Refusal | undefined
  const cutFor = (refusal: Refusal | undefined): void => {
    if (refusal === undefined || cut !== undefined) return
    cut = refusal
    abort()
  }
  const forget = [
    parts.heartbeat.watch({
      beat: () => cutFor(findStop(admitted, parts)),
      cut: () => cutFor(refuse('LISTEN_STOPPING', 'the agent had not answered')),
    }),
    parts.blocks.onChange(() => cutFor(findStop(admitted, parts))),
  ]
  return {
    end() {
      for (const each of forget) each()
      return cut
    },
  }
}

/** Only what is the agent's doing: bounds and stops of the gateway are not, nor is a caller that does not wait. */
function tellTrouble({ admitted, parts }: Trip, refusal: Refusal): void {
  if (refusal.code === 'FORWARD_TIMEOUT' && admitted.deadlineMs !== Infinity) return
  if (troubles.has(refusal.code)) parts.onAgentTrouble(admitted, refusal)
}

const troubles: ReadonlySet<string> = new Set<RefusalCode>([
  'FORWARD_UNAVAILABLE',
  'FORWARD_TIMEOUT',
  'RELEASE_INVALID_ANSWER',
  'RELEASE_TOO_LARGE',
  'RELEASE_ARTIFACT',
  'RELEASE_STREAM_STALLED',
])

function releaseUnary(trip: Trip, answer: UnaryAnswer): ReleasedAnswer | Refusal {
  const released = releaseAnswer(trip.admitted, answer, trip.parts.ownership)
  trip.call.mark('release')
  if (!isRefusal(released)) trip.released = released
  if (!isRefusal(released) && released.claims.some(isTask)) trip.admitted.taskOpened()
  return released
}

/** Nothing was forwarded: the agent never heard of it. */
async function refuseDecided(trip: Trip, refusal: Refusal): Promise<Refusal | undefined> {
  const receipt = await receiptOf(trip)
  return isRefusal(receipt) ? receipt : await answerUnary(trip, refusal, await headersOf(trip))
}

const isTask = (claim: Claim): claim is Extract<Claim, { kind: 'task' }> => claim.kind === 'task'

const isRepeated = ({ kind }: Met): boolean => kind === 'again' || kind === 'follow'

const firstOf = ({ met }: Trip): FirstSend | undefined => (met.kind === 'first' ? met.first : undefined)

/** The record says so too, for the next start. */
function forgetSent({ call }: Trip, first: FirstSend): void {
  call.facts.unsent = true
  first.forget()
}

/** The caller sent this before, and may still: it gets what it got. The agent hears nothing. */
async function answerAgain(trip: Trip, kept: KeptAnswer): Promise<Refusal | undefined> {
  const { admitted, parts } = trip
  const stopped = findStop(admitted, parts)
  if (stopped !== undefined) return await refuseDecided(trip, stopped)
  const receipt = await receiptOf(trip)
  if (isRefusal(receipt)) return receipt
  return await answerUnary(trip, releaseAgain(admitted, kept), await headersOf(trip))
}

const repeatedHeader = { 'sallyport-repeated': 'true' }

async function answerList(trip: Trip): Promise<Refusal | undefined> {
  const { admitted, parts } = trip
  const stopped = findStop(admitted, parts)
  if (stopped !== undefined) return await refuseDecided(trip, stopped)
  step(trip, 'forwarded')
  const stop = new AbortController()
  const waiting = watchWaiting(trip, () => stop.abort())
  const listed = await parts.lister.list(admitted, parts.rulesOf(admitted.snapshot).forwarder, stop.signal)
  // made of several answers: one that is cut in the middle is none
  const cut = waiting.end()
  step(trip, 'answered')
  trip.call.mark('forward')
  const receipt = await receiptOf(trip)
  return isRefusal(receipt) ? receipt : await answerUnary(trip, cut ?? listed, await headersOf(trip))
}

async function answerUnary(trip: Trip, answer: ReleasedAnswer | Refusal, headers: HeaderRecord): Promise<undefined> {
  const { admitted, parts } = trip
  if (admitted.reply.gone) {
    const claimed = isRefusal(answer) ? undefined : answer
    // nobody reads it, and yet the agent has said how its task stands
    if (claimed === undefined) return await complete(trip, gone())
    keepEndings(trip, claimed.states)
    parts.ownership.note(claimed.states, admitted)
    let isLost = false
    await complete(trip, { ...gone(), claims: claimed.claims }, () => {
      isLost = true
      claimed.undo()
    })
    // it may ask again for what it did not wait for
    if (!isLost) firstOf(trip)?.answered(claimed)
    return undefined
  }
  if (isRefusal(answer)) {
    // the agent does not know the task that the message is for, so that it has done nothing
    const first = firstOf(trip)
    if (answer.code === 'AUTHZ_TASK_NOT_FOUND' && first !== undefined) forgetSent(trip, first)
    tellTrouble(trip, answer)
    const said = say(trip, answer, headers)
    return await complete(trip, { ...said, outcome: 'failed', code: answer.code, detail: answer.detail })
  }
  const { text, bytes } = answer.released
  const body = bytes ?? text
  const answerBytes = Buffer.byteLength(body)
  if (!admitted.reply.hasRoomFor(answerBytes)) {
    const refusal = refuse('LIMIT_MEMORY', `${answerBytes} bytes`, { headers: { 'retry-after': '5' } })
    const said = say(trip, refusal, headers)
    // the agent did its work: what it made is its caller's all the same
    keepEndings(trip, answer.states)
    parts.ownership.note(answer.states, admitted)
    let isLost = false
    await complete(trip, { ...said, outcome: 'failed', code: refusal.code, claims: answer.claims }, () => {
      isLost = true
      answer.undo()
    })
    if (!isLost) firstOf(trip)?.answered(answer)
    return undefined
  }
  const { content } = parts.rulesOf(admitted.snapshot)
  const completion = {
    status: answer.status,
    claims: answer.claims,
    answerBytes,
    answerHash: bodyHash(body),
    content: content.answer(admitted.agent.name, () => resultOf(admitted, text)),
  }
  keepEndings(trip, answer.states)
  if (answer.claims.length > 0) {
    try {
      await recordCompletion(trip, completion)
    } catch (error) {
      answer.undo()
      const refusal = unavailable(error)
      say(trip, refusal, headers)
      return count(trip, 'failed', refusal.code)
    }
    trip.call.mark('audit')
  }
  // noted first: a caller that asks for its list next must find what this answer says
  parts.ownership.note(answer.states, admitted)
  firstOf(trip)?.answered(answer)
  const head = { ...headers, ...answer.headers, 'content-type': answer.contentType }
  admitted.reply.send(answer.status, head, body, answer.trailers)
  trip.answered = completion
  if (answer.claims.length > 0) return count(trip, 'completed')
  return await complete(trip, completion)
}

const mostEndings = 64 // bound: tasks that one record of a call says are over

/** For the index that may have to be made again from the record: which tasks are over, as it was told of them. */
function keepEndings({ admitted, call, parts }: Trip, states: readonly NamedTask[]): void {
  for (const { taskId, state, timestampMs } of parts.ownership.ending(states, admitted)) {
    const { tenant } = admitted
    const finished = (call.facts.finished ??= [])
    if (finished.length < mostEndings)
      finished.push({ taskId, tenant, state, ...(timestampMs !== 0 && { timestampMs }) })
  }
}

const grpcStreamHead = { 'content-type': 'application/grpc' }
const eventStreamHead = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

type Told = Pick<Completion, 'status' | 'answerBytes' | 'answerHash'>

function say(trip: Trip, refusal: Refusal, headers: HeaderRecord): Told {
  return (trip.answered = toldBy(trip.call.sayAfterDecision(refusal, headers)))
}

function toldBy({ status, body }: Said): Told {
  return { status, answerBytes: Buffer.byteLength(body), answerHash: bodyHash(body) }
}

async function answerStream(trip: Trip, stream: StreamAnswer, headers: HeaderRecord): Promise<undefined> {
  const { admitted, call, parts } = trip
  const stillAllowed = watchPermission(admitted, parts)
  call.streams()
  forgetRequest(admitted)
  admitted.reply.begin(200, { ...headers, ...(admitted.binding === 'GRPC' ? grpcStreamHead : eventStreamHead) })
  const end = await relayStream(admitted, stream, {
    content: parts.rulesOf(admitted.snapshot).content.events(admitted.agent.name),
    clock: parts.clock,
    heartbeat: parts.heartbeat,
    ownership: {
      ...parts.ownership,
      note(states, of) {
        keepEndings(trip, states)
        parts.ownership.note(states, of)
      },
    },
    stillAllowed,
    expiryGraceMs: stillAllowed.graceMs,
    findBlock: watchBlocks(admitted, parts),
    onBug: parts.onBug,
    recordClaims: async (event) => {
      try {
        await parts.audit.claimed(call.facts, event.claims)
        const made = event.claims.find(isTask)
        if (made !== undefined) admitted.taskOpened()
        if (made !== undefined) firstOf(trip)?.names(made.taskId)
      } catch (error) {
        event.undo()
        throw error
      }
    },
  })
  const told = { status: 200, answerBytes: admitted.reply.bytesSent, answerHash: end.answerHash }
  trip.answered = told
  if (end.refusal !== undefined) tellTrouble(trip, end.refusal)
  return await complete(trip, {
    ...told,
    outcome: end.clientGone ? 'aborted' : end.refusal === undefined ? 'completed' : 'failed',
    code: end.refusal?.code ?? '',
    detail: end.refusal === undefined ? end.why : `${end.why}: ${end.refusal.detail}`,
    events: end.events,
    content: end.content,
  })
}

/** A stream may be open for an hour, and thousands are: of the request only its id is asked for again. */
function forgetRequest(admitted: Admitted): void {
  const id = isJsonObject(admitted.body) ? admitted.body['id'] : undefined
  const body = id === undefined ? undefined : { id }
  const nothing = { bodyText: '', headers: noHeaders, policyInput: noInput, list: undefined, message: noMessage }
  Object.assign(admitted, { body, params: noInput, paramsText: noText, wire: undefined, ...nothing })
}

const noHeaders: ReadonlyMap<string, string> = new Map()
const noInput = Object.freeze({})
const noText = (): string => '{}'

const gone = (): Partial<Completion> => ({ outcome: 'aborted', detail: 'the client went away before the answer' })

/** The answer is out, or never will be: leave the completion. Its loss is counted by the trail, not the caller's matter. */
async function complete(
  trip: Trip,
  completion: Partial<Completion>,
  onLost = (): void => undefined,
): Promise<undefined> {
  count(trip, completion.outcome ?? 'completed', completion.code)
  await recordCompletion(trip, completion).catch(onLost)
  return undefined
}

function count(trip: Trip, outcome: Completion['outcome'], code: Completion['code'] = ''): undefined {
  if (trip.isCounted) return
  trip.isCounted = true
  trip.call.ended(outcome, code)
  if (code !== '') trip.parts.metrics.refusal(code)
}

/** Something was thrown after the call was recorded as allowed: it has failed, and nothing is decided again. */
async function breakOff(trip: Trip, error: unknown): Promise<Refusal | undefined> {
  const { parts, released } = trip
  const { reply } = trip.admitted
  const isFault = error instanceof Fault
  if (!isFault) parts.onBug(error)
  trip.agentCall?.abort()
  const receipt = await receiptOf(trip)
  if (isRefusal(receipt)) return receipt
  const refusal = isFault ? unavailable(error) : refuse('GATEWAY_INTERNAL', String(error))
  // a stream that had begun is cut off: its status has been said
  const begun = reply.begun ? { status: 200, answerBytes: reply.bytesSent } : undefined
  const said = trip.answered ?? begun
  if (trip.answered === undefined && !reply.gone) await sayOrDestroy(trip, refusal)
  if (trip.isCompleted) return count(trip, 'failed', refusal.code)
  const told = said ?? trip.answered ?? { status: 0 }
  const completion = { ...told, outcome: 'failed', code: refusal.code, detail: refusal.detail } as const
  return await complete(trip, { ...completion, claims: released?.claims ?? [] }, () => released?.undo())
}

async function sayOrDestroy(trip: Trip, refusal: Refusal): Promise<void> {
  try {
    say(trip, refusal, await headersOf(trip))
  } catch (error) {
    trip.parts.onBug(error)
    trip.admitted.reply.destroy()
  }
}

async function recordCompletion(trip: Trip, completion: Partial<Completion>): Promise<Receipt> {
  trip.isCompleted = true
  const claims: readonly Claim[] = completion.claims ?? []
  return await trip.parts.audit.completed(trip.call.facts, {
    outcome: 'completed',
    status: 0,
    code: '',
    detail: '',
    events: 0,
    answerBytes: 0,
    answerHash: '',
    durationMs: sinceStart(trip),
    timings: trip.timings,
    ...completion,
    claims,
  })
}
