// A segment file: a header, then groups of frames. The header says where in the tree the file begins and proves
// it: first index, the edge of the tree there, and the signed checkpoint of that size. So a segment can be
// checked, and the tree be grown again, without any file before it. Names are the first index, 20 digits.

import { crc32c } from '../base/crc32c.ts'
import { invariant } from '../base/invariant.ts'
import {
  isKeyName,
  maxNoteBytes,
  parseCheckpoint,
  verifyCheckpoint,
  type UnverifiedCheckpoint,
  type Verifier,
} from '../tlog/checkpoint.ts'
import type { OpenFile } from './files.ts'
import { readGroup, type Group, type ReadGroupOptions, type Stop } from './frame.ts'
import { createEdge, edgeLength, hashBytes, type Edge } from '../tlog/merkle.ts'

export const formatVersion = 1
const magic = Buffer.from('SLYLEDGR')
const fixedBytes = 8 + 4 + 4 + 8 // magic, version, length of the header, first index
const maxHeaderBytes = fixedBytes + 2 + 255 + 2 + 53 * hashBytes + 2 + maxNoteBytes + 4
const namePattern = /^[0-9]{20}\.seg$/

export interface SegmentHeader {
  readonly firstIndex: number
  readonly origin: string
  readonly edge: Edge
  /** signed checkpoint of the tree before this segment */
  readonly note: Buffer
  readonly bytes: number
}

export function segmentName(firstIndex: number): string {
  return `${String(firstIndex).padStart(20, '0')}.seg`
}

/** The first index that a segment's name states; undefined when it is no segment's name. */
export function segmentIndex(name: string): number | undefined {
  const index = namePattern.test(name) ? Number(name.slice(0, 20)) : Number.NaN
  return Number.isSafeInteger(index) ? index : undefined
}

export function formatSegmentHeader(header: Omit<SegmentHeader, 'bytes'>): Buffer {
  const origin = Buffer.from(header.origin)
  const edge = header.edge.hashes()
  invariant(header.edge.size === header.firstIndex, 'a segment begins where its edge ends')
  const bytes = Buffer.alloc(fixedBytes + 2 + origin.length + 2 + edge.length + 2 + header.note.length + 4)
  magic.copy(bytes)
  bytes.writeUInt32LE(formatVersion, 8)
  bytes.writeUInt32LE(bytes.length, 12)
  bytes.writeBigUInt64LE(BigInt(header.firstIndex), 16)
  let at = fixedBytes
  for (const part of [origin, edge, header.note]) {
    at = bytes.writeUInt16LE(part.length, at)
    at += part.copy(bytes, at)
  }
  bytes.writeUInt32LE(crc32c(bytes, 0, at), at)
  return bytes
}

/** Reads a header from the first bytes of a file; undefined unless every byte of it is as we would write it. */
export function parseSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < fixedBytes || !bytes.subarray(0, 8).equals(magic) || bytes.readUInt32LE(8) !== formatVersion)
    return undefined
  const length = bytes.readUInt32LE(12)
  const firstIndex = Number(bytes.readBigUInt64LE(16))
  if (length > bytes.length || length > maxHeaderBytes || !Number.isSafeInteger(firstIndex)) return undefined
  const parts: Buffer[] = []
  let at = fixedBytes
  for (let count = 0; count < 3; count += 1) {
    if (at + 2 > length) return undefined
    const end = at + 2 + bytes.readUInt16LE(at)
    if (end > length) return undefined
    parts.push(Buffer.from(bytes.subarray(at + 2, end)))
    at = end
  }
  const [origin, edge, note] = parts
  if (origin === undefined || edge === undefined || note === undefined) return undefined
  if (at + 4 !== length || crc32c(bytes, 0, at) !== bytes.readUInt32LE(at)) return undefined
  if (!isKeyName(origin.toString('latin1')) || edge.length !== edgeLength(firstIndex) * hashBytes) return undefined
  return { firstIndex, origin: origin.toString('latin1'), edge: createEdge(firstIndex, edge), note, bytes: length }
}

export async function readSegmentHeader(file: OpenFile): Promise<SegmentHeader | undefined> {
  const bytes = Buffer.alloc(maxHeaderBytes)
  return parseSegmentHeader(bytes.subarray(0, await file.read(bytes, 0)))
}

