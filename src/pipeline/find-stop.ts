// A call waits: for its body, for its record, for its agent. What was true when it was let in is asked again whenever
// it has waited, and at every beat while it does: the credential, the origin, and whether anybody in it was blocked.

import type { Admitted } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import type { WalkParts } from './parts.ts'
import { findBlock } from './watch-blocks.ts'

/** Why the call may not go on by now. */
export function findStop(
  admitted: Admitted,
  parts: Pick<WalkParts, 'blocks' | 'snapshot' | 'clock'>,
): Refusal | undefined {
  const { caller } = admitted
  if (caller.isRevoked() || caller.expiresAtMs <= parts.clock.nowMs())
    return refuse('AUTHN_INVALID', 'the credential ended while the call was open')
  if (admitted.originIsRevoked()) return refuse('AUTHN_INVALID', 'the origin was revoked while the call was open')
  return findBlock(admitted, parts)
}
