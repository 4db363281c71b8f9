// Who a principal of ours is to a cluster's RBAC. Whom that very cluster's API server vouched for keeps the name that it
// gave; everybody else gets a prefix before name and groups, so that no identity provider, key or other cluster can
// become somebody there. A foreign name or group that begins with `system:` is refused outright: with a prefix it would
// be harmless, but nobody has it by chance.

import type { JsonObject } from '../base/strict-json.ts'
import type { Caller, Principal } from '../exchange/exchange.ts'

/** `user`, `groups`, `uid` and `extra` of a SubjectAccessReview. */
export type ClusterSubject = JsonObject

export interface SubjectRules {
  /** short name of the cluster whose RBAC is asked */
  readonly cluster: string
  /** service accounts of this cluster are known by its TokenReview, not by a signature that we verified */
  readonly isReviewed: boolean
  /** whether an alias ties other principals to this id, so that who bears it need not be whom it names */
  readonly isAlias: (id: string) => boolean
  /** ends with a colon */
  readonly prefix: string
}

/** The subject, or why there is none. */
export function subjectOfCaller(caller: Caller, rules: SubjectRules): ClusterSubject | string {
  const { reviewed } = caller
  if (reviewed === undefined || reviewed.cluster !== rules.cluster) return foreignSubject(caller, rules.prefix)
  const { username, uid, groups, extra } = reviewed
  return {
    user: username,
    ...(uid !== '' && { uid }),
    groups: [...groups],
    extra: Object.fromEntries(Object.entries(extra).map(([name, values]) => [name, [...values]])),
  }
}

const account = /^serviceaccount:([^/]+)\/([^/]+)\/([^/]+)$/

/**
 * For somebody who is spoken of, and has not shown a credential in this call. A service account's groups follow from
 * its name, so those that an assertion carried are not needed and not believed.
 */
export function subjectOfOrigin(origin: Principal, rules: SubjectRules): ClusterSubject | string {
  const [, cluster, namespace = '', name = ''] = account.exec(origin.id) ?? []
  if (cluster !== rules.cluster || !rules.isReviewed || rules.isAlias(origin.id))
    return foreignSubject(origin, rules.prefix)
  return { user: `system:serviceaccount:${namespace}:${name}`, groups: groupsOf(namespace) }
}

function groupsOf(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}

function foreignSubject({ id, groups }: Principal, prefix: string): ClusterSubject | string {
  if (isReserved(nameIn(id))) return `${id} begins with system:, which is the cluster's own`
  // every service account has these, in every cluster: with the prefix they mean nothing in another one
  const [, , namespace] = account.exec(id) ?? []
  const usual = namespace === undefined ? [] : groupsOf(namespace)
  for (const group of groups)
    if (isReserved(nameIn(group)) && !usual.includes(nameIn(group)))
      return `${group} begins with system:, which is the cluster's own`
  return { user: `${prefix}${id}`, groups: groups.map((group) => `${prefix}${group}`) }
}

/** What the issuer, cluster or administrator chose: behind the kind and, where there is one, the short name. */
function nameIn(id: string): string {
  return id.replace(/^(?:user|group|serviceaccount):[^/]*\/|^(?:key|agent):/, '')
}

const isReserved = (name: string): boolean => /^system:/i.test(name)
