// Door of forward: the only code that calls agents. Takes only `Admitted`. The caller's credential and cookies
// never pass (invariant 5): headers to an agent are built here from nothing, with a signed assertion that names
// caller, origin and chain, and the agent's own configured credential.

import type { Clock } from '../base/clock.ts'
import type { Admitted, AgentAddress } from '../exchange/exchange.ts'
import { operations } from '../a2a/operations.ts'
import { speaksAlike } from '../faces/choose-face.ts'
import { encodeGrpc, encodeJsonRpc, encodeRest, ownRequestToken, type EncodedRequest } from '../faces/encode-request.ts'
import { methodOf } from '../protobuf/schema.ts'
import { rewriteRequest } from '../protobuf/rewrite-wire.ts'
import { encodeOld } from '../faces/old-version.ts'
import { placeContext } from '../a2a/context-places.ts'
import { legacyExtensionsHeader } from '../a2a/v0-3/names.ts'
import { placeTenant } from '../a2a/place-tenant.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { abortedDetail, callAgent, type AgentAnswer, type AgentCall } from './call-agent.ts'
import { callGrpc } from './grpc-client.ts'
import { identify, isToldLess } from './identify.ts'
import type { AssertionSigner } from './mint-assertion.ts'
import type { Upstream } from './upstream.ts'

export type { AgentAnswer, AgentCall, ChunkSink, StreamAnswer, UnaryAnswer } from './call-agent.ts'
export { createDialler } from './dialler.ts'
export type { Dialler, PoolLease, TlsClient } from './dialler.ts'
export { openAssertionRing } from './assertion-ring.ts'
export { loadGatewaySecret } from './pairwise.ts'
export type { AssertionRing } from './assertion-ring.ts'
export { createAssertionSigner, loadAssertionKey } from './mint-assertion.ts'
export type { AssertionSigner, PublicJwk } from './mint-assertion.ts'
export { createEventReader, createSseParser } from './sse-parser.ts'
export type { RawEvent, SseParser } from './sse-parser.ts'
export { isToldLess }
export { createUpstream } from './upstream.ts'
export type { AgentSecrets, Upstream } from './upstream.ts'

export interface Forwarder {
  readonly clock: Clock
  readonly signer: AssertionSigner
  readonly upstreams: ReadonlyMap<string, Upstream>
}

const refused = (answer: AgentAnswer): AgentCall => ({ answer: Promise.resolve(answer), abort: () => undefined })

/** Sends the call as it was validated. */
export function forward(admitted: Admitted, forwarder: Forwarder): AgentCall {
  return send(admitted, forwarder, requestOf(admitted), admitted.snapshot.config.gateway.bounds.answer)
}

/** Asks the agent for one task of this caller, in the caller's name: how ListTasks reads its tasks. */
export function forwardGetTask(admitted: Admitted, forwarder: Forwarder, maxAnswerBytes: number): AgentCall {
  return send(admitted, forwarder, encode(admitted), maxAnswerBytes)
}

/**
 * What the caller wrote, where the agent reads that form; an agent's fixed tenant and its own id of the context are the
 * gateway's to place.
 */
function requestOf(admitted: Admitted): EncodedRequest | Refusal {
  const { operation, binding, version, bodyText, wire, tenant, upstreamMethod, upstreamPath } = admitted
  if (!speaksAlike(admitted)) return encode(admitted)
  if (binding === 'JSONRPC')
    // 0.3 has no tenants
    return {
      method: 'POST',
      path: '',
      body: placeTenant(inItsContext(admitted, bodyText, ['params']), version === '0.3' ? '' : tenant),
    }
  if (binding === 'HTTP+JSON')
    return { method: upstreamMethod, path: upstreamPath, body: inItsContext(admitted, bodyText, []) }
  const { contextId, agentContextId } = admitted
  const sent = wire ?? Buffer.alloc(0)
  const message =
    contextId === agentContextId ? sent : rewriteRequest(operation, sent, { contextId: agentContextId }, version)
  return { method: 'POST', path: methodOf(operation, version)?.path ?? '', body: '', message }
}

