// The one place where scopes meet. A scope only narrows what policy gives, and what narrowed a call narrows every call
// that is made on its behalf: of two scopes what both have is left, whoever shares a name with whom.

import { isOperation } from '../a2a/operations.ts'
import { isJsonObject, type JsonValue } from '../base/strict-json.ts'
import type { CallerScope } from '../exchange/exchange.ts'

/** Most agents that a scope may name: it travels in assertions, which are bounded. */
export const maxScopeAgents = 32 // bound: agents in the scope of a credential

/** What both allow. undefined allows all, an empty list nothing. */
export function narrowScope(one: CallerScope | undefined, other: CallerScope | undefined): CallerScope | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return makeScope(common(one.agents, other.agents), common(one.operations, other.operations))
}

/** Without members that say nothing, so that it is plain JSON; undefined where nothing is narrowed. */
export function makeScope(
  agents: CallerScope['agents'],
  operations: CallerScope['operations'],
): CallerScope | undefined {
  if (agents === undefined && operations === undefined) return undefined
  return { ...(agents && { agents }), ...(operations && { operations }) }
}

/** Reads what we wrote into an assertion; 'malformed' for anything else, which must not pass as "not narrowed". */
export function readScope(claimed: JsonValue | undefined): CallerScope | undefined | 'malformed' {
  if (claimed === undefined) return undefined
  if (!isJsonObject(claimed)) return 'malformed'
  const { agents, operations, ...rest } = claimed
  if (Object.keys(rest).length > 0) return 'malformed'
  if (agents !== undefined && !isListOf(agents, (text): text is string => text !== '')) return 'malformed'
  if (operations !== undefined && !isListOf(operations, isOperation)) return 'malformed'
  return makeScope(agents, operations) ?? 'malformed'
}

function isListOf<T extends string>(value: JsonValue, isGood: (text: string) => text is T): value is T[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && isGood(item))
}

function common<T>(one: readonly T[] | undefined, other: readonly T[] | undefined): readonly T[] | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.filter((item) => other.includes(item))
}
