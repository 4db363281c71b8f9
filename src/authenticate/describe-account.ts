// From a service account as its cluster names it to a principal of ours: serviceaccount:<cluster>/<namespace>/<name>,
// groups with the cluster's short name. A user that is not exactly a service account is nobody here, and the groups
// must fit: leaving some out could leave out one that a deny speaks of.

import type { Caller, ClusterIdentity } from '../exchange/exchange.ts'

type DescribedCaller = Omit<Caller, 'expiresAtMs' | 'isRevoked'>

/** namespaces are DNS labels; names of service accounts are DNS subdomains: labels joined by dots */
const account =
  /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const maxGroups = 256 // bound: groups of a service account
const maxGroupsLength = 6_144 // bound: all groups of a service account together
const maxNameLength = 256
const control = /[\u0000-\u001f\u007f-\u009f]/
const evidenceOf = {
  'authentication.kubernetes.io/pod-name': 'podName',
  'authentication.kubernetes.io/pod-uid': 'podUid',
  'authentication.kubernetes.io/node-name': 'nodeName',
  'authentication.kubernetes.io/node-uid': 'nodeUid',
  'authentication.kubernetes.io/credential-id': 'credentialId',
} as const

/** Namespace and name; undefined for every other user. */
export function parseAccount(username: string): { namespace: string; name: string } | undefined {
  const [, namespace, name] = account.exec(username) ?? []
  if (namespace === undefined || name === undefined || !name.split('.').every((part) => label.test(part)))
    return undefined
  return { namespace, name }
}

/** The caller, or why this is none. INVARIANT: the cluster has vouched for the identity. */
export function describeAccount(reviewed: ClusterIdentity): DescribedCaller | string {
  const { cluster, username, groups, extra } = reviewed
  const parsed = parseAccount(username)
  if (parsed === undefined) return 'the user is not a service account'
  const ids = new Set<string>()
  let length = 0
  for (const group of groups) {
    if (group === '' || group.length > maxNameLength || control.test(group)) return 'a group that is not a name'
    const id = `group:${cluster}/${escapeName(group)}`
    if (!ids.has(id)) length += id.length
    ids.add(id)
  }
  if (groups.length > maxGroups || length > maxGroupsLength) return 'too many groups'
  const evidence: Record<string, string> = {}
  for (const [key, name] of Object.entries(evidenceOf)) {
    const values = Object.hasOwn(extra, key) ? extra[key] : undefined
    if (values === undefined || values.length === 0) continue
    const [value = ''] = values
    if (values.length > 1 || value.length > maxNameLength || control.test(value)) return `${key} is not one name`
    evidence[name] = value
  }
  if (reviewed.uid !== '') evidence['accountUid'] = reviewed.uid
  const id = `serviceaccount:${cluster}/${parsed.namespace}/${parsed.name}`
  return { id, groups: [...ids], display: id, method: 'service-account', credential: cluster, evidence, reviewed }
}

/** White space and `*` cannot stand in a policy's principals; `%` is escaped too, so that no two names meet. */
function escapeName(name: string): string {
  return name.replace(/[\s%*]/gu, (character) => encodeURIComponent(character).replace('*', '%2A'))
}