/** `path` leads to the parameters. Nothing changes where the caller calls the context as the agent does. */
function inItsContext(admitted: Admitted, text: string, path: readonly string[]): string {
  const { operation, contextId, agentContextId } = admitted
  return contextId === agentContextId ? text : placeContext(text, operation, path, agentContextId)
}

function encode(admitted: Admitted): EncodedRequest | Refusal {
  const { agentFace, operation, paramsText, tenant } = admitted
  const call = { operation, params: admitted.params, text: inItsContext(admitted, paramsText(), []), tenant }
  if (agentFace.version === '0.3') return orRefuse(encodeOld(call, agentFace.binding, ownRequestToken))
  if (agentFace.binding === 'JSONRPC') return encodeJsonRpc(call, ownRequestToken)
  return orRefuse(agentFace.binding === 'HTTP+JSON' ? encodeRest(call) : encodeGrpc(call))
}

/** What the agent's form cannot say is the caller's to mend: the same message may be sent again, written otherwise. */
const orRefuse = (encoded: EncodedRequest | string): EncodedRequest | Refusal =>
  typeof encoded === 'string'
    ? refuse('VALIDATE_PARAMS', encoded, { hint: encoded.slice(0, 200), unsent: true })
    : encoded

function send(
  admitted: Admitted,
  forwarder: Forwarder,
  request: EncodedRequest | Refusal,
  maxAnswerBytes: number,
): AgentCall {
  if (isRefusal(request)) return refused(request)
  // an agent would work for nobody
  if (admitted.deadlineMs <= forwarder.clock.monotonicMs())
    return refused(refuse('FORWARD_TIMEOUT', "the caller's deadline had passed", { unsent: true }))
  const upstream = forwarder.upstreams.get(admitted.agent.name)
  if (upstream === undefined)
    return refused(refuse('FORWARD_UNAVAILABLE', 'the agent has no upstream', { unsent: true }))
  if (!upstream.breaker.admit()) return refused(refuse('FORWARD_UNAVAILABLE', 'the circuit is open', { unsent: true }))
  const identity = identify(admitted, upstream, forwarder)
  let unsent: EncodedRequest | undefined = request
  // called once; what this function holds is held by the stack of an error that the library keeps while a stream is open
  const begin = (who: readonly string[]): AgentCall => {
    const given = unsent
    unsent = undefined
    return given === undefined
      ? refused(refuse('GATEWAY_INTERNAL', 'a request was to be sent twice'))
      : dispatch({ admitted, upstream, clock: forwarder.clock, request: given, who, maxAnswerBytes })
  }
  const call = identity instanceof Promise ? beginLater(identity, begin) : begin(identity)
  // read now: what the caller has left when it is sent
  const isHurried = admitted.deadlineMs - forwarder.clock.monotonicMs() < patienceWith(admitted)
  void call.answer.then((answer) => noteHealth(upstream, answer, isHurried))
  return request.lost === undefined || request.lost.length === 0 ? call : withLost(call, request.lost)
}

const withLost = (call: AgentCall, lost: readonly string[]): AgentCall => ({
  answer: call.answer,
  abort: () => call.abort(),
  lost,
})

interface Dispatch {
  readonly admitted: Admitted
  readonly upstream: Upstream
  readonly clock: Clock
  readonly request: EncodedRequest
  readonly who: readonly string[]
  readonly maxAnswerBytes: number
}

function dispatch({ admitted, upstream, clock, request, who, maxAnswerBytes }: Dispatch): AgentCall {
  const { agentFace, operation, deadlineMs } = admitted
  const firstByteMs = patienceWith(admitted)
  const leftMs = Math.max(1, deadlineMs - clock.monotonicMs())
  const { streams } = operations[operation]
  if (agentFace.binding === 'GRPC') {
    if (upstream.grpc === undefined || request.message === undefined)
      return refused(refuse('FORWARD_UNAVAILABLE', 'the agent has no grpcUrl', { unsent: true }))
    const headers = agentHeaders(admitted, upstream, who)
    const { path, message } = request
    const nowMs = clock.nowMs()
    return callGrpc({
      client: streams ? upstream.grpc.streams : upstream.grpc.unary,
      path,
      headers,
      message,
      firstByteMs,
      deadlineMs: leftMs,
      nowMs,
      streams,
      maxAnswerBytes,
    })
  }
  const isJsonRpc = agentFace.binding === 'JSONRPC'
  return callAgent({
    pool: isJsonRpc ? upstream.jsonRpc.pool : upstream.rest.pool,
    method: request.method,
    path: isJsonRpc ? upstream.jsonRpc.path : upstream.rest.base + request.path,
    headers: [...httpHeaders(admitted, request.body !== ''), ...agentHeaders(admitted, upstream, who)],
    body: request.body,
    firstByteMs,
    leftMs,
    maxAnswerBytes,
    acceptsStream: streams,
  })
}

