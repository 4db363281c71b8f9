// How many records a log holds, published or not, by a look at its last segment. It believes checksums and counts, and
// proves nothing: it is for telling "not yet" from "never".

import { join } from 'node:path'
import { nodeFiles, type FileSystem } from './files.ts'
import { segmentIndices } from './group-source.ts'
import { createGroupScanner, readSegmentHeader, segmentName } from './segment.ts'

/** Undefined when the folder has no segments: a copy of the tiles, or nothing at all. */
export async function recordsWritten(dir: string, files: FileSystem = nodeFiles): Promise<number | undefined> {
  const last = (await segmentIndices(files, dir)).at(-1)
  if (last === undefined) return undefined
  const file = await files.open(join(dir, 'segments', segmentName(last)), 'read')
  try {
    const header = await readSegmentHeader(file)
    const scanner = createGroupScanner(file, header?.bytes ?? 0)
    let size = last
    for (;;) {
      const item = header === undefined ? undefined : scanner.take()
      if (header === undefined || item?.kind === 'stop') return size
      if (item === undefined) await scanner.fill()
      else size += item.records.length
    }
  } finally {
    await file.close()
  }
}
