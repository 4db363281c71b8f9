// The JSON-RPC binding (A2A 1.0 §9). Order matters: the version comes before the method, so that a client of another
// version learns of its version and not of an unknown method.

import { isOperation, type Operation } from '../a2a/operations.ts'
import { foldName, isAlias, requestShape } from '../a2a/shape.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Routed } from '../exchange/exchange.ts'
import { paramsFromOld } from '../faces/old-version.ts'
import { operationOf03 } from '../a2a/v0-3/names.ts'
import { paramsOfEnvelope } from '../faces/canonical-text.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { readQuery } from './query.ts'
import {
  noPath,
  readCall,
  readJson,
  readOldCall,
  refuseParams,
  type Body,
  type OnBody,
  type Understood,
} from './read-request.ts'
import { rawRequestId, type ValidateRefusal } from './request-id.ts'
import { checkContentType, negotiateVersion } from './service-parameters.ts'

const noParams: JsonObject = Object.freeze({})

export async function understandJsonRpc(routed: Routed, onBody: OnBody): Promise<Understood | Refusal> {
  if (routed.method !== 'POST') return refuse('VALIDATE_REQUEST', 'JSON-RPC needs POST')
  const badType = checkContentType(routed)
  if (badType) return badType
  const body = await readJson(routed, onBody)
  if (isRefusal(body)) return body
  const requestId = rawRequestId(body.text, body.value ?? null)
  const result = understand(routed, body, requestId)
  if (!isRefusal(result) || requestId === undefined) return result
  return { ...result, requestId } satisfies ValidateRefusal
}

function understand(routed: Routed, body: Body, requestId: string | undefined): Understood | Refusal {
  const envelope = readEnvelope(body.value, requestId)
  if (typeof envelope === 'string') return refuse('VALIDATE_REQUEST', envelope, { hint: envelope })
  const query = readQuery(routed.query, undefined)
  if (typeof query === 'string') return refuseParams(`query: ${query}`)
  const version = negotiateVersion(routed, query.version)
  if (isRefusal(version)) return version
  const { method: operation } = envelope
  const rest = { version, body, wire: undefined, requestId: requestId ?? '', deadlineMs: Infinity } as const
  if (version === '0.3') {
    const old = operationOf03(operation)
    // also a name of 1.0, as below one of 0.3: agents exist that run either whatever the header says
    if (old === undefined) return refuse('VALIDATE_METHOD_UNKNOWN', 'no operation of A2A 0.3')
    const call = readOldCall(routed, old, paramsFromOld(old, paramsOfEnvelope(body.text), 'JSONRPC'))
    return isRefusal(call) ? call : { operation: old, ...call, ...rest, upstreamPath: '', upstreamMethod: 'POST' }
  }
  if (!isOperation(operation)) return refuse('VALIDATE_METHOD_UNKNOWN', 'no operation of A2A 1.0')
  const params = envelope.params ?? (mayOmitParams(operation) ? noParams : null)
  const facts = readCall(routed, operation, params, requestShape(operation), noPath)
  if (isRefusal(facts)) return facts
  return {
    ...rest,
    operation,
    params: params as JsonObject, // readCall refuses everything else
    paramsText: () => paramsOfEnvelope(body.text),
    facts,
    upstreamPath: '',
    upstreamMethod: 'POST',
  }
}

const mayOmitParams = (operation: Operation): boolean =>
  operation === 'GetExtendedAgentCard' || operation === 'ListTasks'

const envelopeNames: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params'])
const mostEnvelopeMembers = 64 // bound: members of a JSON-RPC request
const foldedEnvelopeNames: ReadonlySet<string> = new Set([...envelopeNames].map(foldName))

/** JSON-RPC 2.0 §4, stricter: no batches and no notifications, because nothing here is without an answer. */
function readEnvelope(
  value: JsonValue | undefined,
  requestId: string | undefined,
): { method: string; params: JsonValue | undefined } | string {
  if (Array.isArray(value)) return 'batches are not supported'
  if (!isJsonObject(value)) return 'the body must be one JSON-RPC request object'
  if (value.jsonrpc !== '2.0') return 'jsonrpc must be "2.0"'
  if (requestId === undefined) return 'id must be a string or a number'
  if (typeof value.method !== 'string') return 'method must be a string'
  const names = Object.keys(value)
  if (names.length > mostEnvelopeMembers) return 'too many members'
  for (const name of names) {
    if (!envelopeNames.has(name) && isAlias(name, foldedEnvelopeNames))
      return 'a member is another spelling of a known one'
  }
  return { method: value.method, params: value.params }
}
