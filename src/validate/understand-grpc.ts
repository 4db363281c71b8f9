// The gRPC binding (A2A 1.0 §10): one message in one frame. It is scanned on the wire, so that no two decoders can read it
// differently, and judged as the ProtoJSON that the other bindings would carry; the bytes go on as they came.

import { requestShape } from '../a2a/shape.ts'
import { isJsonObject, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import type { GrpcTarget, Routed } from '../exchange/exchange.ts'
import { paramsFromOld } from '../faces/old-version.ts'
import { decodeRequest } from '../protobuf/decode.ts'
import { createFrameReader } from '../protobuf/frames.ts'
import { parseGrpcTimeout } from '../protobuf/grpc-timeout.ts'
import { rewriteRequest } from '../protobuf/rewrite-wire.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { noBody, noPath, readCall, readOldCall, refuseParams, type OnBody, type Understood } from './read-request.ts'
import { negotiateVersion } from './service-parameters.ts'

export async function understandGrpc(
  routed: Routed,
  target: GrpcTarget,
  onBody: OnBody,
): Promise<Understood | Refusal> {
  const { operation, version: ofService } = target
  const body = target.body ?? (await routed.readBody())
  // the target is there for as long as the call, an hour for a stream
  target.body = undefined
  if (isRefusal(body)) return body
  onBody(body)
  const badType = checkType(routed)
  if (badType !== undefined) return badType
  if (routed.query !== '') return refuseParams('query: gRPC has none')
  const version = negotiateVersion(routed, ofService)
  if (isRefusal(version)) return version
  const deadlineMs = readDeadline(routed)
  if (deadlineMs === undefined) return refuseParams('grpc-timeout: malformed')
  const sent = openFrame(body, routed.snapshot.config.gateway.bounds.body)
  if (!Buffer.isBuffer(sent)) return sent
  const decoded = decodeRequest(operation, sent, version)
  if (!decoded.ok) return refuse('VALIDATE_PARAMS', `${decoded.reason}: ${decoded.detail}`, { hint: decoded.reason })
  const rest = {
    operation,
    version,
    body: noBody,
    requestId: '',
    deadlineMs,
    upstreamPath: '',
    upstreamMethod: 'POST',
  } as const
  if (version === '0.3') {
    const call = readOldCall(routed, operation, paramsFromOld(operation, decoded.text, 'GRPC'))
    return isRefusal(call) ? call : { ...call, ...rest, wire: sent }
  }
  const params = parseMessage(routed, decoded.text)
  if (isRefusal(params)) return params
  const { tenant } = params
  if (!isTenantOf(routed, tenant)) return refuseParams('tenant: not the tenant of this agent')
  // what the gateway's card told the caller to send is the gateway's; the agent reads its own
  delete params['tenant']
  const wire = rewriteRequest(operation, sent, { tenant: routed.agent.tenant })
  const facts = readCall(routed, operation, params, requestShape(operation), noPath)
  if (isRefusal(facts)) return facts
  return { ...rest, params, paramsText: () => JSON.stringify(params), facts, wire }
}

/** Plain protobuf, uncompressed: nothing is forwarded that nobody has looked into. */
function checkType({ headers }: Routed): Refusal | undefined {
  if (!/^application\/grpc(?:\+proto)?(?:[ \t]*;|$)/i.test(headers.get('content-type') ?? ''))
    return refuse('VALIDATE_CONTENT_TYPE', 'not protobuf', { hint: 'send Content-Type: application/grpc' })
  const encoding = headers.get('grpc-encoding')
  return encoding === undefined || encoding === 'identity' ? undefined : refuseCompressed()
}

const refuseCompressed = (): Refusal =>
  refuse('VALIDATE_COMPRESSED', 'the message is compressed', { headers: { 'grpc-accept-encoding': 'identity' } })

/** Monotonic milliseconds at which the caller stops waiting; undefined when what it says is no time. */
function readDeadline({ headers, startedMs }: Routed): number | undefined {
  const text = headers.get('grpc-timeout')
  if (text === undefined) return Infinity
  const timeoutMs = parseGrpcTimeout(text)
  return timeoutMs === undefined ? undefined : startedMs + timeoutMs
}

/** The one message of a call: no operation of A2A streams from the caller. */
function openFrame(body: Buffer, maxBytes: number): Buffer | Refusal {
  const reader = createFrameReader(maxBytes)
  const frames = reader.push(body)
  if (!frames.ok && frames.reason === 'compressed') return refuseCompressed()
  if (!frames.ok && frames.reason === 'too-large') return refuse('LISTEN_BODY_TOO_LARGE', 'the message in its frame')
  const [message] = frames.messages
  if (!frames.ok || reader.isPartial || message === undefined || frames.messages.length !== 1)
    return refuseParams('the body is not one gRPC message')
  return message
}

/** The message as the JSON that shape and policy read: bounded and scanned like everybody's. */
function parseMessage(routed: Routed, text: string): JsonObject | Refusal {
  const { jsonDepth: maxDepth, jsonNodes: maxNodes } = routed.snapshot.config.gateway.bounds
  const parsed = parseStrictJson(text, { maxDepth, maxNodes })
  if (!parsed.ok) return refuseParams(`the message: ${parsed.reason}`)
  return isJsonObject(parsed.value) ? parsed.value : refuseParams('the message is no object')
}

/** '', the agent's own, or the one that the gateway's card gave out: the agent's name, with its own behind a slash. */
function isTenantOf({ agent }: Routed, tenant: unknown): boolean {
  if (tenant === undefined || tenant === '' || tenant === agent.tenant || tenant === agent.name) return true
  return agent.tenant !== '' && tenant === `${agent.name}/${agent.tenant}`
}
