// What credentials leave of an agent: a bit for each operation. A scope grants nothing; it is ANDed with what policy
// gives, for the call itself as for what its caller may know of.

import type { CallerScope } from '../exchange/exchange.ts'
import { allOperations, bitOf } from './policy-index.ts'

/** No scope leaves everything; an empty list leaves nothing. */
export function scopeMask(scope: CallerScope | undefined, agent: string): number {
  if (scope === undefined) return allOperations
  if (scope.agents !== undefined && !scope.agents.includes(agent)) return 0
  return scope.operations?.reduce((bits, operation) => bits | bitOf(operation), 0) ?? allOperations
}
