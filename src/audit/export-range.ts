// Finds the two signed checkpoints between which an export lies: that of the commit group before the first record of
// the range, and that of the group of its last one. It walks the segments, where every group has its own note, and
// keeps the edge of the tree at the beginning, from which a verifier grows it again.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { createEdge, hashBytes } from '../tlog/merkle.ts'
import { parseEnvelope } from './envelope.ts'
import { isInRange, type ExportFilter } from './export-filter.ts'
import type { FileSystem } from './files.ts'
import { createGroupSource, segmentIndices } from './group-source.ts'
import { readSegmentHeader, segmentName, type SegmentHeader } from './segment.ts'

export interface ExportRange {
  readonly fromSize: number
  readonly toSize: number
  readonly fromNote: Buffer
  readonly toNote: Buffer
  readonly edge: Buffer
}

/** Undefined when no record of the first `limit` lies in the range. Throws LEDGER_CORRUPT. */
export async function findRange(
  files: FileSystem,
  dir: string,
  filter: ExportFilter,
  limit: number,
): Promise<ExportRange | undefined> {
  const header = await firstHeader(files, dir, filter.fromIndex ?? 0)
  if (header === undefined) return undefined
  const groups = createGroupSource(files, dir)
  const edge = createEdge(header.firstIndex, header.edge.hashes())
  let note = header.note
  let found: ExportRange | undefined
  try {
    while (edge.size < limit && edge.size < (filter.toIndex ?? Infinity)) {
      const group = await groups.read(edge.size)
      if (group === undefined || edge.size + group.records.length > limit) break
      const before = { size: edge.size, edge, note }
      const isWanted = group.records.some(({ envelope }, at) => isRecordInRange(filter, envelope, edge.size + at))
      const start: Pick<ExportRange, 'fromSize' | 'fromNote' | 'edge'> | undefined =
        found ?? (isWanted ? { fromSize: before.size, fromNote: before.note, edge: before.edge.hashes() } : undefined)
      for (let at = 0; at < group.hashes.length; at += hashBytes) edge.append(group.hashes, at)
      note = Buffer.from(group.note)
      if (isWanted && start !== undefined) found = { ...start, toSize: edge.size, toNote: note }
    }
  } finally {
    await groups.close()
  }
  return found
}

function isRecordInRange(filter: ExportFilter, bytes: Buffer, index: number): boolean {
  const envelope = parseEnvelope(bytes)
  if (envelope?.index !== index) throw damaged(`record ${index}`)
  return isInRange(filter, index, envelope.time)
}

/** Of the segment in which the range may begin: nothing before it has to be read. */
async function firstHeader(files: FileSystem, dir: string, fromIndex: number): Promise<SegmentHeader | undefined> {
  const indices = await segmentIndices(files, dir)
  const first = indices.findLast((index) => index <= fromIndex) ?? indices[0]
  if (first === undefined) return undefined
  const file = await files.open(join(dir, 'segments', segmentName(first)), 'read')
  try {
    const header = await readSegmentHeader(file)
    if (header?.firstIndex !== first) throw damaged(`the header of segment ${segmentName(first)}`)
    return header
  } finally {
    await file.close()
  }
}

function damaged(what: string): Fault {
  return new Fault('LEDGER_CORRUPT', `the ledger is damaged: ${what}`, { hint: 'run `sallyport audit verify`' })
}
