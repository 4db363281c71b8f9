// The tree against a naive reference, its own vectors, and public proof vectors where they lie beside the project.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
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

const leaves: readonly Buffer[] = Array.from({ length: 300 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))
const leavesTo = (size: number): readonly Buffer[] => leaves.slice(0, size)

// RFC 6962 §2.1, word for word
function naiveRoot(list: readonly Buffer[]): Buffer {
  const [first] = list
  if (first === undefined) return emptyRoot
  if (list.length === 1) return first
  let split = 1
  while (split * 2 < list.length) split *= 2
  return nodeHash(naiveRoot(list.slice(0, split)), naiveRoot(list.slice(split)))
}

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

test('grows leaf by leaf to the same roots as the definition', () => {
  const edge = createEdge()
  for (let size = 0; size < leaves.length; size += 1) {
    assert.deepEqual(edge.root(), naiveRoot(leavesTo(size)), `size ${size}`)
    edge.append(leaves[size] ?? assert.fail())
  }
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
