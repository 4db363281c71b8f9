// Connections to clusters, shared by all rules that say the same of one: a reload that changes something else keeps
// the connection, and what runs on the old rules can go on asking. The last share that is given back ends it.

import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { clusterAccess, type ClusterConfig, type SecretReader } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
import { connectCluster, type Cluster, type ClusterCounts } from '../kubernetes/kubernetes.ts'

export interface ClusterLease {
  readonly cluster: Cluster
  /** safe to call twice */
  release(): void
}

export interface ClusterStatus extends ClusterCounts {
  readonly name: string
  /** tokens are verified here, and nobody is asked about them */
  readonly isLocal: boolean
}

export interface Clusters {
  lease(config: ClusterConfig, secrets: SecretReader): ClusterLease
  /** of those that some rules use */
  report(): readonly ClusterStatus[]
}

interface Shared {
  readonly config: ClusterConfig
  readonly cluster: Cluster
  shares: number
}

export function createClusters(parts: { dialler: Dialler; clock: Clock; random: () => number }): Clusters {
  const known = new Map<string, Shared>()

  const open = (config: ClusterConfig, secrets: SecretReader): Shared => {
    const access = clusterAccess(config, (name) => secrets.variable(name))
    if (access === undefined)
      throw new Fault('CONFIG_INVALID', `where the API server of ${config.name} is, is not known`, {
        hint: 'give server, ca and token, or run in a pod of it',
      })
    const { server, ...references } = access
    const { name, timeout, concurrency } = config
    const resolve = (reference: string): ReturnType<SecretReader['resolve']> => secrets.resolve(reference)
    const cluster = connectCluster({ ...parts, name, server, references, resolve, timeoutMs: timeout, concurrency })
    return { config, cluster, shares: 0 }
  }

  return {
    lease(config, secrets) {
      const key = JSON.stringify(config)
      const shared = known.get(key) ?? open(config, secrets)
      known.set(key, shared)
      shared.shares += 1
      let isHeld = true
      return {
        cluster: shared.cluster,
        release() {
          if (!isHeld) return
          isHeld = false
          shared.shares -= 1
          if (shared.shares > 0) return
          known.delete(key)
          shared.cluster.release()
        },
      }
    },
    report() {
      // two entries of one name live side by side while a reload takes effect: the later one is what counts
      const byName = new Map([...known.values()].map((each) => [each.config.name, each]))
      return [...byName.values()].map(({ config, cluster }) => ({
        ...cluster.counts(),
        name: config.name,
        isLocal: config.mode === 'jwks',
      }))
    },
  }
}
