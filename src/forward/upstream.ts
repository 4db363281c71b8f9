// One configured agent as the gateway reaches it: addresses, pool, breaker and the credential that only this
// agent's origin ever gets. Built when a snapshot is loaded, never per call.

import type { Client } from '@grpc/grpc-js'
import type { Dispatcher } from 'undici'
import type { Clock } from '../base/clock.ts'
import type { Secret } from '../base/secret.ts'
import type { AgentConfig } from '../config/config.ts'
import { createBreaker, type Breaker } from './breaker.ts'
import type { Dialler, GrpcLease, PoolLease, TlsClient } from './dialler.ts'
import { createTokenExchanger, type ProviderSecrets, type TokenExchanger } from './exchange-token.ts'
import { createRename, type Rename } from './pairwise.ts'

/** Secrets of an agent, already resolved from their references. */
export interface AgentSecrets {
  readonly credential?: { readonly header: string; readonly value: Secret }
  readonly tls?: TlsClient
  /** of the gateway: pairwise names are made with it, where the agent is to be told no others */
  readonly pairwise?: Buffer
  /** of the gateway as a client of the agent's identity provider */
  readonly provider?: ProviderSecrets
}

export interface Upstream {
  readonly agent: AgentConfig
  readonly jsonRpc: { readonly pool: Dispatcher; readonly path: string }
  /** `base` has no trailing slash */
  readonly rest: { readonly pool: Dispatcher; readonly base: string }
  /** where the agent speaks gRPC; on a stream no message may be larger than an event */
  readonly grpc: { readonly unary: Client; readonly streams: Client } | undefined
  readonly breaker: Breaker
  readonly secrets: AgentSecrets
  /** names for who calls, where the agent is told no others */
  readonly rename: Rename | undefined
  /** where the agent believes its own identity provider alone */
  readonly exchanger: TokenExchanger | undefined
  /** for when no call can use it any more: gives its pools back */
  release(): void
}

export interface LargestMessages {
  readonly answer: number
  readonly event: number
}

const largestByDefault: LargestMessages = { answer: 16 * 1024 * 1024, event: 1024 * 1024 }

/** `largest`: gRPC messages in bytes. */
export function createUpstream(
  agent: AgentConfig,
  secrets: AgentSecrets,
  dialler: Dialler,
  clock: Clock,
  largest = largestByDefault,
): Upstream {
  const jsonRpc = new URL(agent.url)
  const rest = new URL(agent.restUrl ?? agent.url)
  const leaseOf = (origin: string): PoolLease =>
    dialler.pool({
      origin,
      connectTimeoutMs: agent.timeouts.connect,
      maxConnections: agent.maxConnections,
      ...(secrets.tls && { tls: secrets.tls }),
    })
  const leases = { jsonRpc: leaseOf(jsonRpc.origin), rest: leaseOf(rest.origin) }
  const { grpcUrl: origin } = agent
  const grpcOf = (maxMessageBytes: number): GrpcLease | undefined =>
    origin === undefined
      ? undefined
      : dialler.grpc({ origin, maxMessageBytes, ...(secrets.tls && { tls: secrets.tls }) })
  // the library has this bound for a whole connection
  const unary = grpcOf(largest.answer)
  const streams = grpcOf(largest.event)
  return {
    agent,
    jsonRpc: { pool: leases.jsonRpc.dispatcher, path: `${jsonRpc.pathname}${jsonRpc.search}` },
    rest: { pool: leases.rest.dispatcher, base: rest.pathname.replace(/\/+$/, '') },
    grpc: unary && streams && { unary: unary.client, streams: streams.client },
    breaker: createBreaker(clock, agent.breaker),
    secrets,
    rename: secrets.pairwise && createRename(secrets.pairwise, agent.assertion.sector ?? agent.name),
    exchanger: createExchanger(agent, secrets, dialler, clock),
    release() {
      leases.jsonRpc.release()
      leases.rest.release()
      unary?.release()
      streams?.release()
    },
  }
}

function createExchanger(
  { assertion }: AgentConfig,
  { provider }: AgentSecrets,
  dialler: Dialler,
  clock: Clock,
): TokenExchanger | undefined {
  // the configuration is checked: neither is there without the other
  if (assertion.exchange === undefined || provider === undefined) return undefined
  return createTokenExchanger(assertion.exchange, provider, { dialler, clock })
}
