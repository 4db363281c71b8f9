// Proofs from tiles against proofs from the list of leaves, which the public vectors hold to RFC 6962.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { naiveTree } from '../../test/fakes/naive-tree.ts'
import { consistencyProof, createEdge, inclusionProof, leafHash, rootOf } from './merkle.ts'
import { openTree, type TileReader } from './tree-reader.ts'

const leaves: readonly Buffer[] = Array.from({ length: 1_100 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))

/** Tiles as a log of this size has them: no hash of a later leaf can be read. */
function tilesOf(size: number): TileReader {
  return {
    readTile(level, index, width) {
      const span = 256 ** level
      const hashes: Buffer[] = []
      for (let at = index * 256; at < index * 256 + width; at += 1) {
        if ((at + 1) * span > size) return Promise.reject(new Error('no such tile'))
        hashes.push(rootOf(leaves.slice(at * span, (at + 1) * span)))
      }
      return Promise.resolve(Buffer.concat(hashes))
    },
  }
}

const sizes = [1, 2, 3, 255, 256, 257, 511, 512, 513, 700, 768, 1_023, 1_024, 1_025, 1_100]

test('the root of a tree in tiles is the root of its leaves', async () => {
  for (const size of [0, ...sizes]) {
    const tree = openTree(size, tilesOf(size))
    assert.deepEqual(await tree.root(), rootOf(leaves.slice(0, size)), `size ${size}`)
  }
})

test('inclusion proofs are those of RFC 6962', async () => {
  for (const size of sizes) {
    const tree = openTree(size, tilesOf(size))
    for (const index of new Set([0, 1, 254, 255, 256, 300, 511, size - 1].filter((each) => each < size))) {
      const expected = inclusionProof(leaves.slice(0, size), index)
      assert.deepEqual(await tree.inclusionProof(index), expected, `${index} of ${size}`)
      assert.deepEqual(await tree.leafHash(index), leaves[index])
    }
  }
})

test('consistency proofs are those of RFC 6962', async () => {
  for (const size of sizes) {
    const tree = openTree(size, tilesOf(size))
    for (const old of sizes.filter((each) => each <= size)) {
      const expected = consistencyProof(leaves.slice(0, size), old)
      assert.deepEqual(await tree.consistencyProof(old), expected, `${old} of ${size}`)
    }
    assert.deepEqual(await tree.consistencyProof(0), [])
  }
})

test('roots and proofs of any tree of up to 70,000 leaves are those of the definition', async () => {
  // leaves need not be hashes of anything to stand in a tree
  const naive = naiveTree((index) => {
    const leaf = Buffer.alloc(32)
    leaf.writeUInt32LE(index)
    return leaf
  })
  const tiles = (size: number): TileReader => ({
    readTile(level, index, width) {
      const span = 256 ** level
      const places = Array.from({ length: width }, (_, at) => index * 256 + at)
      if (places.some((at) => (at + 1) * span > size)) return Promise.reject(new Error('no such tile'))
      return Promise.resolve(Buffer.concat(places.map((at) => naive.range(at * span, (at + 1) * span))))
    },
  })
  const triples = fc
    .integer({ min: 1, max: 70_000 })
    .chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.integer({ min: 1, max: size })))
  await fc.assert(
    fc.asyncProperty(triples, async ([size, index, old]) => {
      const tree = openTree(size, tiles(size))
      assert.deepEqual(await tree.root(), naive.range(0, size))
      assert.deepEqual(await tree.inclusionProof(index), naive.path(index, size))
      assert.deepEqual(await tree.consistencyProof(old), naive.proof(old, size))
    }),
    { numRuns: 2_000, interruptAfterTimeLimit: 800 },
  )
})

test('an edge read from tiles grows like the one that was written', async () => {
  const tree = openTree(1_100, tilesOf(1_100))
  for (const size of [0, 1, 255, 256, 257, 1_099]) {
    const edge = await tree.edge(size)
    const grown = createEdge()
    for (const leaf of leaves.slice(0, size)) grown.append(leaf)
    assert.deepEqual(edge.hashes(), grown.hashes(), `size ${size}`)
  }
})

test('refuses what is beyond the tree', async () => {
  const tree = openTree(300, tilesOf(300))
  await assert.rejects(tree.inclusionProof(300))
  await assert.rejects(tree.leafHash(300))
  await assert.rejects(tree.consistencyProof(301))
  await assert.rejects(tree.edge(301))
})
