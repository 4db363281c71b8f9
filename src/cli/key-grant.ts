// The flags that say what a key is to be good for: key create and key import share them.

import { isOperation, operationNames } from '../a2a/operations.ts'
import { nearest } from '../base/nearest.ts'
import { findNetworkProblem } from '../base/networks.ts'
import type { Input, OptionSpec } from './command.ts'
import { CommandError, printWarning } from './io.ts'
import type { KeyRequest, StateContext } from './ports.ts'
import { readDuration } from './read-duration.ts'

export const grantOptions: Readonly<Record<string, OptionSpec>> = {
  expires: { value: 'TIME', about: 'how long it lives, such as 30d (default: until revoked)' },
  agent: { value: 'NAME', multiple: true, about: 'for this agent only; may be repeated' },
  operation: { value: 'NAME', multiple: true, about: 'for this operation only; may be repeated' },
  network: { value: 'NETWORK', multiple: true, about: 'only from there, such as 10.0.0.0/8; may be repeated' },
}

export const grantDetails = `A key never grants anything: policy does, to key:NAME. --agent and --operation narrow what
policy gives, for the key itself and for everybody who acts on its behalf.`

/** Throws CommandError 2 on what can be seen to be wrong here. */
export function readGrant(input: Input): KeyRequest {
  const [name = ''] = input.args
  const expires = input.option('expires')
  const expiresInMs = expires === undefined ? null : readDuration('--expires', expires)
  if (expiresInMs === 0) throw new CommandError(2, 'a key that expires at once is of no use', 'write --expires 30d')
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new CommandError(
      2,
      `${JSON.stringify(name)} cannot name a key`,
      'use lower-case letters, digits and hyphens, at most 63',
    )
  }
  const [agents, operations, networks] = ['agent', 'operation', 'network'].map((flag) => input.list(flag))
  for (const operation of operations ?? []) {
    if (isOperation(operation)) continue
    const near = nearest(operation, operationNames)
    const hint = near === undefined ? `operations: ${operationNames.join(', ')}` : `did you mean ${near}`
    throw new CommandError(2, `there is no operation ${JSON.stringify(operation)}`, hint)
  }
  for (const network of networks ?? []) {
    const problem = findNetworkProblem(network)
    if (problem !== undefined)
      throw new CommandError(2, `--network ${JSON.stringify(network)}: ${problem}`, 'write 10.0.0.0/8 or fd00::/8')
  }
  return {
    name,
    expiresInMs,
    ...given('agents', agents),
    ...given('operations', operations),
    ...given('networks', networks),
  }
}

/** An agent that is not configured yet may be meant; more often it is mistyped. */
export function warnOfUnknownAgents(input: Input, { loaded }: StateContext, { agents = [] }: KeyRequest): void {
  const known = loaded?.config.agents.map((agent) => agent.name)
  if (known === undefined) return
  for (const agent of agents) {
    if (known.includes(agent)) continue
    const near = nearest(agent, known)
    printWarning(
      input.io,
      `no agent is named ${JSON.stringify(agent)}`,
      near === undefined ? '' : `did you mean ${near}`,
    )
  }
}

/** A flag that was not given narrows nothing. */
function given(member: 'agents' | 'operations' | 'networks', list: readonly string[] | undefined): Partial<KeyRequest> {
  return list === undefined || list.length === 0 ? {} : { [member]: [...new Set(list)] }
}
