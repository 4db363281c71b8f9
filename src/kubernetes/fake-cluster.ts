// For tests of this folder and of those that ask it: a cluster connected to the fake API server.

import { createManualClock } from '../base/clock.ts'
import { Secret } from '../base/secret.ts'
import { createDialler } from '../forward/forward.ts'
import { startFakeApi, type FakeApi, type FakeApiOptions } from '../../test/fakes/kubernetes-api.ts'
import { connectCluster, type Cluster, type ClusterOptions } from './kubernetes.ts'

export interface ConnectedCluster {
  readonly api: FakeApi
  readonly cluster: Cluster
  /** what a reference gives: `token` and whatever a test puts there */
  readonly files: Map<string, string>
  readonly close: () => Promise<void>
}

export async function connectFakeCluster(
  changed: Partial<ClusterOptions> & { api?: FakeApiOptions } = {},
): Promise<ConnectedCluster> {
  const { api: apiOptions, ...options } = changed
  const clock = options.clock ?? createManualClock()
  const api = await startFakeApi({ nowMs: () => clock.nowMs(), ...apiOptions })
  const dialler = createDialler()
  const files = new Map([['file:token', api.gatewayToken]])
  const cluster = connectCluster({
    name: 'prod',
    server: api.url,
    references: { token: 'file:token' },
    resolve: (reference) => {
      const content = files.get(reference)
      if (content === undefined) throw new Error('no such file')
      return Secret.ofText(content)
    },
    dialler,
    clock,
    timeoutMs: 2_000,
    concurrency: 8,
    random: () => 0,
    ...options,
  })
  return {
    api,
    cluster,
    files,
    async close() {
      cluster.release()
      await dialler.close()
      await api.close()
    },
  }
}
