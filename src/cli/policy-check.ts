// `policy check`: compiles roles, bindings and denies with all their conditions, as the gateway does when it starts.

import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { countOf, printJson } from './io.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const { policy } = (await requireConfig(input, { withPolicy: true })).config
    const rules = policy.roles.reduce((count, role) => count + role.rules.length, 0)
    const counts = { roles: policy.roles.length, rules, bindings: policy.bindings.length, denies: policy.denies.length }
    if (input.json) printJson(input.io, { ok: true, ...counts })
    else
      input.io.out(
        `the policy is valid: ${countOf(counts.roles, 'role', 'roles')} with ${countOf(rules, 'rule', 'rules')}, ${countOf(counts.bindings, 'binding', 'bindings')}, ${countOf(counts.denies, 'deny', 'denies')}\n`,
      )
    return 0
  },
}
