// Door of route: which agent, which binding, which document. By path (`/agents/{agent}/…`) or by a host name of
// the agent's own; gRPC, whose paths name only the method, in route-grpc.ts. Our own matcher, case-sensitive; nothing of the caller's path is passed through. An
// agent that this caller may not know of answers as one that does not exist, whatever else is wrong.

import { matchRestPath } from '../a2a/paths.ts'
import { matchRestPath03 } from '../a2a/v0-3/rest-paths.ts'
import { protocolVersion, type Binding } from '../a2a/operations.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import type {
  Authenticated,
  Discovering,
  Exchanging,
  PublicDocument,
  ReceivedFields,
  Routed,
  RoutedFields,
} from '../exchange/exchange.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { findHealthMethod, isGrpc, routeGrpc, unknownAgent } from './route-grpc.ts'

const cardPath = '/.well-known/agent-card.json'
const agentPath = /^\/agents\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(\/.*)?$/

interface Place {
  readonly agent: AgentConfig | undefined
  /** what follows the agent's root: '' or begins with '/' */
  readonly rest: string
}

/**
 * The agent that host or path name, or undefined when the path is not an agent's. A host name of an agent that this
 * caller may not know of is a host name like any other.
 */
function locate(
  request: Pick<ReceivedFields, 'host' | 'path' | 'snapshot'>,
  isVisible: (agent: AgentConfig) => boolean,
): Place | undefined {
  const { host, path, snapshot } = request
  const own = agentByHost(snapshot, host)
  if (own !== undefined && isVisible(own)) return { agent: own, rest: path === '/' ? '' : path }
  const match = agentPath.exec(path)
  if (match === null) return undefined
  const rest = match[2] ?? ''
  return { agent: snapshot.agents.get(match[1] ?? ''), rest: rest === '/' ? '' : rest }
}

function agentByHost(snapshot: Snapshot, host: string): AgentConfig | undefined {
  if (snapshot.agentsByHost.size === 0) return undefined
  return snapshot.agentsByHost.get(host) ?? snapshot.agentsByHost.get(host.replace(/:\d+$/, ''))
}

/** For everyone: the gateway's keys, its security contact, its health on gRPC, a card that its agent declares public. */
export function findPublicDocument(request: ReceivedFields): PublicDocument | undefined {
  if (isGrpc(request)) return findHealthMethod(request)
  if (request.method !== 'GET') return undefined
  if (request.path === '/.well-known/jwks.json') return { kind: 'jwks' }
  if (request.path === '/.well-known/security.txt') return { kind: 'security-txt' }
  if (!request.path.endsWith(cardPath)) return undefined
  const isPublic = (agent: AgentConfig): boolean => agent.discovery === 'public'
  const place = locate(request, isPublic)
  return place?.agent !== undefined && isPublic(place.agent) && place.rest === cardPath
    ? { kind: 'public-card', agent: place.agent }
    : undefined
}

/** Where agents get tokens for their next hop; errors there are said as OAuth says them. */
export const isTokenRequest = (request: Pick<ReceivedFields, 'path'>): boolean => request.path === '/token'

/** The binding that a request seems to use, by its own words alone: only for saying "no" in its manner. */
export function claimedBinding(request: ReceivedFields): Binding {
  if (isGrpc(request)) return 'GRPC'
  const rest = request.path === '/' ? '' : agentPath.exec(request.path)?.[2]
  const isRoot = rest === '/' || rest === '' || (rest === undefined && agentPath.test(request.path))
  return request.method === 'POST' && isRoot ? 'JSONRPC' : 'HTTP+JSON'
}

/** `isVisible` is policy's word on whether this caller may do anything at all on an agent. */
export function route(
  authenticated: Authenticated,
  isVisible: (agent: AgentConfig) => boolean,
): Routed | Discovering | Exchanging | Refusal | Promise<Routed | Refusal> {
  const { path, method } = authenticated
  if (isGrpc(authenticated)) return routeGrpcCall(authenticated, isVisible)
  const place = locate(authenticated, isVisible)
  if (place === undefined) {
    if (isTokenRequest(authenticated)) {
      if (method !== 'POST') return notAllowed('POST')
      return Object.assign(authenticated, { target: { kind: 'token' } }) as unknown as Exchanging
    }
    if (path !== '/agents' && path !== '/agents/') return refuse('ROUTE_NOT_FOUND', 'no such path')
    if (method !== 'GET') return notAllowed('GET')
    return Object.assign(authenticated, { target: { kind: 'directory' } }) as unknown as Discovering
  }
  const { agent, rest } = place
  if (agent === undefined || !isVisible(agent)) return unknownAgent()
  if (rest === '') return method === 'POST' ? routed(authenticated, { kind: 'json-rpc', agent }) : notAllowed('POST')
  if (rest === cardPath) {
    if (method !== 'GET') return notAllowed('GET')
    return Object.assign(authenticated, { target: { kind: 'card', agent } }) as unknown as Discovering
  }
  const version = claimsOldPaths(authenticated, agent) ? '0.3' : protocolVersion
  const matched = version === '0.3' ? matchRestPath03(method, rest) : matchRestPath(method, rest)
  if (matched === 'not-found') return refuse('ROUTE_NOT_FOUND', 'not a path of the HTTP+JSON binding')
  if (matched === 'method-not-allowed') return refuse('ROUTE_METHOD_NOT_ALLOWED', method)
  return routed(authenticated, { kind: 'rest', agent, rest: { ...matched, version } })
}

/**
 * Below /v1 a path is one of 0.3 for who speaks that; for who says otherwise it begins with a tenant of that name. What
 * header and query say is judged by validate: here it only tells the two kinds of path apart.
 */
function claimsOldPaths({ headers, query }: ReceivedFields, agent: AgentConfig): boolean {
  if (!agent.versions.includes('0.3')) return false
  const named = headers.get('a2a-version') ?? /(?:^|&)A2A-Version=([^&]*)/.exec(query)?.[1] ?? ''
  return named === '' || named.startsWith('0.3')
}

/** Asynchronous, because the agent may be named in the message alone. */
async function routeGrpcCall(
  authenticated: Authenticated,
  isVisible: (agent: AgentConfig) => boolean,
): Promise<Routed | Refusal> {
  const own = agentByHost(authenticated.snapshot, authenticated.host)
  const found = await routeGrpc(authenticated, own !== undefined && isVisible(own) ? own : undefined)
  if (isRefusal(found)) return found
  if (!isVisible(found.agent)) return unknownAgent()
  return routed(authenticated, { kind: 'grpc', ...found })
}

const notAllowed = (allow: string): Refusal =>
  refuse('ROUTE_METHOD_NOT_ALLOWED', `only ${allow} here`, { headers: { allow } })

const bindingOf = { 'json-rpc': 'JSONRPC', rest: 'HTTP+JSON', grpc: 'GRPC' } as const

function routed(authenticated: Authenticated, target: RoutedFields['target']): Routed {
  const fields: RoutedFields = { target, agent: target.agent, binding: bindingOf[target.kind] }
  // the one mint of Routed: host, path or message named an agent and, but for JSON-RPC, an operation
  return Object.assign(authenticated, fields) as Routed
}
