// The gRPC binding's way to an agent. Its paths name only the method, so the agent is named by the host, by the metadata
// `sallyport-agent`, or by the tenant that the gateway's card tells clients to send (A2A 1.0 §8.3.2): the agent's name,
// and behind a slash the agent's own tenant. Where two of them name an agent they must name the same.

import type { AgentConfig } from '../config/config.ts'
import type { Authenticated, GrpcTarget, PublicDocument, ReceivedFields } from '../exchange/exchange.ts'
import { createFrameReader } from '../protobuf/frames.ts'
import { healthPaths } from '../protobuf/health.ts'
import { peekTenant } from '../protobuf/rewrite-wire.ts'
import { methodOfPath } from '../protobuf/schema.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'

const grpcType = /^application\/grpc(?:[+;-]|$)/i

/** A request that wants its answer as gRPC says it, whether or not it can be served. */
export function isGrpc({ headers }: Pick<ReceivedFields, 'headers'>): boolean {
  const type = headers.get('content-type')
  return type !== undefined && grpcType.test(type)
}

/** grpc.health.v1: says nothing but whether calls are taken. */
export function findHealthMethod(request: ReceivedFields): PublicDocument | undefined {
  if (request.method !== 'POST' || request.protocol !== 'HTTP/2') return undefined
  if (request.path === healthPaths.check) return { kind: 'grpc-health', method: 'check' }
  return request.path === healthPaths.watch ? { kind: 'grpc-health', method: 'watch' } : undefined
}

/** In the words of a missing one also where this caller may not know of it. */
export const unknownAgent = (): Refusal => refuse('ROUTE_AGENT_UNKNOWN', 'no agent of this name for this caller')

/** `hosted` is the agent that the request's host names. Who may know of an agent is not asked here. */
export async function routeGrpc(
  request: Authenticated,
  hosted: AgentConfig | undefined,
): Promise<{ readonly agent: AgentConfig; readonly grpc: GrpcTarget } | Refusal> {
  if (request.method !== 'POST') return refuse('ROUTE_METHOD_NOT_ALLOWED', 'gRPC is POST')
  if (request.protocol !== 'HTTP/2') return refuse('ROUTE_NOT_FOUND', 'gRPC needs HTTP/2')
  const method = methodOfPath(request.path)
  if (method === undefined) return refuse('VALIDATE_METHOD_UNKNOWN', 'no method of A2A')
  const { operation, version } = method
  const name = request.headers.get('sallyport-agent')
  const { agents } = request.snapshot
  if (name !== undefined) {
    const agent = agents.get(name)
    if (agent === undefined || (hosted !== undefined && hosted !== agent)) return unknownAgent()
    return { agent, grpc: { operation, version, body: undefined } }
  }
  if (hosted !== undefined) return { agent: hosted, grpc: { operation, version, body: undefined } }
  const body = await request.readBody()
  if (isRefusal(body)) return body
  // what is no message names nobody: there is nobody to say so in more detail
  const [message] = createFrameReader(body.length).push(body).messages
  const tenant = message === undefined ? '' : peekTenant(operation, message, version)
  if (tenant === '')
    return refuse('ROUTE_AGENT_UNKNOWN', 'names no agent', { hint: 'name it as tenant, or in sallyport-agent' })
  const agent = agents.get(tenant.split('/', 1)[0] ?? '')
  return agent === undefined ? unknownAgent() : { agent, grpc: { operation, version, body } }
}
