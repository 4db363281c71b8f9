// Clusters as callers' issuers, and the one whose RBAC is asked: each must be known by itself alone. Which cluster a
// token is shown to follows from its unproven issuer and audience, so two entries must never both fit.

import { checkNoQuery } from './check-issuers.ts'
import { clusterAccess, type PodVariable } from './in-cluster.ts'
import type { ConfigPath, Finding } from './problem.ts'
import { suggest } from './problem.ts'
import type { ClusterConfig, Config } from './schema.ts'

export interface ClusterChecks {
  /** whether what is fetched from a URL could come from anybody on the way */
  readonly isPlainRemote: (url: string) => boolean
  /** what a pod finds in its environment; undefined where that is not looked at */
  readonly variable: PodVariable | undefined
}

export function checkClusters(config: Config, checks: ClusterChecks): Finding[] {
  const { kubernetes, jwt } = config.identity
  return [
    ...kubernetes.flatMap((cluster, at) => [
      ...checkAlone(cluster, at, config),
      ...checkAccess(cluster, ['identity', 'kubernetes', at], checks),
    ]),
    ...jwt.flatMap(({ issuer }, at): Finding[] =>
      kubernetes.some((cluster) => cluster.issuer === issuer)
        ? [
            {
              path: ['identity', 'jwt', at, 'issuer'],
              message: 'a cluster in identity.kubernetes has this issuer',
              hint: 'keep one of the two: a token must be of one kind',
            },
          ]
        : [],
    ),
    ...checkAuthorizer(config),
  ]
}

function checkAlone(cluster: ClusterConfig, at: number, config: Config): Finding[] {
  const { kubernetes, jwt, mtls } = config.identity
  const path = ['identity', 'kubernetes', at] as const
  const taken = [...jwt, ...mtls.subjects, ...kubernetes.slice(0, at)]
  const found: Finding[] = []
  if (taken.some(({ name }) => name === cluster.name))
    found.push({
      path: [...path, 'name'],
      message: 'an issuer or cluster has this short name already, so their groups could not be told apart',
      hint: 'every one must be unique',
    })
  const audiences = listOf(cluster.audience)
  const shares = kubernetes
    .slice(0, at)
    .some((other) => other.issuer === cluster.issuer && listOf(other.audience).some((each) => audiences.includes(each)))
  if (shares)
    found.push({
      path: [...path, 'audience'],
      message: 'another cluster has the same issuer and audience, so nobody could say whose a token is',
      hint: 'give each cluster an audience of its own, or its own --service-account-issuer',
    })
  return found
}

const listOf = (audience: string | readonly string[]): readonly string[] =>
  typeof audience === 'string' ? [audience] : audience

function checkAccess(cluster: ClusterConfig, path: ConfigPath, { isPlainRemote, variable }: ClusterChecks): Finding[] {
  const found: Finding[] = []
  const { server } = cluster
  if (server !== undefined) {
    const url = new URL(server)
    if (url.pathname !== '/' || url.search !== '')
      found.push({ path: [...path, 'server'], message: 'an API server has no path', hint: 'write https://HOST:PORT' })
    if (isPlainRemote(server))
      found.push({
        path: [...path, 'server'],
        message: "in plain text the answer could be anybody's",
        hint: 'use https',
      })
    if (cluster.token === undefined && cluster.certificate === undefined)
      found.push({
        path: [...path, 'server'],
        message: 'the gateway has nothing to prove itself with there',
        hint: 'give token, or certificate and key',
      })
  } else if (variable !== undefined && clusterAccess(cluster, variable) === undefined)
    found.push({
      path,
      message: 'this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set',
      hint: 'give server, ca and token',
    })
  if ((cluster.certificate === undefined) !== (cluster.key === undefined))
    found.push({
      path,
      message: 'a client certificate needs its key, and a key its certificate',
      hint: 'give both or neither',
    })
  if (cluster.jwks !== undefined && cluster.mode !== 'jwks')
    found.push({ path: [...path, 'jwks'], message: 'only mode: jwks uses a key set', hint: 'leave it out' })
  if (cluster.jwks?.startsWith('file:') === false) found.push(...checkNoQuery(cluster.jwks, [...path, 'jwks']))
  if (cluster.jwks !== undefined && !cluster.jwks.startsWith('file:') && isPlainRemote(cluster.jwks))
    found.push({
      path: [...path, 'jwks'],
      message: "keys fetched in plain text could be anybody's",
      hint: 'use https, or file: with a key set you deliver',
    })
  return found
}

function checkAuthorizer({ policy, identity }: Config): Finding[] {
  const path = ['policy', 'kubernetes']
  if (policy.authorizer === undefined) return []
  if (policy.kubernetes === undefined)
    return [
      {
        path: ['policy', 'authorizer'],
        message: 'which cluster is asked is not said',
        hint: 'give policy.kubernetes.cluster',
      },
    ]
  const names = identity.kubernetes.map(({ name }) => name)
  const cluster = identity.kubernetes.find(({ name }) => name === policy.kubernetes?.cluster)
  if (cluster === undefined)
    return [
      {
        path: [...path, 'cluster'],
        message: `no cluster is named ${JSON.stringify(policy.kubernetes.cluster)}`,
        hint: names.length > 0 ? suggest(policy.kubernetes.cluster, names) : 'identity.kubernetes is empty',
      },
    ]
  return []
}
