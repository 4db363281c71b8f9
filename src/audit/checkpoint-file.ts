// The newest signed checkpoint in a file of its own, where readers of tlog-tiles look for it and where the next
// start finds what was promised. Written beside and renamed, so that it is always whole, at most once an interval
// and at the end. Failing to write it endangers no record (every group ends in its own checkpoint): it is tried again.

import { join } from 'node:path'
import type { FileSystem } from './files.ts'

export interface CheckpointFile {
  /** this checkpoint is durable in its segment: write it, or a newer one, soon */
  offer(note: Buffer): void
  /** writes what was offered last; throws when the disk does not take it */
  flush(): Promise<void>
  readonly failures: number
}

export function createCheckpointFile(options: { files: FileSystem; dir: string; intervalMs: number }): CheckpointFile {
  const { files, dir, intervalMs } = options
  let waiting: Buffer | undefined
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let failures = 0

  const write = async (): Promise<void> => {
    const note = waiting
    if (note === undefined) return
    waiting = undefined
    try {
      await replaceFile(files, join(dir, 'checkpoint'), note)
    } catch (error) {
      failures += 1
      waiting ??= note
      throw error
    }
  }
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    // one write at a time, also after one that failed
    running = running.then(write, write)
    return running
  }
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      flush().catch(schedule)
    }, intervalMs).unref()
  }
  return {
    offer(note) {
      waiting = note
      schedule()
    },
    flush,
    get failures() {
      return failures
    },
  }
}

/** Puts a whole new file in the place of another: after a crash there is the one or the other. */
export async function replaceFile(files: FileSystem, path: string, bytes: Buffer): Promise<void> {
  const beside = `${path}.tmp`
  const file = await files.open(beside, 'replace')
  try {
    await file.write(bytes, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await files.rename(beside, path)
}
