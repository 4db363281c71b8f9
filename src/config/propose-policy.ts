// A configuration with another policy in it, as text: everything else stays as it is written, comments included.
// Rules, bindings and denies stand on one line each, as people write them.

import { isMap, isSeq, type Document, type YAMLSeq } from 'yaml'
import { readYaml } from './read-yaml.ts'
import type { PolicyConfig } from './schema.ts'

/** `text` is a configuration that was loaded. */
export function proposePolicy(text: string, policy: PolicyConfig): string {
  const yaml = readYaml(text)
  if (!yaml.ok) return text
  const { document } = yaml
  const roles = policy.roles.map((role) => ({ ...role, rules: role.rules.map(withoutDefaults) }))
  const bindings = policy.bindings.map(({ autonomous, ...binding }) => ({
    ...binding,
    ...(autonomous && { autonomous }),
  }))
  document.setIn(['policy'], document.createNode({ roles, bindings, denies: policy.denies }))
  for (const role of listAt(document, 'roles')?.items ?? []) {
    const rules = isMap(role) ? role.get('rules') : undefined
    if (isSeq(rules)) setFlow(rules)
  }
  for (const name of ['bindings', 'denies']) {
    const list = listAt(document, name)
    if (list !== undefined) setFlow(list)
  }
  return document.toString({ lineWidth: 0 })
}

function withoutDefaults(rule: PolicyConfig['roles'][number]['rules'][number]): object {
  const { owner, when, expiryGrace, requireApproval, ...rest } = rule
  return {
    ...rest,
    ...(when !== undefined && { when }),
    ...(owner !== 'self' && { owner }),
    ...(expiryGrace !== undefined && { expiryGrace: `${expiryGrace}ms` }),
    ...(requireApproval && { requireApproval }),
  }
}

function listAt(document: Document, name: string): YAMLSeq | undefined {
  const list: unknown = document.getIn(['policy', name])
  return isSeq(list) ? list : undefined
}

function setFlow(list: YAMLSeq): void {
  for (const item of list.items) if (isMap(item)) item.flow = true
}
