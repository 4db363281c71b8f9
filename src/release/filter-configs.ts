// Push configurations belong to those who made them, also on a task that policy shares: a list loses the others'.
// The elements that stay are the agent's own bytes.

import { isJsonObject, memberRange, spliceMember, type JsonValue } from '../base/strict-json.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import type { OwnershipBook } from './settle-ownership.ts'

/** The list without others' configurations; undefined when all of it may be seen. `text` is that of `value`. */
export function filterConfigs(
  admitted: Admitted,
  value: JsonValue,
  text: () => string,
  ownership: OwnershipBook,
): string | undefined | Refusal {
  const configs = isJsonObject(value) ? value['configs'] : undefined
  if (!Array.isArray(configs)) return undefined
  const visible: boolean[] = []
  for (const config of configs) {
    // an empty id is one that was left out (ProtoJSON)
    if (!isJsonObject(config) || (config['taskId'] || admitted.taskId) !== admitted.taskId) {
      return refuse('RELEASE_INVALID_ANSWER', 'the agent listed push configurations of another task')
    }
    visible.push(isVisible(admitted, config['id'], ownership))
  }
  if (!visible.includes(false)) return undefined
  const list = text()
  const kept = elementTexts(list, configs.length).filter((_, at) => visible[at])
  return (
    spliceMember(list, ['configs'], `[${kept.join(',')}]`) ??
    refuse('RELEASE_INVALID_ANSWER', 'the list could not be cut')
  )
}

/** The elements as they are written, in one pass: asking for each by its index would read the list as often as it is long. */
function elementTexts(text: string, count: number): string[] {
  const texts: string[] = []
  let at = (memberRange(text, ['configs'])?.start ?? text.length) + 1
  while (texts.length < count) {
    const rest = text.slice(at)
    const range = memberRange(rest, [])
    if (range === undefined) break
    texts.push(rest.slice(range.start, range.end))
    at = text.indexOf(',', at + range.end) + 1
    if (at === 0) break
  }
  return texts
}

function isVisible(admitted: Admitted, configId: JsonValue | undefined, ownership: OwnershipBook): boolean {
  const { agent, tenant, taskId, caller, origin, taskOwner } = admitted
  const isMe = (owner: { caller: string; origin: string } | undefined): boolean =>
    owner?.caller === caller.id && owner.origin === origin.id
  const known = typeof configId === 'string' ? ownership.pushConfig(agent.name, tenant, taskId, configId) : undefined
  // one that the gateway never saw made is the task owner's
  return isMe(known?.owner ?? taskOwner)
}
