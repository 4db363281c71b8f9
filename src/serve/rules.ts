// Compiles a snapshot into what the walk applies: policy, upstreams with their resolved secrets, the authenticator.
// Done once per configuration, never per call; a snapshot and its rules go together and are swapped as one.

import { compileContentRules, findContentProblems, findWitnessProblems } from '../audit/audit.ts'
import type { Authenticator } from '../authenticate/authenticate.ts'
import { compilePolicy, createAccessAuthority, type AccessAuthority } from '../authorize/authorize.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { AgentConfig, Config, Finding, SecretReader, Snapshot } from '../config/config.ts'
import {
  createUpstream,
  type AgentSecrets,
  type AssertionSigner,
  type Dialler,
  type TlsClient,
  type Upstream,
} from '../forward/forward.ts'
import type { Rules } from '../pipeline/pipeline.ts'
import type { ClusterLease, Clusters } from './clusters.ts'

export interface RuleParts {
  readonly clock: Clock
  readonly authenticator: Authenticator
  readonly signer: AssertionSigner
  readonly dialler: Dialler
  readonly clusters: Clusters
  /** the secret of pairwise names */
  readonly pairwise: Buffer
  /** what ran until now: what it learned of an agent's health stays with an agent of the same address */
  readonly before?: Rules
}

/** Problems of the policy, of what is to be redacted and of the witnesses, with paths from the root of the file. */
export function checkPolicy(config: Config): readonly Finding[] {
  const names = config.agents.map((agent) => agent.name)
  return [
    ...findPolicyProblems(config),
    ...findContentProblems(config.audit.content, names),
    ...findWitnessProblems(config.audit.witness),
  ]
}

function findPolicyProblems(config: Config): readonly Finding[] {
  const compiled = compilePolicy(
    config.policy,
    config.agents.map((agent) => agent.name),
  )
  if (compiled.ok) return []
  return compiled.problems.map((problem) => ({
    path: problem.path,
    message: problem.message,
    ...(problem.hint !== undefined && { hint: problem.hint }),
  }))
}

/** What the walk applies, and the clusters that it asks. */
export interface ServedRules extends Rules {
  /** by short name */
  readonly clusters: ReadonlyMap<string, ClusterLease>
}

export function compileRules(snapshot: Snapshot, reader: SecretReader, parts: RuleParts): ServedRules {
  const { config } = snapshot
  const compiled = compilePolicy(
    config.policy,
    config.agents.map((agent) => agent.name),
    snapshot.identities,
  )
  if (!compiled.ok) throw new Fault('CONFIG_INVALID', compiled.problems[0]?.message ?? 'the policy is invalid')
  // all secrets before the first pool: one that is missing leaves nothing open
  const secrets = new Map(config.agents.map((agent) => [agent, allSecrets(agent, reader, parts)]))
  const clusters = leaseClusters(config, reader, parts.clusters)
  const upstreams = new Map<string, Upstream>()
  for (const [agent, secret] of secrets) {
    const upstream = createUpstream(agent, secret, parts.dialler, parts.clock, config.gateway.bounds)
    const known = parts.before?.forwarder.upstreams.get(agent.name)
    upstreams.set(agent.name, known?.agent.url === agent.url ? keepBreaker(upstream, known.breaker) : upstream)
  }
  return {
    clusters,
    authenticator: parts.authenticator,
    policy: compiled.policy,
    access: accessAuthority(snapshot, clusters, parts.clock),
    forwarder: { clock: parts.clock, signer: parts.signer, upstreams },
    content: compileContentRules(config.audit.content, parts.clock),
  }
}

/** The RBAC that is asked beside the policy, if the configuration wants one to be. */
function accessAuthority(
  { config, agents, aliases }: Snapshot,
  clusters: ReadonlyMap<string, ClusterLease>,
  clock: Clock,
): AccessAuthority | undefined {
  const { authorizer, kubernetes } = config.policy
  if (authorizer === undefined) return undefined
  const { mode } = config.identity.kubernetes.find(({ name }) => name === kubernetes?.cluster) ?? {}
  const reviewer = clusters.get(kubernetes?.cluster ?? '')?.cluster
  if (kubernetes === undefined || mode === undefined || reviewer === undefined)
    throw new Fault('CONFIG_INVALID', 'policy.authorizer asks a cluster that is not configured')
  const namespaceOf = (agent: string): string | undefined => agents.get(agent)?.namespace
  const tied = new Set(aliases.values())
  const isAlias = (id: string): boolean => tied.has(id)
  return createAccessAuthority({ clock, reviewer, config: kubernetes, mode, isAlias, namespaceOf })
}

/** All or none: one that cannot be reached by what is configured leaves nothing open. */
function leaseClusters(config: Config, reader: SecretReader, clusters: Clusters): Map<string, ClusterLease> {
  const leases = new Map<string, ClusterLease>()
  try {
    for (const cluster of config.identity.kubernetes) leases.set(cluster.name, clusters.lease(cluster, reader))
    return leases
  } catch (error) {
    for (const lease of leases.values()) lease.release()
    throw error
  }
}

function allSecrets(agent: AgentConfig, reader: SecretReader, { pairwise }: RuleParts): AgentSecrets {
  return { ...agentSecrets(agent, reader), ...(agent.assertion.subject === 'pairwise' && { pairwise }) }
}

function keepBreaker(upstream: Upstream, breaker: Upstream['breaker']): Upstream {
  breaker.reconfigure(upstream.agent.breaker)
  return { ...upstream, breaker }
}

/** For rules that no call can use any more. */
export function releaseRules(rules: ServedRules): void {
  for (const lease of rules.clusters.values()) lease.release()
  for (const upstream of rules.forwarder.upstreams.values()) upstream.release()
}

export function agentSecrets(agent: AgentConfig, reader: SecretReader): AgentSecrets {
  const tls = agentTls(agent, reader)
  const { exchange } = agent.assertion
  return {
    ...(agent.credential && {
      credential: {
        header: agent.credential.header.toLowerCase(),
        value: reader.resolve(agent.credential.value),
      },
    }),
    ...(tls && { tls }),
    ...(exchange && {
      provider: {
        clientSecret: reader.resolve(exchange.clientSecret),
        ...(exchange.ca && { ca: reader.resolve(exchange.ca).bytes() }),
      },
    }),
  }
}

function agentTls(agent: AgentConfig, reader: SecretReader): TlsClient | undefined {
  if (agent.tls === undefined) return undefined
  const { ca, certificate, key, credentialBundle } = agent.tls
  const bundle = credentialBundle === undefined ? undefined : reader.resolve(credentialBundle)
  return {
    ...(ca && { ca: reader.resolve(ca).bytes() }),
    ...(certificate && { certificate: reader.resolve(certificate).bytes() }),
    ...(key && { key: reader.resolve(key) }),
    ...(bundle && { certificate: bundle.bytes(), key: bundle }),
  }
}
