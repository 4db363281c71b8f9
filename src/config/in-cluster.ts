// Where a cluster's API server is and how the gateway proves itself there: what the configuration says, and for what it
// leaves out, what Kubernetes puts into every pod. Names of files and an address only; nothing is read here.

import type { ClusterConfig } from './schema.ts'

const folder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What a pod finds in its environment. */
export type PodVariable = (name: 'KUBERNETES_SERVICE_HOST' | 'KUBERNETES_SERVICE_PORT') => string | undefined

export interface ClusterAccess {
  /** `https://host:port` */
  readonly server: string
  readonly ca?: string | undefined
  readonly token?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

/** undefined where the configuration leaves out what only a pod knows, and this is none. */
export function clusterAccess(config: ClusterConfig, variable: PodVariable): ClusterAccess | undefined {
  const { ca, certificate, key } = config
  if (config.server !== undefined)
    return { server: new URL(config.server).origin, ca, token: config.token, certificate, key }
  const [host, port] = [variable('KUBERNETES_SERVICE_HOST'), variable('KUBERNETES_SERVICE_PORT') ?? '443']
  if (host === undefined || !/^[0-9A-Za-z.:-]+$/.test(host) || !/^\d{1,5}$/.test(port)) return undefined
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: ca ?? `file:${folder}/ca.crt`,
    token: config.token ?? (certificate === undefined ? `file:${folder}/token` : undefined),
    certificate,
    key,
  }
}
