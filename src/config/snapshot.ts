// Turns a valid configuration into the immutable snapshot that a request sees (invariant 7). The digest is SHA-256
// over the canonical JSON of the effective configuration, references to secrets as references, never their values.

import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { AgentConfig, Config } from './schema.ts'
import type { Snapshot } from './config.ts'

/** `publicUrl` is for those who learn their address only after listening (port 0); the file's own wins. */
export function buildSnapshot(config: Config, options: { publicUrl?: string } = {}): Snapshot {
  freeze(config)
  const agents = new Map<string, AgentConfig>()
  const agentsByHost = new Map<string, AgentConfig>()
  const agentsByPrincipal = new Map<string, AgentConfig>()
  const identities = new Map<string, readonly string[]>()
  for (const agent of config.agents) {
    agents.set(agent.name, agent)
    for (const host of agent.hosts) agentsByHost.set(host, agent)
    for (const principal of agent.principals) agentsByPrincipal.set(principal, agent)
    if (agent.principals.length > 0) identities.set(`agent:${agent.name}`, agent.principals)
  }
  const aliases = new Map<string, string>()
  for (const { principals } of config.aliases) {
    const [canonical = ''] = principals
    identities.set(canonical, principals)
    for (const principal of principals) aliases.set(principal, canonical)
  }
  const publicUrl = (config.gateway.publicUrl ?? options.publicUrl ?? defaultPublicUrl(config)).replace(/\/+$/, '')
  return Object.freeze({
    config,
    digest: digestOf(config),
    agents,
    agentsByHost,
    agentsByPrincipal,
    aliases,
    identities,
    publicUrl,
  })
}

export function defaultPublicUrl(config: Config): string {
  return `${config.gateway.tls === undefined ? 'http' : 'https'}://${config.gateway.listen}`
}

/** The cast: what the schema puts out is JSON (strings, finite numbers, lists, records without undefined members). */
export function digestOf(config: Config): string {
  return createHash('sha256')
    .update(canonicalJson(config as unknown as JsonValue))
    .digest('base64url')
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
}
