// What cannot be the same where caller and agent speak differently, each with its reason; the list may only shrink.

import { faces, type Face } from './faces.ts'

export interface KnownBridge {
  readonly tests: readonly string[]
  readonly where: (caller: Face, agent: Face) => boolean
  /** the same in words */
  readonly from: string
  readonly why: string
}

export const bridgeDifferences: readonly KnownBridge[] = []

/** In which columns callers reach an agent that speaks this face alone; the others. */
export function servedBy(agent: Face): readonly Face[] {
  return faces.filter((caller) => caller !== agent && caller.version === '1.0' && agent.version === '1.0')
}
