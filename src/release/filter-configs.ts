// Push configurations belong to those who made them, also on a task that policy shares: a list loses the others'.
// The elements that stay are the agent's own bytes.

import { isJsonObject, memberRange, spliceMember, type JsonValue } from '../base/strict-json.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import type { OwnershipBook } from './settle-ownership.ts'

export function filterConfigs(
  admitted: Admitted,
  value: JsonValue,
  text: string,
  ownership: OwnershipBook,
): string | Refusal {
  const configs = isJsonObject(value) ? value['configs'] : undefined
  if (!Array.isArray(configs)) return text
  const path = admitted.binding === 'JSONRPC' ? ['result', 'configs'] : ['configs']
  const kept: string[] = []
  for (const [at, config] of configs.entries()) {
    if (!isJsonObject(config) || (config['taskId'] ?? admitted.taskId) !== admitted.taskId) {
      return refuse('RELEASE_INVALID_ANSWER', 'the agent listed push configurations of another task')
    }
    if (!isVisible(admitted, config['id'], ownership)) continue
    const range = memberRange(text, [...path, at])
    if (range !== undefined) kept.push(text.slice(range.start, range.end))
  }
  if (kept.length === configs.length) return text
  return spliceMember(text, path, `[${kept.join(',')}]`) ?? refuse('RELEASE_INVALID_ANSWER', 'the list could not be cut')
}

function isVisible(admitted: Admitted, configId: JsonValue | undefined, ownership: OwnershipBook): boolean {
  const { agent, tenant, taskId, caller, origin, taskOwner } = admitted
  const isMe = (owner: { caller: string; origin: string } | undefined): boolean =>
    owner?.caller === caller.id && owner.origin === origin.id
  const known = typeof configId === 'string' ? ownership.pushConfig(agent.name, tenant, taskId, configId) : undefined
  // one that the gateway never saw made is the task owner's
  return isMe(known?.owner ?? taskOwner)
}
