// Decides like the RBAC authorizer of an API server: from Roles, ClusterRoles and their bindings alone, additive, with
// the group system:masters above all of them. Wildcards, resource names and subresources as Kubernetes has them.

export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}
interface Subject {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}
export interface RbacObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules?: readonly PolicyRule[]
  readonly subjects?: readonly Subject[]
  readonly roleRef?: { readonly kind: string; readonly name: string }
}

export interface AccessQuestion {
  readonly user: string
  readonly groups: readonly string[]
  readonly verb: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly name?: string
  readonly namespace?: string
  readonly path?: string
}

export interface AccessAnswer {
  readonly allowed: boolean
  readonly reason?: string
  readonly evaluationError?: string
}

export function decideByRbac(objects: readonly RbacObject[], question: AccessQuestion): AccessAnswer {
  if (question.groups.includes('system:masters')) return { allowed: true }
  const missing: string[] = []
  for (const binding of objects) {
    const { kind, metadata, roleRef } = binding
    if (kind !== 'ClusterRoleBinding' && kind !== 'RoleBinding') continue
    const isOfNamespace = kind === 'RoleBinding'
    if (isOfNamespace && (metadata.namespace !== question.namespace || question.path !== undefined)) continue
    if (!(binding.subjects ?? []).some((subject) => isSubject(subject, metadata.namespace, question))) continue
    const role = objects.find(
      (each) =>
        each.kind === roleRef?.kind &&
        each.metadata.name === roleRef.name &&
        (each.kind === 'ClusterRole' || each.metadata.namespace === metadata.namespace),
    )
    if (role === undefined) {
      missing.push(`${String(roleRef?.kind).toLowerCase()}.rbac.authorization.k8s.io "${roleRef?.name}" not found`)
      continue
    }
    if (!(role.rules ?? []).some((rule) => matches(rule, question))) continue
    const place = isOfNamespace ? `/${metadata.namespace}` : ''
    const reason = `RBAC: allowed by ${kind} "${metadata.name}${place}" of ${role.kind} "${role.metadata.name}" to ${describe(question)}`
    return { allowed: true, reason }
  }
  return missing.length === 0 ? { allowed: false } : { allowed: false, evaluationError: missing.join(', ') }
}

const describe = ({ user }: AccessQuestion): string => {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user)
  return account === null ? `User "${user}"` : `ServiceAccount "${account[2]}/${account[1]}"`
}

function isSubject(subject: Subject, bindingNamespace: string | undefined, question: AccessQuestion): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === question.user
    case 'Group':
      return question.groups.includes(subject.name)
    case 'ServiceAccount':
      return question.user === `system:serviceaccount:${subject.namespace ?? bindingNamespace ?? ''}:${subject.name}`
    default:
      return false
  }
}

function matches(rule: PolicyRule, question: AccessQuestion): boolean {
  if (!includes(rule.verbs, question.verb)) return false
  if (question.path !== undefined) {
    const { path } = question
    return (rule.nonResourceURLs ?? []).some((url) =>
      url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : url === path,
    )
  }
  const { group = '', resource = '', subresource = '', name = '' } = question
  const combined = subresource === '' ? resource : `${resource}/${subresource}`
  const resources = rule.resources ?? []
  const isResource =
    resources.includes('*') ||
    resources.includes(combined) ||
    (subresource !== '' && resources.includes(`*/${subresource}`))
  const names = rule.resourceNames ?? []
  return includes(rule.apiGroups ?? [], group) && isResource && (names.length === 0 || names.includes(name))
}

const includes = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value)
