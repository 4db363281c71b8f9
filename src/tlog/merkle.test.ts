// The tree against a naive reference, its own vectors, and public proof vectors where they lie beside the project.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { naiveTree } from '../../test/fakes/naive-tree.ts'
import { needs } from '../../test/needs.ts'
import {
  consistencyProof,
  createEdge,
  emptyRoot,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts'

const leaves: readonly Buffer[] = Array.from({ length: 2_001 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))
const leavesTo = (size: number): readonly Buffer[] => leaves.slice(0, size)
const naive = naiveTree((index) => leaves[index] ?? assert.fail())

test('knows the root of the empty tree and the hash of the empty leaf', () => {
  assert.equal(createEdge().root().toString('hex'), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(
    leafHash(Buffer.alloc(0)).toString('hex'),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  )
})

test('a record that looks like two hashes does not hash like their node', () => {
  const [left, right] = [leafHash(Buffer.from('a')), leafHash(Buffer.from('b'))]
  assert.notDeepEqual(leafHash(Buffer.concat([left, right])), nodeHash(left, right))
})

test('grows leaf by leaf to the roots of the definition, for every size from 0 to 2,000', () => {
  const edge = createEdge()
  for (let size = 0; size < leaves.length; size += 1) {
    assert.ok(edge.root().equals(naive.range(0, size)), `size ${size}`)
    edge.append(leaves[size] ?? assert.fail())
  }
})

const interval = { numRuns: 5_000, interruptAfterTimeLimit: 400 }
const sizes = fc.integer({ min: 1, max: 2_000 })

test('inclusion proofs of any leaf in any tree are those of the definition, and hold for nothing else', () => {
  const pairs = sizes.chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.nat(2_000)))
  fc.assert(
    fc.property(pairs, ([size, index, other]) => {
      const proof = inclusionProof(leavesTo(size), index)
      assert.deepEqual(proof, naive.path(index, size))
      const claim = { index, size, leaf: leaves[index] ?? assert.fail(), proof, root: naive.range(0, size) }
      assert.ok(verifyInclusion(claim))
      assert.equal(verifyInclusion({ ...claim, index: other }), other === index)
      assert.equal(verifyInclusion({ ...claim, leaf: leaves[other] ?? assert.fail() }), other === index)
      assert.equal(verifyInclusion({ ...claim, root: naive.range(0, other) }), other === size)
    }),
    interval,
  )
})

test('consistency proofs of any two trees are those of the definition, and hold for no other two', () => {
  const pairs = sizes.chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 1, max: size }), sizes))
  fc.assert(
    fc.property(pairs, ([size2, size1, other]) => {
      const proof = consistencyProof(leavesTo(size2), size1)
      assert.deepEqual(proof, naive.proof(size1, size2))
      const claim = { size1, size2, root1: naive.range(0, size1), root2: naive.range(0, size2), proof }
      assert.ok(verifyConsistency(claim))
      assert.equal(verifyConsistency({ ...claim, root1: naive.range(0, other) }), other === size1)
      assert.equal(verifyConsistency({ ...claim, root2: naive.range(0, other) }), other === size2)
    }),
    interval,
  )
})

test('an edge written down and read again grows to the same root', () => {
  for (const size of [0, 1, 2, 3, 7, 8, 100, 255, 256]) {
    const edge = createEdge()
    for (const leaf of leavesTo(size)) edge.append(leaf)
    const again = createEdge(size, edge.hashes())
    again.append(leaves[size] ?? assert.fail())
    assert.deepEqual(again.root(), rootOf(leavesTo(size + 1)))
  }
})

test('an edge can be taken back', () => {
  const edge = createEdge()
  for (const leaf of leavesTo(11)) edge.append(leaf)
  const before = edge.copy()
  for (const leaf of leaves) edge.append(leaf)
  edge.become(before)
  assert.deepEqual(edge.root(), rootOf(leavesTo(11)))
})

