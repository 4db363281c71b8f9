// Lets so many questions be on their way to an API server at once, and so many wait. Whoever comes beyond that is
// told at once: a queue that grows without end would answer nobody in time.

import { ClusterFault } from './cluster-fault.ts'

export interface Gate {
  /**
   * Runs it when there is room; what is urgent before everything else that waits. Rejects with ClusterFault BUSY when
   * too many wait already.
   */
  run<T>(work: () => Promise<T>, isUrgent?: boolean): Promise<T>
}

const maxWaiting = 512 // bound: questions that wait for their turn at an API server
const maxUrgent = 20_000 // bound: questions about open streams that wait for their turn at an API server

export function createGate(limit: number): Gate {
  let running = 0
  const waiting = { urgent: [] as (() => void)[], others: [] as (() => void)[] }
  const leave = (): void => {
    const next = waiting.urgent.shift() ?? waiting.others.shift()
    // the place is handed on, so that nobody who comes now overtakes those who wait
    if (next === undefined) running -= 1
    else next()
  }
  const enter = async (isUrgent: boolean): Promise<void> => {
    if (running < limit) {
      running += 1
      return
    }
    const queue = isUrgent ? waiting.urgent : waiting.others
    const most = isUrgent ? maxUrgent : maxWaiting
    if (queue.length >= most) throw new ClusterFault('BUSY', `${most} questions to the API server wait already`)
    await new Promise<void>((resolve) => queue.push(resolve))
  }
  return {
    async run(work, isUrgent = false) {
      await enter(isUrgent)
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
