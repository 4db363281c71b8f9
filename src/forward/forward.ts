// Door of forward: the only code that calls agents. Takes only `Admitted`. The caller's credential and cookies
// never pass (invariant 5): headers to an agent are built here from nothing, with a signed assertion that names
// caller, origin and chain, and the agent's own configured credential.

import type { Clock } from '../base/clock.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { operations } from '../a2a/operations.ts'
import { placeTenant } from '../a2a/place-tenant.ts'
import { refuse } from '../refusal/refusal.ts'
import { abortedDetail, callAgent, type AgentAnswer, type AgentCall } from './call-agent.ts'
import { actorsOf, type AssertionSigner } from './mint-assertion.ts'
import type { Upstream } from './upstream.ts'

export type { AgentAnswer, AgentCall, ChunkSink, StreamAnswer, UnaryAnswer } from './call-agent.ts'
export { createDialler } from './dialler.ts'
export type { Dialler, PoolLease, TlsClient } from './dialler.ts'
export { createAssertionSigner, loadAssertionKey } from './mint-assertion.ts'
export type { AssertionSigner } from './mint-assertion.ts'
export { createSseParser } from './sse-parser.ts'
export type { RawEvent, SseParser } from './sse-parser.ts'
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
  // an agent's fixed tenant is the gateway's to place; on HTTP+JSON it stands in the rebuilt path
  const body = admitted.binding === 'JSONRPC' ? placeTenant(admitted.bodyText, admitted.tenant) : admitted.bodyText
  return send(admitted, forwarder, admitted.upstreamMethod, admitted.upstreamPath, body)
}

/** Asks the agent for one task of this caller, in the binding of the call: how ListTasks reads its tasks. */
export function forwardGetTask(
  admitted: Admitted,
  forwarder: Forwarder,
  task: { readonly path: string; readonly body: string; readonly maxAnswerBytes: number },
): AgentCall {
  return send(admitted, forwarder, task.body === '' ? 'GET' : 'POST', task.path, task.body, task.maxAnswerBytes)
}

function send(
  admitted: Admitted,
  forwarder: Forwarder,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body: string,
  maxAnswerBytes = admitted.snapshot.config.gateway.bounds.answer,
): AgentCall {
  const upstream = forwarder.upstreams.get(admitted.agent.name)
  if (upstream === undefined) return refused(refuse('FORWARD_UNAVAILABLE', 'the agent has no upstream'))
  if (!upstream.breaker.admit()) return refused(refuse('FORWARD_UNAVAILABLE', 'the circuit is open'))
  const { timeouts } = admitted.agent
  const blocks = admitted.operation === 'SendMessage' && !admitted.returnImmediately
  const isJsonRpc = admitted.binding === 'JSONRPC'
  const call = callAgent({
    pool: isJsonRpc ? upstream.jsonRpc.pool : upstream.rest.pool,
    method,
    path: isJsonRpc ? upstream.jsonRpc.path : upstream.rest.base + path,
    headers: agentHeaders(admitted, forwarder, upstream, body !== ''),
    body,
    firstByteMs: blocks ? timeouts.blocking : timeouts.firstByte,
    maxAnswerBytes,
    acceptsStream: operations[admitted.operation].streams,
  })
  void call.answer.then((answer) => noteHealth(upstream, answer))
  return call
}

function noteHealth(upstream: Upstream, answer: AgentAnswer): void {
  if (answer.kind === 'refusal' && answer.code.startsWith('FORWARD_')) {
    if (answer.detail !== abortedDetail) upstream.breaker.failed()
  } else if (answer.kind === 'unary' && answer.status >= 502 && answer.status <= 504) upstream.breaker.failed()
  // rubbish, or more than anybody wants: an agent that is there, and no reason to close it to other callers
  else upstream.breaker.succeeded()
}

function agentHeaders(admitted: Admitted, forwarder: Forwarder, upstream: Upstream, hasBody: boolean): string[] {
  const { origin, caller, taskOwner } = admitted
  const isShared = taskOwner !== undefined && (taskOwner.caller !== caller.id || taskOwner.origin !== origin.id)
  const streams = operations[admitted.operation].streams
  const headers = [
    'accept',
    streams ? 'text/event-stream, application/json' : 'application/json',
    'a2a-version',
    admitted.version,
    'sallyport-caller-assertion',
    forwarder.signer.mint({
      issuer: admitted.snapshot.publicUrl,
      subject: origin.id,
      groups: origin.groups,
      actors: actorsOf(admitted),
      audienceAgent: admitted.agent.name,
      call: admitted.call,
      operation: admitted.operation,
      ...(isShared && { taskOwner }),
      scope: admitted.scope,
      nowMs: forwarder.clock.nowMs(),
    }),
  ]
  if (hasBody) headers.push('content-type', bodyType(admitted))
  if (admitted.extensions.length > 0) headers.push('a2a-extensions', admitted.extensions.join(', '))
  const trace = admitted.headers.get('traceparent')
  if (trace !== undefined && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(trace))
    headers.push('traceparent', trace)
  const credential = upstream.secrets.credential
  if (credential !== undefined) headers.push(credential.header, credential.value.text())
  return headers
}

function bodyType(admitted: Admitted): string {
  const isA2aJson =
    admitted.binding === 'HTTP+JSON' && admitted.headers.get('content-type')?.startsWith('application/a2a+json')
  return isA2aJson === true ? 'application/a2a+json' : 'application/json'
}
