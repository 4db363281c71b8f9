// Builds the bytes of one commit group in a buffer that is used again for the next: frames, leaf hashes, the
// grown tree and the signed checkpoint that ends it. Indices and hashes are given out here and nowhere earlier,
// so a group that could not be written leaves no gap: `undo` puts the tree back and the next group takes its place.

import { hash } from 'node:crypto'
import { invariant } from '../base/invariant.ts'
import type { CheckpointSigner } from '../tlog/checkpoint.ts'
import { frameHeadBytes, frameType, maxEnvelopeBytes, maxGroupRecords, sealFrame, targetGroupBytes } from './frame.ts'
import { createEdge, hashBytes, type Edge } from '../tlog/merkle.ts'
import { writeEntry } from '../tlog/tiles.ts'

export interface GroupBuilder {
  /** begins a group at the present edge */
  begin(): void
  /** true when this many records more, with bodies of so many bytes, belong into this group */
  hasRoom(records: number, bodyBytes: number): boolean
  /** index that the next record gets */
  readonly nextIndex: number
  /** adds a record; returns its place in the group */
  add(envelope: string, body: Buffer | undefined): number
  leafHash(place: number): string
  /** the leaf hashes of this group, and its envelopes as they stand in an entry bundle: copies */
  tileEntries(): TileEntries
  /** ends the group: its bytes (valid until the next `begin`) and its signed checkpoint */
  end(): { bytes: Buffer; note: Buffer }
  undo(): void
  readonly records: number
  /** the tree before this group */
  readonly before: Edge
}

/** What a group adds to the tiles of the log. */
export interface TileEntries {
  /** index of its first record */
  readonly first: number
  readonly count: number
  /** leaf hashes, one after the other */
  readonly leaves: Buffer
  /** envelopes, each behind its length */
  readonly entries: Buffer
}

const usualBytes = 524_288

export function createGroupBuilder(edge: Edge, signer: Pick<CheckpointSigner, 'sign'>): GroupBuilder {
  const before = createEdge()
  const hashes = Buffer.alloc(maxGroupRecords * hashBytes)
  /** where the envelope of each record begins and ends */
  const envelopes: { start: number; end: number }[] = []
  let buffer = Buffer.allocUnsafe(usualBytes)
  let [at, records] = [0, 0]

  const reserve = (bytes: number): void => {
    if (at + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(at + bytes, 2 * buffer.length))
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }
  return {
    begin() {
      before.become(edge)
      ;[at, records] = [0, 0]
      if (buffer.length > targetGroupBytes) buffer = Buffer.allocUnsafe(usualBytes)
    },
    hasRoom(count, bodyBytes) {
      if (records === 0) return true
      return records + count <= maxGroupRecords && at + bodyBytes + count * maxEnvelopeBytes <= targetGroupBytes
    },
    get nextIndex() {
      return edge.size
    },
    add(envelope, body) {
      const bodyBytes = body?.length ?? 0
      reserve(2 * frameHeadBytes + 3 * envelope.length + bodyBytes)
      const payloadAt = at + frameHeadBytes
      const length = buffer.write(envelope, payloadAt)
      invariant(length <= maxEnvelopeBytes && records < maxGroupRecords, 'a group holds what its readers accept')
      // the byte before the payload is the frame's type; for a moment it is RFC 6962's leaf prefix, to save a copy
      buffer[payloadAt - 1] = 0
      hashes.write(
        hash('sha256', buffer.subarray(payloadAt - 1, payloadAt + length), 'binary'),
        records * hashBytes,
        'latin1',
      )
      edge.append(hashes, records * hashBytes)
      at = sealFrame(buffer, at, frameType.envelope, length)
      if (body !== undefined) {
        body.copy(buffer, at + frameHeadBytes)
        at = sealFrame(buffer, at, frameType.body, bodyBytes)
      }
      envelopes[records] = { start: payloadAt, end: payloadAt + length }
      records += 1
      return records - 1
    },
    leafHash: (place) => hashes.toString('base64url', place * hashBytes, (place + 1) * hashBytes),
    tileEntries() {
      const places = envelopes.slice(0, records)
      const entries = Buffer.allocUnsafe(places.reduce((sum, { start, end }) => sum + 2 + end - start, 0))
      let entryAt = 0
      for (const { start, end } of places) entryAt = writeEntry(entries, entryAt, buffer.subarray(start, end))
      const leaves = Buffer.from(hashes.subarray(0, records * hashBytes))
      return { first: before.size, count: records, leaves, entries }
    },
    end() {
      const note = Buffer.from(signer.sign(edge.size, edge.root()))
      const length = 4 + records * hashBytes + note.length
      reserve(frameHeadBytes + length)
      const payloadAt = at + frameHeadBytes
      buffer.writeUInt32LE(records, payloadAt)
      hashes.copy(buffer, payloadAt + 4, 0, records * hashBytes)
      note.copy(buffer, payloadAt + 4 + records * hashBytes)
      at = sealFrame(buffer, at, frameType.commit, length)
      return { bytes: buffer.subarray(0, at), note }
    },
    undo() {
      edge.become(before)
    },
    get records() {
      return records
    },
    before,
  }
}
