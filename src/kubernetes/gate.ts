// Lets so many questions be on their way to an API server at once, and so many wait. Whoever comes beyond that is
// told at once: a queue that grows without end would answer nobody in time.

import { ClusterFault } from './cluster-fault.ts'

export interface Gate {
  /** Runs it when there is room. Rejects with ClusterFault BUSY when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>
  readonly running: number
  readonly waiting: number
}

const maxWaiting = 512 // bound: questions that wait for their turn at an API server

export function createGate(limit: number, waitingLimit = maxWaiting): Gate {
  let running = 0
  const waiting: (() => void)[] = []
  const leave = (): void => {
    const next = waiting.shift()
    // the place is handed on, so that nobody who comes now overtakes those who wait
    if (next === undefined) running -= 1
    else next()
  }
  return {
    async run(work) {
      if (running < limit) running += 1
      else if (waiting.length >= waitingLimit)
        throw new ClusterFault('BUSY', `${waitingLimit} questions to the API server wait already`)
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        leave()
      }
    },
    get running() {
      return running
    },
    get waiting() {
      return waiting.length
    },
  }
}
