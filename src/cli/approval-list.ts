// `approval list`: the calls that wait for a person, and those that were granted and not made yet; with --all also what
// is used up or denied and not forgotten yet.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printable, printJson } from './io.ts'
import type { ApprovalSummary } from './ports.ts'
import { findState } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    all: { about: 'also those that are used up or denied' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  details: 'Shown are the calls that wait, and those that were granted and not made yet.',
  run: async (input) => {
    const found = await changeState(input, await findState(input), 'approval.list', {})
    const approvals = input.flag('all') ? found : found.filter(isOpen)
    if (input.json) for (const approval of approvals) printJson(input.io, approval)
    else if (approvals.length === 0) input.io.out('nothing waits for approval\n')
    else for (const approval of approvals) input.io.out(`${describe(approval).map(printable).join('\n')}\n`)
    return 0
  },
}

/** Something can still come of it. */
function isOpen({ state }: ApprovalSummary): boolean {
  return state === 'pending' || state === 'granted'
}

function describe(approval: ApprovalSummary): string[] {
  const { id, state, caller, origin, chain, agent, operation, task, rules, parts, decidedBy } = approval
  const through = chain.length === 0 ? '' : ` through ${chain.join(', ')}`
  const behalf = origin === caller ? '' : ` on behalf of ${origin}${through}`
  const shown = parts.map(({ kind, size }) => `${kind} (${size} bytes)`).join(', ')
  return [
    `${id}  ${state}${decidedBy === '' ? '' : ` by ${decidedBy}`}, until ${new Date(approval.expiresAtMs).toISOString()}`,
    `  ${caller}${behalf}: ${operation} on ${agent}${task === '' ? '' : `, task ${task}`}`,
    `  asked for by ${rules.join(', ')}${shown === '' ? '' : `; message of ${shown}`}`,
  ]
}