/** For how long an agent may be silent, in milliseconds. */
function patienceWith({ agent, operation, returnImmediately }: Admitted): number {
  const blocks = operation === 'SendMessage' && !returnImmediately
  return blocks ? agent.timeouts.blocking : agent.timeouts.firstByte
}

/** Somebody else has to be asked first who calls; until then there is only the intent, and that can be given up too. */
function beginLater(
  identity: Promise<readonly string[] | Refusal>,
  begin: (who: readonly string[]) => AgentCall,
): AgentCall {
  let begun: AgentCall | undefined
  let giveUp: (answer: Refusal) => void = () => undefined
  const given = new Promise<Refusal>((resolve) => (giveUp = resolve))
  let isAborted = false
  const asked = identity.then((who): AgentAnswer | Promise<AgentAnswer> => {
    if (isAborted) return refuse('FORWARD_UNAVAILABLE', abortedDetail, { unsent: true })
    if (isRefusal(who)) return { ...who, unsent: true }
    begun = begin(who)
    return begun.answer
  })
  return {
    answer: Promise.race([asked, given]),
    abort() {
      isAborted = true
      if (begun === undefined) giveUp(refuse('FORWARD_UNAVAILABLE', abortedDetail, { unsent: true }))
      else begun.abort()
    },
  }
}

/** `isHurried`: the caller's patience ended before that with agents, which says nothing of the agent. */
function noteHealth(upstream: Upstream, answer: AgentAnswer, isHurried: boolean): void {
  if (isHurried && answer.kind === 'refusal' && answer.code === 'FORWARD_TIMEOUT') return
  if (answer.kind === 'refusal' && answer.code.startsWith('FORWARD_')) {
    if (answer.detail !== abortedDetail) upstream.breaker.failed()
  } else if (answer.kind === 'unary' && answer.status >= 502 && answer.status <= 504) upstream.breaker.failed()
  // rubbish, or more than anybody wants: an agent that is there, and no reason to close it to other callers
  else upstream.breaker.succeeded()
}

function httpHeaders(admitted: Admitted, hasBody: boolean): string[] {
  const { streams } = operations[admitted.operation]
  const headers = ['accept', streams ? 'text/event-stream, application/json' : 'application/json']
  if (hasBody) headers.push('content-type', bodyType(admitted))
  return headers
}

/** What an agent is told beside the request, in every binding. */
function agentHeaders(admitted: Admitted, upstream: Upstream, who: readonly string[]): string[] {
  const headers = ['a2a-version', admitted.agentFace.version, ...who]
  if (admitted.extensions.length > 0) headers.push(extensionsField(admitted), admitted.extensions.join(', '))
  if (admitted.trace !== undefined) headers.push(...admitted.trace.headers(addressOf(admitted)))
  const credential = upstream.secrets.credential
  if (credential !== undefined) headers.push(credential.header, credential.value.text())
  return headers
}

function addressOf({ agent, agentFace: { binding } }: Admitted): AgentAddress {
  const own = binding === 'GRPC' ? agent.grpcUrl : binding === 'HTTP+JSON' ? agent.restUrl : undefined
  return { url: own ?? agent.url, binding }
}

const extensionsField = ({ agentFace }: Admitted): string =>
  agentFace.version === '0.3' ? legacyExtensionsHeader : 'a2a-extensions'

function bodyType(admitted: Admitted): string {
  const isRest = admitted.agentFace.binding === 'HTTP+JSON' && admitted.agentFace.version !== '0.3'
  const isA2aJson = isRest && admitted.headers.get('content-type')?.startsWith('application/a2a+json')
  return isA2aJson === true ? 'application/a2a+json' : 'application/json'
}
