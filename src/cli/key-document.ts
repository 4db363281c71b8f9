// How a key is shown: times as text, status in a word, never a secret.

import type { KeySummary } from './ports.ts'

export interface KeyDocument {
  readonly id: string
  readonly name: string
  readonly principal: string
  readonly environment: string
  readonly status: 'live' | 'expired' | 'revoked'
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  readonly previousUntil: string | null
  readonly agents: readonly string[] | null
  readonly operations: readonly string[] | null
  readonly networks: readonly string[] | null
  readonly lastUsed: string | null
  readonly lastNetwork: string | null
  readonly wrongSecrets: number
  readonly wrongSecretsSince: string | null
  readonly wrongNetworks: number
}

export function keyDocument(key: KeySummary, nowMs: number): KeyDocument {
  const isExpired = key.expiresAtMs !== null && key.expiresAtMs <= nowMs
  return {
    id: key.id,
    name: key.name,
    principal: `key:${key.name}`,
    environment: key.environment,
    status: key.revokedAtMs !== null ? 'revoked' : isExpired ? 'expired' : 'live',
    createdAt: new Date(key.createdAtMs).toISOString(),
    expiresAt: text(key.expiresAtMs),
    revokedAt: text(key.revokedAtMs),
    previousUntil: key.previousUntilMs !== null && key.previousUntilMs > nowMs ? text(key.previousUntilMs) : null,
    agents: key.agents,
    operations: key.operations,
    networks: key.networks,
    lastUsed: text(key.lastUsedMs),
    lastNetwork: key.lastNetwork,
    wrongSecrets: key.wrongSecrets,
    wrongSecretsSince: text(key.wrongSinceMs),
    wrongNetworks: key.wrongNetworks,
  }
}

function text(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString()
}
