// A credential that expires while a stream is open ends the stream, unless the rule that allows it gives a grace: time
// for what is nearly done, with a token that was good when it began. It is policy's to give and is asked of the policy in
// force; where several rules have to allow a call (origin, inline push), the shortest counts. After a revocation there
// is none, whatever a rule says.

import type { Config } from '../config/config.ts'

/** `allowedBy` names rules as a decision does, `role#index`; beside them may stand what is no rule. */
export function expiryGraceMs(allowedBy: readonly string[], { policy }: Pick<Config, 'policy'>): number {
  const graces = allowedBy.filter((name) => name.includes('#')).map((name) => graceOf(name, policy))
  return graces.length === 0 ? 0 : Math.min(...graces)
}

function graceOf(name: string, { roles }: Config['policy']): number {
  const [role, index] = name.split('#')
  return roles.find((each) => each.name === role)?.rules[Number(index)]?.expiryGrace ?? 0
}
