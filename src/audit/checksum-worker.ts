// The thread that checks the checksums of a log's frames while the verifier hashes: one pass over the segments, one
// word as the answer. It says nothing of where: whoever hears "damaged" looks again himself, with everything.

import { parentPort, workerData } from 'node:worker_threads'
import { nodeFiles } from './files.ts'
import { createGroupScanner, readSegmentHeader } from './segment.ts'

/** Paths of segments. */
export type ChecksumData = readonly string[]

async function isSound(path: string): Promise<boolean> {
  const file = await nodeFiles.open(path, 'read')
  try {
    const header = await readSegmentHeader(file)
    if (header === undefined) return false
    const scanner = createGroupScanner(file, header.bytes)
    for (;;) {
      const item = scanner.take()
      if (item === undefined) await scanner.fill()
      // whether it may end here is the verifier's to say
      else if (item.kind === 'stop') return item.reason !== 'damaged'
      else if (item.commitDamaged || item.records.some((record) => record.damaged !== undefined)) return false
    }
  } finally {
    await file.close()
  }
}

async function areAllSound(paths: ChecksumData): Promise<boolean> {
  for (const path of paths) if (!(await isSound(path))) return false
  return true
}

// started by checksum-thread.ts and by nobody else
parentPort?.postMessage(await areAllSound(workerData as ChecksumData).catch(() => false))
