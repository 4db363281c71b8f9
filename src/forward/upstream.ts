// One configured agent as the gateway reaches it: addresses, pool, breaker and the credential that only this
// agent's origin ever gets. Built when a snapshot is loaded, never per call.

import type { Dispatcher } from 'undici'
import type { Clock } from '../base/clock.ts'
import type { AgentConfig } from '../config/config.ts'
import { createBreaker, type Breaker } from './breaker.ts'
import type { Dialler, TlsClient } from './dialler.ts'

/** Secrets of an agent, already resolved from their references. */
export interface AgentSecrets {
  readonly credential?: { readonly header: string; readonly value: string }
  readonly tls?: TlsClient
}

export interface Upstream {
  readonly agent: AgentConfig
  readonly jsonRpc: { readonly pool: Dispatcher; readonly path: string }
  /** `base` has no trailing slash */
  readonly rest: { readonly pool: Dispatcher; readonly base: string }
  readonly breaker: Breaker
  readonly secrets: AgentSecrets
}

export function createUpstream(agent: AgentConfig, secrets: AgentSecrets, dialler: Dialler, clock: Clock): Upstream {
  const jsonRpc = new URL(agent.url)
  const rest = new URL(agent.restUrl ?? agent.url)
  const poolOf = (origin: string): Dispatcher =>
    dialler.pool({
      origin,
      connectTimeoutMs: agent.timeouts.connect,
      maxConnections: agent.maxConnections,
      ...(secrets.tls && { tls: secrets.tls }),
    })
  return {
    agent,
    jsonRpc: { pool: poolOf(jsonRpc.origin), path: `${jsonRpc.pathname}${jsonRpc.search}` },
    rest: { pool: poolOf(rest.origin), base: rest.pathname.replace(/\/+$/, '') },
    breaker: createBreaker(clock, agent.breaker),
    secrets,
  }
}
