// What spans say, in the words of OpenTelemetry: the conventions for GenAI agents, RPC and errors where they have a name,
// `sallyport.…` where they have none. Ids and codes only: no part of a message, no name of a file, no credential, and
// not who called (docs/observability.md says why).

import type { Attributes } from '@opentelemetry/api'
import type { CallFacts } from '../audit/audit.ts'
import type { AgentAddress } from '../exchange/exchange.ts'
import { catalogue, type CatalogueRow, type RefusalCode } from '../refusal/refusal.ts'

const isSend = ({ operation }: CallFacts): boolean =>
  operation === 'SendMessage' || operation === 'SendStreamingMessage'

/** Of few kinds, as names of spans must be: agents come from the configuration, operations from the protocol. */
export function nameCall(facts: CallFacts): string {
  if (facts.operation === '') return 'call'
  return `${isSend(facts) ? 'invoke_agent' : facts.operation} ${facts.agent}`.trimEnd()
}

export function callAttributes(facts: CallFacts, outcome: string): Attributes {
  return filled({
    'gen_ai.operation.name': isSend(facts) ? 'invoke_agent' : '',
    'gen_ai.provider.name': facts.agent === '' ? '' : 'a2a',
    'gen_ai.agent.name': facts.agent,
    'gen_ai.conversation.id': facts.context,
    ...rpcAttributes(facts),
    'sallyport.call': facts.call,
    'sallyport.operation': facts.operation,
    'sallyport.binding': facts.binding,
    'sallyport.a2a.version': facts.version,
    'sallyport.task': facts.task,
    'sallyport.outcome': outcome,
  })
}

function rpcAttributes({ binding, operation, version }: CallFacts): Attributes {
  if (binding === 'JSONRPC')
    return { 'rpc.system.name': 'jsonrpc', 'rpc.method': operation, 'jsonrpc.protocol.version': '2.0' }
  if (binding !== 'GRPC') return {}
  // the service of 0.3 has another name, and other names for its methods: the operation says what it was
  const isNamed = operation !== '' && version === '1.0'
  return { 'rpc.system.name': 'grpc', 'rpc.method': isNamed ? `lf.a2a.v1.A2AService/${operation}` : '' }
}

/** Of the call to the agent: where it went, and how; an agent may be called in another binding than the caller's. */
export function addressAttributes({ url, binding }: AgentAddress): Attributes {
  const { hostname, port, protocol } = new URL(url)
  return {
    ...(binding === 'JSONRPC' && { 'rpc.system.name': 'jsonrpc' }),
    ...(binding === 'GRPC' && { 'rpc.system.name': 'grpc' }),
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  }
}

/** The code of the catalogue, and what its binding makes of it. */
export function errorAttributes({ binding }: CallFacts, code: RefusalCode): Attributes {
  const row: CatalogueRow = catalogue[code]
  if (binding === 'JSONRPC') return { 'error.type': code, 'rpc.response.status_code': String(row.jsonRpc) }
  if (binding === 'GRPC') return { 'error.type': code, 'rpc.response.status_code': row.grpc }
  return { 'error.type': code, 'http.response.status_code': row.http }
}

const byPrefix: Readonly<Record<string, readonly string[]>> = {
  AUTHN: ['authenticate', 'accept'],
  LIMIT: ['limit', 'guard'],
  AUTHZ: ['review', 'authorize'],
  AUDIT: ['audit'],
  ROUTE: ['route', 'authorize'],
}

/** Where a refusal of this code comes from; once a stream has begun, what was passed before has nothing to do with it. */
export function stagesOf(code: RefusalCode, isStream: boolean): readonly string[] {
  const prefix = code.slice(0, code.indexOf('_'))
  if (isStream) return prefix === 'FORWARD' || prefix === 'RELEASE' ? ['forward'] : []
  return byPrefix[prefix] ?? [prefix.toLowerCase()]
}

function filled(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''))
}
