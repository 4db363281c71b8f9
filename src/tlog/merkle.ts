// The tree of RFC 6962 §2.1 over SHA-256, and nothing else: no chain beside it, no shortcut through it. Leaves
// and nodes hash under different first bytes, so that no record can pose as an inner node. An `Edge` is all of a
// tree that is needed to let it grow: one hash per set bit of its size. Proofs are made and checked as in RFC
// 9162 §2.1.3 and §2.1.4; verification takes hostile input, answers false and never throws. Proofs of trees
// that lie in tiles: tree-reader.ts.

import { hash } from 'node:crypto'
import { invariant } from '../base/invariant.ts'

export const hashBytes = 32
const maxLevels = 53 // a size is a safe integer
const tileHeight = 8 // C2SP tlog-tiles

const nodeInput: Buffer = Buffer.alloc(1 + 2 * hashBytes)
nodeInput[0] = 1
const carry: Buffer = Buffer.alloc(hashBytes)

export const emptyRoot: Buffer = hash('sha256', '', 'buffer')

let leafInput: Buffer = Buffer.alloc(8_193)

/** RFC 6962: SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Buffer): Buffer {
  if (entry.length >= leafInput.length) leafInput = Buffer.alloc(2 * entry.length)
  entry.copy(leafInput, 1)
  const out = Buffer.allocUnsafe(hashBytes)
  out.write(hash('sha256', leafInput.subarray(0, entry.length + 1), 'binary'), 0, 'latin1')
  return out
}

/** RFC 6962: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  const out = Buffer.allocUnsafe(hashBytes)
  combine(left, 0, right, 0, out, 0)
  return out
}

// Writes the parent of two hashes. A digest as a one-byte string costs half of one as a new buffer.
function combine(left: Buffer, leftAt: number, right: Buffer, rightAt: number, out: Buffer, outAt: number): void {
  left.copy(nodeInput, 1, leftAt, leftAt + hashBytes)
  right.copy(nodeInput, 1 + hashBytes, rightAt, rightAt + hashBytes)
  out.write(hash('sha256', nodeInput, 'binary'), outAt, 'latin1')
}

export interface Edge {
  readonly size: number
  /** appends the leaf hash that lies at `bytes[at, at + 32)` */
  append(bytes: Buffer, at?: number): void
  root(): Buffer
  /** the hashes of the perfect subtrees from the largest to the smallest, one after the other */
  hashes(): Buffer
  /** takes over another edge's state; with `copy` this is undo */
  become(other: Edge): void
  copy(): Edge
  /** the hash of the perfect subtree of 256 leaves that appending has completed last: a hash of a tile above */
  lastTile(): Buffer
}

/** The edge of an empty tree, or of the tree of `size` leaves whose subtree hashes are given. */
export function createEdge(size: number = 0, hashes: Buffer = Buffer.alloc(0)): Edge {
  return new CompactRange(size, hashes)
}

/** How many hashes an edge has at this size. */
export function edgeLength(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}

class CompactRange implements Edge {
  size: number
  // the hash of the perfect subtree of 2^n leaves lies at n * 32, where bit n of size is set
  readonly levels: Buffer = Buffer.alloc(maxLevels * hashBytes)
  readonly tile: Buffer = Buffer.alloc(hashBytes)

  constructor(size: number, hashes: Buffer) {
    invariant(Number.isSafeInteger(size) && size >= 0, 'a tree size is a safe integer')
    invariant(hashes.length === edgeLength(size) * hashBytes, 'an edge has one hash per set bit of its size')
    this.size = size
    let at = hashes.length
    for (let rest = size, level = 0; rest > 0; rest = Math.floor(rest / 2), level += 1) {
      if (rest % 2 === 0) continue
      at -= hashBytes
      hashes.copy(this.levels, level * hashBytes, at, at + hashBytes)
    }
  }

  append(bytes: Buffer, at: number = 0): void {
    let rest = this.size
    let level = 0
    let [from, fromAt] = [bytes, at]
    for (; rest % 2 === 1; rest = Math.floor(rest / 2), level += 1) {
      combine(this.levels, level * hashBytes, from, fromAt, carry, 0)
      ;[from, fromAt] = [carry, 0]
      if (level === tileHeight - 1) carry.copy(this.tile)
    }
    from.copy(this.levels, level * hashBytes, fromAt, fromAt + hashBytes)
    this.size += 1
  }

  root(): Buffer {
    const out = Buffer.allocUnsafe(hashBytes)
    let found = false
    for (let rest = this.size, level = 0; rest > 0; rest = Math.floor(rest / 2), level += 1) {
      if (rest % 2 === 0) continue
      if (found) combine(this.levels, level * hashBytes, out, 0, out, 0)
      else this.levels.copy(out, 0, level * hashBytes, (level + 1) * hashBytes)
      found = true
    }
    return found ? out : Buffer.from(emptyRoot)
  }

