// Proofs and roots of a tree that lies in tiles (C2SP tlog-tiles): every hash that a proof needs is computed from the
// few tiles that hold it, so that a tree of ten million leaves is asked as cheaply as one of ten. What the tiles say
// is not believed: whoever uses a proof verifies it against a signed root.

import { invariant } from '../base/invariant.ts'
import { createEdge, emptyRoot, hashBytes, largestPowerBelow, nodeHash, type Edge } from './merkle.ts'

const tileHeight = 8
const tileWidth = 256

export interface TileReader {
  /**
   * Hashes of the tile at this level (0: leaves) and index, one after the other: at least `width` of them. Rejects
   * when there is no such tile.
   */
  readTile(level: number, index: number, width: number): Promise<Buffer>
}

export interface TreeReader {
  readonly size: number
  root(): Promise<Buffer>
  leafHash(index: number): Promise<Buffer>
  /** PATH(m, D[n]) of RFC 6962 §2.1.1 */
  inclusionProof(index: number): Promise<Buffer[]>
  /** PROOF(m, D[n]) of RFC 6962 §2.1.2; empty for the empty tree and for the whole one */
  consistencyProof(oldSize: number): Promise<Buffer[]>
  /** the edge of the tree of the first `size` leaves */
  edge(size: number): Promise<Edge>
}

/** The tree of the first `size` leaves. */
export function openTree(size: number, tiles: TileReader): TreeReader {
  invariant(Number.isSafeInteger(size) && size >= 0, 'a tree size is a safe integer')

  /** the hash of a perfect subtree: 2^height leaves from `start`, which is a multiple of it */
  const perfect = async (start: number, height: number): Promise<Buffer> => {
    const level = Math.floor(height / tileHeight)
    const count = 2 ** (height - level * tileHeight)
    const first = start / 2 ** (level * tileHeight)
    const index = Math.floor(first / tileWidth)
    const at = first % tileWidth
    const available = Math.floor(size / 2 ** (level * tileHeight)) - index * tileWidth
    const hashes = await tiles.readTile(level, index, Math.min(available, tileWidth))
    invariant(hashes.length >= (at + count) * hashBytes, 'a tile has the hashes that were asked for')
    return fold(hashes.subarray(at * hashBytes, (at + count) * hashBytes))
  }
  /** MTH(D[start:end]), `start` being a multiple of the largest power of two below the length */
  const range = async (start: number, end: number): Promise<Buffer> => {
    const length = end - start
    const power = largestPowerBelow(length + 1)
    if (power === length) return await perfect(start, Math.round(Math.log2(length)))
    return nodeHash(await range(start, start + power), await range(start + power, end))
  }
  const path = async (index: number, start: number, end: number): Promise<Buffer[]> => {
    if (end - start === 1) return []
    const split = start + largestPowerBelow(end - start)
    return index < split
      ? [...(await path(index, start, split)), await range(split, end)]
      : [...(await path(index, split, end)), await range(start, split)]
  }
  const subProof = async (oldEnd: number, start: number, end: number, isWhole: boolean): Promise<Buffer[]> => {
    if (oldEnd === end) return isWhole ? [] : [await range(start, end)]
    const split = start + largestPowerBelow(end - start)
    return oldEnd <= split
      ? [...(await subProof(oldEnd, start, split, isWhole)), await range(split, end)]
      : [...(await subProof(oldEnd, split, end, false)), await range(start, split)]
  }

  return {
    size,
    root: async () => (size === 0 ? Buffer.from(emptyRoot) : await range(0, size)),
    async leafHash(index) {
      invariant(index >= 0 && index < size, 'a leaf is in the tree')
      return await perfect(index, 0)
    },
    async inclusionProof(index) {
      invariant(index >= 0 && index < size, 'an inclusion proof is of a leaf in the tree')
      return await path(index, 0, size)
    },
    async consistencyProof(oldSize) {
      invariant(oldSize >= 0 && oldSize <= size, 'a consistency proof is from a smaller tree')
      return oldSize === 0 || oldSize === size ? [] : await subProof(oldSize, 0, size, true)
    },
    async edge(edgeSize) {
      invariant(edgeSize >= 0 && edgeSize <= size, 'an edge is of a tree that is there')
      const hashes: Buffer[] = []
      for (let start = 0; start < edgeSize;) {
        const power = largestPowerBelow(edgeSize - start + 1)
        hashes.push(await perfect(start, Math.round(Math.log2(power))))
        start += power
      }
      return createEdge(edgeSize, Buffer.concat(hashes))
    },
  }
}

/** The root of the perfect tree over these hashes. */
function fold(hashes: Buffer): Buffer {
  let level: Buffer[] = []
  for (let at = 0; at < hashes.length; at += hashBytes) level.push(hashes.subarray(at, at + hashBytes))
  while (level.length > 1) {
    const above: Buffer[] = []
    for (let at = 0; at < level.length; at += 2)
      above.push(nodeHash(level[at] ?? emptyRoot, level[at + 1] ?? emptyRoot))
    level = above
  }
  return Buffer.from(level[0] ?? emptyRoot)
}
