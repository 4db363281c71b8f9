// Groups of a log in order, straight from its segments, from an index on: for what is derived from the records and
// has fallen behind them. It remembers its place, so that going on costs nothing for what was read before. It checks
// frames and listed hashes; it never gives out a group that no commit ends, nor one that it cannot read.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { hashBytes, leafHash } from '../tlog/merkle.ts'
import type { FileSystem, OpenFile } from './files.ts'
import type { Group } from './frame.ts'
import { createGroupScanner, readSegmentHeader, segmentIndex, segmentName, type GroupScanner } from './segment.ts'

export interface GroupSource {
  /**
   * The group that begins at this index, which is at or behind the one asked for before; its buffers are views until
   * the next call. Undefined at the end of what is written. Throws LEDGER_CORRUPT.
   */
  read(index: number): Promise<Group | undefined>
  close(): Promise<void>
}

export function createGroupSource(files: FileSystem, dir: string): GroupSource {
  let file: OpenFile | undefined
  let scanner: GroupScanner | undefined
  /** index of the record at the scanner's place, and of the first of its segment */
  let [at, segment] = [0, 0]

  const leave = async (): Promise<void> => {
    const left = file
    file = undefined
    scanner = undefined
    await left?.close()
  }
  const enter = async (index: number): Promise<boolean> => {
    const first = (await segmentIndices(files, dir)).findLast((each) => each <= index)
    if (first === undefined) return false
    file = await files.open(join(dir, 'segments', segmentName(first)), 'read')
    const header = await readSegmentHeader(file)
    if (header?.firstIndex !== first) throw corrupt(`the header of segment ${segmentName(first)}`)
    scanner = createGroupScanner(file, header.bytes)
    ;[at, segment] = [first, first]
    return true
  }
  const next = async (): Promise<Group | undefined> => {
    for (;;) {
      const item = scanner?.take()
      if (item?.kind === 'group') return item
      if (item?.kind === 'stop') return undefined
      await scanner?.fill()
    }
  }
  const find = async (index: number): Promise<Group | undefined> => {
    if (scanner === undefined || at > index) {
      await leave()
      if (!(await enter(index))) return undefined
    }
    scanner?.rewind()
    for (;;) {
      const group = await next()
      if (group === undefined) {
        // a segment that begins where this one ends, or one further on when the place was left long ago
        const hasLater = (await segmentIndices(files, dir)).some(
          (each) => each > segment && each >= at && each <= index,
        )
        if (!hasLater) return undefined
        await leave()
        if (!(await enter(index))) return undefined
        continue
      }
      const first = at
      at += group.records.length
      if (at <= index) continue
      if (first !== index || !areListed(group)) throw corrupt(`the group of record ${index}`)
      return group
    }
  }
  return { read: find, close: leave }
}

/** First indices of the segments of a log, in order. */
export async function segmentIndices(files: FileSystem, dir: string): Promise<number[]> {
  const names = await files.list(join(dir, 'segments'))
  return names
    .map(segmentIndex)
    .filter((index) => index !== undefined)
    .toSorted((a, b) => a - b)
}

/** Whether the leaf hashes that the commit lists are those of the group's records. */
export function areListed({ records, hashes, commitDamaged }: Group): boolean {
  return (
    !commitDamaged &&
    records.every(({ envelope }, place) =>
      leafHash(envelope).equals(hashes.subarray(place * hashBytes, (place + 1) * hashBytes)),
    )
  )
}

function corrupt(what: string): Fault {
  return new Fault('LEDGER_CORRUPT', `the ledger is damaged: ${what}`, { hint: 'run `sallyport audit verify`' })
}
