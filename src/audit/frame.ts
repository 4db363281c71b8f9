// The frame of a segment file: u32 length of the payload ‖ u32 CRC-32C over type and payload ‖ u8 type ‖ payload,
// little-endian. Records are an envelope frame and, where the envelope names a body, a body frame right after
// it, or an empty frame in its place once it expired. A group of records ends in a commit frame: u32 count ‖ count leaf hashes ‖ signed checkpoint. Nothing
// here is trusted: a frame says what was meant to be written, only hashes and signatures say whether it was.

import { crc32c } from '../base/crc32c.ts'
import { maxNoteBytes } from '../tlog/checkpoint.ts'
import { hashBytes } from '../tlog/merkle.ts'

export const frameHeadBytes = 9
export const maxGroupRecords = 256 // bound: records in one commit group
export const maxEnvelopeBytes = 8_192
export const maxBodyBytes = 8_388_608 // bound: body of one record
/** a group is closed before it would grow beyond this, except by its last record */
export const targetGroupBytes = 4_194_304
export const maxGroupBytes = 16_777_216

export const frameType: { readonly envelope: 1; readonly body: 2; readonly commit: 3; readonly expiredBody: 4 } = {
  envelope: 1,
  body: 2,
  commit: 3,
  expiredBody: 4,
}

const maxCommitBytes = 4 + maxGroupRecords * hashBytes + maxNoteBytes
const bounds: readonly number[] = [0, maxEnvelopeBytes, maxBodyBytes, maxCommitBytes, 0]

/** Writes the head of a frame whose payload already stands at `at + 9`; returns where the frame ends. */
export function sealFrame(buffer: Buffer, at: number, type: number, payloadBytes: number): number {
  const end = at + frameHeadBytes + payloadBytes
  buffer[at + 8] = type
  buffer.writeUInt32LE(payloadBytes, at)
  buffer.writeUInt32LE(crc32c(buffer, at + 8, end), at + 4)
  return end
}

export interface RecordFrames {
  readonly envelope: Buffer
  readonly body: Buffer | undefined
  /** there was one, and it is gone: only a record of the log can say whether that is right */
  readonly isExpired: boolean
  /** where the envelope's frame begins in the file */
  readonly offset: number
  /** what a checksum says is damaged: the hashes decide whose fault it is */
  readonly damaged: 'envelope' | 'body' | undefined
}

export interface Group {
  readonly kind: 'group'
  readonly offset: number
  readonly end: number
  readonly records: readonly RecordFrames[]
  /** the leaf hashes that the commit frame lists, one after the other: as many as records, unless damaged */
  readonly hashes: Buffer
  readonly note: Buffer
  readonly commitOffset: number
  /** its checksum does not fit, or it lists another number of records */
  readonly commitDamaged: boolean
}

/** Where and why reading frames cannot go on. `incomplete`: what is there may be the beginning of a group. */
export interface Stop {
  readonly kind: 'stop'
  readonly reason: 'end' | 'incomplete' | 'damaged'
  /** where the last whole group ended */
  readonly offset: number
  /** where the frame begins that cannot be read */
  readonly frameOffset: number
  /** records of the unfinished group that come before it */
  readonly recordsBefore: number
  /** how many bytes from `offset` on are needed to read further; 0 when more bytes would not help */
  readonly needs: number
  readonly message: string
}

export interface ReadGroupOptions {
  /** leaves the checksums to somebody else */
  readonly withoutChecksums?: boolean
}

/**
 * Reads one group from `bytes[start, end)`, which lies in the file at `fileOffset`. Buffers in the answer are
 * views: use them before the bytes change.
 */
export function readGroup(
  bytes: Buffer,
  start: number,
  end: number,
  fileOffset: number,
  options: ReadGroupOptions = {},
): Group | Stop {
  const isUnchecked = options.withoutChecksums === true
  const records: RecordFrames[] = []
  let at = start
  const stop = (reason: Stop['reason'], message: string, needs: number = 0): Stop => ({
    kind: 'stop',
    reason,
    offset: fileOffset,
    frameOffset: fileOffset + at - start,
    recordsBefore: records.length,
    needs,
    message,
  })
  if (start === end) return stop('end', 'the end of the file', frameHeadBytes)
  for (;;) {
    if (end - at < frameHeadBytes) return stop('incomplete', 'a frame is cut off', at - start + frameHeadBytes)
    const length = bytes.readUInt32LE(at)
    const type = bytes[at + 8] ?? 0
    const bound = bounds[type]
    if (bound === undefined || type === 0) return stop('damaged', 'a frame of no known type')
    if (length > bound) return stop('damaged', 'a frame longer than its type may be')
    const next = at + frameHeadBytes + length
    if (next - start > maxGroupBytes) return stop('damaged', 'a group larger than a group may be')
    if (next > end) return stop('incomplete', 'a frame is cut off', next - start + frameHeadBytes)
    const isSound = isUnchecked || crc32c(bytes, at + 8, next) === bytes.readUInt32LE(at + 4)
    const payload = bytes.subarray(at + frameHeadBytes, next)
    if (type === frameType.commit) {
      const commit = readCommit(payload)
      if (commit === undefined) return stop('damaged', 'a commit frame that is none')
      return {
        kind: 'group',
        offset: fileOffset,
        end: fileOffset + next - start,
        records,
        ...commit,
        commitOffset: fileOffset + at - start,
        commitDamaged: !isSound || commit.hashes.length !== records.length * hashBytes,
      }
    }
    if (type === frameType.envelope) {
      if (records.length === maxGroupRecords) return stop('damaged', 'more records than a group may have')
      records.push({
        envelope: payload,
        body: undefined,
        isExpired: false,
        offset: fileOffset + at - start,
        damaged: isSound ? undefined : 'envelope',
      })
    } else {
      const owner = records.at(-1)
      if (owner === undefined || owner.body !== undefined || owner.isExpired)
        return stop('damaged', 'a body without its envelope')
      records[records.length - 1] = {
        ...owner,
        ...(type === frameType.body ? { body: payload } : { isExpired: true }),
        damaged: owner.damaged ?? (isSound ? undefined : 'body'),
      }
    }
    at = next
  }
}

function readCommit(payload: Buffer): { hashes: Buffer; note: Buffer } | undefined {
  const count = payload.length < 4 ? 0 : payload.readUInt32LE()
  const hashesEnd = 4 + count * hashBytes
  if (count === 0 || count > maxGroupRecords || payload.length < hashesEnd) return undefined
  return { hashes: payload.subarray(4, hashesEnd), note: payload.subarray(hashesEnd) }
}