/** True when keys that we know, and nobody else, signed the header's checkpoint and it speaks of the header's own edge. */
export function isHeaderProven(header: SegmentHeader, verifiers: readonly Verifier[]): boolean {
  const checkpoint = parseCheckpoint(header.note)
  return (
    checkpoint !== undefined &&
    checkpoint.signatures.every(({ keyHash }) => verifiers.some((verifier) => verifier.keyHash === keyHash)) &&
    checkpoint.origin === header.origin &&
    checkpoint.size === header.firstIndex &&
    checkpoint.root.equals(header.edge.root()) &&
    verifyCheckpoint(checkpoint, verifiers)
  )
}

export interface GroupScanner {
  /** the next group, or why there is none; undefined when `fill` must be called first */
  take(): Group | Stop | undefined
  /** reads on in the file; what `take` gave before is overwritten */
  fill(): Promise<void>
  /** after a stop: forgets what was read beyond the last group, which may since have been written anew */
  rewind(): void
  /** where the next group begins */
  readonly offset: number
}

const firstChunkBytes = 65_536
const chunkBytes = 1_048_576

/** Walks the groups of a segment in bounded memory: one chunk (small at first), or one group where that is larger. */
export function createGroupScanner(file: OpenFile, startOffset: number, options: ReadGroupOptions = {}): GroupScanner {
  let buffer = Buffer.allocUnsafe(firstChunkBytes)
  let [start, end, offset, needed] = [0, 0, startOffset, 0]
  let isAtEnd = false
  return {
    take() {
      const item = readGroup(buffer, start, end, offset, options)
      if (item.kind === 'group') {
        start += item.end - item.offset
        offset = item.end
        return item
      }
      if (item.needs <= end - start || isAtEnd) return item
      needed = item.needs
      return undefined
    },
    async fill() {
      const rest = end - start
      const wanted = Math.max(needed, needed === 0 ? 0 : chunkBytes)
      if (wanted > buffer.length) {
        const larger = Buffer.allocUnsafe(wanted)
        buffer.copy(larger, 0, start, end)
        buffer = larger
      } else {
        buffer.copyWithin(0, start, end)
      }
      const count = await file.read(buffer.subarray(rest), offset + rest)
      isAtEnd = count === 0
      ;[start, end] = [0, rest + count]
    },
    rewind() {
      end = start
      isAtEnd = false
    },
    get offset() {
      return offset
    },
  }
}

export interface LaterNote {
  readonly offset: number
  readonly size: number
}

/**
 * Signed checkpoints of a larger tree beyond a place where frames can no longer be read, at most two. One means
 * that the last group is damaged; two, that a group is damaged which had been made durable before the next.
 */
export async function findLaterNotes(
  file: OpenFile,
  from: number,
  options: { origin: string; size: number; verifiers: readonly Verifier[] },
): Promise<LaterNote[]> {
  const needle = Buffer.from(`${options.origin}\n`)
  const overlap = 1_024 // more than a note with one signature
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const found: LaterNote[] = []
  let largest = options.size
  for (let offset = from; ;) {
    const count = await file.read(buffer, offset)
    const bytes = buffer.subarray(0, count)
    const isLast = count < buffer.length
    for (let hit = bytes.indexOf(needle); hit >= 0; hit = bytes.indexOf(needle, hit + 1)) {
      if (!isLast && hit >= count - overlap) break
      const checkpoint = parseNote(bytes.subarray(hit, hit + overlap))
      // sizes before signatures: copies of old notes must not cost a verification each
      if (checkpoint === undefined || checkpoint.size <= largest) continue
      if (!verifyCheckpoint(checkpoint, options.verifiers)) continue
      largest = checkpoint.size
      found.push({ offset: offset + hit, size: largest })
      if (found.length === 2) return found
    }
    if (isLast) return found
    offset += count - overlap
  }
}

/** A checkpoint with its first signature, which nobody has verified. */
function parseNote(bytes: Buffer): UnverifiedCheckpoint | undefined {
  const blank = bytes.indexOf('\n\n')
  const end = blank < 0 ? -1 : bytes.indexOf('\n', blank + 2)
  return end < 0 ? undefined : parseCheckpoint(bytes.subarray(0, end + 1))
}
