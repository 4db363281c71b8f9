// Somebody may be blocked while a call of theirs is open. Asked again at every beat of a stream; it costs a comparison
// unless something was blocked, or the configuration changed, since it was asked before.

import { findBlockedAgent, findBlockedParty } from '../authorize/authorize.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { WalkParts } from './parts.ts'

type Parts = Pick<WalkParts, 'blocks' | 'snapshot'>

/** The refusal for a call in which, by now, somebody or the agent is blocked. */
export function findBlock(admitted: Admitted, { blocks, snapshot }: Parts): Refusal | undefined {
  return findBlockedParty(admitted, snapshot(), blocks) ?? findBlockedAgent(admitted.agent.name, blocks)
}

export function watchBlocks(admitted: Admitted, parts: Parts): () => Refusal | undefined {
  let asked: readonly [version: number, digest: string] = [-1, '']
  let blocked: Refusal | undefined
  return () => {
    const now = [parts.blocks.version, parts.snapshot().digest] as const
    if (now[0] === asked[0] && now[1] === asked[1]) return blocked
    asked = now
    blocked = findBlock(admitted, parts)
    return blocked
  }
}
