// A process that appends to the sample ledger under a folder until it is killed, and prints what was acknowledged.

import { systemClock } from '../../src/base/clock.ts'
import { createSample, sampleRecord } from './sample-ledger.ts'

const [, , root = ''] = process.argv
const ledger = await createSample(root).open({ clock: systemClock, segmentSize: 200_000, checkpointIntervalMs: 20 })

async function appendForever(first: number): Promise<void> {
  for (let number = first; ; number += 1) {
    const { index, leafHash } = await ledger.append(sampleRecord(number))
    process.stdout.write(`${index} ${leafHash}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, (_, lane) => appendForever(lane)))
