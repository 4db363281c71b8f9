// Validate: from a routed request to one call with one meaning, in any binding (A2A 1.0 §9 to §11; design invariant 3).
// It parses strictly, knows the eleven operations and no other, and refuses whatever gateway and agent could read
// differently. It never changes what arrived: `bodyText` and `wire` are the caller's bytes.

import { chooseFace, faceOf } from '../faces/choose-face.ts'
import type { Routed, Validated, ValidatedFields } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import type { OnBody, Understood } from './read-request.ts'
import { askExtensions } from './negotiate-extensions.ts'
import { understandGrpc } from './understand-grpc.ts'
import { understandJsonRpc } from './understand-json-rpc.ts'
import { understandRest } from './understand-rest.ts'

export { noMessage } from './message-facts.ts'
export { negotiateExtensions } from './negotiate-extensions.ts'
export { requestIdOf } from './request-id.ts'

/**
 * Takes a request to an existing agent by an authenticated caller. May refuse with any VALIDATE_ code, or with
 * what reading the body refuses. A refusal of a JSON-RPC call keeps the id to answer: see requestIdOf.
 * `onBody` gets the bytes that arrived, also of a call that is refused.
 */
export async function validate(routed: Routed, onBody: OnBody = () => undefined): Promise<Validated | Refusal> {
  const understood = await understand(routed, onBody)
  return isRefusal(understood) ? understood : mint(routed, understood)
}

function understand(routed: Routed, onBody: OnBody): Promise<Understood | Refusal> {
  const { target } = routed
  if (target.kind === 'json-rpc') return understandJsonRpc(routed, onBody)
  return target.kind === 'rest'
    ? understandRest(routed, target.rest, onBody)
    : understandGrpc(routed, target.grpc, onBody)
}

/**
 * INVARIANT: the only place where a request becomes Validated. One flat literal: V8 builds it four times faster
 * than Object.assign or several spreads do, and every call passes here.
 */
function mint(routed: Routed, understood: Understood): Validated {
  const { operation, version, params, paramsText, body, wire, facts, requestId, deadlineMs } = understood
  const { upstreamPath, upstreamMethod } = understood
  const fields: Routed & ValidatedFields = {
    ...routed,
    operation,
    version,
    agentFace: chooseFace(routed.agent, faceOf(routed.binding, version)),
    params,
    paramsText,
    requestId,
    tenant: routed.agent.tenant,
    taskId: facts.taskId,
    contextId: facts.contextId,
    configId: facts.configId,
    message: facts.message,
    metadata: facts.metadata,
    inlinePush: facts.inlinePush,
    returnImmediately: facts.returnImmediately,
    list: facts.list,
    historyLength: facts.historyLength,
    deadlineMs,
    extensions: askExtensions(routed, version),
    bodyText: body.text,
    wire,
    body: body.value,
    upstreamPath,
    upstreamMethod,
  }
  return fields as Validated
}
