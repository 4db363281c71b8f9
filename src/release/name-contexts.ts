// What comes from an agent calls contexts by the ids that the agent knows; whoever called knows them by names of its own
// (docs/decisions/0004-context-ids.md). Only where the two differ is anything spliced: all other bytes stay the agent's.

import { renameContexts } from '../a2a/context-places.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { OpenedResult } from '../faces/open-answer.ts'
import { rewriteAnswer } from '../protobuf/rewrite-wire.ts'
import type { OpenedAnswer } from './open.ts'
import type { OwnershipBook } from './settle-ownership.ts'

/** What the caller is to see for a context. */
export type NameOf = (contextId: string) => string

/** For contexts that were settled for this call; undefined where all of them are called as the agent calls them. */
export function namesFor(
  admitted: Admitted,
  contexts: readonly string[],
  ownership: OwnershipBook,
): NameOf | undefined {
  const { agent, tenant, contextId: name, agentContextId } = admitted
  const nameOf: NameOf = (contextId) => {
    // as it was said
    if (contextId === agentContextId) return name
    return ownership.context(agent.name, tenant, contextId)?.name ?? contextId
  }
  return contexts.some((contextId) => nameOf(contextId) !== contextId) ? nameOf : undefined
}

type OpenedOriginal = OpenedResult & Pick<OpenedAnswer, 'original'>

/** An answer or event with the caller's names, both as the agent wrote it and in canonical form. */
export function withNames(admitted: Admitted, opened: OpenedOriginal, nameOf: NameOf | undefined): OpenedOriginal {
  if (nameOf === undefined) return opened
  const { operation, agentFace } = admitted
  return {
    ...opened,
    // asked for only where the original goes out
    get original() {
      const { original } = opened
      if (Buffer.isBuffer(original)) return rewriteAnswer(operation, original, nameOf, agentFace.version)
      if (typeof original !== 'string') return original
      const path = agentFace.binding === 'JSONRPC' ? ['result'] : []
      return renameContexts(original, operation, path, nameOf, agentFace.version)
    },
    text: () => renameContexts(opened.text(), operation, [], nameOf),
  }
}
