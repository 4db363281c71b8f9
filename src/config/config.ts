// Door of config: the schema's types, the snapshot that a request sees, and loading.

import type { AgentConfig, Config } from './schema.ts'

export type { AgentConfig, Bounds, Config, ConfigInput, JwtIssuerConfig, LimitConfig, PolicyConfig } from './schema.ts'
export { configSchema, parseDuration, parseRate, parseSize } from './schema.ts'

/** Everything a request may read of the configuration, immutable and swapped whole (invariant 7). */
export interface Snapshot {
  readonly config: Config
  /** SHA-256 of the effective configuration, base64url; every record names it */
  readonly digest: string
  readonly agents: ReadonlyMap<string, AgentConfig>
  /** lower-case host (with port where given) → agent */
  readonly agentsByHost: ReadonlyMap<string, AgentConfig>
  /** principal id → the agent that this identity acts as */
  readonly agentsByPrincipal: ReadonlyMap<string, AgentConfig>
  /** no trailing slash */
  readonly publicUrl: string
}
