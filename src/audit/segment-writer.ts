// Writes groups to the open segment and begins the next one when it is full. What counts as written is what a
// sync has confirmed: after any failed write the file is cut back to there before anything else is written. A
// failed sync is told apart, because after one nobody knows what the disk holds.

import { join } from 'node:path'
import type { FileSystem, OpenFile } from './files.ts'
import type { Edge } from '../tlog/merkle.ts'
import type { OpenSegment } from './recover-ledger.ts'
import { formatSegmentHeader, segmentName } from './segment.ts'

/** The disk refused a sync: the process must not go on as if it knew its state. */
export class SyncFailed extends Error {
  override readonly name = 'SyncFailed'
}

export async function syncOrFail(sync: () => Promise<void>): Promise<void> {
  try {
    await sync()
  } catch (error) {
    throw new SyncFailed('a sync failed', { cause: error })
  }
}

export interface SegmentBeginning {
  readonly edge: Edge
  readonly note: () => Buffer
  /** the group stays with the one before it: see `#isKeyChanging` of the ledger */
  readonly staysBehind?: boolean
}

export interface SegmentWriter {
  /** writes a group and makes it durable; begins a segment first where one is needed */
  write(group: Buffer, begin: SegmentBeginning): Promise<void>
  /** cuts off what a failed write left */
  undo(): Promise<void>
  close(): Promise<void>
  /** sealed segments have become smaller, or went */
  shrink(bytes: number): void
  /** bytes of all segments */
  readonly bytes: number
}

export function createSegmentWriter(options: {
  files: FileSystem
  dir: string
  origin: string
  segmentSize: number
  segment: OpenSegment | undefined
  sealedBytes: number
}): SegmentWriter {
  const { files, origin, segmentSize } = options
  const folder = join(options.dir, 'segments')
  let { segment, sealedBytes } = options
  let isTailClean = true

  const beginSegment = async ({ edge, note }: SegmentBeginning): Promise<void> => {
    const header = formatSegmentHeader({ firstIndex: edge.size, origin, edge, note: note() })
    const beside = join(folder, 'next.tmp')
    const file = await files.open(beside, 'replace')
    try {
      await file.write(header, 0)
      await syncOrFail(() => file.datasync())
      await files.rename(beside, join(folder, segmentName(edge.size)))
      await syncOrFail(() => files.syncFolder(folder))
    } catch (error) {
      await file.close()
      throw error
    }
    const full = segment
    segment = { file, firstIndex: edge.size, offset: header.length }
    if (full === undefined) return
    sealedBytes += full.offset
    await full.file.close()
  }
  const cutBack = async (): Promise<void> => {
    if (segment === undefined || isTailClean) return
    await segment.file.truncate(segment.offset)
    isTailClean = true
  }

  return {
    async write(group, begin) {
      await cutBack()
      const isFull =
        segment !== undefined &&
        begin.staysBehind !== true &&
        segment.firstIndex < begin.edge.size &&
        segment.offset + group.length > segmentSize
      if (segment === undefined || isFull) await beginSegment(begin)
      const open: OpenSegment | undefined = segment
      if (open === undefined) return
      isTailClean = false
      await open.file.write(group, open.offset)
      await syncOrFail(() => open.file.datasync())
      open.offset += group.length
      isTailClean = true
    },
    undo: cutBack,
    async close() {
      const file: OpenFile | undefined = segment?.file
      segment = undefined
      await file?.close()
    },
    shrink(bytes) {
      sealedBytes -= bytes
    },
    get bytes() {
      return sealedBytes + (segment?.offset ?? 0)
    },
  }
}