  hashes(): Buffer {
    const out = Buffer.allocUnsafe(edgeLength(this.size) * hashBytes)
    let at = out.length
    for (let rest = this.size, level = 0; rest > 0; rest = Math.floor(rest / 2), level += 1) {
      if (rest % 2 === 0) continue
      at -= hashBytes
      this.levels.copy(out, at, level * hashBytes, (level + 1) * hashBytes)
    }
    return out
  }

  become(other: Edge): void {
    invariant(other instanceof CompactRange, 'an edge takes over an edge')
    this.size = other.size
    other.levels.copy(this.levels)
    other.tile.copy(this.tile)
  }

  lastTile(): Buffer {
    return this.tile
  }

  copy(): Edge {
    return new CompactRange(this.size, this.hashes())
  }
}

/** The Merkle tree hash of a list of leaf hashes. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  const edge = createEdge()
  for (const leaf of leaves) edge.append(leaf)
  return edge.root()
}

/** PATH(m, D[n]) of RFC 6962 §2.1.1, from the leaf hashes of the whole tree. */
export function inclusionProof(leaves: readonly Buffer[], index: number): Buffer[] {
  invariant(index >= 0 && index < leaves.length, 'an inclusion proof is of a leaf in the tree')
  if (leaves.length === 1) return []
  const split = largestPowerBelow(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - split), rootOf(left)]
}

/** PROOF(m, D[n]) of RFC 6962 §2.1.2: that the tree of `size` leaves is a prefix of this one. */
export function consistencyProof(leaves: readonly Buffer[], size: number): Buffer[] {
  invariant(size > 0 && size <= leaves.length, 'a consistency proof is between trees that are not empty')
  return size === leaves.length ? [] : subProof(leaves, size, true)
}

function subProof(leaves: readonly Buffer[], size: number, whole: boolean): Buffer[] {
  if (size === leaves.length) return whole ? [] : [rootOf(leaves)]
  const split = largestPowerBelow(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return size <= split
    ? [...subProof(left, size, whole), rootOf(right)]
    : [...subProof(right, size - split, false), rootOf(left)]
}

/** The largest power of two below `size`, which is at least 2. */
export function largestPowerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

export interface InclusionClaim {
  readonly index: number
  readonly size: number
  readonly leaf: Buffer
  readonly proof: readonly Buffer[]
  readonly root: Buffer
}

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(claim: InclusionClaim): boolean {
  if (!isSize(claim.index) || !isSize(claim.size) || claim.index >= claim.size) return false
  if (!areHashes([claim.leaf, claim.root, ...claim.proof])) return false
  let [at, last] = [claim.index, claim.size - 1]
  let hashSoFar = claim.leaf
  for (const sibling of claim.proof) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      hashSoFar = nodeHash(sibling, hashSoFar)
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)]
    } else {
      hashSoFar = nodeHash(hashSoFar, sibling)
    }
    ;[at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  }
  return last === 0 && hashSoFar.equals(claim.root)
}

export interface ConsistencyClaim {
  readonly size1: number
  readonly size2: number
  readonly root1: Buffer
  readonly root2: Buffer
  readonly proof: readonly Buffer[]
}

/** RFC 9162 §2.1.4.2. The empty tree is a prefix of everything, which proves nothing: that claim is refused. */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { size1, size2, root1, root2 } = claim
  if (!isSize(size1) || !isSize(size2) || size1 < 1 || size1 > size2) return false
  if (!areHashes([root1, root2, ...claim.proof])) return false
  if (size1 === size2) return claim.proof.length === 0 && root1.equals(root2)
  let [at, last] = [size1 - 1, size2 - 1]
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  // a first tree that is a perfect subtree is its own first node and is left out of the proof
  const proof = isPowerOfTwo(size1) ? [root1, ...claim.proof] : claim.proof
  const [first, ...siblings] = proof
  if (first === undefined || siblings.length === 0) return false
  let [first1, first2] = [first, first]
  for (const sibling of siblings) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      first1 = nodeHash(sibling, first1)
      first2 = nodeHash(sibling, first2)
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)]
    } else {
      first2 = nodeHash(first2, sibling)
    }
    ;[at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  }
  return last === 0 && first1.equals(root1) && first2.equals(root2)
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isPowerOfTwo(size: number): boolean {
  return edgeLength(size) === 1
}

function areHashes(values: readonly Buffer[]): boolean {
  return values.every((value) => value.length === hashBytes)
}
