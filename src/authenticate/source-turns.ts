// Turns at an API server, shared out by where a token comes from: so many of one source are looked at at once, some more
// wait, the rest is refused. Whoever floods us with rubbish waits behind itself and behind nobody else.

import { sourceNetwork } from '../base/source-network.ts'

export interface SourceTurns {
  /** Runs it in its source's turn; undefined when too many of this source wait already. */
  take<T>(source: string, work: () => Promise<T>): Promise<T> | undefined
  readonly sources: number
}

const maxAtOnce = 16 // bound: tokens of one source that are reviewed at once
const maxWaiting = 64 // bound: tokens of one source that wait for a review

interface Turns {
  running: number
  readonly waiting: (() => void)[]
}

export function createSourceTurns(): SourceTurns {
  const bySource = new Map<string, Turns>()

  const leave = (network: string, turns: Turns): void => {
    const next = turns.waiting.shift()
    if (next !== undefined) return next()
    turns.running -= 1
    if (turns.running === 0) bySource.delete(network)
  }
  const run = async <T>(network: string, turns: Turns, work: () => Promise<T>): Promise<T> => {
    if (turns.running < maxAtOnce) turns.running += 1
    else await new Promise<void>((resolve) => turns.waiting.push(resolve))
    try {
      return await work()
    } finally {
      leave(network, turns)
    }
  }

  return {
    take(source, work) {
      const network = sourceNetwork(source)
      const turns = bySource.get(network) ?? { running: 0, waiting: [] }
      if (turns.waiting.length >= maxWaiting) return undefined
      bySource.set(network, turns)
      return run(network, turns, work)
    },
    get sources() {
      return bySource.size
    },
  }
}
