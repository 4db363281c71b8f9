// The verifier's end of the thread that checks checksums. A thread that dies has found nothing sound.

import { Worker } from 'node:worker_threads'
import type { ChecksumData } from './checksum-worker.ts'

const entry = new URL(
  import.meta.url.endsWith('.ts') ? './checksum-worker.ts' : './checksum-worker.js',
  import.meta.url,
)

/** True when every frame of these segments has the checksum that stands before it. Never rejects. */
export function areChecksumsSound(segments: ChecksumData): Promise<boolean> {
  return new Promise((resolve) => {
    const worker = new Worker(entry, { workerData: segments })
    worker.once('message', (isSound: unknown) => resolve(isSound === true))
    worker.once('error', () => resolve(false))
    worker.once('exit', () => resolve(false))
  })
}
