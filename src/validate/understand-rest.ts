// The HTTP+JSON binding (A2A 1.0 §11): the path names the operation, and path, query and body may name the same things,
// which must then be the same.

import type { Operation } from '../a2a/operations.ts'
import { buildRestPath, type RestMethod } from '../a2a/paths.ts'
import { buildRestPath03 } from '../a2a/v0-3/rest-paths.ts'
import { paramsFromOldRest } from '../faces/old-version.ts'
import { restBodyShape } from '../a2a/shape.ts'
import { withJsonNames } from '../a2a/v0-3/proto-names.ts'
import { parseExact } from '../base/exact-json.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { RestTarget, Routed } from '../exchange/exchange.ts'
import { paramsOfBody, pathMembers } from '../faces/canonical-text.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { buildQuery, readQuery } from './query.ts'
import {
  noBody,
  parseBody,
  readCall,
  readOldCall,
  refuseParams,
  type Body,
  type OnBody,
  type Understood,
} from './read-request.ts'
import { checkContentType, negotiateVersion, refuseVersion } from './service-parameters.ts'

const nullBody = Buffer.from('null')

export async function understandRest(routed: Routed, rest: RestTarget, onBody: OnBody): Promise<Understood | Refusal> {
  const { operation } = rest
  const method = restMethod(routed.method)
  if (method === undefined) return refuseParams('this method has no meaning here')
  const query = readQuery(routed.query, operation)
  // A version named twice is a doubt about the version; any other doubt waits until the version is known.
  const version = negotiateVersion(routed, typeof query === 'string' ? undefined : query.version)
  if (isRefusal(version)) return version
  if (typeof query === 'string') return refuseParams(`query: ${query}`)
  if (version !== rest.version) return refuseVersion(`a path of ${rest.version}`, routed.agent.versions)
  const read = await readRestBody(routed, { operation, method, onBody })
  if (isRefusal(read)) return read
  const body = version === '0.3' ? withJsonSpelling(operation, read) : read
  if (
    Object.hasOwn(query.members, 'tenant') &&
    query.members.tenant !== '' &&
    query.members.tenant !== routed.agent.tenant
  ) {
    return refuseParams('tenant: not the tenant of this agent')
  }
  const rebuilt = {
    body,
    wire: undefined,
    requestId: '',
    deadlineMs: Infinity,
    version,
    upstreamMethod: method,
  } as const
  if (version === '0.3') {
    const call = readOldCall(routed, operation, paramsFromOldRest(rest, query.members, body.text))
    const upstreamPath = buildRestPath03(rest, buildQuery(query.members)) ?? ''
    return isRefusal(call) ? call : { operation, ...call, ...rebuilt, upstreamPath }
  }
  const params = body.value ?? query.members
  const facts = readCall(routed, operation, params, restBodyShape(operation), rest)
  if (isRefusal(facts)) return facts
  const { taskId, configId } = facts
  const upstreamPath = buildRestPath(
    { operation, tenant: routed.agent.tenant, taskId, configId },
    buildQuery(query.members),
  )
  const named = { ...query.members, ...pathMembers(operation, { taskId, configId }) }
  return {
    ...rebuilt,
    operation,
    params: { ...named, ...(params as JsonObject) }, // readCall refuses everything else
    paramsText: () => paramsOfBody(body.text, named),
    facts,
    upstreamPath,
  }
}

/** The text too: what is spliced into it later is found by its JSON name. */
function withJsonSpelling(operation: Operation, body: Body): Body {
  if (body.value === undefined) return body
  const value = withJsonNames(operation, body.value)
  if (value === body.value) return body
  return { text: JSON.stringify(withJsonNames(operation, parseExact(body.text))), value }
}

function restMethod(method: string): RestMethod | undefined {
  return method === 'GET' || method === 'POST' || method === 'DELETE' ? method : undefined
}

/** Sends and new webhooks need a body, cancel and subscribe may have one, everything else must not. */
async function readRestBody(
  routed: Routed,
  { operation, method, onBody }: { operation: Operation; method: RestMethod; onBody: OnBody },
): Promise<Body | Refusal> {
  const needsBody = method === 'POST' && operation !== 'CancelTask' && operation !== 'SubscribeToTask'
  const hasType = routed.headers.has('content-type') || routed.headers.has('content-encoding')
  const badType = needsBody || (method === 'POST' && hasType) ? checkContentType(routed) : undefined
  if (badType) return badType
  const bytes = await routed.readBody()
  if (isRefusal(bytes)) return bytes
  onBody(bytes)
  // the official Go client writes its absent body as null
  if (!needsBody && (bytes.length === 0 || bytes.equals(nullBody))) return noBody
  if (method !== 'POST') return refuseParams(`a ${method} request has no body`)
  return (needsBody ? undefined : checkContentType(routed)) ?? parseBody(routed, bytes)
}
