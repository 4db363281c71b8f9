// The tree of RFC 6962 §2.1 and the checksum of frames, for the verifier in stranger.ts: written from docs/ledger.md,
// sharing no code with what is verified. It reads nothing.

import { createHash } from 'node:crypto'

export const sha256 = (...parts: readonly (Buffer | string)[]): Buffer =>
  parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest()

export function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc % 2 === 0 ? 0 : 0x82f6_3b78)
  }
  return (crc ^ 0xffff_ffff) >>> 0
}

/** Perfect subtrees, largest first. */
export type Edge = { leaves: number; hash: Buffer }[]

export function grow(edge: Edge, leaves: number, hash: Buffer): void {
  edge.push({ leaves, hash })
  for (
    let [left, right] = edge.slice(-2);
    left && right && left.leaves === right.leaves;
    [left, right] = edge.slice(-2)
  )
    edge.splice(-2, 2, { leaves: 2 * left.leaves, hash: sha256(Buffer.of(1), left.hash, right.hash) })
}

export const sizeOf = (edge: Edge): number => edge.reduce((sum, { leaves }) => sum + leaves, 0)
export const rootOf = (edge: Edge): Buffer =>
  edge.length === 0
    ? sha256('')
    : edge.map(({ hash }) => hash).reduceRight((right, left) => sha256(Buffer.of(1), left, right))

export function edgeOf(hashes: Buffer): Edge {
  const edge: Edge = []
  for (let at = 0; at < hashes.length; at += 32) grow(edge, 1, hashes.subarray(at, at + 32))
  return edge
}
