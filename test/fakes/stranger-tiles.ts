// The tiles of a log as C2SP tlog-tiles and docs/ledger.md have them, from the signed root down: every tile under the one
// above it, every entry under its leaf, and no other file. For the verifier in stranger.ts.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { edgeOf, grow, rootOf, sha256, type Edge } from './stranger-tree.ts'

/** The leaf hashes of the published tree, one after the other; zeros where whole tiles were pruned. */
export function checkTiles(dir: string, minimumIndex: number): Buffer {
  const [, sizeText, rootText] = readFileSync(join(dir, 'checkpoint'), 'latin1').split('\n')
  const tiles = new Tiles(dir, minimumIndex)
  const levels = [...Array(8).keys()].filter((level) => 256 ** level <= Number(sizeText))
  const edge: Edge = []
  let hashes = Buffer.alloc(0)
  for (const level of levels.toReversed()) {
    const count = Math.floor(Number(sizeText) / 256 ** level)
    hashes = tiles.checkLevel(level, count, hashes)
    for (let at = count - (count % 256); at < count; at += 1)
      grow(edge, 256 ** level, hashes.subarray(32 * at, 32 * at + 32))
  }
  assert.equal(rootOf(edge).toString('base64'), rootText)
  tiles.checkNames()
  return hashes
}

class Tiles {
  readonly #dir: string
  readonly #minimumIndex: number
  readonly #names: string[] = []

  constructor(dir: string, minimumIndex: number) {
    this.#dir = dir
    this.#minimumIndex = minimumIndex
  }

  checkLevel(level: number, count: number, above: Buffer): Buffer<ArrayBuffer> {
    const hashes: Buffer[] = []
    for (let index = 0; 256 * index < count; index += 1) {
      const width = Math.min(256, count - 256 * index)
      const isPruned = level === 0 && 256 * (index + 1) <= this.#minimumIndex
      const tile = this.#read(level, index, width)
      assert.ok(tile !== undefined || isPruned, `tile ${level}/${index}/${width}`)
      if (tile !== undefined) assert.equal(tile.length, 32 * width)
      if (tile !== undefined && width === 256)
        assert.deepEqual(rootOf(edgeOf(tile)), above.subarray(32 * index, 32 * index + 32))
      if (level === 0) this.#checkBundle(index, width, { leaves: tile, isPruned })
      hashes.push(tile ?? Buffer.alloc(32 * width))
    }
    return Buffer.concat(hashes)
  }

  #checkBundle(
    index: number,
    width: number,
    { leaves, isPruned }: { leaves: Buffer | undefined; isPruned: boolean },
  ): void {
    const bundle = this.#read('entries', index, width)
    if (bundle === undefined) return assert.ok(isPruned, `bundle ${index}`)
    let at = 0
    for (let place = 0; place < width; place += 1) {
      const end = at + 2 + bundle.readUInt16BE(at)
      const leaf = sha256(Buffer.of(0), bundle.subarray(at + 2, end))
      if (leaves !== undefined) assert.deepEqual(leaf, leaves.subarray(32 * place, 32 * place + 32))
      at = end
    }
    assert.equal(at, bundle.length)
  }

  #read(level: number | 'entries', index: number, width: number): Buffer | undefined {
    assert.ok(index < 1_000, 'a larger log than this verifier reads')
    const name = `tile/${level}/${String(index).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`
    if (!existsSync(join(this.#dir, name))) return undefined
    this.#names.push(name)
    return readFileSync(join(this.#dir, name))
  }

  checkNames(): void {
    const all = readdirSync(join(this.#dir, 'tile'), { recursive: true, withFileTypes: true })
    const files = all.filter((each) => each.isFile())
    const names = files.map((each) => relative(this.#dir, join(each.parentPath, each.name)))
    assert.deepEqual(names.toSorted(), this.#names.toSorted())
  }
}