test('proves every leaf of small trees, and nothing else', () => {
  for (let size = 1; size <= 33; size += 1) {
    const list = leavesTo(size)
    const root = rootOf(list)
    for (let index = 0; index < size; index += 1) {
      const claim = { index, size, leaf: list[index] ?? assert.fail(), proof: inclusionProof(list, index), root }
      assert.ok(verifyInclusion(claim))
      assert.ok(!verifyInclusion({ ...claim, index: index + 1 }))
      assert.ok(!verifyInclusion({ ...claim, root: emptyRoot }))
      assert.ok(!verifyInclusion({ ...claim, leaf: emptyRoot }))
      assert.ok(!verifyInclusion({ ...claim, proof: [...claim.proof, emptyRoot] }))
      if (claim.proof.length > 0) assert.ok(!verifyInclusion({ ...claim, proof: claim.proof.slice(1) }))
    }
  }
})

test('proves every small tree a prefix of every larger one, and refuses another history', () => {
  for (let size2 = 1; size2 <= 33; size2 += 1) {
    const list = leavesTo(size2)
    for (let size1 = 1; size1 <= size2; size1 += 1) {
      const claim = {
        size1,
        size2,
        root1: rootOf(leavesTo(size1)),
        root2: rootOf(list),
        proof: consistencyProof(list, size1),
      }
      assert.ok(verifyConsistency(claim), `${size1} of ${size2}`)
      assert.ok(!verifyConsistency({ ...claim, root1: emptyRoot }))
      assert.ok(!verifyConsistency({ ...claim, root2: emptyRoot }))
      assert.ok(!verifyConsistency({ ...claim, proof: [...claim.proof, emptyRoot] }))
      if (size1 < size2) assert.ok(!verifyConsistency({ ...claim, size1: size1 + 1 }))
    }
  }
})

const vectors = new URL('../../../shared/vectors/merkle/', import.meta.url)
const present = needs('the public vectors in ../shared/vectors/merkle', existsSync(vectors))

interface Vector {
  readonly leafIdx: number
  readonly treeSize: number
  readonly leafHash: string
  readonly root: string
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  readonly proof: readonly string[] | null
  readonly desc: string
  readonly wantErr: boolean
}

const bytes = (text: string): Buffer => Buffer.from(text, 'base64')

function* readVectors(kind: string): Generator<Vector> {
  for (const file of readdirSync(new URL(`${kind}/`, vectors), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.json')) continue
    const path = file.split('/').map(encodeURIComponent).join('/')
    yield JSON.parse(readFileSync(new URL(`${kind}/${path}`, vectors), 'utf8')) as Vector // public data, read as it is
  }
}

test('agrees with 98 public inclusion vectors', present, () => {
  let count = 0
  for (const vector of readVectors('inclusion')) {
    const claim = {
      index: vector.leafIdx,
      size: vector.treeSize,
      leaf: bytes(vector.leafHash),
      proof: (vector.proof ?? []).map(bytes),
      root: bytes(vector.root),
    }
    assert.equal(verifyInclusion(claim), !vector.wantErr, `${vector.leafIdx}/${vector.treeSize} ${vector.desc}`)
    count += 1
  }
  assert.equal(count, 98)
})

test('agrees with 98 public consistency vectors', present, () => {
  let count = 0
  for (const vector of readVectors('consistency')) {
    const claim = {
      size1: vector.size1,
      size2: vector.size2,
      root1: bytes(vector.root1),
      root2: bytes(vector.root2),
      proof: (vector.proof ?? []).map(bytes),
    }
    // the vectors hold roots that are no hashes ("don't care 1"); we refuse those wherever they stand
    const areRoots = claim.root1.length === 32 && claim.root2.length === 32
    if (areRoots || vector.wantErr)
      assert.equal(verifyConsistency(claim), !vector.wantErr, `${vector.size1}/${vector.size2} ${vector.desc}`)
    count += 1
  }
  assert.equal(count, 98)
})
