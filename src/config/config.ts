// Door of config: the schema's types, the snapshot that a request sees, and loading.

import type { AgentConfig, Config } from './schema.ts'

export type {
  AdminConfig,
  AdminRole,
  AgentConfig,
  AliasConfig,
  Bounds,
  ClusterConfig,
  Config,
  ConfigInput,
  JwtIssuerConfig,
  IntrospectionConfig,
  LimitConfig,
  MtlsConfig,
  PolicyConfig,
} from './schema.ts'
export { acceptedMethods, type AcceptedMethods } from './accepted-methods.ts'
export { allowedExtensions } from './allowed-extensions.ts'
export { adminRoles, configSchema, parseDuration, parseRate, parseSize } from './schema.ts'
export type { Finding, Problem } from './problem.ts'
export { describeProblem, suggest as suggestWord } from './problem.ts'
export type { Loaded, LoadedConfig } from './load-config.ts'
export { loadConfig, parseConfig, withStoredSecrets } from './load-config.ts'
export { formatAddress, isLoopback, splitAddress } from './check-config.ts'
export { secretPositions } from './secret-positions.ts'
export { clusterAccess, type ClusterAccess } from './in-cluster.ts'
export type { NamedSecrets } from './secrets.ts'
export { findStoredSecrets, isFileBelow, referencedPath, SecretReader } from './secrets.ts'
export type { ContentRule } from './recorded-agents.ts'
export { contentRuleOf, recordedAgents } from './recorded-agents.ts'
export { encryptAge, formatAgeValue, formatArmor } from './age.ts'
export { buildSnapshot, digestOf } from './snapshot.ts'
export { findReservation, identitiesOf, isNamed, isSamePerson } from './who.ts'
export type { ConfigWatch } from './watch-config.ts'
export type { SpanExport, TraceEnvironment } from './trace-environment.ts'
export { readTraceEnvironment } from './trace-environment.ts'
export { isStatic, staticSettings, watchConfig } from './watch-config.ts'
export type { Edit } from './edit-config.ts'
export { addAgent, bindRole } from './edit-config.ts'
export type { PolicyTest, PolicyTests } from './policy-tests.ts'
export { readPolicyTests } from './policy-tests.ts'
export { proposePolicy } from './propose-policy.ts'
export { effectiveConfig, formatEffective } from './effective-config.ts'
export type { SchemaNode } from './known-keys.ts'
export { configJsonSchema } from './known-keys.ts'

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
  /** principal → the canonical id of the alias that it belongs to, the canonical one included */
  readonly aliases: ReadonlyMap<string, string>
  /** canonical id → everything that proves to be it: an agent's identities, an alias's members */
  readonly identities: ReadonlyMap<string, readonly string[]>
  /** no trailing slash */
  readonly publicUrl: string
}
