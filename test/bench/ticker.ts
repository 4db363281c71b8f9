// Tells the load generator when the next call is due. A thread of its own, because timers of the event loop are off by
// up to a millisecond, twice what the bench wants to see.

import { parentPort, workerData } from 'node:worker_threads'

const { startMs, periodMs, ticks } = workerData as { startMs: number; periodMs: number; ticks: number }
const sleeper = new Int32Array(new SharedArrayBuffer(4))

for (let tick = 0; tick < ticks; tick++) {
  const waitMs = startMs + tick * periodMs - Number(process.hrtime.bigint()) / 1e6
  if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs)
  parentPort?.postMessage(tick)
}
